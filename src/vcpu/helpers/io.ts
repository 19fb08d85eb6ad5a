// IN and OUT: SDM 2A "IN", SDM 2B "OUT".
import type { DecodedOperand, Instruction } from '../../decode/instruction.ts';
import type { AccessSize } from '../../mmu/bus.ts';
import type { Cpu } from '../cpu.ts';
import type { HelperTable } from '../helper-table.ts';
import { requirePort } from '../io-permission.ts';

const RAX = 0;
const RDX = 2;

const VALUE_MASK: Readonly<Record<AccessSize, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };

/** Ports have at most 32 bits: REX.W does not widen them. */
const wordSize = ({ operandSize }: Instruction): AccessSize => (operandSize === 16 ? 2 : 4);

/** An immediate of 8 bits, or DX. */
const portOf = (cpu: Cpu, operand: DecodedOperand | undefined): number =>
  operand?.kind === 'immediate' ? Number(operand.value) : cpu.gpr32(RDX) & 0xffff;

function input(cpu: Cpu, insn: Instruction, size: AccessSize): void {
  const port = portOf(cpu, insn.operands[1]);
  requirePort(cpu, port, size);
  const value = cpu.ports.readPort(port, size);
  if (size === 4) cpu.setGpr32(RAX, value);
  else cpu.setGpr(RAX, 8 * size, BigInt(value));
}

function output(cpu: Cpu, insn: Instruction, size: AccessSize): void {
  const port = portOf(cpu, insn.operands[0]);
  requirePort(cpu, port, size);
  cpu.ports.writePort(port, size, (cpu.gpr32(RAX) & VALUE_MASK[size]) >>> 0);
}

export const ioHelpers: HelperTable = {
  inByte: (cpu, insn) => input(cpu, insn, 1),
  inWord: (cpu, insn) => input(cpu, insn, wordSize(insn)),
  outByte: (cpu, insn) => output(cpu, insn, 1),
  outWord: (cpu, insn) => output(cpu, insn, wordSize(insn)),
};
