// How MMX instructions touch the x87 state: SDM 1 9.6.1, "MMX Instructions and the x87 FPU Tag Word", and 9.6.2. All but
// EMMS set TOP to 0 and every tag to valid; a write to an MMX register sets the exponent above it to ones.
import type { Operand, Semantics, Value } from '../semantics.ts';

/** ES of the x87 status word. */
const ERROR_SUMMARY = 7;
const TOP = 7 << 11;
const EXPONENT = 8;

/**
 * A pending x87 exception goes before anything that the instruction does: SDM 3A 12.1. The definition says
 * `mayCallHelper`.
 */
export function checkPendingX87(x: Semantics): void {
  x.if(x.bit(x.contextWord('fsw'), ERROR_SUMMARY), () => x.helper('raisePendingX87'));
}

/** To be called after the last access that may fault. */
export function enterMmx(x: Semantics): void {
  x.setContextWord('fsw', x.and(x.contextWord('fsw'), x.constant(~TOP & 0xffff, 16)));
  x.setContextWord('ftw', x.constant(0, 16));
}

/** Writes 64 bits to an MMX register or memory; the transition comes between. */
export function storeMmx(x: Semantics, target: Operand, value: Value): void {
  if (target.kind === 'memory') {
    x.store(target, value);
    enterMmx(x);
    return;
  }
  enterMmx(x);
  x.store(target, value);
  if (target.class === 'mmx') x.storePart(target, x.constant(0xffff, 16), EXPONENT);
}
