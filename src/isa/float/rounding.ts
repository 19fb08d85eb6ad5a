import { type FloatEnvironment, floatException, type Rounding } from './environment.ts';
import type { FloatFormat } from './format.ts';
import { signedInfinity, signedZero, withSign } from './operand.ts';

/** Number of bits in a non-negative integer; 0 for 0n. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const digits = value.toString(16);
  return digits.length * 4 - (Math.clz32(Number.parseInt(digits[0], 16)) - 28);
}

/** Sets the lowest bit when anything was lost below it, which is all that rounding needs to know of the rest. */
export function jam(value: bigint, lost: boolean): bigint {
  return (value << 1n) | (lost ? 1n : 0n);
}

export interface Rounded {
  readonly value: bigint;
  readonly inexact: boolean;
}

/** Rounds `magnitude * 2^-shift` to an integer: SDM 1 4.8.4, "Rounding". A negative shift is exact. */
export function roundRight(magnitude: bigint, shift: number, negative: boolean, rounding: Rounding): Rounded {
  if (shift <= 0) return { value: magnitude << BigInt(-shift), inexact: false };
  const kept = magnitude >> BigInt(shift);
  const lost = magnitude - (kept << BigInt(shift));
  if (lost === 0n) return { value: kept, inexact: false };
  return { value: kept + (roundsAway(kept, lost, shift, negative, rounding) ? 1n : 0n), inexact: true };
}

function roundsAway(kept: bigint, lost: bigint, shift: number, negative: boolean, rounding: Rounding): boolean {
  if (rounding === 'zero') return false;
  if (rounding !== 'nearest') return negative === (rounding === 'down');
  const half = 1n << BigInt(shift - 1);
  return lost > half || (lost === half && (kept & 1n) !== 0n);
}

/** A non-zero number before rounding: `significand * 2^exponent`, negated when `negative`. */
export interface Unrounded {
  readonly negative: boolean;
  readonly exponent: number;
  readonly significand: bigint;
}

/**
 * Rounds to the format and raises OE, UE and PE as the environment's masks prescribe: SDM 1 4.9.1.4 to 4.9.1.6.
 * The significand must be positive; if its lowest bit was jammed it must be wider than the precision by two bits.
 */
export function roundAndPack(env: FloatEnvironment, format: FloatFormat, number: Unrounded): bigint {
  const { negative, significand } = number;
  const shift = bitLength(significand) - format.precision;
  const { value, inexact } = roundRight(significand, shift, negative, env.rounding);
  // A carry out of the top leaves a power of two, one bit longer.
  const exponent = number.exponent + shift + bitLength(value) - 1;
  // x86 detects tininess after rounding, as though the exponent had no bounds: SDM 1 4.9.1.5.
  if (exponent < format.minExponent) return packTiny(env, format, number, inexact);
  if (exponent > format.maxExponent) return overflow(env, format, negative, inexact);
  if (inexact) env.flags |= floatException.PE;
  const carried = bitLength(value) > format.precision ? value >> 1n : value;
  return packNormal(format, negative, exponent, carried);
}

function packNormal(format: FloatFormat, negative: boolean, exponent: number, significand: bigint): bigint {
  const biased = BigInt(exponent + format.bias) << BigInt(format.exponentPosition);
  const integer = format.integerBit === 'stored' ? 0n : 1n << BigInt(format.fractionBits);
  return withSign(format, negative, biased | (significand - integer));
}

/** The masked responses of SDM 1 table 4-10. Unmasked, the value is never written. */
function overflow(env: FloatEnvironment, format: FloatFormat, negative: boolean, inexact: boolean): bigint {
  const masked = (env.masks & floatException.OE) !== 0;
  env.flags |= floatException.OE | (masked || inexact ? floatException.PE : 0);
  const toInfinity = env.rounding === 'nearest' || (env.rounding !== 'zero' && negative === (env.rounding === 'down'));
  if (toInfinity) return signedInfinity(format, negative);
  const largest = (1n << BigInt(format.precision)) - 1n;
  return packNormal(format, negative, format.maxExponent, largest);
}

/** Masked underflow needs tininess and inexactness; unmasked, tininess alone: SDM 1 4.9.1.5. */
function packTiny(env: FloatEnvironment, format: FloatFormat, number: Unrounded, unboundedInexact: boolean): bigint {
  if ((env.masks & floatException.UE) === 0) {
    env.flags |= floatException.UE | (unboundedInexact ? floatException.PE : 0);
  } else if (env.ftz) {
    env.flags |= floatException.UE | floatException.PE;
    return signedZero(format, number.negative);
  }
  // Rounded again from the start, at the spacing of denormals. Reaching the smallest normal number is a carry into
  // the exponent field; double extended shows it in its stored integer bit as well.
  const shift = format.minExponent - format.fractionBits - number.exponent;
  const { value, inexact } = roundRight(number.significand, shift, number.negative, env.rounding);
  if (inexact && (env.masks & floatException.UE) !== 0) env.flags |= floatException.UE | floatException.PE;
  const normal = bitLength(value) === format.precision;
  if (normal) return packNormal(format, number.negative, format.minExponent, value);
  return withSign(format, number.negative, value);
}
