// CR0, CR3 and CR4: SDM 3A 2.5, "Control Registers", and the conditions of SDM 2B "MOV-Move to/from Control Registers".
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { ATTRIBUTE, SYSTEM_TYPE } from './descriptors.ts';
import { EFER } from './efer.ts';
import type { CpuFeatures } from './features.ts';

export const CR0 = {
  PE: 1n,
  MP: 1n << 1n,
  EM: 1n << 2n,
  TS: 1n << 3n,
  ET: 1n << 4n,
  NE: 1n << 5n,
  WP: 1n << 16n,
  AM: 1n << 18n,
  NW: 1n << 29n,
  CD: 1n << 30n,
  PG: 1n << 31n,
} as const;

export const CR4 = {
  VME: 1n,
  PVI: 1n << 1n,
  TSD: 1n << 2n,
  DE: 1n << 3n,
  PSE: 1n << 4n,
  PAE: 1n << 5n,
  MCE: 1n << 6n,
  PGE: 1n << 7n,
  PCE: 1n << 8n,
  OSFXSR: 1n << 9n,
  OSXMMEXCPT: 1n << 10n,
  UMIP: 1n << 11n,
  LA57: 1n << 12n,
  FSGSBASE: 1n << 16n,
  PCIDE: 1n << 17n,
  OSXSAVE: 1n << 18n,
  SMEP: 1n << 20n,
  SMAP: 1n << 21n,
  PKE: 1n << 22n,
  PKS: 1n << 24n,
} as const;

const union = (bits: Readonly<Record<string, bigint>>): bigint =>
  Object.values(bits).reduce((mask, bit) => mask | bit, 0n);

const CR0_BITS = union(CR0);
const HIGH_32 = 0xffff_ffff_0000_0000n;
const PCID = 0xfffn;
/** CR3 bit 63 of a MOV with CR4.PCIDE: translations of the PCID stay. SDM 3A 4.10.4.1. */
const CR3_KEEP = 1n << 63n;

/** The feature that each CR4 bit needs; PCE needs none. */
const CR4_FEATURES: Readonly<Record<Exclude<keyof typeof CR4, 'PCE'>, string>> = {
  VME: 'vme',
  PVI: 'vme',
  TSD: 'tsc',
  DE: 'de',
  PSE: 'pse',
  PAE: 'pae',
  MCE: 'mce',
  PGE: 'pge',
  OSFXSR: 'fxsr',
  OSXMMEXCPT: 'sse',
  UMIP: 'umip',
  LA57: 'la57',
  FSGSBASE: 'fsgsbase',
  PCIDE: 'pcid',
  OSXSAVE: 'xsave',
  SMEP: 'smep',
  SMAP: 'smap',
  PKE: 'pku',
  PKS: 'pks',
};

/** The CR4 bits that a model has. */
export function allowedCr4(features: CpuFeatures): bigint {
  return Object.entries(CR4_FEATURES)
    .filter(([, feature]) => features.has(feature))
    .reduce((mask, [bit]) => mask | CR4[bit as keyof typeof CR4], CR4.PCE as bigint);
}

const isLongMode = (cpu: Cpu): boolean => (cpu.state.efer & EFER.LMA) !== 0n;

/** PAE paging would be in use with these registers: it alone has PDPTEs to load (SDM 3A 4.4.1). */
const usesPdptes = (cpu: Cpu, cr0: bigint, cr4: bigint): boolean =>
  (cr0 & CR0.PG) !== 0n && (cr4 & CR4.PAE) !== 0n && (cpu.state.efer & EFER.LME) === 0n;

/** Activating IA-32e mode: SDM 3A 9.8.5, "Initializing IA-32e Mode", with 9.8.5.3's consistency checks. */
function checkActivation(cpu: Cpu): void {
  const { cs, tr } = cpu.segments;
  if ((cpu.state.cr4 & CR4.PAE) === 0n || cs.attributes & ATTRIBUTE.long) throw generalProtection();
  const type = tr.attributes & 15;
  if (type === SYSTEM_TYPE.tss16 || type === SYSTEM_TYPE.tss16Busy) throw generalProtection();
}

function checkCr0(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  const has = (bit: bigint) => (value & bit) !== 0n;
  if (has(HIGH_32) || (has(CR0.PG) && !has(CR0.PE)) || (has(CR0.NW) && !has(CR0.CD))) throw generalProtection();
  const paging = (state.cr0 & CR0.PG) !== 0n;
  if (has(CR0.PG) && !paging && state.efer & EFER.LME) checkActivation(cpu);
  if (!has(CR0.PG) && paging && (cpu.code64 || state.cr4 & CR4.PCIDE)) throw generalProtection();
}

/** Reserved bits of the low half are ignored, ET is always 1: SDM 3A 2.5. */
const effectiveCr0 = (value: bigint): bigint => (value & CR0_BITS) | CR0.ET;

/** Bits of CR0 whose change loads the PDPTEs: SDM 3A 4.4.1. */
const CR0_LOADS_PDPTES = CR0.PG | CR0.CD | CR0.NW;

/**
 * MOV to CR0, and what LMSW makes of it.
 * @throws GuestException #GP(0), with nothing changed
 */
export function writeCr0(cpu: Cpu, written: bigint): void {
  checkCr0(cpu, written);
  const { state, mmu } = cpu;
  const value = effectiveCr0(written);
  const changed = value ^ state.cr0;
  if (changed & CR0_LOADS_PDPTES && usesPdptes(cpu, value, state.cr4)) mmu.loadPdptes(state.cr3);
  state.cr0 = value;
  if (changed & CR0.PG) {
    const activates = (value & CR0.PG) !== 0n && (state.efer & EFER.LME) !== 0n;
    state.efer = activates ? state.efer | EFER.LMA : state.efer & ~EFER.LMA;
    mmu.flushAll();
  }
  mmu.updateKey();
}

/** CR3 bits that must be 0: above MAXPHYADDR. PAE and 32-bit paging have 32 bits of it. */
const reservedCr3 = ({ features }: Cpu): bigint => BigInt.asUintN(64, -1n << BigInt(features.physicalBits));

/**
 * MOV to CR3.
 * @throws GuestException #GP(0) for a reserved bit of it or of a PDPTE, with nothing changed
 */
export function writeCr3(cpu: Cpu, written: bigint): void {
  const { state, mmu } = cpu;
  const keep = (state.cr4 & CR4.PCIDE) !== 0n && (written & CR3_KEEP) !== 0n;
  const value = keep ? written & ~CR3_KEEP : written;
  if (value & reservedCr3(cpu)) throw generalProtection();
  if (usesPdptes(cpu, state.cr0, state.cr4)) mmu.loadPdptes(value);
  state.cr3 = value;
  mmu.cr3Written(keep);
}

function checkCr4(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  if (value & ~allowedCr4(cpu.features)) throw generalProtection();
  const set = value & ~state.cr4;
  const cleared = state.cr4 & ~value;
  if (isLongMode(cpu)) {
    if (cleared & CR4.PAE || (set | cleared) & CR4.LA57) throw generalProtection();
  } else if (set & CR4.PCIDE) throw generalProtection();
  if (set & CR4.PCIDE && state.cr3 & PCID) throw generalProtection();
}

/** Bits of CR4 whose change loads the PDPTEs: SDM 3A 4.4.1. */
const CR4_LOADS_PDPTES = CR4.PAE | CR4.PGE | CR4.PSE | CR4.SMEP;
/** Bits whose change drops translations, global ones as well: SDM 3A 4.10.4.1. */
const CR4_FLUSHES = CR4.PGE | CR4.PAE | CR4.PSE | CR4.PCIDE | CR4.SMEP | CR4.LA57;

/**
 * MOV to CR4.
 * @throws GuestException #GP(0), with nothing changed
 */
export function writeCr4(cpu: Cpu, value: bigint): void {
  checkCr4(cpu, value);
  const { state, mmu } = cpu;
  const changed = value ^ state.cr4;
  if (changed & CR4_LOADS_PDPTES && usesPdptes(cpu, state.cr0, value)) mmu.loadPdptes(state.cr3);
  state.cr4 = value;
  if (changed & CR4_FLUSHES) mmu.flushAll();
  mmu.updateKey();
}

const CR8_BITS = 15n;

/** MOV to CR8: the task priority. @throws GuestException #GP(0) for reserved bits */
export function writeCr8({ services }: Cpu, value: bigint): void {
  if (value & ~CR8_BITS) throw generalProtection();
  services.lapic.setCr8(Number(value));
}

/** Low bits of CR0 that LMSW writes: PE, MP, EM, TS. */
const MSW_BITS = 15n;

/** LMSW: it can set PE and never clears it. SDM 2A "LMSW". */
export function loadMachineStatus(cpu: Cpu, value: bigint): void {
  const { cr0 } = cpu.state;
  writeCr0(cpu, (cr0 & ~MSW_BITS) | (value & MSW_BITS) | (cr0 & CR0.PE));
}
