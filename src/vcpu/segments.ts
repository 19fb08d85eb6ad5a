// Loads of segment registers: SDM 3A 3.4.2 to 3.4.4, 5.5 to 5.7, and SDM 2B "MOV-Move".
import { GuestException, generalProtection, VECTOR } from '../mmu/exception.ts';
import type { SegmentName } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import {
  ATTRIBUTE,
  completeDescriptor,
  type Descriptor,
  isCanonicalBase,
  isNull,
  markAccessed,
  markBusy,
  readDescriptor,
  SYSTEM_TYPE,
  selectorFault,
} from './descriptors.ts';
import { updateBounds } from './segments-bounds.ts';

/** Segment registers that hold data: what MOV Sreg, besides SS, can load. */
export type DataSegment = 'es' | 'ds' | 'fs' | 'gs';

/** No protection applies: real-address and virtual-8086 mode (SDM 3B 20.1, 20.2). */
export const isUnprotected = (cpu: Cpu): boolean => !cpu.protectedMode || cpu.virtual8086;

const WRITABLE_ACCESSED = ATTRIBUTE.present | ATTRIBUTE.notSystem | ATTRIBUTE.readWrite | ATTRIBUTE.accessed;
const DPL_3 = 3 << ATTRIBUTE.dplShift;

/** Fills a segment register from a checked descriptor. The accessed bit counts as set. */
export function installSegment(cpu: Cpu, name: SegmentName, selector: number, descriptor: Descriptor): void {
  const accessed = descriptor.isSystem ? 0 : ATTRIBUTE.accessed;
  setSegment(cpu, name, selector, descriptor.base, descriptor.limit, descriptor.attributes | accessed);
}

/** Writes a segment register, hidden part included, and derives its bounds. */
export function setSegment(
  cpu: Cpu,
  name: SegmentName,
  selector: number,
  base: bigint,
  limit: number,
  attributes: number,
): void {
  const view = cpu.segments[name];
  view.selector = selector;
  view.base = base;
  view.limit = limit;
  view.attributes = attributes;
  updateBounds(cpu, name);
}

/**
 * Makes a segment register unusable. The DPL of an unusable SS is kept equal to CPL, as VMX wants it
 * (SDM 3C 26.3.1.2).
 */
export function installNull(cpu: Cpu, name: SegmentName, selector: number): void {
  const dpl = name === 'ss' ? cpu.state.cpl << ATTRIBUTE.dplShift : 0;
  setSegment(cpu, name, selector, 0n, 0, ATTRIBUTE.unusable | dpl);
}

/**
 * Real-address mode: the base is the selector times 16; limit, G and D/B stay what they were, so that "unreal" limits
 * survive. Virtual-8086 mode: 64-KByte segments of DPL 3 (SDM 3B 20.2.1).
 */
export function installUnprotected(cpu: Cpu, name: SegmentName, selector: number): void {
  const view = cpu.segments[name];
  const base = BigInt(selector) << 4n;
  if (cpu.virtual8086) {
    setSegment(cpu, name, selector, base, 0xffff, WRITABLE_ACCESSED | DPL_3);
    return;
  }
  const kept = view.attributes & (ATTRIBUTE.big | ATTRIBUTE.granularity);
  setSegment(cpu, name, selector, base, view.limit, WRITABLE_ACCESSED | kept);
}

/**
 * Checks a selector for DS, ES, FS or GS. Nothing is changed but the accessed bit.
 * @returns its descriptor, or null for a null selector
 * @throws GuestException #GP(selector), #NP(selector)
 */
export function checkDataSegment(cpu: Cpu, selector: number, vector: number = VECTOR.GP): Descriptor | null {
  if (isNull(selector)) return null;
  const descriptor = readDescriptor(cpu, selector, vector);
  if (descriptor.isSystem || !descriptor.isReadable) throw selectorFault(vector, selector);
  if (!descriptor.isConforming && Math.max(cpu.state.cpl, selector & 3) > descriptor.dpl) {
    throw selectorFault(vector, selector);
  }
  if (!descriptor.present) throw selectorFault(VECTOR.NP, selector);
  markAccessed(cpu, descriptor);
  return descriptor;
}

/**
 * Checks a stack-segment selector against the privilege level that will use it.
 * @param vector of type and privilege faults: #GP, or #TS during stack and task switches
 * @throws GuestException `vector` (selector), #SS(selector) if it is not present
 */
export function checkStackSegment(cpu: Cpu, selector: number, cpl: number, vector: number = VECTOR.GP): Descriptor {
  if (isNull(selector)) throw new GuestException(vector, 0);
  const descriptor = readDescriptor(cpu, selector, vector);
  if ((selector & 3) !== cpl || descriptor.dpl !== cpl || !descriptor.isWritableData) {
    throw selectorFault(vector, selector);
  }
  if (!descriptor.present) throw selectorFault(VECTOR.SS, selector);
  markAccessed(cpu, descriptor);
  return descriptor;
}

/**
 * A selector for SS that MOV, POP and LSS load. 64-bit mode takes a null one below CPL 3 (SDM 3A 5.4.1.1).
 * @returns its descriptor, or null for a null selector
 */
export function checkLoadedStack(cpu: Cpu, selector: number): Descriptor | null {
  const { cpl } = cpu.state;
  if (isNull(selector) && cpu.code64 && cpl < 3 && (selector & 3) === cpl) return null;
  return checkStackSegment(cpu, selector, cpl);
}

/** Loads ES, SS, DS, FS or GS as MOV does. @throws GuestException before anything has changed */
export function loadSegment(cpu: Cpu, name: DataSegment | 'ss', selector: number): void {
  prepareSegment(cpu, name, selector)();
}

/** Checks a load of ES, SS, DS, FS or GS, and returns what performs it: for instructions that commit more. */
export function prepareSegment(cpu: Cpu, name: DataSegment | 'ss', selector: number): () => void {
  if (isUnprotected(cpu)) return () => installUnprotected(cpu, name, selector);
  const descriptor = name === 'ss' ? checkLoadedStack(cpu, selector) : checkDataSegment(cpu, selector);
  if (!descriptor) return () => installNull(cpu, name, selector);
  return () => installSegment(cpu, name, selector, descriptor);
}

/**
 * LLDT, and the LDT of a task switch.
 * @throws GuestException `vector` (selector), and for an LDT that is not present `absent` (selector)
 */
export function loadLdtr(cpu: Cpu, selector: number, vector: number = VECTOR.GP, absent: number = VECTOR.NP): void {
  if (isNull(selector)) {
    installNull(cpu, 'ldtr', selector);
    return;
  }
  const descriptor = readSystemDescriptor(cpu, selector, vector);
  if (descriptor.type !== SYSTEM_TYPE.ldt) throw selectorFault(vector, selector);
  if (!descriptor.present) throw selectorFault(absent, selector);
  const complete = completeDescriptor(cpu, descriptor, vector);
  if (cpu.longMode && !isCanonicalBase(cpu, complete.base)) throw selectorFault(vector, selector);
  installSegment(cpu, 'ldtr', selector, complete);
}

/** LTR: the TSS must be available and becomes busy. @throws GuestException #GP(selector), #NP(selector) */
export function loadTaskRegister(cpu: Cpu, selector: number): void {
  if (isNull(selector)) throw generalProtection();
  const descriptor = readSystemDescriptor(cpu, selector, VECTOR.GP);
  const available = descriptor.type === SYSTEM_TYPE.tss || (descriptor.type === SYSTEM_TYPE.tss16 && !cpu.longMode);
  if (!available) throw selectorFault(VECTOR.GP, selector);
  if (!descriptor.present) throw selectorFault(VECTOR.NP, selector);
  const complete = completeDescriptor(cpu, descriptor);
  if (cpu.longMode && !isCanonicalBase(cpu, complete.base)) throw selectorFault(VECTOR.GP, selector);
  markBusy(cpu, descriptor, true);
  installTaskRegister(cpu, selector, complete);
}

/** Fills TR from a TSS descriptor, which counts as busy (type bit 1: SDM 3A 7.2.2). */
export function installTaskRegister(cpu: Cpu, selector: number, descriptor: Descriptor): void {
  setSegment(cpu, 'tr', selector, descriptor.base, descriptor.limit, descriptor.attributes | 2);
}

/** A system descriptor, which must be in the GDT. */
function readSystemDescriptor(cpu: Cpu, selector: number, vector: number): Descriptor {
  if (selector & 4) throw selectorFault(vector, selector);
  const descriptor = readDescriptor(cpu, selector, vector);
  if (!descriptor.isSystem) throw selectorFault(vector, selector);
  return descriptor;
}
