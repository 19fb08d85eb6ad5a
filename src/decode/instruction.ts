import type { Form } from '../isa/encoding.ts';
import type { SegmentName } from '../state/context.ts';

/** A general, MMX, XMM, segment, control or debug register. */
export interface RegisterOperand {
  readonly kind: 'register';
  readonly class: 'gpr' | 'xmm' | 'mmx' | 'segment' | 'control' | 'debug';
  /** Architectural index. For AH CH DH BH: 0-3, with `high`. */
  readonly index: number;
  readonly high: boolean;
  /** Bits. */
  readonly width: number;
}

/** An address: base + index * 2^scale + displacement, truncated to the address size, in a segment. */
export interface MemoryOperand {
  readonly kind: 'memory';
  /** General register 0-15, 16 for RIP of the next instruction, -1 for none. */
  readonly base: number;
  readonly index: number;
  readonly scale: 0 | 1 | 2 | 3;
  /** Sign-extended; for RIP-relative addresses, relative to the next instruction. */
  readonly displacement: bigint;
  readonly segment: SegmentName;
  readonly width: number;
}

/** An immediate, sign- or zero-extended as the form says; or a relative displacement (signed). */
export interface ImmediateOperand {
  readonly kind: 'immediate' | 'relative';
  readonly value: bigint;
  readonly width: number;
}

/** ptr16:16 or ptr16:32. */
export interface FarOperand {
  readonly kind: 'far';
  readonly selector: number;
  readonly offset: number;
  readonly width: number;
}

export type DecodedOperand = RegisterOperand | MemoryOperand | ImmediateOperand | FarOperand;

/** One decoded instruction. */
export interface Instruction {
  readonly form: Form;
  /** Bytes, 1 to 15. */
  readonly length: number;
  /** Bits: 16, 32 or 64. */
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly lock: boolean;
  /** The last of F3 and F2 before the opcode, or 0. For forms with a mandatory prefix it is that prefix. */
  readonly repeat: 0 | 0xf3 | 0xf2;
  readonly rex: number;
  readonly operands: readonly DecodedOperand[];
  /** The ModRM byte, or -1. */
  readonly modrm: number;
  /** The segment that DS-relative accesses use: an override, or DS (flat where 64-bit mode ignores it). */
  readonly dataSegment: SegmentName;
}

/** What decoding came to when it is no instruction. */
export type DecodeFailure =
  /** #UD at the instruction. */
  | { readonly failure: 'undefined' }
  /** More than 15 bytes: #GP(0), SDM 2A 2.3.11. */
  | { readonly failure: 'too-long' }
  /** Bytes ran out; more must be fetched (page end). */
  | { readonly failure: 'incomplete' };
