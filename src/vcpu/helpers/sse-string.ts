// PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM: SDM 1 12.9.4, SDM 2B 4.1, "Imm8 Control Byte Operation".
import type { Instruction } from '../../decode/instruction.ts';
import type { Cpu } from '../cpu.ts';
import { RFLAGS, STATUS_FLAGS } from '../flags.ts';
import type { Helper, HelperTable } from '../helper-table.ts';
import { immediateByte, registerOperand, registerView, sourceBytes } from './sse-operands.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const XMM_BYTES = 16;

/** One of the two strings: all of its elements, and how many of them are valid. */
interface Text {
  readonly elements: readonly number[];
  readonly length: number;
}

/** The fields of imm8. */
interface Control {
  readonly words: boolean;
  readonly signed: boolean;
  readonly aggregation: number;
  /** Negate the result; if `validOnly`, only where the second string is valid. */
  readonly negate: boolean;
  readonly validOnly: boolean;
  /** The index of the highest set bit, or a mask of whole elements. */
  readonly bit6: boolean;
}

const controlOf = (imm8: number): Control => ({
  words: (imm8 & 1) !== 0,
  signed: (imm8 & 2) !== 0,
  aggregation: (imm8 >> 2) & 3,
  negate: (imm8 & 0x10) !== 0,
  validOnly: (imm8 & 0x20) !== 0,
  bit6: (imm8 & 0x40) !== 0,
});

function elementsOf(view: DataView, { words, signed }: Control): number[] {
  const read = words
    ? (index: number) => (signed ? view.getInt16(index * 2, true) : view.getUint16(index * 2, true))
    : (index: number) => (signed ? view.getInt8(index) : view.getUint8(index));
  return Array.from({ length: words ? 8 : 16 }, (_, index) => read(index));
}

/** Up to the first zero. */
function implicitLength(elements: readonly number[]): number {
  const end = elements.indexOf(0);
  return end < 0 ? elements.length : end;
}

/** The magnitude of RAX or RDX, saturated: the low 32 bits unless REX.W is set. */
function explicitLength(cpu: Cpu, insn: Instruction, register: number, count: number): number {
  const width = insn.operandSize === 64 ? 64 : 32;
  const value = BigInt.asIntN(width, cpu.gpr(register, width));
  const magnitude = value < 0n ? -value : value;
  return magnitude > BigInt(count) ? count : Number(magnitude);
}

type Aggregation = (first: Text, second: Text, at: number) => boolean;

const valid = ({ length }: Text, index: number): boolean => index < length;

/** Is element `at` of the second string one of the first's? */
const equalAny: Aggregation = (first, second, at) =>
  valid(second, at) && first.elements.slice(0, first.length).includes(second.elements[at]);

/** Does it lie in one of the first string's ranges (pairs of elements)? */
const ranges: Aggregation = (first, second, at) => {
  if (!valid(second, at)) return false;
  const value = second.elements[at];
  for (let low = 0; low + 1 < first.length; low += 2) {
    if (value >= first.elements[low] && value <= first.elements[low + 1]) return true;
  }
  return false;
};

/** Are they equal, or both past the end? */
const equalEach: Aggregation = (first, second, at) => {
  if (valid(first, at) && valid(second, at)) return first.elements[at] === second.elements[at];
  return valid(first, at) === valid(second, at);
};

/** Does the first string stand here? What would lie beyond the register's end counts as equal. */
const equalOrdered: Aggregation = (first, second, at) => {
  for (let index = 0; index < first.length && at + index < second.elements.length; index++) {
    if (!valid(second, at + index) || first.elements[index] !== second.elements[at + index]) return false;
  }
  return true;
};

const AGGREGATIONS: readonly Aggregation[] = [equalAny, ranges, equalEach, equalOrdered];

/** IntRes2: one bit an element. */
function compareStrings(first: Text, second: Text, control: Control): number {
  const aggregate = AGGREGATIONS[control.aggregation];
  return second.elements.reduce((bits, _, at) => {
    const negated = control.negate && (!control.validOnly || valid(second, at));
    return aggregate(first, second, at) !== negated ? bits | (1 << at) : bits;
  }, 0);
}

function setFlags(cpu: Cpu, result: number, first: Text, second: Text): void {
  const flags =
    (result !== 0 ? RFLAGS.CF : 0) |
    (second.length < second.elements.length ? RFLAGS.ZF : 0) |
    (first.length < first.elements.length ? RFLAGS.SF : 0) |
    (result & 1 ? RFLAGS.OF : 0);
  cpu.rflags = (cpu.rflags & ~STATUS_FLAGS) | flags;
}

/** ECX: the lowest or highest set bit, or the number of elements. */
function writeIndex(cpu: Cpu, result: number, { bit6 }: Control, count: number): void {
  const lowest = result === 0 ? count : 31 - Math.clz32(result & -result);
  const highest = result === 0 ? count : 31 - Math.clz32(result);
  cpu.setGpr(RCX, 32, BigInt(bit6 ? highest : lowest));
}

/** XMM0: the bits, or elements of ones. */
function writeMask(cpu: Cpu, result: number, { bit6, words }: Control): void {
  const target = cpu.xmm(0);
  target.fill(0);
  if (!bit6) {
    target[0] = result & 0xff;
    target[1] = result >> 8;
    return;
  }
  for (let at = 0; at < XMM_BYTES; at++) target[at] = (result >> (words ? at >> 1 : at)) & 1 ? 0xff : 0;
}

const comparison =
  (explicit: boolean, write: typeof writeIndex): Helper =>
  (cpu, insn) => {
    const control = controlOf(immediateByte(insn.operands[2]));
    const source = sourceBytes(cpu, insn, insn.operands[1], XMM_BYTES, false);
    const first = elementsOf(registerView(cpu, registerOperand(insn.operands[0])), control);
    const second = elementsOf(source, control);
    const textOf = (elements: readonly number[], register: number): Text => ({
      elements,
      length: explicit ? explicitLength(cpu, insn, register, elements.length) : implicitLength(elements),
    });
    const [a, b] = [textOf(first, RAX), textOf(second, RDX)];
    const result = compareStrings(a, b, control);
    write(cpu, result, control, first.length);
    setFlags(cpu, result, a, b);
  };

export const sseStringHelpers: HelperTable = {
  pcmpestri: comparison(true, writeIndex),
  pcmpestrm: comparison(true, writeMask),
  pcmpistri: comparison(false, writeIndex),
  pcmpistrm: comparison(false, writeMask),
};
