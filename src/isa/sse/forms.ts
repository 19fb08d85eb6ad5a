// The shapes that most SSE and MMX instructions have: what they read, in which order, and what they write.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics, Value } from '../semantics.ts';
import { checkPendingX87, storeMmx } from './mmx-state.ts';
import { fromHalves, highHalf, lowHalf, splat64, type VectorOperation } from './vector.ts';

/** CPUID features under which the two register files have an instruction. */
export interface Features {
  readonly xmm: string;
  readonly mmx?: string;
}

/** An instruction of the SSE unit that `execute` describes whole. */
export const sse = (
  mnemonic: string,
  feature: string,
  encodings: readonly string[],
  execute: (x: Semantics, target: Operand, source: Operand, imm8: Operand) => void,
): Definition => ({ mnemonic, encodings, unit: 'sse', feature, execute });

/** `xmm, xmm/m128` with an aligned memory operand. */
export function packed(mnemonic: string, encoding: string, feature: string, operation: VectorOperation): Definition {
  return {
    mnemonic,
    encodings: [`${encoding} Vx,Wx`],
    unit: 'sse',
    feature,
    execute(x, target, source) {
      const b = x.loadAligned(source);
      x.store(target, operation(x, x.load(target), b));
    },
  };
}

/** `xmm, xmm/m128` whose result does not depend on the destination. */
export const packedUnary = (
  mnemonic: string,
  encoding: string,
  feature: string,
  operation: (x: Semantics, a: Value) => Value,
): Definition => ({
  mnemonic,
  encodings: [`${encoding} Vx,Wx`],
  unit: 'sse',
  feature,
  execute(x, target, source) {
    x.store(target, operation(x, x.loadAligned(source)));
  },
});

/** As VectorOperation, with an immediate byte in 32 bits. */
export type ImmediateOperation = (x: Semantics, a: Value, b: Value, imm8: Value) => Value;

/** `xmm, xmm/m128, imm8`. */
export const packedImmediate = (
  mnemonic: string,
  encoding: string,
  feature: string,
  operation: ImmediateOperation,
): Definition => ({
  mnemonic,
  encodings: [`${encoding} Vx,Wx,Ib`],
  unit: 'sse',
  feature,
  execute(x, target, source, imm8) {
    const b = x.loadAligned(source);
    x.store(target, operation(x, x.load(target), b, x.zeroExtend(x.load(imm8), 32)));
  },
});

/**
 * How an operation on XMM registers does the same on MMX registers:
 * `low`: both operands in both halves of a register, the result is in its low half; `high`: in its high half;
 * `pairs`: operations that compress each operand into one half, with destination and source as halves of one register.
 */
export type MmxShape = 'low' | 'high' | 'pairs';

function onMmx(x: Semantics, shape: MmxShape, operation: VectorOperation, a: Value, b: Value): Value {
  if (shape === 'pairs') {
    const both = fromHalves(x, a, b);
    return lowHalf(x, operation(x, both, both));
  }
  const result = operation(x, splat64(x, a), splat64(x, b));
  return shape === 'low' ? lowHalf(x, result) : highHalf(x, result);
}

/** An MMX instruction: the checks and transitions around what it computes from its operands, all of it 64 bits. */
export function mmxDefinition(
  mnemonic: string,
  encoding: string,
  feature: string,
  compute: (x: Semantics, target: Operand, source: Operand, third: Operand) => Value,
): Definition {
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'mmx',
    feature,
    mayCallHelper: true,
    execute(x, target, source, third) {
      checkPendingX87(x);
      storeMmx(x, target, compute(x, target, source, third));
    },
  };
}

/** `mm, mm/m64`, or m32 where the operation reads only the low half (PUNPCKLBW). */
export function mmxPacked(
  mnemonic: string,
  encoding: string,
  feature: string,
  operation: VectorOperation,
  shape: MmxShape = 'low',
): Definition {
  return mmxDefinition(mnemonic, encoding, feature, (x, target, source) => {
    const b = x.resize(x.load(source), 64);
    return onMmx(x, shape, operation, x.load(target), b);
  });
}

/** An instruction of both register files: `NP opcode` is MMX, `66 opcode` XMM. */
export function shared(
  mnemonic: string,
  opcode: string,
  { xmm, mmx = xmm }: Features,
  operation: VectorOperation,
  shape: MmxShape = 'low',
): Definition[] {
  return [
    packed(mnemonic, `66 ${opcode}`, xmm, operation),
    mmxPacked(mnemonic, `NP ${opcode} Pq,Qq`, mmx, operation, shape),
  ];
}
