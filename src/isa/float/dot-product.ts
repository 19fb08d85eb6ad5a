import { add, multiply } from './arithmetic.ts';
import { type FloatEnvironment, finishStep } from './environment.ts';
import type { FloatFormat } from './format.ts';

/**
 * DPPS (four binary32 elements) or DPPD (two binary64 elements): SDM 2A, "DPPS" and "DPPD", Operation.
 * imm8 bits 7:4 choose the products, the others being +0; bits 3:0 choose the elements that receive the sum.
 * Neighbours are added first, then the two sums, each step rounding and meeting exceptions for itself.
 * A step that must fault ends the instruction, and the returned elements are void. The manual says only that exceptions
 * are determined for each operation; that finished steps keep their flags is what a processor was measured to do.
 */
export function dotProduct(
  env: FloatEnvironment,
  format: FloatFormat,
  a: readonly bigint[],
  b: readonly bigint[],
  imm8: number,
): bigint[] {
  let terms = a.map((element, i) => (((imm8 >> (4 + i)) & 1) !== 0 ? multiply(env, format, element, b[i]) : 0n));
  while (terms.length > 1 && finishStep(env)) {
    terms = terms.filter((_, i) => i % 2 === 0).map((term, i) => add(env, format, term, terms[2 * i + 1]));
  }
  return a.map((_, i) => (((imm8 >> i) & 1) !== 0 ? terms[0] : 0n));
}
