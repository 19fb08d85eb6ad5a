// The status flags of the integer operations: SDM 1 3.4.3.1, "Status Flags". Formulas are chosen for few wasm
// instructions, because tier 0 computes them after every operation.
import type { FlagValues, Semantics, Value } from '../semantics.ts';

/** The sign bit as a truth value: one comparison where wasm has the width. */
export const sign = (x: Semantics, value: Value): Value =>
  value.width >= 32 ? x.lts(value, x.constant(0, value.width)) : x.top(value);

export const isNonzero = (x: Semantics, value: Value): Value => x.isFalse(x.isZero(value));

/** A truth value as a number of `width` bits. */
export const asNumber = (x: Semantics, truth: Value, width: number): Value =>
  x.zeroExtend({ ...truth, width: 32 }, width);

/** AF: the carry out of bit 3 is what bit 4 of the result has beyond its operands. */
const auxiliary = (x: Semantics, a: Value, b: Value, result: Value): Value => x.bit(x.xor(x.xor(a, b), result), 4);

/** Signed overflow of result = a + b: both operands differ from it in sign. */
const additionOverflow = (x: Semantics, a: Value, b: Value, result: Value): Value =>
  sign(x, x.and(x.xor(a, result), x.xor(b, result)));

/** Signed overflow of result = a - b: the operands differ in sign, and the result differs from a. */
const subtractionOverflow = (x: Semantics, a: Value, b: Value, result: Value): Value =>
  sign(x, x.and(x.xor(a, b), x.xor(a, result)));

/** Of result = a + b (+ carry, a truth value). */
export function additionFlags(x: Semantics, a: Value, b: Value, result: Value, carry?: Value): FlagValues {
  return {
    CF: additionCarry(x, a, result, carry),
    OF: additionOverflow(x, a, b, result),
    AF: auxiliary(x, a, b, result),
    result,
  };
}

/** A sum that wrapped is below its operand; with a carry added, it may have come back to it. */
export function additionCarry(x: Semantics, a: Value, result: Value, carry?: Value): Value {
  const wrapped = x.ltu(result, a);
  return carry ? x.or(wrapped, x.and(carry, x.eq(result, a))) : wrapped;
}

/** Of result = a - b (- borrow, a truth value). */
export function subtractionFlags(x: Semantics, a: Value, b: Value, result: Value, borrow?: Value): FlagValues {
  const below = x.ltu(a, b);
  return {
    CF: borrow ? x.or(below, x.and(borrow, x.eq(a, b))) : below,
    OF: subtractionOverflow(x, a, b, result),
    AF: auxiliary(x, a, b, result),
    result,
  };
}

/** Of AND, OR, XOR and TEST: CF and OF are 0. AF is undefined; it is cleared, as processors do. */
export function logicFlags(x: Semantics, result: Value): FlagValues {
  const clear = x.constant(0, 1);
  return { CF: clear, OF: clear, AF: clear, result };
}

/** INC and DEC leave CF alone; the others follow from the result, since the second operand is 1. */
export function incrementFlags(x: Semantics, result: Value): FlagValues {
  const smallest = x.constant(1n << BigInt(result.width - 1), result.width);
  return { OF: x.eq(result, smallest), AF: lowNibbleIs(x, result, 0), result };
}

export function decrementFlags(x: Semantics, result: Value): FlagValues {
  const largest = x.constant((1n << BigInt(result.width - 1)) - 1n, result.width);
  return { OF: x.eq(result, largest), AF: lowNibbleIs(x, result, 15), result };
}

const lowNibbleIs = (x: Semantics, value: Value, nibble: number): Value =>
  x.eq(x.and(x.lowHalf(value), x.constant(15, 32)), x.constant(nibble, 32));
