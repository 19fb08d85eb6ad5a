import * as arithmetic from './arithmetic.ts';
import * as comparison from './compare.ts';
import * as conversion from './convert.ts';
import { dotProduct } from './dot-product.ts';
import type { FloatEnvironment } from './environment.ts';
import { binary32, binary64, type FloatFormat } from './format.ts';

/** RFLAGS as COMISS and UCOMISS set them; OF, SF and AF are cleared. SDM 2A, COMISS, Operation: ZF, PF, CF. */
const comparisonFlags: Readonly<Record<comparison.Relation, number>> = {
  unordered: 0x45,
  less: 0x01,
  equal: 0x40,
  greater: 0x00,
};

/**
 * The scalar elements of the SSE instructions, on encodings of type V. Results are those of masked exceptions; whether
 * they may be written is for `settle` to say. Of a destination and a source, `a` is the destination.
 */
export interface FloatOperations<V> {
  add(env: FloatEnvironment, a: V, b: V): V;
  subtract(env: FloatEnvironment, a: V, b: V): V;
  multiply(env: FloatEnvironment, a: V, b: V): V;
  divide(env: FloatEnvironment, a: V, b: V): V;
  minimum(env: FloatEnvironment, a: V, b: V): V;
  maximum(env: FloatEnvironment, a: V, b: V): V;
  squareRoot(env: FloatEnvironment, a: V): V;
  /** ROUNDSS, ROUNDSD with their imm8. */
  roundToIntegral(env: FloatEnvironment, a: V, imm8: number): V;
  /** CMPSS, CMPSD: whether the predicate of imm8 bits 2:0 holds, for the caller to widen into a mask. */
  compare(env: FloatEnvironment, a: V, b: V, predicate: number): boolean;
  /** COMISS, COMISD: ZF, PF and CF in their RFLAGS positions. A quiet NaN raises IE. */
  compareOrdered(env: FloatEnvironment, a: V, b: V): number;
  /** UCOMISS, UCOMISD: as `compareOrdered`, but only a signaling NaN raises IE. */
  compareUnordered(env: FloatEnvironment, a: V, b: V): number;
  /** CVTSS2SI, CVTPS2DQ and kin, -2^31 to 2^31-1; with `truncate`, the CVTT forms. */
  toInt32(env: FloatEnvironment, a: V, truncate: boolean): number;
  /** The same with REX.W, -2^63 to 2^63-1. */
  toInt64(env: FloatEnvironment, a: V, truncate: boolean): bigint;
  /** CVTSI2SS, CVTDQ2PS and kin; `value` must be an integer. */
  fromInt32(env: FloatEnvironment, value: number): V;
  /** The same with REX.W; `value` is signed. */
  fromInt64(env: FloatEnvironment, value: bigint): V;
  /** DPPS, DPPD: one entry an element, lowest first. */
  dotProduct(env: FloatEnvironment, a: readonly V[], b: readonly V[], imm8: number): V[];
}

type Binary = (env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint) => bigint;

/** Ties the generic core to one format and to the type its encodings travel in. */
function operationsOf<V>(format: FloatFormat, bits: (v: V) => bigint, value: (b: bigint) => V): FloatOperations<V> {
  const binary = (operation: Binary) => (env: FloatEnvironment, a: V, b: V) =>
    value(operation(env, format, bits(a), bits(b)));
  const integer = (env: FloatEnvironment, a: V, width: 32 | 64, truncate: boolean) =>
    conversion.toInteger(env, format, bits(a), width, truncate ? 'zero' : env.rounding);
  const relate = (signals: boolean) => (env: FloatEnvironment, a: V, b: V) =>
    comparisonFlags[comparison.relate(env, format, bits(a), bits(b), signals)];
  return {
    add: binary(arithmetic.add),
    subtract: binary(arithmetic.subtract),
    multiply: binary(arithmetic.multiply),
    divide: binary(arithmetic.divide),
    minimum: binary(comparison.minimum),
    maximum: binary(comparison.maximum),
    squareRoot: (env, a) => value(arithmetic.squareRoot(env, format, bits(a))),
    roundToIntegral: (env, a, imm8) => value(conversion.roundToIntegral(env, format, bits(a), imm8)),
    compare: (env, a, b, predicate) => comparison.compare(env, format, bits(a), bits(b), predicate),
    compareOrdered: relate(true),
    compareUnordered: relate(false),
    toInt32: (env, a, truncate) => Number(integer(env, a, 32, truncate)),
    toInt64: (env, a, truncate) => integer(env, a, 64, truncate),
    fromInt32: (env, n) => value(conversion.fromInteger(env, format, BigInt(n))),
    fromInt64: (env, n) => value(conversion.fromInteger(env, format, n)),
    dotProduct: (env, a, b, imm8) => dotProduct(env, format, a.map(bits), b.map(bits), imm8).map(value),
  };
}

/** binary32 encodings as u32 numbers. */
export const f32: FloatOperations<number> = operationsOf(binary32, BigInt, Number);

/** binary64 encodings as unsigned bigints. */
export const f64: FloatOperations<bigint> = operationsOf(
  binary64,
  (v) => v,
  (b) => b,
);

/** CVTSS2SD, CVTPS2PD: u32 encoding to u64 encoding. */
export function singleToDouble(env: FloatEnvironment, a: number): bigint {
  return conversion.convertFormat(env, binary32, binary64, BigInt(a));
}

/** CVTSD2SS, CVTPD2PS: u64 encoding to u32 encoding. */
export function doubleToSingle(env: FloatEnvironment, a: bigint): number {
  return Number(conversion.convertFormat(env, binary64, binary32, a));
}
