// Machine-check registers: SDM 3B 15.3, "Machine-Check MSRs". No error ever occurs by itself, so the banks hold what
// software writes.
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { having, type Msr, onlyBits, readOnly, stored } from './msr.ts';

const BANKS = 10;
const MC0_CTL = 0x400;
const CTL_P = 1n << 8n;
/** RIPV, EIPV, MCIP. */
const MCG_STATUS_BITS = 7n;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;
/** AMD's HWCR.McStatusWrEn lets software write any status: APM 2 9.3.2. */
const MC_STATUS_WRITE_ENABLE = 1n << 18n;

/** Control registers take all zeros or all ones: SDM 3B 15.3.1.4, 15.3.2.1. */
function allOrNothing(value: bigint): void {
  if (value !== 0n && value !== ALL_ONES) throw generalProtection();
}

const REGISTER = { CTL: 0, STATUS: 1, ADDR: 2, MISC: 3 } as const;

function writeBank({ state, features }: Cpu, value: bigint, index: number): void {
  const register = index & 3;
  if (register === REGISTER.CTL) allOrNothing(value);
  const anyStatus = features.model === 'amd' && (state.hwcr & MC_STATUS_WRITE_ENABLE) !== 0n;
  if (register === REGISTER.STATUS && value !== 0n && !anyStatus) throw generalProtection();
  state.mcBanks.set(index - MC0_CTL, value);
}

const hasMca = having('mca');

export const machineCheckMsrs: readonly Msr[] = [
  { index: 0, name: 'IA32_P5_MC_ADDR', available: having('mce'), ...readOnly(() => 0n) },
  { index: 1, name: 'IA32_P5_MC_TYPE', available: having('mce'), ...readOnly(() => 0n) },
  { index: 0x179, name: 'IA32_MCG_CAP', available: hasMca, ...readOnly(() => BigInt(BANKS) | CTL_P) },
  {
    index: 0x17a,
    name: 'IA32_MCG_STATUS',
    available: hasMca,
    ...stored('mcgStatus', onlyBits(MCG_STATUS_BITS)),
  },
  { index: 0x17b, name: 'IA32_MCG_CTL', available: hasMca, ...stored('mcgCtl', allOrNothing) },
  {
    index: MC0_CTL,
    name: 'IA32_MC0_CTL',
    count: 4 * BANKS,
    available: hasMca,
    read: ({ state }, index) => state.mcBanks.get(index - MC0_CTL),
    write: writeBank,
  },
];
