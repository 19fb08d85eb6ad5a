// Building blocks of the vector instructions: constants, lanes and byte moves that are only known at run time. Wasm has
// lane numbers as immediates only, and definitions must not look at operand values; so `i8x16.swizzle`, whose lane
// numbers are a vector, does what the manuals do with an imm8.
import type { Operand, Semantics, Value } from '../semantics.ts';

/** One step of an instruction on whole registers: `a` is the destination's old value. */
export type VectorOperation = (x: Semantics, a: Value, b: Value) => Value;

/** A vector of lanes of `bits`, lowest first, as a constant. Lanes may be negative. */
export function lanes(x: Semantics, bits: number, values: readonly (number | bigint)[]): Value {
  const whole = values.reduceRight<bigint>(
    (sum, lane) => (sum << BigInt(bits)) | BigInt.asUintN(bits, BigInt(lane)),
    0n,
  );
  return x.constant(whole, 128);
}

/** A vector of equal lanes, as a constant. */
export const filled = (x: Semantics, bits: number, value: number | bigint): Value =>
  lanes(
    x,
    bits,
    Array.from({ length: 128 / bits }, () => value),
  );

export const zero = (x: Semantics): Value => x.constant(0, 128);

/** The numbers of the bytes of a register. */
const byteNumbers = (x: Semantics): Value =>
  lanes(
    x,
    8,
    Array.from({ length: 16 }, (_, index) => index),
  );

/** An operation of wasm, by its name, on two registers. */
export const lanewise =
  (op: string): VectorOperation =>
  (x, a, b) =>
    x.raw(op, 128, a, b);

/** As `lanewise`, with the second register first. */
export const reversed =
  (op: string): VectorOperation =>
  (x, a, b) =>
    x.raw(op, 128, b, a);

/** Applies a wasm vector operation. */
export const vector = (x: Semantics, op: string, ...operands: Value[]): Value => x.raw(op, 128, ...operands);

/** A 64-bit value in both halves. */
export const splat64 = (x: Semantics, value: Value): Value => x.raw('i64x2.splat', 128, value);

/** A vector whose low bits are a value of 8 to 64 bits, zero above. */
export function zeroExtended(x: Semantics, value: Value): Value {
  const wide = value.width === 64 ? value : x.zeroExtend(value, 64);
  return x.lane('i64x2.replace_lane', 128, 0, zero(x), wide);
}

export const lowHalf = (x: Semantics, value: Value): Value => x.lane('i64x2.extract_lane', 64, 0, value);
export const highHalf = (x: Semantics, value: Value): Value => x.lane('i64x2.extract_lane', 64, 1, value);

/** A register from two 64-bit halves. */
export const fromHalves = (x: Semantics, low: Value, high: Value): Value =>
  x.lane('i64x2.replace_lane', 128, 1, splat64(x, low), high);

/** The lower of a value of 32 bits and a limit. */
export function atMost(x: Semantics, value: Value, limit: number): Value {
  const bound = x.constant(limit, 32);
  return x.select(x.ltu(value, bound), value, bound);
}

/** An immediate byte as 32 bits. */
export const immediate = (x: Semantics, operand: Operand): Value => x.zeroExtend(x.load(operand), 32);

/** Bits `at` to `at + count - 1` of a value of 32 bits. */
export const field = (x: Semantics, value: Value, at: number, count: number): Value =>
  x.and(x.shr(value, at), x.constant(2 ** count - 1, 32));

/** Byte i of the result is byte i + offset of `a`, or 0 where there is none; the offset is of 32 bits, -112 to 112. */
export function shiftedBytes(x: Semantics, a: Value, offset: Value): Value {
  const wanted = vector(x, 'i8x16.add', byteNumbers(x), vector(x, 'i8x16.splat', offset));
  return vector(x, 'i8x16.swizzle', a, wanted);
}

/** `value` in lane `index` of `shape` (`i8x16` to `i32x4`), the other lanes of `a`; `numbers` are the lanes' own. */
export function replaced(x: Semantics, shape: string, a: Value, value: Value, index: Value): Value {
  const count = Number(shape.slice(shape.indexOf('x') + 1));
  const numbers = lanes(
    x,
    128 / count,
    Array.from({ length: count }, (_, lane) => lane),
  );
  const chosen = vector(x, `${shape}.eq`, numbers, vector(x, `${shape}.splat`, index));
  return vector(x, 'v128.bitselect', vector(x, `${shape}.splat`, value), a, chosen);
}

/**
 * Which lanes have their bit set in an immediate of 32 bits, as a mask.
 * @param shape `i16x8`, `i32x4` or `i64x2`
 */
export function lanesByBits(x: Semantics, shape: string, bits: Value): Value {
  const count = Number(shape.slice(shape.indexOf('x') + 1));
  const each = lanes(
    x,
    128 / count,
    Array.from({ length: count }, (_, lane) => 2 ** lane),
  );
  const source = shape === 'i64x2' ? x.zeroExtend(bits, 64) : bits;
  const present = vector(x, 'v128.and', vector(x, `${shape}.splat`, source), each);
  return vector(x, `${shape}.eq`, present, each);
}

/** `a` where the mask has ones, else `b`. */
export const choose = (x: Semantics, mask: Value, a: Value, b: Value): Value => vector(x, 'v128.bitselect', a, b, mask);

/** The lane numbers that four two-bit fields of an immediate name, as byte numbers of 32-bit lanes. */
export function dwordSelectors(x: Semantics, order: Value): Value {
  // Multiplying moves each lane's field to bits 7:6.
  const moved = vector(x, 'i32x4.mul', vector(x, 'i32x4.splat', order), lanes(x, 32, [64, 16, 4, 1]));
  const fields = vector(x, 'v128.and', x.raw('i32x4.shr_u', 128, moved, x.constant(6, 32)), filled(x, 32, 3));
  const scaled = vector(x, 'i32x4.mul', fields, filled(x, 32, 0x04040404));
  return vector(x, 'i32x4.add', scaled, filled(x, 32, 0x03020100));
}

/** The same for 16-bit lanes of one half, `low` or high; the lanes of the other half name themselves. */
export function wordSelectors(x: Semantics, order: Value, low: boolean): Value {
  const factors = [64, 16, 4, 1];
  const none = [0, 0, 0, 0];
  const moved = vector(
    x,
    'i16x8.mul',
    vector(x, 'i16x8.splat', order),
    lanes(x, 16, low ? [...factors, ...none] : [...none, ...factors]),
  );
  const fields = vector(x, 'v128.and', x.raw('i16x8.shr_u', 128, moved, x.constant(6, 32)), filled(x, 16, 3));
  const scaled = vector(x, 'i16x8.mul', fields, filled(x, 16, 0x0202));
  const own = [0x0100, 0x0302, 0x0504, 0x0706, 0x0908, 0x0b0a, 0x0d0c, 0x0f0e];
  const starts = own.map((self, lane) => (lane < 4 === low ? (low ? 0x0100 : 0x0908) : self));
  return vector(x, 'i16x8.add', scaled, lanes(x, 16, starts));
}
