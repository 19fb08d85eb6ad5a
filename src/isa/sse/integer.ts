// Packed integer arithmetic, comparison and logic: SDM 1 9.4, 10.4.4, 11.4.2, 12.6 and 12.10. Most of it wasm has.
import type { Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import { type Features, type MmxShape, packed, packedUnary, shared } from './forms.ts';
import { filled, lanewise, reversed, type VectorOperation, vector, zero } from './vector.ts';

/** CPUID names of an instruction that MMX had first, and of those that came to both with SSE, SSE2 and SSSE3. */
const OLD: Features = { xmm: 'sse2', mmx: 'mmx' };
const WITH_SSE: Features = { xmm: 'sse2', mmx: 'sse' };
const WITH_SSE2: Features = { xmm: 'sse2' };
const SSSE3: Features = { xmm: 'ssse3' };

type Row = readonly [
  mnemonic: string,
  opcode: string,
  features: Features,
  operation: VectorOperation,
  shape?: MmxShape,
];

/** The high halves of 16-bit products. */
const highProducts =
  (sign: 's' | 'u'): VectorOperation =>
  (x, a, b) => {
    const low = vector(x, `i32x4.extmul_low_i16x8_${sign}`, a, b);
    const high = vector(x, `i32x4.extmul_high_i16x8_${sign}`, a, b);
    return x.shuffle(low, high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
  };

const EVEN_DWORDS = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];

/** Products of lanes 0 and 2. */
const evenProducts =
  (sign: 's' | 'u'): VectorOperation =>
  (x, a, b) =>
    vector(x, `i64x2.extmul_low_i32x4_${sign}`, x.shuffle(a, a, EVEN_DWORDS), x.shuffle(b, b, EVEN_DWORDS));

/** Sums of absolute differences of bytes, one a half. */
function sumsOfDifferences(x: Semantics, a: Value, b: Value): Value {
  const differences = vector(x, 'v128.or', vector(x, 'i8x16.sub_sat_u', a, b), vector(x, 'i8x16.sub_sat_u', b, a));
  const words = vector(x, 'i16x8.extadd_pairwise_i8x16_u', differences);
  const dwords = vector(x, 'i32x4.extadd_pairwise_i16x8_u', words);
  const high = x.raw('i64x2.shr_u', 128, dwords, x.constant(32, 32));
  return vector(x, 'i64x2.add', high, vector(x, 'v128.and', dwords, filled(x, 64, 0xffffffff)));
}

/** PMADDUBSW: unsigned bytes of the destination by signed bytes of the source, neighbours summed with saturation. */
function multiplyAddBytes(x: Semantics, a: Value, b: Value): Value {
  const eight = x.constant(8, 32);
  const even = vector(
    x,
    'i16x8.mul',
    vector(x, 'v128.and', a, filled(x, 16, 0xff)),
    x.raw('i16x8.shr_s', 128, x.raw('i16x8.shl', 128, b, eight), eight),
  );
  const odd = vector(x, 'i16x8.mul', x.raw('i16x8.shr_u', 128, a, eight), x.raw('i16x8.shr_s', 128, b, eight));
  return vector(x, 'i16x8.add_sat_s', even, odd);
}

/** PMULHRSW is wasm's Q15 product but for -1 by -1, which does not saturate. */
function roundedHighProducts(x: Semantics, a: Value, b: Value): Value {
  const smallest = filled(x, 16, 0x8000);
  const both = vector(x, 'v128.and', vector(x, 'i16x8.eq', a, smallest), vector(x, 'i16x8.eq', b, smallest));
  return vector(x, 'v128.xor', vector(x, 'i16x8.q15mulr_sat_s', a, b), both);
}

/** PSIGN: the destination negated, kept or cleared by the sign of the source's lanes. */
const signed =
  (shape: string, bits: number): VectorOperation =>
  (x, a, b) => {
    const negative = x.raw(`${shape}.shr_s`, 128, b, x.constant(bits - 1, 32));
    const turned = vector(x, `${shape}.sub`, vector(x, 'v128.xor', a, negative), negative);
    return vector(x, 'v128.andnot', turned, vector(x, `${shape}.eq`, b, zero(x)));
  };

const EVEN_WORDS = [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29];
const EVEN_DWORDS_OF_TWO = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];

/** PHADD and PHSUB: neighbours of the destination, then of the source. */
const horizontal =
  (op: string, even: readonly number[], bytes: number): VectorOperation =>
  (x, a, b) =>
    vector(
      x,
      op,
      x.shuffle(a, b, even),
      x.shuffle(
        a,
        b,
        even.map((lane) => lane + bytes),
      ),
    );

const absolute =
  (shape: string): VectorOperation =>
  (x, _, b) =>
    vector(x, `${shape}.abs`, b);

const BOTH: readonly Row[] = [
  ['pcmpgtb', '0F 64', OLD, lanewise('i8x16.gt_s')],
  ['pcmpgtw', '0F 65', OLD, lanewise('i16x8.gt_s')],
  ['pcmpgtd', '0F 66', OLD, lanewise('i32x4.gt_s')],
  ['pcmpeqb', '0F 74', OLD, lanewise('i8x16.eq')],
  ['pcmpeqw', '0F 75', OLD, lanewise('i16x8.eq')],
  ['pcmpeqd', '0F 76', OLD, lanewise('i32x4.eq')],
  ['paddq', '0F D4', WITH_SSE2, lanewise('i64x2.add')],
  ['pmullw', '0F D5', OLD, lanewise('i16x8.mul')],
  ['psubusb', '0F D8', OLD, lanewise('i8x16.sub_sat_u')],
  ['psubusw', '0F D9', OLD, lanewise('i16x8.sub_sat_u')],
  ['pminub', '0F DA', WITH_SSE, lanewise('i8x16.min_u')],
  ['pand', '0F DB', OLD, lanewise('v128.and')],
  ['paddusb', '0F DC', OLD, lanewise('i8x16.add_sat_u')],
  ['paddusw', '0F DD', OLD, lanewise('i16x8.add_sat_u')],
  ['pmaxub', '0F DE', WITH_SSE, lanewise('i8x16.max_u')],
  // The manual inverts the destination, wasm the second operand.
  ['pandn', '0F DF', OLD, reversed('v128.andnot')],
  ['pavgb', '0F E0', WITH_SSE, lanewise('i8x16.avgr_u')],
  ['pavgw', '0F E3', WITH_SSE, lanewise('i16x8.avgr_u')],
  ['pmulhuw', '0F E4', WITH_SSE, highProducts('u')],
  ['pmulhw', '0F E5', OLD, highProducts('s')],
  ['psubsb', '0F E8', OLD, lanewise('i8x16.sub_sat_s')],
  ['psubsw', '0F E9', OLD, lanewise('i16x8.sub_sat_s')],
  ['pminsw', '0F EA', WITH_SSE, lanewise('i16x8.min_s')],
  ['por', '0F EB', OLD, lanewise('v128.or')],
  ['paddsb', '0F EC', OLD, lanewise('i8x16.add_sat_s')],
  ['paddsw', '0F ED', OLD, lanewise('i16x8.add_sat_s')],
  ['pmaxsw', '0F EE', WITH_SSE, lanewise('i16x8.max_s')],
  ['pxor', '0F EF', OLD, lanewise('v128.xor')],
  ['pmuludq', '0F F4', WITH_SSE2, evenProducts('u')],
  ['pmaddwd', '0F F5', OLD, lanewise('i32x4.dot_i16x8_s')],
  ['psadbw', '0F F6', WITH_SSE, sumsOfDifferences],
  ['psubb', '0F F8', OLD, lanewise('i8x16.sub')],
  ['psubw', '0F F9', OLD, lanewise('i16x8.sub')],
  ['psubd', '0F FA', OLD, lanewise('i32x4.sub')],
  ['psubq', '0F FB', WITH_SSE2, lanewise('i64x2.sub')],
  ['paddb', '0F FC', OLD, lanewise('i8x16.add')],
  ['paddw', '0F FD', OLD, lanewise('i16x8.add')],
  ['paddd', '0F FE', OLD, lanewise('i32x4.add')],
  ['phaddw', '0F 38 01', SSSE3, horizontal('i16x8.add', EVEN_WORDS, 2), 'pairs'],
  ['phaddd', '0F 38 02', SSSE3, horizontal('i32x4.add', EVEN_DWORDS_OF_TWO, 4), 'pairs'],
  ['phaddsw', '0F 38 03', SSSE3, horizontal('i16x8.add_sat_s', EVEN_WORDS, 2), 'pairs'],
  ['pmaddubsw', '0F 38 04', SSSE3, multiplyAddBytes],
  ['phsubw', '0F 38 05', SSSE3, horizontal('i16x8.sub', EVEN_WORDS, 2), 'pairs'],
  ['phsubd', '0F 38 06', SSSE3, horizontal('i32x4.sub', EVEN_DWORDS_OF_TWO, 4), 'pairs'],
  ['phsubsw', '0F 38 07', SSSE3, horizontal('i16x8.sub_sat_s', EVEN_WORDS, 2), 'pairs'],
  ['psignb', '0F 38 08', SSSE3, signed('i8x16', 8)],
  ['psignw', '0F 38 09', SSSE3, signed('i16x8', 16)],
  ['psignd', '0F 38 0A', SSSE3, signed('i32x4', 32)],
  ['pmulhrsw', '0F 38 0B', SSSE3, roundedHighProducts],
  ['pabsb', '0F 38 1C', SSSE3, absolute('i8x16')],
  ['pabsw', '0F 38 1D', SSSE3, absolute('i16x8')],
  ['pabsd', '0F 38 1E', SSSE3, absolute('i32x4')],
];

const XMM_ONLY: readonly (readonly [string, string, string, VectorOperation])[] = [
  ['pmuldq', '0F 38 28', 'sse4.1', evenProducts('s')],
  ['pcmpeqq', '0F 38 29', 'sse4.1', lanewise('i64x2.eq')],
  ['pcmpgtq', '0F 38 37', 'sse4.2', lanewise('i64x2.gt_s')],
  ['pminsb', '0F 38 38', 'sse4.1', lanewise('i8x16.min_s')],
  ['pminsd', '0F 38 39', 'sse4.1', lanewise('i32x4.min_s')],
  ['pminuw', '0F 38 3A', 'sse4.1', lanewise('i16x8.min_u')],
  ['pminud', '0F 38 3B', 'sse4.1', lanewise('i32x4.min_u')],
  ['pmaxsb', '0F 38 3C', 'sse4.1', lanewise('i8x16.max_s')],
  ['pmaxsd', '0F 38 3D', 'sse4.1', lanewise('i32x4.max_s')],
  ['pmaxuw', '0F 38 3E', 'sse4.1', lanewise('i16x8.max_u')],
  ['pmaxud', '0F 38 3F', 'sse4.1', lanewise('i32x4.max_u')],
  ['pmulld', '0F 38 40', 'sse4.1', lanewise('i32x4.mul')],
];

/** ANDPS and kin: the same on any lanes. */
const LOGIC: readonly (readonly [string, string, VectorOperation])[] = [
  ['and', '54', lanewise('v128.and')],
  ['andn', '55', reversed('v128.andnot')],
  ['or', '56', lanewise('v128.or')],
  ['xor', '57', lanewise('v128.xor')],
];

const logicDefinitions = LOGIC.flatMap(([stem, opcode, operation]) => [
  packed(`${stem}ps`, `NP 0F ${opcode}`, 'sse', operation),
  packed(`${stem}pd`, `66 0F ${opcode}`, 'sse2', operation),
]);

/** PHMINPOSUW: the smallest word, and the number of the first lane that holds it. */
function smallestWord(x: Semantics, a: Value): Value {
  // Rotations by 4, 2 and 1 lanes bring the minimum to every lane.
  const smallest = [8, 4, 2].reduce((least, bytes) => {
    const rotation = Array.from({ length: 16 }, (_, index) => (index + bytes) % 16);
    return vector(x, 'i16x8.min_u', least, x.shuffle(least, least, rotation));
  }, a);
  const index = x.ctz(x.raw('i16x8.bitmask', 32, vector(x, 'i16x8.eq', a, smallest)));
  const value = x.lane('i16x8.extract_lane_u', 32, 0, smallest);
  const result = x.or(value, x.shl(index, 16));
  return x.lane('i32x4.replace_lane', 128, 0, zero(x), result);
}

/** PTEST: ZF if no bit is common to both, CF if the destination has all of the source's. */
const testBits: Definition = {
  mnemonic: 'ptest',
  encodings: ['66 0F 38 17 Vx,Wx'],
  unit: 'sse',
  feature: 'sse4.1',
  execute(x, target, source) {
    const b = x.loadAligned(source);
    const a = x.load(target);
    const common = x.raw('v128.any_true', 1, vector(x, 'v128.and', a, b));
    const missing = x.raw('v128.any_true', 1, vector(x, 'v128.andnot', b, a));
    const clear = x.constant(0, 1);
    x.setFlags({ CF: x.isFalse(missing), ZF: x.isFalse(common), OF: clear, AF: clear, SF: clear, PF: clear });
  },
};

export const integerVectorDefinitions: readonly Definition[] = [
  ...BOTH.flatMap(([mnemonic, opcode, features, operation, shape]) =>
    shared(mnemonic, opcode, features, operation, shape).map((definition) =>
      mnemonic === 'pxor' && definition.unit === 'sse' ? { ...definition, hot: true } : definition,
    ),
  ),
  ...XMM_ONLY.map(([mnemonic, opcode, feature, operation]) => packed(mnemonic, `66 ${opcode}`, feature, operation)),
  ...logicDefinitions,
  packedUnary('phminposuw', '66 0F 38 41', 'sse4.1', smallestWord),
  testBits,
];
