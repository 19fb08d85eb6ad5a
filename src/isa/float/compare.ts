import { type FloatEnvironment, floatException } from './environment.ts';
import type { FloatFormat } from './format.ts';
import { isNan, noteDenormals, type Operand, readOperand } from './operand.ts';
import { bitLength } from './rounding.ts';

export type Relation = 'unordered' | 'less' | 'equal' | 'greater';

interface Predicate {
  readonly holds: readonly Relation[];
  /** Whether a quiet NaN raises IE too; a signaling one always does. */
  readonly signals: boolean;
}

/** CMPPS imm8 bits 2:0, in order: EQ, LT, LE, UNORD, NEQ, NLT, NLE, ORD. SDM 2A, CMPPS, table 3-1. */
const predicates: readonly Predicate[] = [
  { holds: ['equal'], signals: false },
  { holds: ['less'], signals: true },
  { holds: ['less', 'equal'], signals: true },
  { holds: ['unordered'], signals: false },
  { holds: ['unordered', 'less', 'greater'], signals: false },
  { holds: ['unordered', 'equal', 'greater'], signals: true },
  { holds: ['unordered', 'greater'], signals: true },
  { holds: ['less', 'equal', 'greater'], signals: false },
];

/** Whether predicate imm8 bits 2:0 holds of the CMPSS, CMPSD element; the caller makes it a mask of ones or zeros. */
export function compare(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint, predicate: number): boolean {
  const { holds, signals } = predicates[predicate & 7];
  return holds.includes(relation(env, readOperand(env, format, a), readOperand(env, format, b), signals));
}

/** How `a` stands to `b`. `signals` as COMISS has it, clear as UCOMISS has it: whether a quiet NaN raises IE. */
export function relate(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint, signals: boolean): Relation {
  return relation(env, readOperand(env, format, a), readOperand(env, format, b), signals);
}

/** MINSS, MINSD element: the second operand unless the first is less, so for NaNs and for two zeros as well. */
export function minimum(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint): bigint {
  return choose(env, format, a, b, 'less');
}

/** MAXSS, MAXSD element: the second operand unless the first is greater. */
export function maximum(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint): bigint {
  return choose(env, format, a, b, 'greater');
}

function choose(env: FloatEnvironment, format: FloatFormat, a: bigint, b: bigint, wanted: Relation): bigint {
  const x = readOperand(env, format, a);
  const y = readOperand(env, format, b);
  // The chosen operand passes unchanged, a signaling NaN too; only DAZ may have emptied it. SDM 2B, MINPS.
  return relation(env, x, y, true) === wanted ? x.bits : y.bits;
}

function relation(env: FloatEnvironment, x: Operand, y: Operand, signals: boolean): Relation {
  if (isNan(x) || isNan(y)) {
    const invalid = signals || [x.kind, y.kind].some((kind) => kind === 'signaling' || kind === 'unsupported');
    if (invalid) env.flags |= floatException.IE;
    return 'unordered';
  }
  noteDenormals(env, x, y);
  if (x.kind === 'zero' && y.kind === 'zero') return 'equal';
  if (x.negative !== y.negative || x.kind === 'zero' || y.kind === 'zero') {
    return direction(signOf(x) - signOf(y));
  }
  const magnitude = compareMagnitudes(x, y);
  return direction(x.negative ? -magnitude : magnitude);
}

function signOf(x: Operand): number {
  if (x.kind === 'zero') return 0;
  return x.negative ? -1 : 1;
}

function direction(difference: number): Relation {
  if (difference === 0) return 'equal';
  return difference < 0 ? 'less' : 'greater';
}

/** Negative, zero or positive. By value, because in double extended precision one may have two encodings. */
function compareMagnitudes(x: Operand, y: Operand): number {
  if (x.kind === 'infinity' || y.kind === 'infinity') {
    return Number(x.kind === 'infinity') - Number(y.kind === 'infinity');
  }
  const top = x.exponent + bitLength(x.significand) - (y.exponent + bitLength(y.significand));
  if (top !== 0) return top;
  const difference =
    x.exponent >= y.exponent
      ? (x.significand << BigInt(x.exponent - y.exponent)) - y.significand
      : x.significand - (y.significand << BigInt(y.exponent - x.exponent));
  return Number(difference > 0n) - Number(difference < 0n);
}
