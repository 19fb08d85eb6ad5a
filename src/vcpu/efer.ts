// IA32_EFER: SDM 3A 2.2.1, "Extended Feature Enable Register".
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import type { CpuFeatures } from './features.ts';

export const EFER_MSR = 0xc0000080;
export const EFER = { SCE: 1n, LME: 1n << 8n, LMA: 1n << 10n, NXE: 1n << 11n } as const;

const PG = 1n << 31n;
/** IA32_MISC_ENABLE.XD_Bit_Disable: SDM 4 table 2-2. */
const XD_DISABLE = 1n << 34n;

/** The bits that a model's EFER can have. */
export const allowedEfer = (features: CpuFeatures): bigint =>
  (features.has('syscall') ? EFER.SCE : 0n) |
  (features.has('lm') ? EFER.LME | EFER.LMA : 0n) |
  (features.has('nx') ? EFER.NXE : 0n);

/**
 * WRMSR IA32_EFER. LMA is the processor's: what is written there is ignored.
 * @throws GuestException #GP(0) for a reserved bit, or a change of LME while paging is on
 */
export function writeEfer(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  const allowed = allowedEfer(cpu.features) & (state.miscEnable & XD_DISABLE ? ~EFER.NXE : ~0n);
  const changed = value ^ state.efer;
  if (value & ~(allowed | EFER.LMA)) throw generalProtection();
  if (changed & EFER.LME && state.cr0 & PG) throw generalProtection();
  state.efer = (value & ~EFER.LMA) | (state.efer & EFER.LMA);
  if (changed & EFER.NXE) cpu.mmu.flushAll();
}
