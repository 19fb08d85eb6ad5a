// What registers hold after power-up, RESET and INIT: SDM 3A table 9-1, "IA-32 and Intel 64 Processor States
// Following Power-up, Reset, or INIT".
import { ACTIVITY } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { processorSignature } from './cpuid.ts';
import { ATTRIBUTE, SYSTEM_TYPE } from './descriptors.ts';
import { RFLAGS } from './flags.ts';
import { INITIAL_MXCSR, resetX87 } from './legacy-region.ts';
import { refreshMode } from './mode.ts';
import { MICROCODE_REVISION } from './msr.ts';
import { setSegment } from './segments.ts';
import { initializeBounds } from './segments-bounds.ts';

const CR0_RESET = 0x6000_0010n;
/** CD and NW, which INIT keeps. */
const CR0_CACHE_BITS = 0x6000_0000n;
const DR6_RESET = 0xffff_0ff0n;
const DR7_RESET = 0x400n;
/** UC- and the like in their power-up order: SDM 3A 11.12.4. */
const PAT_RESET = 0x0007_0406_0007_0406n;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const RDX = 2;

const DATA = ATTRIBUTE.present | ATTRIBUTE.notSystem | ATTRIBUTE.readWrite | ATTRIBUTE.accessed;
const CODE = DATA | ATTRIBUTE.code;
const REAL_LIMIT = 0xffff;

const APIC_BASE = { address: 0xfee0_0000n, enabled: 1n << 11n, bsp: 1n << 8n } as const;
const FEATURE_CONTROL_LOCKED = 1n;
const HWCR_TSC_FREQ_SEL = 1n << 24n;
/** IA32_MISC_ENABLE: fast strings, performance monitoring, BTS and PEBS absent. */
const MISC_ENABLE = { fastStrings: 1n, noBts: 1n << 11n, noPebs: 1n << 12n, monitor: 1n << 18n } as const;

function initializeSegments(cpu: Cpu): void {
  setSegment(cpu, 'cs', 0xf000, 0xffff_0000n, REAL_LIMIT, CODE);
  for (const name of ['es', 'ss', 'ds', 'fs', 'gs'] as const) setSegment(cpu, name, 0, 0n, REAL_LIMIT, DATA);
  setSegment(cpu, 'ldtr', 0, 0n, REAL_LIMIT, ATTRIBUTE.present | SYSTEM_TYPE.ldt);
  setSegment(cpu, 'tr', 0, 0n, REAL_LIMIT, ATTRIBUTE.present | SYSTEM_TYPE.tssBusy);
  initializeBounds(cpu);
}

function initializeGeneral(cpu: Cpu): void {
  const { state } = cpu;
  for (let register = 0; register < 16; register++) state.gpr.set(register, 0n);
  state.gpr.set(RDX, BigInt(processorSignature(cpu.features.model)));
  state.rip = 0xfff0n;
  cpu.rflags = RFLAGS.fixed;
  state.zero = 0n;
}

function initializeControl(cpu: Cpu): void {
  const { state } = cpu;
  state.cr0 = (state.cr0 & CR0_CACHE_BITS) | (CR0_RESET & ~CR0_CACHE_BITS);
  state.cr2 = 0n;
  state.cr3 = 0n;
  state.cr4 = 0n;
  state.efer = 0n;
  for (const name of ['dr0', 'dr1', 'dr2', 'dr3'] as const) state[name] = 0n;
  state.dr6 = DR6_RESET;
  state.dr7 = DR7_RESET;
  state.gdtrBase = 0n;
  state.gdtrLimit = REAL_LIMIT;
  state.idtrBase = 0n;
  state.idtrLimit = REAL_LIMIT;
}

/** Nothing that was on its way survives. */
function initializeEvents(cpu: Cpu): void {
  const { state } = cpu;
  state.cpl = 0;
  state.activity = ACTIVITY.active;
  state.interruptibility = 0;
  state.nmiPending = 0;
  state.pendingDebug = 0n;
  state.idtVectoring = 0;
  state.idtVectoringError = 0;
  state.injectedEvent = 0;
  state.repeating = 0;
  state.injectedError = 0;
  state.injectedLength = 0;
  state.monitorArmed = 0;
  state.single = 0;
}

/** INIT leaves x87, SSE and most MSRs alone; those here it resets: SDM 3A table 9-1, and 4.10.4.1 for the TLBs. */
export function initialise(cpu: Cpu): void {
  const { state } = cpu;
  initializeEvents(cpu);
  initializeGeneral(cpu);
  initializeControl(cpu);
  initializeSegments(cpu);
  state.debugctl = 0n;
  state.kernelGsBase = 0n;
  refreshMode(cpu);
  cpu.mmu.flushAll();
}

function resetFloat(cpu: Cpu): void {
  const { state } = cpu;
  resetX87(cpu);
  for (let i = 0; i < state.xmm.length; i++) state.xmm.set(i, 0n);
  state.mxcsr = INITIAL_MXCSR;
  state.xcr0 = 1n;
  state.xss = 0n;
  state.pkru = 0;
  state.pkrs = 0n;
}

function resetMsrs({ state, features }: Cpu): void {
  const monitor = features.has('monitor') ? MISC_ENABLE.monitor : 0n;
  state.miscEnable = MISC_ENABLE.fastStrings | MISC_ENABLE.noBts | MISC_ENABLE.noPebs | monitor;
  state.featureControl = FEATURE_CONTROL_LOCKED;
  state.pat = PAT_RESET;
  state.hwcr = HWCR_TSC_FREQ_SEL;
  state.biosSignId = MICROCODE_REVISION[features.model];
  state.apicBase = APIC_BASE.address | APIC_BASE.enabled | (state.vcpuIndex === 0 ? APIC_BASE.bsp : 0n);
  state.mcgCtl = ALL_ONES;
  for (let bank = 0; bank < state.mcBanks.length; bank++) state.mcBanks.set(bank, bank % 4 === 0 ? ALL_ONES : 0n);
}

/** Words that power-up clears and INIT keeps. */
const CLEARED = [
  'sysenterCs',
  'sysenterEsp',
  'sysenterEip',
  'star',
  'lstar',
  'cstar',
  'fmask',
  'tscAux',
  'tscOffset',
  'tscAdjust',
  'lastBranchFromIp',
  'lastBranchToIp',
  'lastIntFromIp',
  'lastIntToIp',
  'specCtrl',
  'umwaitControl',
  'mtrrDefType',
  'mcgStatus',
  'monitorAddress',
] as const;

/**
 * Power-up and RESET. What tells the vCPU from others (vcpuIndex, apicId) must be set, and stays.
 */
export function powerUp(cpu: Cpu): void {
  const { state } = cpu;
  state.cr0 = CR0_RESET;
  for (const name of CLEARED) state[name] = 0n;
  for (let i = 0; i < state.mtrrFixed.length; i++) state.mtrrFixed.set(i, 0n);
  for (let i = 0; i < state.mtrrVariable.length; i++) state.mtrrVariable.set(i, 0n);
  resetFloat(cpu);
  resetMsrs(cpu);
  initialise(cpu);
}
