import { floatException, mxcsrField } from './environment.ts';

// When an operation of the host, in WebAssembly or on JavaScript numbers, gives the very result and flags of the SSE
// instruction, so that the exact library is not needed. Host arithmetic rounds to nearest, never flushes, and keeps
// no flags; a NaN it computes has an unspecified payload. In return:
//
// - ADD, SUB, MUL, DIV, SQRT: see `arithmeticMatches`. The result test also answers for infinities and NaNs among the
//   operands, for division by zero and for FTZ, since all of those end outside the ordinary results.
// - MIN, MAX, CMP, COMI, UCOMI: see `comparisonMatches`. MINPS d,s is `f32x4.pmin(s, d)` and MAXPS d,s is
//   `f32x4.pmax(s, d)` bit for bit, NaNs and zeros included, unless DAZ meets a denormal; only the flags need the test.
// - CVTTSS2SI and kin: see `truncationMatches`. The CVT forms also need RC nearest, and the host's nearest-even first.
// - CVTDQ2PD, CVTSI2SD from 32 bits: always, under every MXCSR. CVTSI2SS and CVTDQ2PS up to 2^24 in magnitude, CVTSI2SD
//   up to 2^53: always; beyond, under `roundsNatively`.
// - CVTSS2SD: unless the operand is a NaN or a denormal. CVTSD2SS: as `arithmeticMatches` with the binary32 range for
//   the result and the binary64 range for the operand.
// - ROUNDSS and kin: unless the operand is a NaN or a denormal, if imm8 suppresses PE or PE is masked and already set.
//
// binary32 arithmetic may be done on binary64 and rounded once more: with 53 >= 2 * 24 + 2 bits the two roundings
// cannot differ from one where the result is normal.

/** The smallest positive normal number of a format, which divides what host arithmetic may answer from the rest. */
export const smallestNormal = {
  single: 2 ** -126,
  double: 2 ** -1022,
} as const;

const { PE } = floatException;
const precisionMask = PE << mxcsrField.maskShift;
const roundingField = 3 << mxcsrField.roundingShift;

/** Whether another PE would change nothing: masked, and already in MXCSR. */
function precisionIsMoot(mxcsr: number): boolean {
  return (mxcsr & (precisionMask | PE)) === (precisionMask | PE);
}

/** Whether the host's rounding is the guest's, and inexactness, which the host does not report, is moot. */
export function roundsNatively(mxcsr: number): boolean {
  return precisionIsMoot(mxcsr) && (mxcsr & roundingField) === 0;
}

/** Whether a value is a denormal of the format with this smallest normal number. */
export function isDenormal(value: number, smallest: number): boolean {
  return value !== 0 && Math.abs(value) < smallest;
}

/**
 * Whether `result`, computed by the host from `a` and `b`, is the instruction's result, with no flag but PE.
 * For a unary operation pass the operand twice. `smallest` is that of the format, from `smallestNormal`.
 *
 * The smallest normal number itself is excluded: it may have been tiny before it was rounded up to, which sets UE. A
 * zero is excluded too, although that of an addition or subtraction without denormals is exact and would match.
 */
export function arithmeticMatches(mxcsr: number, smallest: number, a: number, b: number, result: number): boolean {
  const magnitude = Math.abs(result);
  if (!(magnitude > smallest && magnitude < Number.POSITIVE_INFINITY)) return false;
  return roundsNatively(mxcsr) && !isDenormal(a, smallest) && !isDenormal(b, smallest);
}

/** Whether `a < b ? a : b` is MIN, `a > b ? a : b` MAX, and the host's comparisons CMP and COMI, all without flags. */
export function comparisonMatches(smallest: number, a: number, b: number): boolean {
  const unordered = Number.isNaN(a) || Number.isNaN(b);
  return !unordered && !isDenormal(a, smallest) && !isDenormal(b, smallest);
}

/** Whether the host's truncation of `value` to a signed integer of `width` bits is that of the CVTT instructions. */
export function truncationMatches(mxcsr: number, value: number, width: 32 | 64): boolean {
  const limit = 2 ** (width - 1);
  const whole = Math.trunc(value);
  // DAZ may take a denormal's PE away, which is moot as well. A NaN fails both comparisons.
  return whole >= -limit && whole < limit && (whole === value || precisionIsMoot(mxcsr));
}
