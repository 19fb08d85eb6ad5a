// String instructions, element by element as SDM 1 7.3.9 describes them, with pages at a time where that comes to the
// same. Registers move on with each element, so that a fault or an interrupt finds them at the element to go on with.
import type { Instruction } from '../../decode/instruction.ts';
import type { Cpu } from '../cpu.ts';
import type { HelperTable } from '../helper-table.ts';
import { compareElements, copyElements, loadElement, scanElement, storeElement } from '../string-elements.ts';
import { advance, RCX, repeatCount } from '../string-pointers.ts';
import { inputElement, outputElement } from '../string-ports.ts';
import { compareSpan, copySpan, fillSpan, findSpan } from '../string-spans.ts';

/** Elements that one call does at most: interrupts and timers wait as long. */
const ELEMENTS_PER_CALL = 4096;
/** What moving a span costs, in elements for each instruction of the slice. */
const SPAN_ELEMENTS_PER_INSTRUCTION = 32;

type Step = (cpu: Cpu, insn: Instruction) => void;
/** Does up to `count` elements at once and moves the registers but rCX; returns how many, 0 if it cannot. */
type Span = (cpu: Cpu, insn: Instruction, count: number) => number;
/** Looks at the flags of the last element. */
type Ended = (cpu: Cpu, insn: Instruction) => boolean;

const never: Ended = () => false;

/** REPE ends with ZF = 0, REPNE with ZF = 1: SDM 2B "REP/REPE/REPZ/REPNE/REPNZ", table 4-17. */
const byZeroFlag: Ended = ({ state }, { repeat }) => (state.flagZ === 0n) === (repeat === 0xf2);

/**
 * Repeats an instruction while rCX is not 0. After many elements, or when the vCPU is wanted, RIP stays at the
 * instruction, which then goes on where it left off; single-stepped, after each element (SDM 3B 17.3.1.4).
 */
function repeat(cpu: Cpu, insn: Instruction, step: Step, span: Span | null, ended: Ended): void {
  const { state } = cpu;
  const { addressSize } = insn;
  state.repeating = 0;
  let left = state.single ? 1 : ELEMENTS_PER_CALL;
  for (;;) {
    const count = repeatCount(cpu, addressSize);
    if (count === 0) return;
    if (left <= 0 || (left < ELEMENTS_PER_CALL && state.kick !== 0)) break;
    let done = span === null || state.single ? 0 : span(cpu, insn, Math.min(count, left));
    state.budget -= done === 0 ? 1 : Math.ceil(done / SPAN_ELEMENTS_PER_INSTRUCTION);
    if (done === 0) {
      step(cpu, insn);
      done = 1;
    }
    advance(cpu, RCX, addressSize, -done);
    left -= done;
    if (ended(cpu, insn)) return;
  }
  state.rip = cpu.instructionRip;
  state.repeating = 1;
}

const repeated =
  (step: Step, span: Span | null = null, ended: Ended = never): Step =>
  (cpu, insn) =>
    repeat(cpu, insn, step, span, ended);

export const stringHelpers: HelperTable = {
  movs: copyElements,
  movsRepeated: repeated(copyElements, copySpan),
  stos: storeElement,
  stosRepeated: repeated(storeElement, fillSpan),
  lods: loadElement,
  lodsRepeated: repeated(loadElement),
  cmps: compareElements,
  cmpsRepeated: repeated(compareElements, compareSpan, byZeroFlag),
  scas: scanElement,
  scasRepeated: repeated(scanElement, findSpan, byZeroFlag),
  ins: inputElement,
  insRepeated: repeated(inputElement),
  outs: outputElement,
  outsRepeated: repeated(outputElement),
};
