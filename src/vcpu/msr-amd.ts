// Registers that AMD's processors have: APM 2 appendix A; the processor programming reference of family 17H.
import type { Cpu } from './cpu.ts';
import { MICROCODE_REVISION, type Msr, onAmd, onlyBits, readOnly } from './msr.ts';

/** HWCR: INVDWBINVD, IgnneEm, McStatusWrEn, and TscFreqSel, which says that the TSC counts at the P0 rate. */
const HWCR = { writable: (1n << 4n) | (1n << 8n) | (1n << 18n), tscFreqSel: 1n << 24n } as const;

function writeHwcr(cpu: Cpu, value: bigint): void {
  onlyBits(HWCR.writable | HWCR.tscFreqSel)(value, cpu);
  cpu.state.hwcr = (value & HWCR.writable) | HWCR.tscFreqSel;
}

/**
 * The four legacy performance counters, which every AMD64 processor has (APM 2 13.2.1). None counts here: they and
 * their selectors read as 0 whatever was written, which is how guests find out.
 */
const idleCounters: Pick<Msr, 'read' | 'write'> = { read: () => 0n, write: () => {} };

/** A register that tells how the board was set up; software may write back what it reads. */
const fixed = (value: bigint): Pick<Msr, 'read' | 'write'> => ({
  read: () => value,
  write: (cpu, written) => onlyBits(value)(written, cpu),
});

/** DE_CFG: LFENCE is dispatch-serializing. */
const LFENCE_SERIALIZES = 1n << 1n;

export const amdMsrs: readonly Msr[] = [
  { index: 0x8b, name: 'PATCH_LEVEL', ...readOnly(() => MICROCODE_REVISION.amd) },
  { index: 0xc0010000, name: 'PERF_CTL0', count: 4, ...idleCounters },
  { index: 0xc0010004, name: 'PERF_CTR0', count: 4, ...idleCounters },
  { index: 0xc0010010, name: 'SYSCFG', ...fixed(0n) },
  { index: 0xc0010015, name: 'HWCR', read: ({ state }: Cpu) => state.hwcr, write: writeHwcr },
  { index: 0xc001001a, name: 'TOP_MEM', ...fixed(0n) },
  { index: 0xc001001d, name: 'TOM2', ...fixed(0n) },
  // As on Intel's: an update is accepted and changes nothing.
  { index: 0xc0010020, name: 'PATCH_LOADER', write: () => {} },
  { index: 0xc0011029, name: 'DE_CFG', ...fixed(LFENCE_SERIALIZES) },
].map((msr) => ({ ...msr, available: onAmd }));
