// One element of INS and OUTS: SDM 2A "INS", SDM 2B "OUTS". Permission is checked before memory, and memory before
// the port is touched, since a port cannot be read twice.
import type { Instruction } from '../decode/instruction.ts';
import type { AccessSize } from '../mmu/bus.ts';
import type { Cpu } from './cpu.ts';
import { requirePort } from './io-permission.ts';
import { isStackOperand } from './memory-image.ts';
import { elementSize } from './string-elements.ts';
import { advance, isBackward, linearOf, RDI, RSI, stringOperand } from './string-pointers.ts';

const RDX = 2;

const portOf = (cpu: Cpu): number => Number(cpu.gpr(RDX, 16));

export function inputElement(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn) as AccessSize;
  const port = portOf(cpu);
  requirePort(cpu, port, size);
  const target = stringOperand(insn, RDI);
  const stack = isStackOperand(target);
  const { low, high } = linearOf(cpu, target, addressSize, size, true);
  cpu.mmu.probeWrite((BigInt(high) << 32n) | BigInt(low), size, stack);
  cpu.mmu.writeNumber(low, high, size, cpu.ports.readPort(port, size), stack);
  advance(cpu, RDI, addressSize, isBackward(cpu) ? -size : size);
}

export function outputElement(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn) as AccessSize;
  const port = portOf(cpu);
  requirePort(cpu, port, size);
  const source = stringOperand(insn, RSI);
  const { low, high } = linearOf(cpu, source, addressSize, size, false);
  cpu.ports.writePort(port, size, cpu.mmu.readNumber(low, high, size, isStackOperand(source)));
  advance(cpu, RSI, addressSize, isBackward(cpu) ? -size : size);
}
