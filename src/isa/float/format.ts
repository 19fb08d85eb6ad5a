/**
 * Layout of a binary floating-point format: SDM 1 4.2.2, "Floating-Point Data Types", table 4-2.
 * Everything else in this folder is written against this interface, so one core serves every width.
 */
export interface FloatFormat {
  readonly name: string;
  readonly exponentBits: number;
  /** Bits to the right of the binary point; the integer bit is not among them. */
  readonly fractionBits: number;
  /** Only double extended precision stores the bit left of the binary point. */
  readonly integerBit: 'implied' | 'stored';
  /** Significant bits: the fraction and the integer bit. */
  readonly precision: number;
  readonly bias: number;
  /** Unbiased exponent of the smallest normal number. */
  readonly minExponent: number;
  readonly maxExponent: number;
  /** Position of the sign; all lower bits are the magnitude. */
  readonly signPosition: number;
  /** Position of the biased exponent's lowest bit. */
  readonly exponentPosition: number;
  /** The biased exponent of infinities and NaNs. */
  readonly specialExponent: number;
  /** Set in a quiet NaN, clear in a signaling one: SDM 1 4.8.3.4. */
  readonly quietBit: bigint;
  /** The encoding of +infinity. */
  readonly infinity: bigint;
  /** QNaN floating-point indefinite, the answer to a masked invalid operation: SDM 1 4.8.3.7. Its sign is negative. */
  readonly defaultNan: bigint;
}

type FormatShape = Pick<FloatFormat, 'name' | 'exponentBits' | 'fractionBits' | 'integerBit'>;

function defineFormat(shape: FormatShape): FloatFormat {
  const stored = shape.integerBit === 'stored';
  const exponentPosition = shape.fractionBits + (stored ? 1 : 0);
  const signPosition = exponentPosition + shape.exponentBits;
  const specialExponent = 2 ** shape.exponentBits - 1;
  const bias = (specialExponent - 1) / 2;
  const quietBit = 1n << BigInt(shape.fractionBits - 1);
  const integer = stored ? 1n << BigInt(shape.fractionBits) : 0n;
  const infinity = (BigInt(specialExponent) << BigInt(exponentPosition)) | integer;
  return {
    ...shape,
    precision: shape.fractionBits + 1,
    bias,
    minExponent: 1 - bias,
    maxExponent: bias,
    signPosition,
    exponentPosition,
    specialExponent,
    quietBit,
    infinity,
    defaultNan: (1n << BigInt(signPosition)) | infinity | quietBit,
  };
}

export const binary16 = defineFormat({ name: 'binary16', exponentBits: 5, fractionBits: 10, integerBit: 'implied' });
export const binary32 = defineFormat({ name: 'binary32', exponentBits: 8, fractionBits: 23, integerBit: 'implied' });
export const binary64 = defineFormat({ name: 'binary64', exponentBits: 11, fractionBits: 52, integerBit: 'implied' });
export const extended80 = defineFormat({
  name: 'extended80',
  exponentBits: 15,
  fractionBits: 63,
  integerBit: 'stored',
});
