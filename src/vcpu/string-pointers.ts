// rSI, rDI and rCX of string instructions, and the linear addresses that they mean, in 32-bit halves: string
// instructions are frequent enough that bigints would show.
import type { Instruction, MemoryOperand } from '../decode/instruction.ts';
import { MODE } from '../decode/mode.ts';
import { GuestException, VECTOR } from '../mmu/exception.ts';
import { gprOffset, SEGMENT, type SegmentName } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { isStackOperand } from './memory-image.ts';

export const RCX = 1;
export const RSI = 6;
export const RDI = 7;

const TWO_32 = 2 ** 32;
const DIRECTION = 1 << 10;

/** A linear address. */
export interface Linear {
  readonly low: number;
  readonly high: number;
}

/** The memory operand based on rSI or rDI. */
export function stringOperand({ operands }: Instruction, register: typeof RSI | typeof RDI): MemoryOperand {
  for (const operand of operands) if (operand.kind === 'memory' && operand.base === register) return operand;
  throw new TypeError('a string operand was expected');
}

/** Cpu.code64, from what the run loop keeps of it. */
const runs64 = ({ state }: Cpu): boolean => (state.mode & MODE.sizeMask) === MODE.code64;

/** RFLAGS.DF: operands are walked downwards. */
export const isBackward = ({ state }: Cpu): boolean => (state.systemFlags & DIRECTION) !== 0;

const GPR = gprOffset(0);
const wordOf = ({ address }: Cpu, register: number): number => (address + GPR + 8 * register) >>> 2;

/** The low 32 bits of a register's value at an address size. */
function lowPart(cpu: Cpu, register: number, addressSize: number): number {
  const value = cpu.memory.u32[wordOf(cpu, register)]!;
  return addressSize === 16 ? value & 0xffff : value;
}

/** rCX as a number: exact below 2^53, and never 0 for a count that is not. */
export function repeatCount(cpu: Cpu, addressSize: number): number {
  const low = lowPart(cpu, RCX, addressSize);
  return addressSize === 64 ? low + TWO_32 * cpu.memory.u32[wordOf(cpu, RCX) + 1]! : low;
}

/** Adds to a register by the rules of its address size: 16 bits keep the rest of it, 32 bits clear the upper half. */
export function advance(cpu: Cpu, register: number, addressSize: number, delta: number): void {
  const { u16, u32 } = cpu.memory;
  const at = wordOf(cpu, register);
  if (addressSize === 16) {
    u16[2 * at] = u16[2 * at]! + delta;
    return;
  }
  const sum = u32[at]! + delta;
  u32[at] = sum;
  if (addressSize === 32) u32[at + 1] = 0;
  else if (sum < 0 || sum >= TWO_32) u32[at + 1] = u32[at + 1]! + Math.floor(sum / TWO_32);
}

const word = (field: keyof typeof SEGMENT.offset): number => SEGMENT.offset[field] >>> 2;
const BASE = word('base');
const READ_LOW = word('readLow');
const READ_SPAN = word('readSpan');
const WRITE_LOW = word('writeLow');
const WRITE_SPAN = word('writeSpan');

/** Whether offsets `offset` to `offset` + `bytes` - 1 may be accessed: Cpu.linear's check in numbers. */
function withinBounds(cpu: Cpu, segment: SegmentName, offset: number, bytes: number, write: boolean): boolean {
  const { u32 } = cpu.memory;
  const at = cpu.segments[segment].address >>> 2;
  const low = at + (write ? WRITE_LOW : READ_LOW);
  const span = at + (write ? WRITE_SPAN : READ_SPAN);
  if (u32[low + 1] !== 0) return false;
  const from = offset - u32[low]!;
  return from >= 0 && (u32[span + 1] !== 0 || from + bytes - 1 <= u32[span]!);
}

/** 64-bit code: no limits; FS and GS have a base of 64 bits. */
function linear64(cpu: Cpu, { base: register, segment }: MemoryOperand, addressSize: number): Linear {
  const at = wordOf(cpu, register);
  const low = cpu.memory.u32[at]!;
  const high = addressSize === 32 ? 0 : cpu.memory.u32[at + 1]!;
  if (segment === 'flat' || segment === 'flatStack') return { low, high };
  const base = (cpu.segments[segment].address >>> 2) + BASE;
  const sum = low + cpu.memory.u32[base]!;
  return { low: sum >>> 0, high: (high + cpu.memory.u32[base + 1]! + (sum >= TWO_32 ? 1 : 0)) >>> 0 };
}

/**
 * The linear address of `bytes` bytes at a string operand.
 * @throws GuestException #GP(0) or #SS(0) if they are not within the segment
 */
export function linearOf(cpu: Cpu, operand: MemoryOperand, addressSize: number, bytes: number, write: boolean): Linear {
  if (runs64(cpu)) return linear64(cpu, operand, addressSize);
  const offset = lowPart(cpu, operand.base, addressSize);
  if (!withinBounds(cpu, operand.segment, offset, bytes, write)) {
    throw new GuestException(isStackOperand(operand) ? VECTOR.SS : VECTOR.GP, 0);
  }
  const base = cpu.memory.u32[(cpu.segments[operand.segment].address >>> 2) + BASE]!;
  return { low: (base + offset) >>> 0, high: 0 };
}

/** How many bytes from a string operand on are within its segment before its offset wraps; 0 if that is not easily said. */
export function bytesInSegment(
  cpu: Cpu,
  operand: MemoryOperand,
  addressSize: number,
  bytes: number,
  write: boolean,
): number {
  const offset = lowPart(cpu, operand.base, addressSize);
  const beforeWrap = addressSize === 16 ? 0x10000 - offset : addressSize === 32 ? TWO_32 - offset : bytes;
  const wanted = Math.min(bytes, beforeWrap);
  return runs64(cpu) || withinBounds(cpu, operand.segment, offset, wanted, write) ? wanted : 0;
}
