import { type FloatEnvironment, floatException } from './environment.ts';
import type { FloatFormat } from './format.ts';

/** Classes of SDM 1 4.8.3; `unsupported` are double extended encodings without a value: SDM 1 8.2.2. */
export type OperandKind = 'zero' | 'denormal' | 'normal' | 'infinity' | 'quiet' | 'signaling' | 'unsupported';

/** A decoded value. A finite one is `significand * 2^exponent`, negated when `negative`. */
export interface Operand {
  readonly kind: OperandKind;
  readonly negative: boolean;
  readonly exponent: number;
  readonly significand: bigint;
  /** The encoding it came from; zeroed magnitude where DAZ took a denormal away. */
  readonly bits: bigint;
}

/** Decodes a bit pattern. Bits above the format's width must be clear. */
export function decode(format: FloatFormat, bits: bigint): Operand {
  const negative = bits >> BigInt(format.signPosition) !== 0n;
  const biased = Number(bits >> BigInt(format.exponentPosition)) & format.specialExponent;
  const fraction = bits & ((1n << BigInt(format.fractionBits)) - 1n);
  const integer = 1n << BigInt(format.fractionBits);
  const hasInteger = format.integerBit === 'stored' ? (bits & integer) !== 0n : biased !== 0;
  const significand = hasInteger ? fraction | integer : fraction;
  const kind = classify(format, biased, hasInteger, fraction);
  // Denormals share the exponent of the smallest normal number; so do the pseudo-denormals of double extended.
  const exponent = Math.max(biased, 1) - format.bias - format.fractionBits;
  return { kind, negative, exponent, significand, bits };
}

function classify(format: FloatFormat, biased: number, hasInteger: boolean, fraction: bigint): OperandKind {
  if (biased === 0) return hasInteger || fraction !== 0n ? 'denormal' : 'zero';
  if (!hasInteger) return 'unsupported';
  if (biased !== format.specialExponent) return 'normal';
  if (fraction === 0n) return 'infinity';
  return (fraction & format.quietBit) !== 0n ? 'quiet' : 'signaling';
}

/** Decodes a source operand under the environment: DAZ makes a denormal the zero of its sign. */
export function readOperand(env: FloatEnvironment, format: FloatFormat, bits: bigint): Operand {
  const operand = decode(format, bits);
  if (!env.daz || operand.kind !== 'denormal') return operand;
  return { ...operand, kind: 'zero', significand: 0n, bits: signedZero(format, operand.negative) };
}

export function isNan(operand: Operand): boolean {
  return operand.kind === 'quiet' || operand.kind === 'signaling' || operand.kind === 'unsupported';
}

/** Raises DE for denormal operands. Ranks below invalid operations and NaN operands: SDM 1 4.9.2. */
export function noteDenormals(env: FloatEnvironment, ...operands: readonly Operand[]): void {
  if (operands.some(({ kind }) => kind === 'denormal')) env.flags |= floatException.DE;
}

/** Raises IE and gives the QNaN indefinite: SDM 1 4.8.3.7. */
export function invalid(env: FloatEnvironment, format: FloatFormat): bigint {
  env.flags |= floatException.IE;
  return format.defaultNan;
}

/**
 * The result of an operation on NaN operands, or undefined when none is a NaN: SDM 1 table 4-7, rows for SSE.
 * The first source wins over the second; a signaling one raises IE wherever it stands, and is quieted if it wins.
 */
export function propagateNan(
  env: FloatEnvironment,
  format: FloatFormat,
  first: Operand,
  second: Operand = first,
): bigint | undefined {
  if (first.kind === 'unsupported' || second.kind === 'unsupported') return invalid(env, format);
  if (first.kind === 'signaling' || second.kind === 'signaling') env.flags |= floatException.IE;
  if (isNan(first)) return first.bits | format.quietBit;
  if (isNan(second)) return second.bits | format.quietBit;
  return undefined;
}

export function withSign(format: FloatFormat, negative: boolean, magnitude: bigint): bigint {
  return negative ? magnitude | (1n << BigInt(format.signPosition)) : magnitude;
}

export function signedZero(format: FloatFormat, negative: boolean): bigint {
  return withSign(format, negative, 0n);
}

export function signedInfinity(format: FloatFormat, negative: boolean): bigint {
  return withSign(format, negative, format.infinity);
}
