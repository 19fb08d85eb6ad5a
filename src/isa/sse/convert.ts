// Conversions between floats and integers and between the formats: SDM 1 10.4.3, 11.4.1.6, 11.4.3, 12.10.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics, Value } from '../semantics.ts';
import { byHelper } from './float.ts';
import {
  allTrue,
  below,
  both,
  DOUBLE,
  eitherOf,
  equals,
  type FloatShape,
  loadScalar,
  lowestElement,
  ordinary,
  plain,
  precisionIsMoot,
  roundsNatively,
  SINGLE,
  SMALLEST_SINGLE_AS_DOUBLE,
  unless,
} from './float-shape.ts';
import { filled, vector, zero, zeroExtended } from './vector.ts';

type Execute = NonNullable<Definition['execute']>;

const sse = (mnemonic: string, encoding: string, feature: string, execute: Execute): Definition => ({
  mnemonic,
  encodings: [encoding],
  unit: 'sse',
  feature,
  mayCallHelper: true,
  execute,
});

// ---- scalars to integers

/** 2^31 and 2^63 in both formats. */
const LIMITS = {
  32: { single: 0x4f00_0000n, double: 0x41e0_0000_0000_0000n },
  64: { single: 0x5f00_0000n, double: 0x43e0_0000_0000_0000n },
} as const;

const limitOf = (shape: FloatShape, width: 32 | 64): bigint => LIMITS[width][shape.bits === 32 ? 'single' : 'double'];

/** Lanes that become the integral numbers `whole`: those are in range, and differ from their source only if it is moot. */
function convertible(x: Semantics, shape: FloatShape, a: Value, whole: Value, limit: bigint, moot: Value): Value {
  const exact = x.or(allTrue(x, shape, equals(x, shape, a, whole)), moot);
  return x.and(allTrue(x, shape, below(x, shape, whole, limit)), exact);
}

/** The integral number that wasm rounds to, and whether the guest's would differ where it is not exact. */
function toIntegral(x: Semantics, { lanes }: FloatShape, a: Value, truncate: boolean): { whole: Value; moot: Value } {
  const whole = vector(x, `${lanes}.${truncate ? 'trunc' : 'nearest'}`, a);
  return { whole, moot: truncate ? precisionIsMoot(x) : roundsNatively(x) };
}

/** An integral number, in all lanes of a vector, as an integer. */
function integerOf(x: Semantics, shape: FloatShape, whole: Value, width: number): Value {
  const name = shape.bits === 32 ? 'f32' : 'f64';
  x.push(lowestElement(x, shape, whole));
  x.code.op(`${name}.reinterpret_i${shape.bits}`).op(`i${width}.trunc_${name}_s`);
  return x.pop(width);
}

/** CVTSS2SI, CVTTSD2SI and kin. */
function toInteger(mnemonic: string, encoding: string, shape: FloatShape, truncate: boolean): Definition {
  return sse(mnemonic, encoding, shape === SINGLE ? 'sse' : 'sse2', (x, target, source) => {
    const a = loadScalar(x, shape, source);
    const { whole, moot } = toIntegral(x, shape, a, truncate);
    const width = target.width as 32 | 64;
    unless(x, convertible(x, shape, a, whole, limitOf(shape, width), moot), mnemonic);
    x.store(target, integerOf(x, shape, whole, width));
  });
}

// ---- integers to scalars

/** Integers up to this magnitude have an encoding of their own. */
const EXACT_BITS = { 32: 24n, 64: 53n } as const;

/** Is a signed integer at most 2^bits in magnitude? */
function isExact(x: Semantics, value: Value, bits: bigint): Value {
  const limit = x.constant(1n << bits, value.width);
  return x.leu(x.add(value, limit), x.constant(1n << (bits + 1n), value.width));
}

/** CVTSI2SS and CVTSI2SD. */
function fromInteger(mnemonic: string, encoding: string, shape: FloatShape): Definition {
  return sse(mnemonic, encoding, shape === SINGLE ? 'sse' : 'sse2', (x, target, source) => {
    const value = x.load(source);
    if (value.width === 64 || shape === SINGLE) {
      unless(x, x.or(isExact(x, value, EXACT_BITS[shape.bits]), roundsNatively(x)), mnemonic);
    }
    const name = shape.bits === 32 ? 'f32' : 'f64';
    x.push(value);
    x.code.op(`${name}.convert_i${value.width}_s`).op(`i${shape.bits}.reinterpret_${name}`);
    x.storePart(target, x.pop(shape.bits), 0);
  });
}

// ---- packed integers

/** CVTPS2DQ, CVTPD2DQ and their truncating forms; two results leave the upper half zero. */
function toIntegers(mnemonic: string, encoding: string, shape: FloatShape, truncate: boolean): Definition {
  const op = shape === SINGLE ? 'i32x4.trunc_sat_f32x4_s' : 'i32x4.trunc_sat_f64x2_s_zero';
  return sse(mnemonic, encoding, 'sse2', (x, target, source) => {
    const a = x.loadAligned(source);
    const { whole, moot } = toIntegral(x, shape, a, truncate);
    unless(x, convertible(x, shape, a, whole, limitOf(shape, 32), moot), mnemonic);
    x.store(target, vector(x, op, whole));
  });
}

const fromIntegers: readonly Definition[] = [
  sse('cvtdq2ps', 'NP 0F 5B Vx,Wx', 'sse2', (x, target, source) => {
    const a = x.loadAligned(source);
    // The smallest integer is its own magnitude, and 2^31 without a sign.
    const small = vector(x, 'i32x4.le_u', vector(x, 'i32x4.abs', a), filled(x, 32, 1n << EXACT_BITS[32]));
    unless(x, x.or(allTrue(x, SINGLE, small), roundsNatively(x)), 'cvtdq2ps');
    x.store(target, vector(x, 'f32x4.convert_i32x4_s', a));
  }),
  sse('cvtdq2pd', 'F3 0F E6 Vx,Wq', 'sse2', (x, target, source) => {
    const a = zeroExtended(x, x.loadPart(source, 64, 0));
    x.storePart(target, vector(x, 'f64x2.convert_low_i32x4_s', a), 0);
  }),
];

// ---- between the formats

/** Wider: exact, but NaNs and denormals leave flags. */
function widen(x: Semantics, a: Value, mnemonic: string): Value {
  unless(x, allTrue(x, SINGLE, plain(x, SINGLE, a)), mnemonic);
  return vector(x, 'f64x2.promote_low_f32x4', a);
}

/** Narrower: as arithmetic, with the narrow format's range for the result. */
function narrow(x: Semantics, a: Value, mnemonic: string): Value {
  const result = vector(x, 'f32x4.demote_f64x2_zero', a);
  const back = vector(x, 'f64x2.promote_low_f32x4', result);
  const inRange = ordinary(x, DOUBLE, back, SMALLEST_SINGLE_AS_DOUBLE);
  const good = both(x, eitherOf(x, inRange, equals(x, DOUBLE, a, zero(x))), plain(x, DOUBLE, a));
  unless(x, x.and(allTrue(x, DOUBLE, good), roundsNatively(x)), mnemonic);
  return result;
}

const formats: readonly Definition[] = [
  sse('cvtss2sd', 'F3 0F 5A Vx,Wd', 'sse2', (x, target, source) => {
    const result = widen(x, loadScalar(x, SINGLE, source), 'cvtss2sd');
    x.storePart(target, lowestElement(x, DOUBLE, result), 0);
  }),
  sse('cvtsd2ss', 'F2 0F 5A Vx,Wq', 'sse2', (x, target, source) => {
    const result = narrow(x, loadScalar(x, DOUBLE, source), 'cvtsd2ss');
    x.storePart(target, lowestElement(x, SINGLE, result), 0);
  }),
  sse('cvtps2pd', 'NP 0F 5A Vx,Wq', 'sse2', (x, target, source) => {
    const result = widen(x, zeroExtended(x, x.loadPart(source, 64, 0)), 'cvtps2pd');
    x.storePart(target, result, 0);
  }),
  sse('cvtpd2ps', '66 0F 5A Vx,Wx', 'sse2', (x, target, source) => {
    x.store(target, narrow(x, x.loadAligned(source), 'cvtpd2ps'));
  }),
];

// ---- rounding in place: SDM 2B "ROUNDPD"

const MODES = ['nearest', 'floor', 'ceil', 'trunc'] as const;
const SUPPRESS_PRECISION = 3;
const BY_MXCSR = 2;
const ROUNDING_SHIFT = 13;

/** Bits 1:0 of the immediate, or MXCSR.RC if its bit 2 is set. */
const roundingMode = (x: Semantics, imm8: Value): Value => {
  const control = x.select(x.bit(imm8, BY_MXCSR), x.shr(x.contextWord('mxcsr'), ROUNDING_SHIFT), imm8);
  return x.and(control, x.constant(3, 32));
};

/** Rounds in a mode that is known at run time only. */
function rounded(x: Semantics, { lanes }: FloatShape, a: Value, mode: Value): Value {
  const results = MODES.map((name) => vector(x, `${lanes}.${name}`, a));
  const high = x.bit(mode, 1);
  const of = (even: Value, odd: Value) => x.select(x.bit(mode, 0), odd, even);
  return x.select(high, of(results[2], results[3]), of(results[0], results[1]));
}

function round(mnemonic: string, encoding: string, shape: FloatShape, packed: boolean): Definition {
  return sse(mnemonic, encoding, 'sse4.1', (x, target, source, control) => {
    const a = packed ? x.loadAligned(source) : loadScalar(x, shape, source);
    const imm8 = x.zeroExtend(x.load(control), 32);
    const result = rounded(x, shape, a, roundingMode(x, imm8));
    const exact = allTrue(x, shape, equals(x, shape, a, result));
    const silent = x.or(x.or(x.bit(imm8, SUPPRESS_PRECISION), precisionIsMoot(x)), exact);
    unless(x, x.and(allTrue(x, shape, plain(x, shape, a)), silent), mnemonic);
    storeRounded(x, shape, packed, target, result);
  });
}

function storeRounded(x: Semantics, shape: FloatShape, packed: boolean, target: Operand, result: Value): void {
  if (packed) x.store(target, result);
  else x.storePart(target, lowestElement(x, shape, result), 0);
}

export const convertVectorDefinitions: readonly Definition[] = [
  toInteger('cvtss2si', 'F3 0F 2D Gy,Wd', SINGLE, false),
  toInteger('cvttss2si', 'F3 0F 2C Gy,Wd', SINGLE, true),
  toInteger('cvtsd2si', 'F2 0F 2D Gy,Wq', DOUBLE, false),
  toInteger('cvttsd2si', 'F2 0F 2C Gy,Wq', DOUBLE, true),
  fromInteger('cvtsi2ss', 'F3 0F 2A Vx,Ey', SINGLE),
  fromInteger('cvtsi2sd', 'F2 0F 2A Vx,Ey', DOUBLE),
  toIntegers('cvtps2dq', '66 0F 5B Vx,Wx', SINGLE, false),
  toIntegers('cvttps2dq', 'F3 0F 5B Vx,Wx', SINGLE, true),
  toIntegers('cvtpd2dq', 'F2 0F E6 Vx,Wx', DOUBLE, false),
  toIntegers('cvttpd2dq', '66 0F E6 Vx,Wx', DOUBLE, true),
  ...fromIntegers,
  ...formats,
  round('roundps', '66 0F 3A 08 Vx,Wx,Ib', SINGLE, true),
  round('roundpd', '66 0F 3A 09 Vx,Wx,Ib', DOUBLE, true),
  round('roundss', '66 0F 3A 0A Vx,Wd,Ib', SINGLE, false),
  round('roundsd', '66 0F 3A 0B Vx,Wq,Ib', DOUBLE, false),
  byHelper('cvtpi2ps', 'NP 0F 2A Vx,Qq', 'sse'),
  byHelper('cvtpi2pd', '66 0F 2A Vx,Qq', 'sse2'),
  byHelper('cvttps2pi', 'NP 0F 2C Pq,Wq', 'sse'),
  byHelper('cvtps2pi', 'NP 0F 2D Pq,Wq', 'sse'),
  byHelper('cvttpd2pi', '66 0F 2C Pq,Wx', 'sse2'),
  byHelper('cvtpd2pi', '66 0F 2D Pq,Wx', 'sse2'),
];
