import { binary32 } from './format.ts';

// SDM 1 10.4.1 and SDM 2B, RCPPS and RSQRTPS, promise a relative error of at most 1.5 * 2^-12 and leave the bits to
// the processor. Here the quotient is rounded to a significand of 12 bits, nearest with ties away from zero: an error
// near 2^-13, none where the answer is a power of two. The arithmetic is IEEE binary64, rounded to binary32 first, so
// every host gives the same bits, and so does WebAssembly with f32.div(1, x) or a demoted f64 1/sqrt before the
// addition and the masking of `roundTo12Bits`.
// Neither instruction reads MXCSR or meets an exception: denormals count as zeros whatever DAZ says.

const signBit = 0x8000_0000;
const infinity = Number(binary32.infinity);
const quietBit = Number(binary32.quietBit);
const defaultNan = Number(binary32.defaultNan);
const smallestNormal = 0x0080_0000;

/** The RCPSS element, u32 to u32. Tiny results are zeros of the operand's sign. */
export function reciprocal(bits: number): number {
  const sign = (bits & signBit) >>> 0;
  const magnitude = bits & ~signBit;
  if (magnitude > infinity) return (bits | quietBit) >>> 0;
  if (magnitude === infinity) return sign;
  if (magnitude < smallestNormal) return (sign | infinity) >>> 0;
  const rounded = roundTo12Bits(1 / decodeSingle(magnitude));
  return rounded < smallestNormal ? sign : (sign | rounded) >>> 0;
}

/** The RSQRTSS element, u32 to u32. Negative numbers give the QNaN indefinite, -0 gives -infinity. */
export function reciprocalSquareRoot(bits: number): number {
  const sign = (bits & signBit) >>> 0;
  const magnitude = bits & ~signBit;
  if (magnitude > infinity) return (bits | quietBit) >>> 0;
  if (magnitude < smallestNormal) return (sign | infinity) >>> 0;
  if (sign !== 0) return defaultNan;
  if (magnitude === infinity) return 0;
  return roundTo12Bits(1 / Math.sqrt(decodeSingle(magnitude)));
}

function decodeSingle(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}

function roundTo12Bits(value: number): number {
  return (new Uint32Array(Float32Array.of(value).buffer)[0] + 0x800) & ~0xfff;
}
