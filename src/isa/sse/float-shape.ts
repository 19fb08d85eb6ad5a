// The two float formats as lanes of registers, and when wasm's arithmetic is the guest's: the conditions that
// src/isa/float/fast-path.ts states, on vectors. A scalar is a vector of equal lanes, so that it needs no code of its own.
import type { Operand, Semantics, Value } from '../semantics.ts';
import { filled, vector, zero } from './vector.ts';

/** A float format, as wasm names its lanes. */
export interface FloatShape {
  readonly lanes: 'f32x4' | 'f64x2';
  readonly integers: 'i32x4' | 'i64x2';
  readonly bits: 32 | 64;
  /** Encodings of the smallest normal number and of infinity. */
  readonly smallest: bigint;
  readonly infinity: bigint;
}

export const SINGLE: FloatShape = {
  lanes: 'f32x4',
  integers: 'i32x4',
  bits: 32,
  smallest: 0x0080_0000n,
  infinity: 0x7f80_0000n,
};

export const DOUBLE: FloatShape = {
  lanes: 'f64x2',
  integers: 'i64x2',
  bits: 64,
  smallest: 0x0010_0000_0000_0000n,
  infinity: 0x7ff0_0000_0000_0000n,
};

/** The smallest normal binary32 number, as a binary64. */
export const SMALLEST_SINGLE_AS_DOUBLE = 0x3810_0000_0000_0000n;

/** How an instruction is written for a type: mandatory prefix, operand codes, CPUID feature. */
export interface FloatType {
  readonly suffix: 'ps' | 'pd' | 'ss' | 'sd';
  readonly shape: FloatShape;
  readonly packed: boolean;
  readonly prefix: 'NP' | '66' | 'F3' | 'F2';
  readonly operands: 'Vx,Wx' | 'Vx,Wd' | 'Vx,Wq';
  readonly feature: 'sse' | 'sse2';
}

export const FLOAT_TYPES: Readonly<Record<FloatType['suffix'], FloatType>> = {
  ps: { suffix: 'ps', shape: SINGLE, packed: true, prefix: 'NP', operands: 'Vx,Wx', feature: 'sse' },
  pd: { suffix: 'pd', shape: DOUBLE, packed: true, prefix: '66', operands: 'Vx,Wx', feature: 'sse2' },
  ss: { suffix: 'ss', shape: SINGLE, packed: false, prefix: 'F3', operands: 'Vx,Wd', feature: 'sse' },
  sd: { suffix: 'sd', shape: DOUBLE, packed: false, prefix: 'F2', operands: 'Vx,Wq', feature: 'sse2' },
};

/** The lowest element of an operand, in all lanes. */
export const loadScalar = (x: Semantics, { bits, integers }: FloatShape, operand: Operand): Value =>
  vector(x, `${integers}.splat`, x.loadPart(operand, bits, 0));

/** The elements of a memory or register operand that the type takes. */
export const loadFloats = (x: Semantics, { packed, shape }: FloatType, operand: Operand): Value =>
  packed ? x.loadAligned(operand) : loadScalar(x, shape, operand);

/** Writes all elements, or the lowest. */
export function storeFloats(x: Semantics, { packed, shape }: FloatType, target: Operand, value: Value): void {
  if (packed) x.store(target, value);
  else x.storePart(target, lowestElement(x, shape, value), 0);
}

/** The lowest element's encoding, as an integer. */
export const lowestElement = (x: Semantics, { bits, integers }: FloatShape, value: Value): Value =>
  x.lane(`${integers}.extract_lane`, bits, 0, value);

const magnitude = (x: Semantics, { lanes }: FloatShape, a: Value): Value => vector(x, `${lanes}.abs`, a);

export const equals = (x: Semantics, { lanes }: FloatShape, a: Value, b: Value): Value =>
  vector(x, `${lanes}.eq`, a, b);

export const both = (x: Semantics, a: Value, b: Value): Value => vector(x, 'v128.and', a, b);
export const eitherOf = (x: Semantics, a: Value, b: Value): Value => vector(x, 'v128.or', a, b);

/** Lanes that are neither NaN nor denormal. */
export function plain(x: Semantics, shape: FloatShape, a: Value): Value {
  const normal = vector(x, `${shape.lanes}.ge`, magnitude(x, shape, a), filled(x, shape.bits, shape.smallest));
  return eitherOf(x, normal, equals(x, shape, a, zero(x)));
}

/** Lanes whose magnitude lies between a number and infinity, both excluded. */
export function ordinary(x: Semantics, shape: FloatShape, a: Value, smallest = shape.smallest): Value {
  const size = magnitude(x, shape, a);
  const above = vector(x, `${shape.lanes}.gt`, size, filled(x, shape.bits, smallest));
  return both(x, above, vector(x, `${shape.lanes}.lt`, size, filled(x, shape.bits, shape.infinity)));
}

/** Lanes whose magnitude is below a limit. */
export const below = (x: Semantics, shape: FloatShape, a: Value, limit: bigint): Value =>
  vector(x, `${shape.lanes}.lt`, magnitude(x, shape, a), filled(x, shape.bits, limit));

export const allTrue = (x: Semantics, { integers }: FloatShape, mask: Value): Value =>
  x.raw(`${integers}.all_true`, 1, mask);

/** PM and PE: precision exceptions are masked, and one is recorded already, so that another changes nothing. */
const PRECISION = 0x1020;
const ROUNDING = 0x6000;

const mxcsrHas = (x: Semantics, mask: number, wanted: number): Value =>
  x.eq(x.and(x.contextWord('mxcsr'), x.constant(mask, 32)), x.constant(wanted, 32));

/** As `precisionIsMoot` of fast-path.ts. */
export const precisionIsMoot = (x: Semantics): Value => mxcsrHas(x, PRECISION, PRECISION);
/** As `roundsNatively` of fast-path.ts. */
export const roundsNatively = (x: Semantics): Value => mxcsrHas(x, PRECISION | ROUNDING, PRECISION);

/** Does the instruction by its helper unless a condition holds. */
export const unless = (x: Semantics, condition: Value, helper: string): void =>
  x.if(x.isFalse(condition), () => x.helper(helper));
