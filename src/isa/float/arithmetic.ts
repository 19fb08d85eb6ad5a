import { type FloatEnvironment, floatException } from './environment.ts';
import type { FloatFormat } from './format.ts';
import {
  invalid,
  noteDenormals,
  type Operand,
  propagateNan,
  readOperand,
  signedInfinity,
  signedZero,
} from './operand.ts';
import { bitLength, jam, roundAndPack } from './rounding.ts';

// Each operation goes in the order of SDM 1 4.9.2: signaling NaNs, quiet NaNs, other invalid operations and division
// by zero, denormal operands, and only then the computation with what rounding may raise.

/** `a + b`: the ADDSS, ADDSD element. */
export function add(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint): bigint {
  const x = readOperand(env, format, a);
  const y = readOperand(env, format, b);
  return propagateNan(env, format, x, y) ?? sum(env, format, x, y);
}

/** `a - b`: the SUBSS, SUBSD element. A NaN subtrahend keeps its sign. */
export function subtract(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint): bigint {
  const x = readOperand(env, format, a);
  const y = readOperand(env, format, b);
  return propagateNan(env, format, x, y) ?? sum(env, format, x, { ...y, negative: !y.negative });
}

function sum(env: FloatEnvironment, format: FloatFormat, x: Operand, y: Operand): bigint {
  if (x.kind === 'infinity' && y.kind === 'infinity' && x.negative !== y.negative) return invalid(env, format);
  noteDenormals(env, x, y);
  if (x.kind === 'infinity') return signedInfinity(format, x.negative);
  if (y.kind === 'infinity') return signedInfinity(format, y.negative);
  if (x.kind === 'zero' && y.kind === 'zero' && x.negative === y.negative) return signedZero(format, x.negative);
  const [large, small] = boundGap(format, x, y);
  const aligned = signed(large) << BigInt(large.exponent - small.exponent);
  const total = aligned + signed(small);
  // SDM 1 4.8.3.1: an exact zero difference is +0, or -0 when rounding down.
  if (total === 0n) return signedZero(format, env.rounding === 'down');
  const negative = total < 0n;
  return roundAndPack(env, format, { negative, exponent: small.exponent, significand: negative ? -total : total });
}

function signed(x: Operand): bigint {
  return x.negative ? -x.significand : x.significand;
}

/**
 * The operand with the larger exponent first. A second operand far below the first's last place can only nudge the
 * rounding, so a nearer one of the same sign stands in for it and alignment never shifts by thousands of bits.
 */
function boundGap(format: FloatFormat, x: Operand, y: Operand): readonly [Operand, Operand] {
  const [large, small] = x.exponent >= y.exponent ? [x, y] : [y, x];
  if (large.kind === 'zero' || small.kind === 'zero') {
    const finite = large.kind === 'zero' ? small : large;
    return [{ ...finite, significand: 0n }, finite];
  }
  if (large.exponent - small.exponent <= format.precision + 3) return [large, small];
  return [large, { ...small, exponent: large.exponent - 4, significand: 1n }];
}

/** `a * b`: the MULSS, MULSD element. */
export function multiply(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint): bigint {
  const x = readOperand(env, format, a);
  const y = readOperand(env, format, b);
  const nan = propagateNan(env, format, x, y);
  if (nan !== undefined) return nan;
  const infinite = x.kind === 'infinity' || y.kind === 'infinity';
  const zero = x.kind === 'zero' || y.kind === 'zero';
  if (infinite && zero) return invalid(env, format);
  noteDenormals(env, x, y);
  const negative = x.negative !== y.negative;
  if (infinite) return signedInfinity(format, negative);
  if (zero) return signedZero(format, negative);
  const significand = x.significand * y.significand;
  return roundAndPack(env, format, { negative, exponent: x.exponent + y.exponent, significand });
}

/** `a / b`: the DIVSS, DIVSD element. */
export function divide(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint): bigint {
  const x = readOperand(env, format, a);
  const y = readOperand(env, format, b);
  const nan = propagateNan(env, format, x, y);
  if (nan !== undefined) return nan;
  if (x.kind === y.kind && (x.kind === 'infinity' || x.kind === 'zero')) return invalid(env, format);
  const negative = x.negative !== y.negative;
  // SDM 1 4.9.1.3: an infinite dividend makes an exact infinity, not a division by zero.
  if (y.kind === 'zero' && x.kind !== 'infinity') {
    env.flags |= floatException.ZE;
    return signedInfinity(format, negative);
  }
  noteDenormals(env, x, y);
  if (x.kind === 'infinity') return signedInfinity(format, negative);
  if (x.kind === 'zero' || y.kind === 'infinity') return signedZero(format, negative);
  // Enough quotient bits even for the smallest denormal over the widest significand.
  const extra = 2 * format.precision + 2;
  const dividend = x.significand << BigInt(extra);
  const quotient = dividend / y.significand;
  const significand = jam(quotient, quotient * y.significand !== dividend);
  return roundAndPack(env, format, { negative, exponent: x.exponent - y.exponent - extra - 1, significand });
}

/** The square root of `a`: the SQRTSS, SQRTSD element. */
export function squareRoot(env: FloatEnvironment, format: FloatFormat, a: bigint): bigint {
  const x = readOperand(env, format, a);
  const nan = propagateNan(env, format, x);
  if (nan !== undefined) return nan;
  if (x.kind === 'zero') return x.bits; // The root of -0 is -0.
  if (x.negative) return invalid(env, format);
  noteDenormals(env, x);
  if (x.kind === 'infinity') return x.bits;
  // Widened to an even exponent and to a root two bits wider than the precision.
  const widen = 2 * format.precision + 6 - bitLength(x.significand);
  const extra = widen + ((x.exponent - widen) & 1);
  const radicand = x.significand << BigInt(extra);
  const root = integerSquareRoot(radicand);
  const significand = jam(root, root * root !== radicand);
  return roundAndPack(env, format, { negative: false, exponent: (x.exponent - extra) / 2 - 1, significand });
}

/** The largest integer whose square is at most `value`, by Newton's iteration from above. */
function integerSquareRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
