import { MODE } from '../decode/mode.ts';
import { segmentOffset } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { ATTRIBUTE } from './descriptors.ts';
import { updateAllBounds } from './segments-bounds.ts';

const CR0 = { MP: 1 << 1, EM: 1 << 2, TS: 1 << 3 } as const;
const CR4_OSFXSR = 1 << 9;

const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const LOW_32 = 0xffff_ffffn;
const LOW_16 = 0xffffn;

/** What the run loop decides, and refreshMode keeps. */
const RUN_LOOP_BITS = MODE.single | MODE.unlocked;
/** Segment bounds depend on these. */
const BOUNDS_BITS = MODE.sizeMask | MODE.realOrV86;

/**
 * Recomputes what the engine knows of the mode: CONTEXT.mode, stackMask, linearMask, the TLB and jump-cache keys, and
 * segment bounds where a change of mode moved them. To be called after anything that may have changed CS, SS, CR0,
 * CR4, EFER, RFLAGS.VM or CPL.
 */
export function refreshMode(cpu: Cpu): void {
  const { state } = cpu;
  const code64 = cpu.code64;
  const old = state.mode;
  const mode = codeMode(cpu, code64) | unitMode(cpu) | (old & RUN_LOOP_BITS);
  state.mode = mode;
  state.stackMask = code64 ? ALL_ONES : cpu.segments.ss.attributes & ATTRIBUTE.big ? LOW_32 : LOW_16;
  state.linearMask = code64 ? ALL_ONES : LOW_32;
  state.stackSegment = segmentOffset(cpu.stackSegment);
  if (changedBounds(old, mode)) updateAllBounds(cpu);
  cpu.mmu.updateKey();
  cpu.mmu.updateJumpKey();
}

/** 16- and 32-bit code share their rules of segmentation; 64-bit code and unprotected modes do not. */
function changedBounds(old: number, mode: number): boolean {
  const was64 = (old & MODE.sizeMask) === MODE.code64;
  const is64 = (mode & MODE.sizeMask) === MODE.code64;
  return ((old ^ mode) & BOUNDS_BITS) !== 0 && (was64 !== is64 || ((old ^ mode) & MODE.realOrV86) !== 0);
}

function codeMode(cpu: Cpu, code64: boolean): number {
  if (code64) return MODE.code64;
  const { cs } = cpu.segments;
  const size = cs.attributes & ATTRIBUTE.big ? MODE.code32 : MODE.code16;
  // Links and the jump cache know blocks by RIP alone, so they serve flat code segments only.
  const limited = cs.limit === 0xffff_ffff && cs.base === 0n ? 0 : MODE.codeLimit;
  const unprotected = !cpu.protectedMode || cpu.virtual8086 ? MODE.realOrV86 : 0;
  return size | limited | unprotected;
}

/** Whether SSE, MMX, x87 and FWAIT may run: SDM 3A 2.5, tables 2-2 and 13-1. */
function unitMode(cpu: Cpu): number {
  const cr0 = cpu.lowHalf('cr0');
  const taskSwitched = (cr0 & CR0.TS) !== 0;
  const emulated = (cr0 & CR0.EM) !== 0;
  return (
    (taskSwitched ? MODE.sseNotAvailable | MODE.fpuNotAvailable : 0) |
    (emulated ? MODE.fpuEmulated | MODE.sseUndefined : 0) |
    ((cpu.lowHalf('cr4') & CR4_OSFXSR) === 0 ? MODE.sseUndefined : 0) |
    (taskSwitched && (cr0 & CR0.MP) !== 0 ? MODE.waitNotAvailable : 0)
  );
}
