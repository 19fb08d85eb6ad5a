// What LAR, LSL, VERR and VERW tell of a selector: SDM 3A 5.10, "Pointer Validation".
import type { Cpu } from './cpu.ts';
import { type Descriptor, findDescriptor, isNull, SYSTEM_TYPE } from './descriptors.ts';

/** System types whose access rights LAR shows, in legacy and in long mode: SDM 2A "LAR", table 3-51. */
const LAR_LEGACY: ReadonlySet<number> = new Set([
  SYSTEM_TYPE.tss16,
  SYSTEM_TYPE.ldt,
  SYSTEM_TYPE.tss16Busy,
  SYSTEM_TYPE.callGate16,
  SYSTEM_TYPE.taskGate,
  SYSTEM_TYPE.tss,
  SYSTEM_TYPE.tssBusy,
  SYSTEM_TYPE.callGate,
]);
const LAR_LONG: ReadonlySet<number> = new Set([
  SYSTEM_TYPE.ldt,
  SYSTEM_TYPE.tss,
  SYSTEM_TYPE.tssBusy,
  SYSTEM_TYPE.callGate,
]);
/** System types that have a limit: SDM 2A "LSL", table 3-64. */
const LSL_LEGACY: ReadonlySet<number> = new Set([
  SYSTEM_TYPE.tss16,
  SYSTEM_TYPE.ldt,
  SYSTEM_TYPE.tss16Busy,
  SYSTEM_TYPE.tss,
  SYSTEM_TYPE.tssBusy,
]);
const LSL_LONG: ReadonlySet<number> = new Set([SYSTEM_TYPE.ldt, SYSTEM_TYPE.tss, SYSTEM_TYPE.tssBusy]);

/** The bytes of a descriptor's second dword that hold type, S, DPL, P, AVL, L, D/B and G. */
const ACCESS_RIGHTS = 0x00f0_ff00;

/** A descriptor that CPL and RPL may look at; conforming code is everyone's. */
function visible(cpu: Cpu, selector: number): Descriptor | null {
  const descriptor = isNull(selector) ? undefined : findDescriptor(cpu, selector);
  if (!descriptor) return null;
  const privileged = Math.max(cpu.state.cpl, selector & 3) <= descriptor.dpl;
  return privileged || descriptor.isConforming ? descriptor : null;
}

/** LAR's result, or null where ZF becomes 0. */
export function readAccessRights(cpu: Cpu, selector: number): number | null {
  const descriptor = visible(cpu, selector);
  if (!descriptor) return null;
  const shown = !descriptor.isSystem || (cpu.longMode ? LAR_LONG : LAR_LEGACY).has(descriptor.type);
  return shown ? descriptor.high & ACCESS_RIGHTS : null;
}

/** LSL's result, in bytes, or null where ZF becomes 0. */
export function readLimit(cpu: Cpu, selector: number): number | null {
  const descriptor = visible(cpu, selector);
  if (!descriptor) return null;
  const limited = !descriptor.isSystem || (cpu.longMode ? LSL_LONG : LSL_LEGACY).has(descriptor.type);
  return limited ? descriptor.limit : null;
}

/** VERR. */
export function canRead(cpu: Cpu, selector: number): boolean {
  const descriptor = visible(cpu, selector);
  return descriptor !== null && !descriptor.isSystem && descriptor.isReadable;
}

/** VERW. */
export function canWrite(cpu: Cpu, selector: number): boolean {
  return visible(cpu, selector)?.isWritableData ?? false;
}
