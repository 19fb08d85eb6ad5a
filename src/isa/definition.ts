import type { Operand, Semantics } from './semantics.ts';

/** What an instruction needs of the FPU/SSE state before it may run: SDM 3A 2.5, 13.1, table 13-1. */
export type UnitCheck = 'x87' | 'mmx' | 'sse';

/**
 * One instruction: how it is encoded and what it does. Either `execute` describes it to a builder, for both tiers, or
 * `helper` names the TypeScript function (src/vcpu/helpers) that performs it.
 */
export interface Definition {
  readonly mnemonic: string;
  /** Encodings in the grammar of encoding.ts. */
  readonly encodings: readonly string[];
  /** LOCK is allowed when the destination is memory: SDM 2A "LOCK". Elsewhere it is #UD. */
  readonly lockable?: boolean;
  /** Atomic with a memory operand even without LOCK: XCHG (SDM 3A 8.1.2.1). */
  readonly alwaysLocked?: boolean;
  /** Describes the instruction. May look at the builder and at operand kinds and widths, never at operand values. */
  readonly execute?: (x: Semantics, ...operands: Operand[]) => void;
  readonly helper?: string;
  /** The definition may call helpers for its rare cases (Semantics.helper): they get the decoded instruction. */
  readonly mayCallHelper?: boolean;
  /**
   * The block goes on after this helper: it never changes RIP, modes, privilege or translations. Helpers without it
   * end the block.
   */
  readonly continues?: boolean;
  /** The definition always jumps: RET, indirect CALL and JMP. Relative jumps need not say so. */
  readonly endsBlock?: boolean;
  /** Worth handlers of its own for the simple 64-bit addressing forms. */
  readonly hot?: boolean;
  readonly unit?: UnitCheck;
  /** CPUID feature (src/vcpu/cpuid names) without which the encodings are #UD. */
  readonly feature?: string;
}

/** Condition codes in encoding order: SDM 1 appendix B.1. */
export const CONDITIONS = [
  'o',
  'no',
  'b',
  'ae',
  'e',
  'ne',
  'be',
  'a',
  's',
  'ns',
  'p',
  'np',
  'l',
  'ge',
  'le',
  'g',
] as const;
