// Lanes moved about: packing, interleaving, shuffles, blends, widening. SDM 1 10.4.2, 11.4.1.4, 11.4.2, 12.6.7, 12.10.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics, Value } from '../semantics.ts';
import {
  type Features,
  type ImmediateOperation,
  type MmxShape,
  mmxDefinition,
  mmxPacked,
  packed,
  packedImmediate,
  packedUnary,
  shared,
} from './forms.ts';
import {
  choose,
  dwordSelectors,
  field,
  filled,
  fromHalves,
  highHalf,
  immediate,
  lanesByBits,
  lanewise,
  lowHalf,
  shiftedBytes,
  splat64,
  type VectorOperation,
  vector,
  wordSelectors,
  zeroExtended,
} from './vector.ts';

/** Interleaves lanes of `size` bytes from one half of both registers. */
function interleave(size: number, start: 0 | 8): VectorOperation {
  const order = Array.from({ length: 16 }, (_, index) => {
    const pair = Math.floor(index / (2 * size));
    const second = index % (2 * size) >= size;
    return start + pair * size + (index % size) + (second ? 16 : 0);
  });
  return (x, a, b) => x.shuffle(a, b, order);
}

/** PSHUFB: wasm's swizzle, but that numbers from 16 to 127 count modulo 16. Bit 7 clears in either. */
const shuffleBytes: VectorOperation = (x, a, b) =>
  vector(x, 'i8x16.swizzle', a, vector(x, 'v128.and', b, filled(x, 8, 0x8f)));

const OLD: Features = { xmm: 'sse2', mmx: 'mmx' };

const BOTH: readonly (readonly [string, string, Features, VectorOperation, MmxShape])[] = [
  ['packsswb', '0F 63', OLD, lanewise('i8x16.narrow_i16x8_s'), 'pairs'],
  ['packuswb', '0F 67', OLD, lanewise('i8x16.narrow_i16x8_u'), 'pairs'],
  ['packssdw', '0F 6B', OLD, lanewise('i16x8.narrow_i32x4_s'), 'pairs'],
  ['pshufb', '0F 38 00', { xmm: 'ssse3' }, shuffleBytes, 'low'],
];

/** PUNPCKL and PUNPCKH. The MMX forms of the former read 32 bits of memory; of the latter, the whole result's half. */
const interleaving = (
  [
    ['bw', '60', '68', 1],
    ['wd', '61', '69', 2],
    ['dq', '62', '6A', 4],
  ] as const
).flatMap(([suffix, low, high, size]) => [
  packed(`punpckl${suffix}`, `66 0F ${low}`, 'sse2', interleave(size, 0)),
  packed(`punpckh${suffix}`, `66 0F ${high}`, 'sse2', interleave(size, 8)),
  mmxPacked(`punpckl${suffix}`, `NP 0F ${low} Pq,Qd`, 'mmx', interleave(size, 0)),
  mmxPacked(`punpckh${suffix}`, `NP 0F ${high} Pq,Qq`, 'mmx', interleave(size, 8), 'high'),
]);

const XMM_ONLY: readonly (readonly [string, string, string, VectorOperation])[] = [
  ['punpcklqdq', '66 0F 6C', 'sse2', interleave(8, 0)],
  ['punpckhqdq', '66 0F 6D', 'sse2', interleave(8, 8)],
  ['unpcklps', 'NP 0F 14', 'sse', interleave(4, 0)],
  ['unpckhps', 'NP 0F 15', 'sse', interleave(4, 8)],
  ['unpcklpd', '66 0F 14', 'sse2', interleave(8, 0)],
  ['unpckhpd', '66 0F 15', 'sse2', interleave(8, 8)],
  ['packusdw', '66 0F 38 2B', 'sse4.1', lanewise('i16x8.narrow_i32x4_u')],
];

/** SHUFPS: the low two lanes are picked from the destination, the others from the source. */
const shuffleSingles: ImmediateOperation = (x, a, b, order) => {
  const selectors = dwordSelectors(x, order);
  const low = vector(x, 'i8x16.swizzle', a, selectors);
  const high = vector(x, 'i8x16.swizzle', b, selectors);
  return fromHalves(x, lowHalf(x, low), highHalf(x, high));
};

const shuffleDoubles: ImmediateOperation = (x, a, b, order) => {
  const pick = (value: Value, bit: number) => x.select(x.bit(order, bit), highHalf(x, value), lowHalf(x, value));
  return fromHalves(x, pick(a, 0), pick(b, 1));
};

const shuffleWords =
  (low: boolean): ImmediateOperation =>
  (x, _, b, order) =>
    vector(x, 'i8x16.swizzle', b, wordSelectors(x, order, low));

/** Lanes of the source where the immediate has ones. */
const blendBy =
  (shape: string): ImmediateOperation =>
  (x, a, b, imm8) =>
    choose(x, lanesByBits(x, shape, imm8), b, a);

/** The 8 sums of 4 absolute differences each: SDM 2B "MPSADBW". imm8 bit 2 places `a`, bits 1:0 place `b`. */
function slidingDifferences(x: Semantics, a: Value, bytes: Value): Value {
  const words = (value: Value) => vector(x, 'i16x8.extend_low_i8x16_u', value);
  const shifted = (value: Value, by: number) =>
    x.shuffle(
      value,
      value,
      Array.from({ length: 16 }, (_, index) => Math.min(index + by, 15)),
    );
  const sums = [0, 1, 2, 3].map((by) => {
    const one = x.shuffle(bytes, bytes, Array(16).fill(by));
    return vector(x, 'i16x8.abs', vector(x, 'i16x8.sub', words(shifted(a, by)), words(one)));
  });
  return sums.reduce((sum, next) => vector(x, 'i16x8.add', sum, next));
}

/** MPSADBW: bytes of the destination from 0 or 4 on, and four of the source. */
const sumAbsoluteDifferences: ImmediateOperation = (x, a, b, imm8) => {
  const from = shiftedBytes(x, a, x.shl(field(x, imm8, 2, 1), 2));
  return slidingDifferences(x, from, shiftedBytes(x, b, x.shl(field(x, imm8, 0, 2), 2)));
};

const WITH_IMMEDIATE: readonly (readonly [string, string, string, ImmediateOperation])[] = [
  ['shufps', 'NP 0F C6', 'sse', shuffleSingles],
  ['shufpd', '66 0F C6', 'sse2', shuffleDoubles],
  ['pshufd', '66 0F 70', 'sse2', (x, _, b, order) => vector(x, 'i8x16.swizzle', b, dwordSelectors(x, order))],
  ['pshuflw', 'F2 0F 70', 'sse2', shuffleWords(true)],
  ['pshufhw', 'F3 0F 70', 'sse2', shuffleWords(false)],
  ['blendps', '66 0F 3A 0C', 'sse4.1', blendBy('i32x4')],
  ['blendpd', '66 0F 3A 0D', 'sse4.1', blendBy('i64x2')],
  ['pblendw', '66 0F 3A 0E', 'sse4.1', blendBy('i16x8')],
  ['mpsadbw', '66 0F 3A 42', 'sse4.1', sumAbsoluteDifferences],
];

const shuffleMmx = mmxDefinition('pshufw', 'NP 0F 70 Pq,Qq,Ib', 'sse', (x, _, source, order) => {
  const value = splat64(x, x.load(source));
  return lowHalf(x, vector(x, 'i8x16.swizzle', value, wordSelectors(x, immediate(x, order), true)));
});

/** PBLENDVB, BLENDVPS and BLENDVPD: the sign bits of XMM0's lanes choose. */
function variableBlend(mnemonic: string, opcode: string, shape: string, bits: number): Definition {
  return {
    mnemonic,
    encodings: [`66 0F 38 ${opcode} Vx,Wx,XMM0`],
    unit: 'sse',
    feature: 'sse4.1',
    execute(x, target, source, selector) {
      const b = x.loadAligned(source);
      const mask = x.raw(`${shape}.shr_s`, 128, x.load(selector), x.constant(bits - 1, 32));
      x.store(target, choose(x, mask, b, x.load(target)));
    },
  };
}

/** The low `width` bits of a register or memory operand, in a register. */
const lowPart = (x: Semantics, source: Operand, width: number): Value => zeroExtended(x, x.loadPart(source, width, 0));

/** PMOVSX and PMOVZX: lanes widened step by step. */
const STEPS = {
  b: ['i16x8.extend_low_i8x16', 'i32x4.extend_low_i16x8', 'i64x2.extend_low_i32x4'],
  w: ['i32x4.extend_low_i16x8', 'i64x2.extend_low_i32x4'],
  d: ['i64x2.extend_low_i32x4'],
} as const;

const WIDENINGS = [
  ['b', 'w', 1, 'q'],
  ['b', 'd', 2, 'd'],
  ['b', 'q', 3, 'w'],
  ['w', 'd', 1, 'q'],
  ['w', 'q', 2, 'd'],
  ['d', 'q', 1, 'q'],
] as const;

const widenings = (['s', 'u'] as const).flatMap((sign) =>
  WIDENINGS.map(
    ([from, to, steps, size], index): Definition => ({
      mnemonic: `pmov${sign === 's' ? 's' : 'z'}x${from}${to}`,
      encodings: [`66 0F 38 ${sign === 's' ? 2 : 3}${index} Vx,W${size}`],
      unit: 'sse',
      feature: 'sse4.1',
      execute(x, target, source) {
        const value = lowPart(x, source, source.width);
        const widen = (lanes: Value, op: string) => vector(x, `${op}_${sign}`, lanes);
        x.store(target, STEPS[from].slice(0, steps).reduce(widen, value));
      },
    }),
  ),
);

const DUPLICATED_EVEN = [0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11];
const DUPLICATED_ODD = DUPLICATED_EVEN.map((byte) => byte + 4);

const duplications: readonly Definition[] = [
  packedUnary('movsldup', 'F3 0F 12', 'pni', (x, a) => x.shuffle(a, a, DUPLICATED_EVEN)),
  packedUnary('movshdup', 'F3 0F 16', 'pni', (x, a) => x.shuffle(a, a, DUPLICATED_ODD)),
  {
    mnemonic: 'movddup',
    encodings: ['F2 0F 12 Vx,Wq'],
    unit: 'sse',
    feature: 'pni',
    execute(x, target, source) {
      x.store(target, splat64(x, x.loadPart(source, 64, 0)));
    },
  },
];

export const shuffleDefinitions: readonly Definition[] = [
  ...BOTH.flatMap((row) => shared(...row)),
  ...interleaving,
  ...XMM_ONLY.map((row) => packed(...row)),
  ...WITH_IMMEDIATE.map((row) => packedImmediate(...row)),
  shuffleMmx,
  variableBlend('pblendvb', '10', 'i8x16', 8),
  variableBlend('blendvps', '14', 'i32x4', 32),
  variableBlend('blendvpd', '15', 'i64x2', 64),
  ...widenings,
  ...duplications,
];
