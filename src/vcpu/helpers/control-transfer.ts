// Far transfers, interrupts that programs cause, and fast system calls.
import type { Instruction, MemoryOperand } from '../../decode/instruction.ts';
import { GuestException, undefinedOpcode, VECTOR } from '../../mmu/exception.ts';
import type { Cpu } from '../cpu.ts';
import { type FarTarget, farCall, farJump, farReturn } from '../far-transfer.ts';
import { swapGs, syscall, sysenter, sysexit, sysret } from '../far-transfer-fast.ts';
import type { HelperTable } from '../helper-table.ts';
import { breakpoint, softwareInterrupt } from '../interrupts.ts';
import { interruptReturn } from '../iret.ts';
import { readFarPointer } from './segmentation.ts';

/** The target in the instruction (ptr16:16, ptr16:32) or in memory (m16:16, m16:32, m16:64). */
function farTarget(cpu: Cpu, insn: Instruction): FarTarget {
  const operand = insn.operands[0]!;
  const width = insn.operandSize;
  if (operand.kind === 'far') return { selector: operand.selector, offset: BigInt(operand.offset), width };
  return { ...readFarPointer(cpu, insn, operand as MemoryOperand), width };
}

/** An instruction's only operand, an immediate; 0 if it has none. */
function immediate(insn: Instruction): number {
  const operand = insn.operands[0];
  return operand?.kind === 'immediate' ? Number(BigInt.asUintN(16, operand.value)) : 0;
}

/** BOUND: the index must be between two signed values in memory, both included. SDM 2A "BOUND". */
function bound(cpu: Cpu, insn: Instruction): void {
  const [index, bounds] = insn.operands as [Instruction['operands'][number], MemoryOperand];
  const width = insn.operandSize;
  const at = cpu.effectiveAddress(bounds, insn.addressSize);
  const upperAt = BigInt.asUintN(insn.addressSize, at + BigInt(width / 8));
  const lower = BigInt.asIntN(width, cpu.read(bounds.segment, at, width));
  const upper = BigInt.asIntN(width, cpu.read(bounds.segment, upperAt, width));
  const checked = BigInt.asIntN(width, cpu.load(index, insn.addressSize));
  if (checked < lower || checked > upper) throw new GuestException(VECTOR.BR);
}

function into(cpu: Cpu, insn: Instruction): void {
  if (cpu.code64) throw undefinedOpcode();
  if (cpu.state.flagO) softwareInterrupt(cpu, VECTOR.OF, 'softwareException', insn.length);
}

export const controlTransferHelpers: HelperTable = {
  farJump: (cpu, insn) => farJump(cpu, farTarget(cpu, insn)),
  farCall: (cpu, insn) => farCall(cpu, farTarget(cpu, insn)),
  farReturn: (cpu, insn) => farReturn(cpu, insn.operandSize, immediate(insn)),
  interruptReturn: (cpu, insn) => interruptReturn(cpu, insn.operandSize),
  int: (cpu, insn) => softwareInterrupt(cpu, immediate(insn) & 0xff, 'softwareInterrupt', insn.length),
  int3: (cpu, insn) => breakpoint(cpu, insn.length),
  int1: (cpu, insn) => softwareInterrupt(cpu, VECTOR.DB, 'privilegedSoftwareException', insn.length),
  into,
  bound,
  sysenter,
  sysexit: (cpu, insn) => sysexit(cpu, insn.operandSize),
  syscall,
  sysret: (cpu, insn) => sysret(cpu, insn.operandSize),
  swapgs: swapGs,
};
