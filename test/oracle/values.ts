import type { Prng } from './prng.ts';

/** What the lanes of a vector register or of memory mostly hold. */
export type LaneKind = 'integer' | 'f32' | 'f64';

/** Single-precision values at which something changes: zeros, denormals, limits, infinities, NaNs, integer limits. */
const SPECIAL_F32 = [
  0x0000_0000, 0x8000_0000, 0x0000_0001, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x8080_0000, 0x3f80_0000, 0xbf80_0000,
  0x3f00_0000, 0x3fc0_0000, 0x4020_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0000,
  0x7f80_0001, 0xffbf_ffff, 0x4eff_ffff, 0x4f00_0000, 0xcf00_0000, 0x5f00_0000, 0xdf00_0000, 0x3f7f_ffff, 0x3400_0000,
  0x2000_0000, 0x1f80_0000, 0x5f7f_ffff, 0x4b00_0001, 0x4b7f_ffff,
] as const;

/** The upper halves of such double-precision values; the lower half is chosen apart. */
const SPECIAL_F64_HIGH = [
  0x0000_0000, 0x8000_0000, 0x000f_ffff, 0x0010_0000, 0x8010_0000, 0x3ff0_0000, 0xbff0_0000, 0x3fe0_0000, 0x3ff8_0000,
  0x7fef_ffff, 0xffef_ffff, 0x7ff0_0000, 0xfff0_0000, 0x7ff8_0000, 0xfff8_0000, 0x41df_ffff, 0x41e0_0000, 0xc1e0_0000,
  0x43e0_0000, 0xc3e0_0000, 0x47ef_ffff, 0x380f_ffff, 0x3690_0000, 0x36a0_0000, 0x4330_0000, 0x432f_ffff, 0x3cb0_0000,
] as const;

const SPECIAL_F64_LOW = [0, 0, 0, 1, 0xffff_ffff, 0x8000_0000, 0xffc0_0000, 0xe000_0000, 0xf000_0000] as const;

/** Bytes, words and so on at which signs, carries and saturation change. */
const LIMITS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as const;

/** A 32-bit integer, often a boundary value. */
export function integer32(prng: Prng): number {
  switch (prng.below(5)) {
    case 0:
      return prng.pick(LIMITS);
    case 1:
      return prng.between(-16, 16) >>> 0;
    case 2:
      return prng.u32() >>> prng.below(32);
    default:
      return prng.u32();
  }
}

/** Writes a 64-bit integer, often a boundary value of one of the operand sizes, as two 32-bit words. */
export function writeInteger64(prng: Prng, to: Uint32Array, at: number): void {
  const low = integer32(prng);
  const kind = prng.below(4);
  to[at] = low;
  // Sign-extended, zero-extended, a pair of boundary values, or unrelated.
  to[at + 1] = kind === 0 ? (low | 0) >> 31 : kind === 1 ? 0 : kind === 2 ? integer32(prng) : prng.u32();
}

/** A single-precision bit pattern: a special value, or one whose exponent lies near others' so that sums round. */
function float32(prng: Prng): number {
  if (prng.chance(35)) return prng.pick(SPECIAL_F32);
  if (prng.chance(15)) return prng.u32();
  const exponent = prng.chance(70) ? prng.between(120, 160) : prng.between(0, 255);
  return ((prng.u32() & 0x807f_ffff) | (exponent << 23)) >>> 0;
}

function writeFloat64(prng: Prng, to: Uint32Array, at: number): void {
  if (prng.chance(35)) {
    to[at] = prng.pick(SPECIAL_F64_LOW);
    to[at + 1] = prng.pick(SPECIAL_F64_HIGH);
    return;
  }
  const exponent = prng.chance(70) ? prng.between(1010, 1060) : prng.between(0, 2047);
  // Half of the significands are short: sums and products of those are exact, and no precision exception occurs.
  to[at] = prng.chance(50) ? 0 : prng.u32();
  to[at + 1] = ((prng.u32() & 0x800f_ffff) | (exponent << 20)) >>> 0;
}

/** Fills an array of lanes, two words at a time; `to` has an even length. */
export function fillLanes(prng: Prng, to: Uint32Array, kind: LaneKind): void {
  for (let at = 0; at < to.length; at += 2) {
    if (kind === 'f64') {
      writeFloat64(prng, to, at);
    } else if (kind === 'f32') {
      to[at] = float32(prng);
      to[at + 1] = float32(prng);
    } else if (prng.chance(50)) {
      writeInteger64(prng, to, at);
    } else {
      to[at] = prng.u32();
      to[at + 1] = prng.u32();
    }
  }
}
