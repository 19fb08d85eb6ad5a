import type { FloatFormat } from '../../../src/isa/float/format.ts';

/** A seeded source of test operands (xorshift32), so that a failure repeats. */
export class Operands {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  u32(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }

  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** A pair that meets in the interesting places: cancellation, the edges of the exponent range, ties, specials. */
  pair(format: FloatFormat): [bigint, bigint] {
    const a = this.#single(format);
    const kind = this.below(8);
    if (kind === 0) return [a, this.#near(format, a)];
    if (kind <= 2) return [a, this.#complement(format, a)];
    return [a, this.#single(format)];
  }

  /** Integers of every magnitude, and the neighbours of powers of two, sign-extended into 64 bits. */
  integer(): bigint {
    const magnitude = this.u64() >> BigInt(this.below(64));
    const power = (1n << BigInt(this.below(64))) + BigInt(this.below(3) - 1);
    const value = this.below(2) === 0 ? magnitude : power;
    return BigInt.asUintN(64, this.below(2) === 0 ? value : -value);
  }

  #single(format: FloatFormat): bigint {
    const kind = this.below(8);
    if (kind === 0) return BigInt.asUintN(format.signPosition + 1, (this.u64() << 64n) | this.u64());
    if (kind <= 2) return this.pick(specials(format));
    // Exponents that conversions and rounding to integers turn on: around 1, 2^31, 2^63 and binary32's two ends.
    const centre = this.pick([0, 0, 12, 31, 52, 63, -126, -148, 127]);
    if (kind <= 5) return this.#encode(format, centre + this.below(9) - 4);
    return this.#encode(format, this.pick([format.minExponent, format.maxExponent, 0]) + this.below(121) - 60);
  }

  /** A few places from `a`, perhaps with the other sign. */
  #near(format: FloatFormat, a: bigint): bigint {
    const flipped = this.below(2) === 0 ? a : a ^ (1n << BigInt(format.signPosition));
    return BigInt.asUintN(format.signPosition + 1, flipped + BigInt(this.below(7) - 3));
  }

  /** A number whose product or quotient with `a` falls near an end of the exponent range, or whose sum nearly ties. */
  #complement(format: FloatFormat, a: bigint): bigint {
    const exponent = (Number(a >> BigInt(format.exponentPosition)) & format.specialExponent) - format.bias;
    const end = this.pick([format.minExponent - format.fractionBits, format.minExponent, format.maxExponent]);
    const target = this.pick([end - exponent, exponent - end, exponent - format.precision, exponent]);
    return this.#encode(format, target + this.below(5) - 2);
  }

  #encode(format: FloatFormat, exponent: number): bigint {
    const biased = Math.min(Math.max(exponent + format.bias, 0), format.specialExponent - 1);
    const sign = BigInt(this.below(2)) << BigInt(format.signPosition);
    const integer = biased === 0 ? 0n : storedInteger(format);
    return sign | (BigInt(biased) << BigInt(format.exponentPosition)) | integer | this.#fraction(format);
  }

  /** Random, or sparse: few ones at the top, all ones, or only the ends, for ties and carries. */
  #fraction(format: FloatFormat): bigint {
    const width = format.fractionBits;
    const random = BigInt.asUintN(width, this.u64());
    const ones = (1n << BigInt(width)) - 1n;
    const tail = BigInt(this.below(width));
    return this.pick([random, random, random, (random >> tail) << tail, ones ^ (random >> tail), 0n, 1n, ones]);
  }
}

/** The integer bit where it is stored; without it a double extended operand is an unsupported one. */
function storedInteger(format: FloatFormat): bigint {
  return format.integerBit === 'stored' ? 1n << BigInt(format.fractionBits) : 0n;
}

/** Zeros, both ends of the denormals and normals, simple numbers, infinities and NaNs, with either sign. */
function specials(format: FloatFormat): readonly bigint[] {
  const one = (BigInt(format.bias) << BigInt(format.exponentPosition)) | storedInteger(format);
  const smallestNormal = (1n << BigInt(format.exponentPosition)) | storedInteger(format);
  const half = format.quietBit;
  const { infinity, quietBit } = format;
  const positive = [
    [0n, 0n, 1n, 2n, half, smallestNormal - 1n, smallestNormal, smallestNormal + 1n],
    [one, one + 1n, one - 1n, one + half, one - smallestNormal, one + smallestNormal, infinity - 1n, infinity - 2n],
    [infinity, infinity, infinity | quietBit, infinity | quietBit | 5n, infinity | 1n, infinity | (quietBit - 1n)],
  ].flat();
  return [...positive, ...positive.map((bits) => bits | (1n << BigInt(format.signPosition)))];
}
