// Stack instructions that are no plain push or pop of a general register.
import type { Instruction } from '../../decode/instruction.ts';
import { BLOCKING } from '../../state/context.ts';
import type { Cpu } from '../cpu.ts';
import type { HelperTable } from '../helper-table.ts';
import { prepareSegment } from '../segments.ts';
import { PopStack } from '../segments-pop.ts';
import { CurrentStack } from '../segments-push.ts';
import { loadableSegment, segmentOperand } from './segmentation.ts';

const RSP = 4;
const RBP = 5;

/**
 * PUSH Sreg. With 32-bit operands recent Intel processors write only 16 bits into the four bytes (SDM 2B "PUSH"), AMD's
 * all (APM 3 "PUSH").
 */
function pushSegment(cpu: Cpu, insn: Instruction): void {
  const { state } = cpu;
  const selector = BigInt(cpu.segments[segmentOperand(insn.operands[0])].selector);
  const rsp = state.gpr.get(RSP);
  const top = (rsp - BigInt(insn.operandSize / 8)) & state.stackMask;
  const half = insn.operandSize === 32 && cpu.features.model === 'intel';
  cpu.writeStack(top, half ? 16 : insn.operandSize, selector);
  state.gpr.set(RSP, (rsp & ~state.stackMask) | top);
}

/** POP Sreg reads 16 bits, and drops as many bytes as the operand size says. */
function popSegment(cpu: Cpu, insn: Instruction): void {
  const name = loadableSegment(insn.operands[0]);
  const stack = new PopStack(cpu);
  const selector = stack.popSelector(16);
  stack.release(insn.operandSize / 8 - 2);
  prepareSegment(cpu, name, selector)();
  // The stack pointer keeps the width that the old SS gave it.
  cpu.state.gpr.set(RSP, stack.pointer);
  if (name === 'ss') cpu.state.interruptibility |= BLOCKING.movSs;
}

/** PUSHA: AX CX DX BX, the old SP, BP SI DI. */
function pushAll(cpu: Cpu, insn: Instruction): void {
  const { gpr } = cpu.state;
  const stack = new CurrentStack(cpu);
  for (let index = 0; index < 8; index++) stack.push(gpr.get(index), insn.operandSize);
  gpr.set(RSP, stack.pointer);
}

/** POPA: the reverse, but for the value of SP, which is skipped. */
function popAll(cpu: Cpu, insn: Instruction): void {
  const stack = new PopStack(cpu);
  const values: bigint[] = [];
  for (let index = 0; index < 8; index++) values.push(stack.pop(insn.operandSize));
  for (let index = 0; index < 8; index++) {
    if (index !== RSP) cpu.setGpr(index, insn.operandSize, values[7 - index]!);
  }
  cpu.state.gpr.set(RSP, stack.pointer);
}

const MAX_LEVEL = 31;

/** ENTER: SDM 2A "ENTER-Make Stack Frame for Procedure Parameters", and SDM 1 6.6.1. */
function enter(cpu: Cpu, insn: Instruction): void {
  const { state } = cpu;
  const width = insn.operandSize;
  const [allocated, nesting] = insn.operands.map((operand) => (operand.kind === 'immediate' ? operand.value : 0n));
  const level = Number(nesting) & MAX_LEVEL;
  const stack = new CurrentStack(cpu);
  const rbp = state.gpr.get(RBP);
  stack.push(rbp, width);
  const frame = stack.pointer;
  for (let outer = 1; outer < level; outer++) {
    const link = (rbp - BigInt((outer * width) / 8)) & state.stackMask;
    stack.push(cpu.readStack(link, width), width);
  }
  if (level > 0) stack.push(frame, width);
  const top = (stack.pointer - BigInt.asUintN(16, allocated!)) & state.stackMask;
  // The new top must be writable, though nothing is written there: page and limit faults strike now.
  const segment = cpu.stackSegment;
  cpu.mmu.probeWrite(cpu.linear(segment, top, width / 8, true), width / 8, true);
  cpu.setGpr(RBP, width, frame);
  state.gpr.set(RSP, (stack.pointer & ~state.stackMask) | top);
}

export const stackHelpers: HelperTable = { pushSegment, popSegment, pushAll, popAll, enter };
