// One element of each string instruction that works on memory: SDM 2 "MOVS", "CMPS", "STOS", "LODS", "SCAS".
import type { Instruction, MemoryOperand } from '../decode/instruction.ts';
import { CONTEXT } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { isStackOperand } from './memory-image.ts';
import { advance, isBackward, linearOf, RDI, RSI, stringOperand } from './string-pointers.ts';

const RAX = 0;
const { flagZ: FLAG_Z, flagS: FLAG_S, gpr: GPR } = CONTEXT.offset;

/** Bytes of an element. */
export const elementSize = ({ operands: [first, second] }: Instruction): number =>
  (first?.kind === 'memory' ? first.width : second!.width) >> 3;

/** Elements up to 4 bytes are numbers, those of 8 bigints. */
type NumberSize = 1 | 2 | 4;

function readNumber(cpu: Cpu, operand: MemoryOperand, addressSize: number, size: NumberSize): number {
  const { low, high } = linearOf(cpu, operand, addressSize, size, false);
  return cpu.mmu.readNumber(low, high, size, isStackOperand(operand));
}

function writeNumber(cpu: Cpu, operand: MemoryOperand, addressSize: number, size: NumberSize, value: number): void {
  const { low, high } = linearOf(cpu, operand, addressSize, size, true);
  cpu.mmu.writeNumber(low, high, size, value, isStackOperand(operand));
}

const wide = ({ low, high }: { low: number; high: number }): bigint => (BigInt(high) << 32n) | BigInt(low);

function readWide(cpu: Cpu, operand: MemoryOperand, addressSize: number): bigint {
  return cpu.mmu.read(wide(linearOf(cpu, operand, addressSize, 8, false)), 64, isStackOperand(operand));
}

function writeWide(cpu: Cpu, operand: MemoryOperand, addressSize: number, value: bigint): void {
  cpu.mmu.write(wide(linearOf(cpu, operand, addressSize, 8, true)), 64, value, isStackOperand(operand));
}

/** Moves rSI or rDI to the next element. */
function next(cpu: Cpu, { base }: MemoryOperand, addressSize: number, size: number): void {
  advance(cpu, base, addressSize, isBackward(cpu) ? -size : size);
}

export function copyElements(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn);
  const source = stringOperand(insn, RSI);
  const target = stringOperand(insn, RDI);
  if (size === 8) writeWide(cpu, target, addressSize, readWide(cpu, source, addressSize));
  else {
    const value = readNumber(cpu, source, addressSize, size as NumberSize);
    writeNumber(cpu, target, addressSize, size as NumberSize, value);
  }
  next(cpu, source, addressSize, size);
  next(cpu, target, addressSize, size);
}

/** The low 32 bits of rAX. */
const eax = (cpu: Cpu): number => cpu.memory.u32[(cpu.address + GPR) >>> 2]!;

export function storeElement(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn);
  const target = stringOperand(insn, RDI);
  if (size === 8) writeWide(cpu, target, addressSize, cpu.gpr(RAX));
  else writeNumber(cpu, target, addressSize, size as NumberSize, eax(cpu));
  next(cpu, target, addressSize, size);
}

export function loadElement(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn);
  const source = stringOperand(insn, RSI);
  const at = cpu.address + GPR;
  const { u8, u16, u32 } = cpu.memory;
  if (size === 8) cpu.setGpr(RAX, 64, readWide(cpu, source, addressSize));
  else {
    const value = readNumber(cpu, source, addressSize, size as NumberSize);
    if (size === 1) u8[at] = value;
    else if (size === 2) u16[at >>> 1] = value;
    else {
      u32[at >>> 2] = value;
      u32[(at >>> 2) + 1] = 0;
    }
  }
  next(cpu, source, addressSize, size);
}

/** Puts a result, sign-extended to 64 bits, where ZF, SF and PF are found: src/vcpu/flags.ts. */
function setResult({ memory: { i32 }, address }: Cpu, low: number, high: number): void {
  const zero = (address + FLAG_Z) >>> 2;
  const sign = (address + FLAG_S) >>> 2;
  i32[zero] = low;
  i32[zero + 1] = high;
  i32[sign] = low;
  i32[sign + 1] = high;
}

/** The flags of a - b, as CMP has them: SDM 1 3.4.3.1. */
export function setDifference(cpu: Cpu, a: number, b: number, size: NumberSize): void {
  const { state } = cpu;
  const unused = 32 - 8 * size;
  const difference = ((a - b) << unused) >> unused;
  setResult(cpu, difference, difference >> 31);
  state.flagC = a < b ? 1 : 0;
  state.flagA = ((a ^ b ^ difference) >>> 4) & 1;
  state.flagO = (((a ^ b) & (a ^ difference)) >>> (8 * size - 1)) & 1;
}

function setWideDifference(cpu: Cpu, a: bigint, b: bigint): void {
  const { state } = cpu;
  const difference = BigInt.asUintN(64, a - b);
  state.flagZ = difference;
  state.flagS = difference;
  state.flagC = a < b ? 1 : 0;
  state.flagA = Number(((a ^ b ^ difference) >> 4n) & 1n);
  state.flagO = Number(((a ^ b) & (a ^ difference)) >> 63n);
}

/**
 * Whether the element at rSI is read before that at rDI, which shows where both fault. The manuals leave it open; AMD's
 * processors read rDI first, but for REPE CMPSB.
 */
const readsSourceFirst = ({ repeat }: Instruction, size: number): boolean => size === 1 && repeat === 0xf3;

function compareNumbers(cpu: Cpu, insn: Instruction, size: NumberSize): void {
  const { addressSize } = insn;
  const first = stringOperand(insn, RSI);
  const early = readsSourceFirst(insn, size) ? readNumber(cpu, first, addressSize, size) : null;
  const b = readNumber(cpu, stringOperand(insn, RDI), addressSize, size);
  setDifference(cpu, early ?? readNumber(cpu, first, addressSize, size), b, size);
}

export function compareElements(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn);
  if (size === 8) {
    const b = readWide(cpu, stringOperand(insn, RDI), addressSize);
    setWideDifference(cpu, readWide(cpu, stringOperand(insn, RSI), addressSize), b);
  } else compareNumbers(cpu, insn, size as NumberSize);
  const step = isBackward(cpu) ? -size : size;
  advance(cpu, RSI, addressSize, step);
  advance(cpu, RDI, addressSize, step);
}

export function scanElement(cpu: Cpu, insn: Instruction): void {
  const { addressSize } = insn;
  const size = elementSize(insn);
  const operand = stringOperand(insn, RDI);
  if (size === 8) setWideDifference(cpu, cpu.gpr(RAX), readWide(cpu, operand, addressSize));
  else {
    const mask = size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
    const value = readNumber(cpu, operand, addressSize, size as NumberSize);
    setDifference(cpu, (eax(cpu) & mask) >>> 0, value, size as NumberSize);
  }
  next(cpu, operand, addressSize, size);
}
