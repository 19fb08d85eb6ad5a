// What all transfers to another code segment share: SDM 3A 5.8, "Privilege Level Checking When Transferring Program
// Control Between Code Segments".
import { generalProtection, VECTOR } from '../mmu/exception.ts';
import type { SegmentName } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import {
  ATTRIBUTE,
  type Descriptor,
  isCanonical,
  isNull,
  markAccessed,
  readDescriptor,
  selectorFault,
} from './descriptors.ts';
import { checkStackSegment, installNull, installSegment } from './segments.ts';
import { updateBounds } from './segments-bounds.ts';

/** Does the code segment run in 64-bit mode? */
export const isLongCode = (cpu: Cpu, code: Descriptor): boolean => cpu.longMode && code.long;

/** The offset must be in the segment, or canonical. @throws GuestException #GP(0) */
export function checkOffset(cpu: Cpu, code: Descriptor, offset: bigint): void {
  const inside = isLongCode(cpu, code) ? isCanonical(cpu, offset) : offset <= BigInt(code.limit);
  if (!inside) throw generalProtection();
}

/** L and D exclude each other in long mode: SDM 3A 5.2.1. */
export const hasLongConflict = (cpu: Cpu, code: Descriptor): boolean => cpu.longMode && code.long && code.big;

/** Commits CS:RIP, at the privilege level that the selector's RPL becomes. */
export function enterCode(cpu: Cpu, selector: number, code: Descriptor, cpl: number, offset: bigint): void {
  cpu.state.cpl = cpl;
  cpu.state.rip = offset;
  installSegment(cpu, 'cs', (selector & ~3) | cpl, code);
}

/**
 * The code segment that RETF or IRET returns to, at its RPL: SDM 3A 5.8.6.
 * @throws GuestException #GP(0), #GP(selector), #NP(selector)
 */
export function checkReturnCode(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const code = readDescriptor(cpu, selector);
  const rpl = selector & 3;
  const fits = code.isConforming ? code.dpl <= rpl : code.dpl === rpl;
  if (!code.isCode || rpl < cpu.state.cpl || !fits || hasLongConflict(cpu, code)) {
    throw selectorFault(VECTOR.GP, selector);
  }
  if (!code.present) throw selectorFault(VECTOR.NP, selector);
  markAccessed(cpu, code);
  return code;
}

/** The stack segment that a return loads; null for a null selector, which only 64-bit code below CPL 3 may have. */
export function checkReturnStack(cpu: Cpu, selector: number, code: Descriptor, cpl: number): Descriptor | null {
  if (isNull(selector) && isLongCode(cpu, code) && cpl !== 3) return null;
  return checkStackSegment(cpu, selector, cpl);
}

/** Commits SS:rSP of a return; CS and CPL are the new ones already. A 16-bit stack gets SP only. */
export function enterReturnStack(cpu: Cpu, selector: number, stack: Descriptor | null, pointer: bigint): void {
  const { state } = cpu;
  if (stack) installSegment(cpu, 'ss', selector, stack);
  else installNull(cpu, 'ss', selector);
  const narrow = !cpu.code64 && stack !== null && !stack.big;
  state.gpr.set(4, narrow ? (state.gpr.get(4) & ~0xffffn) | (pointer & 0xffffn) : pointer);
}

const DATA_SEGMENTS = ['es', 'ds', 'fs', 'gs'] as const;
const CONFORMING_CODE = ATTRIBUTE.code | ATTRIBUTE.conforming;

/**
 * After a return to an outer level: data segments that it may not use become null (SDM 3A 5.8.6). Their bases stay,
 * which 64-bit mode goes on using for FS and GS.
 */
export function dropInnerSegments(cpu: Cpu): void {
  for (const name of DATA_SEGMENTS) {
    const { attributes } = cpu.segments[name];
    const dpl = (attributes >>> ATTRIBUTE.dplShift) & 3;
    const conforming = (attributes & CONFORMING_CODE) === CONFORMING_CODE;
    if (attributes & ATTRIBUTE.unusable || (dpl < cpu.state.cpl && !conforming)) dropSegment(cpu, name);
  }
}

function dropSegment(cpu: Cpu, name: SegmentName): void {
  const view = cpu.segments[name];
  view.selector = 0;
  if (view.attributes & ATTRIBUTE.unusable) return;
  view.attributes |= ATTRIBUTE.unusable;
  updateBounds(cpu, name);
}
