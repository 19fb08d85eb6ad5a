// What a segment register allows, as bounds that the engine checks with two subtractions: SDM 3A 5.3, "Limit
// Checking". An access of n bytes at offset o may read if (o - readLow) + n - 1 <= readSpan, unsigned.
import type { SegmentName, SegmentView } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { ATTRIBUTE } from './descriptors.ts';

/** Offsets that may be accessed: from `low` to `low + span`. */
export interface Bounds {
  readonly low: bigint;
  readonly span: bigint;
}

/** No access passes: no offset comes this near to 2^62. */
const NEVER: Bounds = { low: 1n << 62n, span: 0n };
const UNLIMITED: Bounds = { low: 0n, span: 0xffff_ffff_ffff_ffffn };
const FOUR_GIB: Bounds = { low: 0n, span: 0xffff_ffffn };

/** Where a data segment's offsets lie: above the limit if it expands down (SDM 3A 3.4.5.1). */
export function limitBounds(attributes: number, limit: number): Bounds {
  const expandDown = (attributes & (ATTRIBUTE.code | ATTRIBUTE.conforming)) === ATTRIBUTE.conforming;
  if (!expandDown) return limit === 0xffff_ffff ? FOUR_GIB : { low: 0n, span: BigInt(limit) };
  const top = attributes & ATTRIBUTE.big ? 0xffff_ffff : 0xffff;
  return limit >= top ? NEVER : { low: BigInt(limit + 1), span: BigInt(top - limit - 1) };
}

/**
 * Derives a segment register's bounds anew from its attributes, its limit and the mode. FS and GS have no limit in
 * 64-bit mode (SDM 3A 5.3.1); real-address and virtual-8086 mode check no types (SDM 3B 20.1.1).
 */
export function updateBounds(cpu: Cpu, name: SegmentName): void {
  const view = cpu.segments[name];
  if ((name === 'fs' || name === 'gs') && cpu.code64) {
    setBounds(view, UNLIMITED, UNLIMITED);
    return;
  }
  const { attributes } = view;
  const within = limitBounds(attributes, view.limit);
  if (!cpu.protectedMode || cpu.virtual8086) {
    setBounds(view, within, within);
    return;
  }
  if (attributes & ATTRIBUTE.unusable) {
    setBounds(view, NEVER, NEVER);
    return;
  }
  const code = (attributes & ATTRIBUTE.code) !== 0;
  const readWrite = (attributes & ATTRIBUTE.readWrite) !== 0;
  setBounds(view, !code || readWrite ? within : NEVER, !code && readWrite ? within : NEVER);
}

function setBounds(view: SegmentView, read: Bounds, write: Bounds): void {
  view.readLow = read.low;
  view.readSpan = read.span;
  view.writeLow = write.low;
  view.writeSpan = write.span;
}

const CHECKED: readonly SegmentName[] = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

/** Derives the bounds of all six segment registers: after a change of PE, VM or CS.L. */
export function updateAllBounds(cpu: Cpu): void {
  for (const name of CHECKED) updateBounds(cpu, name);
}

/** Gives the stand-ins of 64-bit code their bounds, and all others theirs: after reset and restore. */
export function initializeBounds(cpu: Cpu): void {
  for (const view of [cpu.segments.flat, cpu.segments.flatStack]) {
    view.base = 0n;
    setBounds(view, UNLIMITED, UNLIMITED);
  }
  updateAllBounds(cpu);
}
