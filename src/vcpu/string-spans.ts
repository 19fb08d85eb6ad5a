// Many elements of a string instruction at once, where they lie in one page of RAM each and the result is the same as
// element by element. All of them return the number of elements done, 0 for "one by one, please".
import type { Instruction, MemoryOperand } from '../decode/instruction.ts';
import { ACCESS, type Access } from '../mmu/access.ts';
import { GuestException } from '../mmu/exception.ts';
import type { PhysicalMemory } from '../mmu/physical.ts';
import type { Cpu } from './cpu.ts';
import { elementSize, setDifference } from './string-elements.ts';
import { advance, bytesInSegment, isBackward, linearOf, RDI, RSI, stringOperand } from './string-pointers.ts';

const RAX = 0;
/** Fewer elements are not worth it. */
const LEAST = 4;

/** RAM at a string operand: up to `length` bytes, a multiple of the element's size. */
interface RamSpan {
  readonly address: number;
  readonly length: number;
}

/** The span of up to `wanted` bytes at an operand, or null. Faults are left to the element that they belong to. */
function spanOf(cpu: Cpu, operand: MemoryOperand, addressSize: number, wanted: number, access: Access): RamSpan | null {
  const write = access === ACCESS.write;
  const bytes = bytesInSegment(cpu, operand, addressSize, wanted, write);
  if (bytes === 0) return null;
  try {
    const { low, high } = linearOf(cpu, operand, addressSize, 1, write);
    const span = cpu.mmu.ramSpan(low, high, access);
    return span && { address: span.address, length: Math.min(bytes, span.length) };
  } catch (error) {
    if (error instanceof GuestException) return null;
    throw error;
  }
}

/**
 * Bytes that may be copied at once. A target shortly behind its source repeats what was just written there: then only
 * as far as the source is old.
 */
function copyable(source: number, target: number, bytes: number, size: number): number {
  const distance = target - source;
  const limit = distance > 0 && distance < bytes ? distance : bytes;
  return limit - (limit % size);
}

/** Several elements of MOVS. */
export function copySpan(cpu: Cpu, insn: Instruction, count: number): number {
  if (count < LEAST || isBackward(cpu)) return 0;
  const { addressSize } = insn;
  const size = elementSize(insn);
  const from = spanOf(cpu, stringOperand(insn, RSI), addressSize, count * size, ACCESS.read);
  if (!from) return 0;
  const to = spanOf(cpu, stringOperand(insn, RDI), addressSize, from.length, ACCESS.write);
  if (!to) return 0;
  const bytes = copyable(from.address, to.address, to.length, size);
  if (bytes === 0) return 0;
  cpu.mmu.physical.u8.copyWithin(to.address, from.address, from.address + bytes);
  cpu.mmu.wrote(to.address, bytes);
  advance(cpu, RSI, addressSize, bytes);
  advance(cpu, RDI, addressSize, bytes);
  return bytes / size;
}

/** Fills aligned elements; false if they are not aligned. */
function fill({ u8, u16, u32, u64 }: PhysicalMemory, at: number, bytes: number, size: number, value: bigint): boolean {
  if (at % size !== 0) return false;
  const first = at / size;
  const end = first + bytes / size;
  if (size === 8) u64.fill(value, first, end);
  else if (size === 4) u32.fill(Number(value & 0xffff_ffffn), first, end);
  else if (size === 2) u16.fill(Number(value & 0xffffn), first, end);
  else u8.fill(Number(value & 0xffn), first, end);
  return true;
}

/** Several elements of STOS. */
export function fillSpan(cpu: Cpu, insn: Instruction, count: number): number {
  if (count < LEAST || isBackward(cpu)) return 0;
  const { addressSize } = insn;
  const size = elementSize(insn);
  const to = spanOf(cpu, stringOperand(insn, RDI), addressSize, count * size, ACCESS.write);
  if (!to) return 0;
  const bytes = to.length - (to.length % size);
  if (bytes === 0 || !fill(cpu.mmu.physical, to.address, bytes, size, cpu.gpr(RAX))) return 0;
  cpu.mmu.wrote(to.address, bytes);
  advance(cpu, RDI, addressSize, bytes);
  return bytes / size;
}

/**
 * REPNE SCASB up to, and not including, the byte that ends it: that one sets the flags of the whole. Those in between
 * leave flags that only a fault shows.
 */
export function findSpan(cpu: Cpu, insn: Instruction, count: number): number {
  if (count < LEAST || isBackward(cpu) || elementSize(insn) !== 1 || insn.repeat !== 0xf2) return 0;
  const span = spanOf(cpu, stringOperand(insn, RDI), insn.addressSize, count - 1, ACCESS.read);
  if (!span) return 0;
  const bytes = cpu.mmu.physical.u8.subarray(span.address, span.address + span.length);
  const wanted = Number(cpu.gpr(RAX, 8));
  const found = bytes.indexOf(wanted);
  const passed = found < 0 ? span.length : found;
  if (passed === 0) return 0;
  setDifference(cpu, wanted, bytes[passed - 1]!, 1);
  advance(cpu, RDI, insn.addressSize, passed);
  return passed;
}

/** Bytes that two ranges of RAM have in common from their starts, at most `length`. */
function equalBytes({ u8 }: PhysicalMemory, first: number, second: number, length: number): number {
  let same = 0;
  while (same < length && u8[first + same] === u8[second + same]) same++;
  return same;
}

/** REPE CMPSB up to, and not including, the byte that ends it. */
export function compareSpan(cpu: Cpu, insn: Instruction, count: number): number {
  if (count < LEAST || isBackward(cpu) || elementSize(insn) !== 1 || insn.repeat !== 0xf3) return 0;
  const { addressSize } = insn;
  const first = spanOf(cpu, stringOperand(insn, RSI), addressSize, count - 1, ACCESS.read);
  if (!first) return 0;
  const second = spanOf(cpu, stringOperand(insn, RDI), addressSize, first.length, ACCESS.read);
  if (!second) return 0;
  const passed = equalBytes(cpu.mmu.physical, first.address, second.address, second.length);
  if (passed === 0) return 0;
  setDifference(cpu, 0, 0, 1);
  advance(cpu, RSI, addressSize, passed);
  advance(cpu, RDI, addressSize, passed);
  return passed;
}
