import { type FloatEnvironment, floatException, type Rounding, roundingModes } from './environment.ts';
import type { FloatFormat } from './format.ts';
import { isNan, noteDenormals, propagateNan, readOperand, signedInfinity, signedZero, withSign } from './operand.ts';
import { roundAndPack, roundRight } from './rounding.ts';

/** One format to another: CVTSS2SD, CVTSD2SS. SDM 1 11.4.1.6, "SSE2 Conversion Instructions". */
export function convertFormat(env: FloatEnvironment, from: FloatFormat, to: FloatFormat, a: bigint): bigint {
  const x = readOperand(env, from, a);
  if (x.kind === 'unsupported') return propagateNan(env, to, x) ?? to.defaultNan;
  if (isNan(x)) {
    if (x.kind === 'signaling') env.flags |= floatException.IE;
    return convertNan(from, to, x.bits, x.negative);
  }
  noteDenormals(env, x);
  if (x.kind === 'infinity') return signedInfinity(to, x.negative);
  if (x.kind === 'zero') return signedZero(to, x.negative);
  return roundAndPack(env, to, x);
}

/** A NaN keeps the high end of its payload, whichever format is wider. */
function convertNan(from: FloatFormat, to: FloatFormat, bits: bigint, negative: boolean): bigint {
  const payload = bits & (from.quietBit - 1n);
  const widen = BigInt(to.fractionBits - from.fractionBits);
  return withSign(to, negative, to.infinity | to.quietBit | (payload << widen));
}

/** A signed integer of any size to a format: CVTSI2SS, CVTDQ2PS and kin. Raises PE at most. */
export function fromInteger(env: FloatEnvironment, format: FloatFormat, value: bigint): bigint {
  if (value === 0n) return 0n;
  const negative = value < 0n;
  return roundAndPack(env, format, { negative, exponent: 0, significand: negative ? -value : value });
}

/**
 * To a signed integer of `width` bits: CVTSS2SI, CVTPS2DQ and kin, or the CVTT forms with `rounding` 'zero'.
 * NaNs and what does not fit raise IE and give the integer indefinite, the most negative number: SDM 1 4.2.1.2
 * and 11.5.2.1. Denormals do not raise DE here.
 */
export function toInteger(
  env: FloatEnvironment,
  format: FloatFormat,
  a: bigint,
  width: 32 | 64,
  rounding: Rounding = env.rounding,
): bigint {
  const x = readOperand(env, format, a);
  const limit = 1n << BigInt(width - 1);
  if (x.kind === 'zero') return 0n;
  // A magnitude this large cannot fit, and must not be shifted into an integer of thousands of bits.
  const beyond = x.exponent > width;
  if (isNan(x) || x.kind === 'infinity' || beyond) return integerIndefinite(env, limit);
  const { value, inexact } = roundRight(x.significand, -x.exponent, x.negative, rounding);
  const result = x.negative ? -value : value;
  if (result < -limit || result >= limit) return integerIndefinite(env, limit);
  if (inexact) env.flags |= floatException.PE;
  return result;
}

function integerIndefinite(env: FloatEnvironment, limit: bigint): bigint {
  env.flags |= floatException.IE;
  return -limit;
}

/**
 * To an integral value in the same format: the ROUNDSS, ROUNDSD element. SDM 2B, ROUNDPD, figure "Bit Control Fields
 * of Immediate Byte": imm8 bit 3 suppresses PE, bit 2 takes the mode from MXCSR.RC, bits 1:0 are the mode otherwise.
 */
export function roundToIntegral(env: FloatEnvironment, format: FloatFormat, a: bigint, imm8: number): bigint {
  const x = readOperand(env, format, a);
  const nan = propagateNan(env, format, x);
  if (nan !== undefined) return nan;
  if (x.kind === 'zero' || x.kind === 'infinity' || x.exponent >= 0) return x.bits;
  const rounding = (imm8 & 4) !== 0 ? env.rounding : roundingModes[imm8 & 3];
  const { value, inexact } = roundRight(x.significand, -x.exponent, x.negative, rounding);
  if (inexact && (imm8 & 8) === 0) env.flags |= floatException.PE;
  if (value === 0n) return signedZero(format, x.negative);
  // Exact, since the value is no wider than the significand was.
  return roundAndPack(env, format, { negative: x.negative, exponent: 0, significand: value });
}
