// WebAssembly instructions by their text names: core specification 5.4, SIMD 5.4.9, threads proposal (prefix 0xFE).

/** Consecutive opcodes, so that a table reads as the specification's own listing. */
function run(start: number, prefix: number | null, names: string): [string, number[]][] {
  return names
    .trim()
    .split(/\s+/)
    .map((name, index) => [name, prefix === null ? [start + index] : [prefix, ...leb(start + index)]]);
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}

const SIMD = 0xfd;
const ATOMIC = 0xfe;

const integerComparisons = (t: string) =>
  ['eqz', 'eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'].map((n) => `${t}.${n}`).join(' ');
const floatComparisons = (t: string) => ['eq', 'ne', 'lt', 'gt', 'le', 'ge'].map((n) => `${t}.${n}`).join(' ');
const integerOperators = (t: string) =>
  'clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr'
    .split(' ')
    .map((n) => `${t}.${n}`)
    .join(' ');
const floatOperators = (t: string) =>
  'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign'
    .split(' ')
    .map((n) => `${t}.${n}`)
    .join(' ');
const laneComparisons = (t: string) =>
  ['eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'].map((n) => `${t}.${n}`).join(' ');
const atomicOperators = (op: string) =>
  ['i32', 'i64', 'i32|8', 'i32|16', 'i64|8', 'i64|16', 'i64|32']
    .map((t) => {
      const [type, narrow] = t.split('|');
      return narrow ? `${type}.atomic.rmw${narrow}.${op}_u` : `${type}.atomic.rmw.${op}`;
    })
    .join(' ');

/** Opcode bytes by instruction name. Instructions with immediates are followed by them. */
export const OPCODES: ReadonlyMap<string, readonly number[]> = new Map<string, readonly number[]>([
  ...run(0x00, null, 'unreachable nop block loop if else'),
  ...run(0x08, null, 'throw'),
  ...run(0x0b, null, 'end br br_if br_table return call call_indirect return_call return_call_indirect'),
  ...run(0x1a, null, 'drop select'),
  ...run(0x20, null, 'local.get local.set local.tee global.get global.set'),
  ...run(
    0x28,
    null,
    `i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u
     i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u
     i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32`,
  ),
  ...run(0x41, null, 'i32.const i64.const f32.const f64.const'),
  ...run(0x45, null, integerComparisons('i32')),
  ...run(0x50, null, integerComparisons('i64')),
  ...run(0x5b, null, floatComparisons('f32')),
  ...run(0x61, null, floatComparisons('f64')),
  ...run(0x67, null, integerOperators('i32')),
  ...run(0x79, null, integerOperators('i64')),
  ...run(0x8b, null, floatOperators('f32')),
  ...run(0x99, null, floatOperators('f64')),
  ...run(
    0xa7,
    null,
    `i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s i64.extend_i32_u
     i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u
     f32.convert_i64_s f32.convert_i64_u f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s
     f64.convert_i64_u f64.promote_f32 i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64
     i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s`,
  ),
  ...run(
    0x00,
    SIMD,
    `v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s v128.load32x2_u
     v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.store v128.const i8x16.shuffle
     i8x16.swizzle i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat
     i8x16.extract_lane_s i8x16.extract_lane_u i8x16.replace_lane i16x8.extract_lane_s i16x8.extract_lane_u
     i16x8.replace_lane i32x4.extract_lane i32x4.replace_lane i64x2.extract_lane i64x2.replace_lane
     f32x4.extract_lane f32x4.replace_lane f64x2.extract_lane f64x2.replace_lane`,
  ),
  ...run(0x23, SIMD, laneComparisons('i8x16')),
  ...run(0x2d, SIMD, laneComparisons('i16x8')),
  ...run(0x37, SIMD, laneComparisons('i32x4')),
  ...run(0x41, SIMD, floatComparisons('f32x4')),
  ...run(0x47, SIMD, floatComparisons('f64x2')),
  ...run(
    0x4d,
    SIMD,
    `v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true v128.load8_lane v128.load16_lane
     v128.load32_lane v128.load64_lane v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane
     v128.load32_zero v128.load64_zero f32x4.demote_f64x2_zero f64x2.promote_low_f32x4
     i8x16.abs i8x16.neg i8x16.popcnt i8x16.all_true i8x16.bitmask i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u
     f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest i8x16.shl i8x16.shr_s i8x16.shr_u i8x16.add i8x16.add_sat_s
     i8x16.add_sat_u i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u f64x2.ceil f64x2.floor i8x16.min_s i8x16.min_u
     i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u
     i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u
     i16x8.abs i16x8.neg i16x8.q15mulr_sat_s i16x8.all_true i16x8.bitmask i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u
     i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u
     i16x8.shl i16x8.shr_s i16x8.shr_u i16x8.add i16x8.add_sat_s i16x8.add_sat_u i16x8.sub i16x8.sub_sat_s
     i16x8.sub_sat_u f64x2.nearest i16x8.mul i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u`,
  ),
  ...run(
    0x9b,
    SIMD,
    `i16x8.avgr_u i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s i16x8.extmul_low_i8x16_u
     i16x8.extmul_high_i8x16_u i32x4.abs i32x4.neg`,
  ),
  ...run(0xa3, SIMD, 'i32x4.all_true i32x4.bitmask'),
  ...run(
    0xa7,
    SIMD,
    `i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u
     i32x4.shl i32x4.shr_s i32x4.shr_u i32x4.add`,
  ),
  ...run(0xb1, SIMD, 'i32x4.sub'),
  ...run(0xb5, SIMD, 'i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s'),
  ...run(
    0xbc,
    SIMD,
    'i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u',
  ),
  ...run(0xc0, SIMD, 'i64x2.abs i64x2.neg'),
  ...run(0xc3, SIMD, 'i64x2.all_true i64x2.bitmask'),
  ...run(
    0xc7,
    SIMD,
    `i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u
     i64x2.shl i64x2.shr_s i64x2.shr_u i64x2.add`,
  ),
  ...run(0xd1, SIMD, 'i64x2.sub'),
  ...run(0xd5, SIMD, 'i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s'),
  ...run(
    0xdc,
    SIMD,
    'i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u',
  ),
  ...run(0xe0, SIMD, 'f32x4.abs f32x4.neg'),
  ...run(0xe3, SIMD, 'f32x4.sqrt f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax'),
  ...run(0xec, SIMD, 'f64x2.abs f64x2.neg'),
  ...run(0xef, SIMD, 'f64x2.sqrt f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax'),
  ...run(
    0xf8,
    SIMD,
    `i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u
     i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u`,
  ),
  ...run(0x00, ATOMIC, 'memory.atomic.notify memory.atomic.wait32 memory.atomic.wait64 atomic.fence'),
  ...run(
    0x10,
    ATOMIC,
    `i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u i64.atomic.load8_u i64.atomic.load16_u
     i64.atomic.load32_u i32.atomic.store i64.atomic.store i32.atomic.store8 i32.atomic.store16 i64.atomic.store8
     i64.atomic.store16 i64.atomic.store32`,
  ),
  ...run(0x1e, ATOMIC, atomicOperators('add')),
  ...run(0x25, ATOMIC, atomicOperators('sub')),
  ...run(0x2c, ATOMIC, atomicOperators('and')),
  ...run(0x33, ATOMIC, atomicOperators('or')),
  ...run(0x3a, ATOMIC, atomicOperators('xor')),
  ...run(0x41, ATOMIC, atomicOperators('xchg')),
  ...run(0x48, ATOMIC, atomicOperators('cmpxchg')),
]);
