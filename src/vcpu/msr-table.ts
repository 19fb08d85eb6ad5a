// The model-specific registers: SDM 4, "Model-Specific Registers", table 2-2; APM 2 appendix A. What is not in the
// table does not exist: RDMSR and WRMSR of it are #GP(0).
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { EFER_MSR, writeEfer } from './efer.ts';
import type { CpuFeatures } from './features.ts';
import { canonical, command, having, type Msr, onIntel, onlyBits, readOnly, requireCanonical, stored } from './msr.ts';
import { amdMsrs } from './msr-amd.ts';
import { machineCheckMsrs } from './msr-machine-check.ts';
import { memoryTypeMsrs } from './msr-memory-types.ts';
import { machineTscKhz, readTsc, writeTsc, writeTscAdjust } from './tsc.ts';
import { SUPPORTED_XSS } from './xstate.ts';

const LOW_32 = 0xffff_ffffn;

const segmentBase = (name: 'fs' | 'gs'): Pick<Msr, 'read' | 'write'> => ({
  read: ({ segments }) => segments[name].base,
  write: (cpu, value) => {
    requireCanonical(cpu, value);
    cpu.segments[name].base = value;
  },
});

/** AMD keeps 32 bits of these (APM 2 6.1.2), Intel 64 that must be canonical. */
const sysenterAddress = (field: 'sysenterEsp' | 'sysenterEip'): Pick<Msr, 'read' | 'write'> => ({
  read: ({ state }) => state[field],
  write: (cpu, value) => {
    if (cpu.features.model === 'intel') requireCanonical(cpu, value);
    cpu.state[field] = cpu.features.model === 'intel' ? value : value & LOW_32;
  },
});

/** Registers of 32 bits: Intel's upper half is reserved, AMD's ignores what is written. */
const dword = (field: 'fmask' | 'tscAux'): Pick<Msr, 'read' | 'write'> => ({
  read: ({ state }) => state[field],
  write: (cpu, value) => {
    if (cpu.features.model === 'intel') onlyBits(LOW_32)(value, cpu);
    cpu.state[field] = value & LOW_32;
  },
});

const MISC_ENABLE = {
  /** Performance monitoring, BTS and PEBS unavailable: they say what the processor has, and writes leave them. */
  reported: (1n << 7n) | (1n << 11n) | (1n << 12n),
  /** Fast strings, EIST, MONITOR, CPUID limit, xTPR, XD disable. */
  writable: 1n | (1n << 3n) | (1n << 16n) | (1n << 18n) | (1n << 22n) | (1n << 23n) | (1n << 34n),
} as const;

function writeMiscEnable(cpu: Cpu, value: bigint): void {
  onlyBits(MISC_ENABLE.writable | MISC_ENABLE.reported)(value, cpu);
  const { state } = cpu;
  state.miscEnable = (value & MISC_ENABLE.writable) | (state.miscEnable & MISC_ENABLE.reported);
}

const DEBUGCTL = { LBR: 1n, BTF: 2n } as const;

/** Branches are not recorded: LBR may be written, and reads back as 0. */
function writeDebugctl(cpu: Cpu, value: bigint): void {
  onlyBits(DEBUGCTL.LBR | DEBUGCTL.BTF)(value, cpu);
  cpu.state.debugctl = value & DEBUGCTL.BTF;
}

/** IA32_SPEC_CTRL: IBRS, STIBP, SSBD, each by its CPUID flag. There is no speculation that they could restrict. */
function writeSpecCtrl(cpu: Cpu, value: bigint): void {
  const { features } = cpu;
  const mask =
    (features.has('spec-ctrl') ? 1n : 0n) | (features.has('stibp') ? 2n : 0n) | (features.has('ssbd') ? 4n : 0n);
  onlyBits(mask)(value, cpu);
  cpu.state.specCtrl = value;
}

/**
 * IA32_ARCH_CAPABILITIES: nothing here executes speculatively, so every vulnerability that has a "not affected" bit is
 * reported so: RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO.
 */
const ARCH_CAPABILITIES = [0n, 3n, 4n, 5n, 6n, 8n, 13n, 14n, 15n].reduce((mask, bit) => mask | (1n << bit), 0n);

/** MSR_PLATFORM_INFO: the maximum non-turbo ratio, in units of 100 MHz. */
const platformInfo = (cpu: Cpu): bigint => BigInt(Math.round(machineTscKhz(cpu) / 100_000)) << 8n;

const writeApicBase = (cpu: Cpu, value: bigint): void => cpu.services.lapic.setApicBase(value);

/** IA32_FEATURE_CONTROL: firmware has locked it with VMX off. */
const FEATURE_CONTROL_LOCK = 1n;
function writeFeatureControl({ state }: Cpu, value: bigint): void {
  if (state.featureControl & FEATURE_CONTROL_LOCK) throw generalProtection();
  state.featureControl = value & FEATURE_CONTROL_LOCK;
}

const X2APIC_FIRST = 0x800;
const X2APIC_COUNT = 0x100;

const GENERAL: readonly Msr[] = [
  { index: 0x10, name: 'IA32_TIME_STAMP_COUNTER', available: having('tsc'), read: readTsc, write: writeTsc },
  {
    index: 0x1b,
    name: 'IA32_APIC_BASE',
    available: having('apic'),
    read: ({ state }) => state.apicBase,
    write: writeApicBase,
  },
  {
    index: 0x3b,
    name: 'IA32_TSC_ADJUST',
    available: having('tsc-adjust'),
    read: ({ state }) => state.tscAdjust,
    write: writeTscAdjust,
  },
  {
    index: 0x48,
    name: 'IA32_SPEC_CTRL',
    available: having('spec-ctrl', 'stibp', 'ssbd'),
    read: ({ state }) => state.specCtrl,
    write: writeSpecCtrl,
  },
  { index: 0x49, name: 'IA32_PRED_CMD', available: having('spec-ctrl', 'ibpb'), ...command(onlyBits(1n)) },
  { index: 0x10b, name: 'IA32_FLUSH_CMD', available: having('flush-l1d'), ...command(onlyBits(1n)) },
  {
    index: 0x10a,
    name: 'IA32_ARCH_CAPABILITIES',
    available: having('arch-capabilities'),
    ...readOnly(() => ARCH_CAPABILITIES),
  },
  { index: 0x174, name: 'IA32_SYSENTER_CS', available: having('sep'), ...stored('sysenterCs') },
  { index: 0x175, name: 'IA32_SYSENTER_ESP', available: having('sep'), ...sysenterAddress('sysenterEsp') },
  { index: 0x176, name: 'IA32_SYSENTER_EIP', available: having('sep'), ...sysenterAddress('sysenterEip') },
  { index: 0x1d9, name: 'IA32_DEBUGCTL', read: ({ state }) => state.debugctl, write: writeDebugctl },
  { index: 0x1db, name: 'LastBranchFromIP', ...readOnly(({ state }) => state.lastBranchFromIp) },
  { index: 0x1dc, name: 'LastBranchToIP', ...readOnly(({ state }) => state.lastBranchToIp) },
  { index: 0x1dd, name: 'LastIntFromIP', ...readOnly(({ state }) => state.lastIntFromIp) },
  { index: 0x1de, name: 'LastIntToIP', ...readOnly(({ state }) => state.lastIntToIp) },
  {
    index: 0x6e0,
    name: 'IA32_TSC_DEADLINE',
    available: having('tsc-deadline'),
    read: ({ services }) => services.lapic.readTscDeadline(),
    write: ({ services }, value) => services.lapic.writeTscDeadline(value),
  },
  { index: 0x6e1, name: 'IA32_PKRS', available: having('pks'), ...stored('pkrs', onlyBits(LOW_32)) },
  {
    index: X2APIC_FIRST,
    name: 'x2APIC registers',
    count: X2APIC_COUNT,
    available: having('x2apic'),
    read: ({ services }, index) => services.lapic.readMsr(index),
    write: ({ services }, value, index) => services.lapic.writeMsr(index, value),
  },
  { index: 0xda0, name: 'IA32_XSS', available: having('xsaves'), ...stored('xss', onlyBits(SUPPORTED_XSS)) },
  {
    index: EFER_MSR,
    name: 'IA32_EFER',
    available: having('syscall', 'nx', 'lm'),
    read: ({ state }) => state.efer,
    write: writeEfer,
  },
  { index: 0xc0000081, name: 'IA32_STAR', available: having('syscall'), ...stored('star') },
  { index: 0xc0000082, name: 'IA32_LSTAR', available: having('lm'), ...stored('lstar', canonical) },
  { index: 0xc0000083, name: 'IA32_CSTAR', available: having('lm'), ...stored('cstar', canonical) },
  { index: 0xc0000084, name: 'IA32_FMASK', available: having('syscall'), ...dword('fmask') },
  { index: 0xc0000100, name: 'IA32_FS_BASE', available: having('lm'), ...segmentBase('fs') },
  { index: 0xc0000101, name: 'IA32_GS_BASE', available: having('lm'), ...segmentBase('gs') },
  { index: 0xc0000102, name: 'IA32_KERNEL_GS_BASE', available: having('lm'), ...stored('kernelGsBase', canonical) },
  { index: 0xc0000103, name: 'IA32_TSC_AUX', available: having('rdtscp', 'rdpid'), ...dword('tscAux') },
];

const INTEL_ONLY: readonly Msr[] = [
  { index: 0x17, name: 'IA32_PLATFORM_ID', ...readOnly(() => 0n) },
  {
    index: 0x3a,
    name: 'IA32_FEATURE_CONTROL',
    read: ({ state }) => state.featureControl,
    write: writeFeatureControl,
  },
  // A microcode update is accepted and changes nothing, its revision included: SDM 3A 9.11.6.
  { index: 0x79, name: 'IA32_BIOS_UPDT_TRIG', ...command(() => {}) },
  { index: 0x8b, name: 'IA32_BIOS_SIGN_ID', ...stored('biosSignId') },
  { index: 0xce, name: 'MSR_PLATFORM_INFO', ...readOnly(platformInfo) },
  { index: 0x1a0, name: 'IA32_MISC_ENABLE', read: ({ state }) => state.miscEnable, write: writeMiscEnable },
];
const INTEL = INTEL_ONLY.map((msr): Msr => ({ ...msr, available: onIntel }));

/** Every register that some model has. */
export const MSRS: readonly Msr[] = [...GENERAL, ...INTEL, ...amdMsrs, ...memoryTypeMsrs, ...machineCheckMsrs];

/** By index; one index may be another register on another model. */
const BY_INDEX: ReadonlyMap<number, readonly Msr[]> = MSRS.reduce((map, msr) => {
  for (let i = 0; i < (msr.count ?? 1); i++) map.set(msr.index + i, [...(map.get(msr.index + i) ?? []), msr]);
  return map;
}, new Map<number, Msr[]>());

/** The register that a model has at an index. */
export const findMsr = (features: CpuFeatures, index: number): Msr | undefined =>
  BY_INDEX.get(index)?.find(({ available }) => available?.(features) ?? true);

/** RDMSR's checks and effect, privilege aside. @throws GuestException #GP(0) */
export function readMsr(cpu: Cpu, index: number): bigint {
  const read = findMsr(cpu.features, index)?.read;
  if (!read) throw generalProtection();
  return read(cpu, index);
}

/** WRMSR's checks and effect, privilege aside. @throws GuestException #GP(0), with nothing changed */
export function writeMsr(cpu: Cpu, index: number, value: bigint): void {
  const write = findMsr(cpu.features, index)?.write;
  if (!write) throw generalProtection();
  write(cpu, value, index);
}
