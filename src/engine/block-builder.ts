import type { DecodedOperand, Instruction, MemoryOperand, RegisterOperand } from '../decode/instruction.ts';
import { MODE } from '../decode/mode.ts';
import { CONTEXT, gprOffset, mmxOffset, segmentOffset, xmmOffset } from '../state/context.ts';
import type { StateMemory } from '../state/struct.ts';
import { ALL_FLAGS } from './flag-effects.ts';
import type { HandlerTable } from './handler-table.ts';
import { addressFormOf } from './handlers.ts';
import { SPECIAL_HANDLERS, type SpecialHandler } from './tier0-module.ts';
import { LINK, UOP } from './uop.ts';

const RIP_BASE = 16;
const REGISTER_FIELDS = [UOP.offset.r0, UOP.offset.r1, UOP.offset.r2] as const;
/** Widths of truncation: 64 less the address size. */
const addressShift = (addressSize: number): number => 64 - addressSize;

/** Where an instruction stands in its block. */
export interface Placement {
  /** Offset of the instruction from the block's start, in bytes. */
  readonly start: number;
  /** Instructions from the block's start, this one included. */
  readonly count: number;
  /** Linear offset of the block's start in its page; negative if targets must not be linked. */
  readonly pageOffset: number;
}

/** Ids of the TypeScript helpers by name. */
export type HelperIds = ReadonlyMap<string, number>;

/** Writes micro-op records. */
export class UopWriter {
  readonly #memory: StateMemory;
  readonly #handlers: HandlerTable;
  readonly #helperIds: HelperIds;

  constructor(memory: StateMemory, handlers: HandlerTable, helperIds: HelperIds) {
    this.#memory = memory;
    this.#handlers = handlers;
    this.#helperIds = helperIds;
  }

  #word(uop: number, field: keyof typeof UOP.offset, value: number): void {
    this.#memory.u32[(uop + UOP.offset[field]) >>> 2] = value;
  }

  #half(uop: number, field: 'start' | 'next' | 'count', value: number): void {
    this.#memory.u16[(uop + UOP.offset[field]) >>> 1] = value;
  }

  #clear(uop: number): void {
    this.#memory.u32.fill(0, uop >>> 2, (uop + UOP.size) >>> 2);
  }

  #place(uop: number, { start, count }: Placement, length: number): void {
    this.#half(uop, 'start', start);
    this.#half(uop, 'next', start + length);
    this.#half(uop, 'count', count);
  }

  /** A micro-op of its own kind: the end of a block, or an exception. */
  special(uop: number, kind: SpecialHandler, placement: Placement, immediate = 0): void {
    this.#clear(uop);
    this.#word(uop, 'handler', this.#handlers.count + SPECIAL_HANDLERS.indexOf(kind));
    this.#place(uop, placement, 0);
    this.#memory.u64[(uop + UOP.offset.immediate) >>> 3] = BigInt(immediate);
    if (kind === 'endOfBlock') this.#word(uop, 'index', LINK.dynamic);
  }

  /** @param detail index under which helpers find the decoded instruction. */
  instruction(uop: number, instruction: Instruction, placement: Placement, detail: number, mode: number): void {
    this.#clear(uop);
    this.#place(uop, placement, instruction.length);
    this.#word(uop, 'detail', detail);
    const { definition } = instruction.form;
    if (definition.helper !== undefined) {
      const id = this.#helperIds.get(definition.helper);
      if (id === undefined) throw new RangeError(`no helper ${definition.helper} for ${definition.mnemonic}`);
      this.#word(uop, 'handler', this.#handlers.count + SPECIAL_HANDLERS.indexOf('helper'));
      this.#word(uop, 'helper', id);
      return;
    }
    const form = addressFormOf(instruction);
    const handler = this.#handlers.find(instruction, form, isLocked(instruction, mode));
    this.#word(uop, 'handler', handler);
    instruction.operands.forEach((operand, position) => {
      this.#operand(uop, operand, position, instruction, placement);
    });
    if (!instruction.operands.some(({ kind }) => kind === 'memory')) this.#links(uop, instruction, placement);
  }

  /**
   * Improves a block whose micro-ops are written: handlers whose flags are overwritten unseen get their quiet twins, and
   * an instruction before a conditional jump does the jump's work too.
   */
  finish(first: number, last: number): void {
    let live = ALL_FLAGS;
    for (let uop = last; uop >= first; uop -= UOP.size) {
      const handler = this.#handler(uop);
      const { writes, mayWrite, reads, leaves } = this.#handlers.effects(handler);
      const twin = (mayWrite & live) === 0 ? this.#handlers.quietTwin(handler) : -1;
      if (twin >= 0) this.#word(uop, 'handler', twin);
      live = leaves ? ALL_FLAGS : (live & ~writes) | reads;
    }
    for (let uop = first; uop < last; uop += UOP.size) {
      const fused = this.#handlers.fusedWith(this.#handler(uop), this.#handler(uop + UOP.size));
      if (fused >= 0) this.#word(uop, 'handler', fused);
    }
  }

  #handler(uop: number): number {
    return this.#memory.u32[(uop + UOP.offset.handler) >>> 2]!;
  }

  #operand(uop: number, operand: DecodedOperand, position: number, instruction: Instruction, at: Placement): void {
    switch (operand.kind) {
      case 'register':
        this.#memory.u32[(uop + REGISTER_FIELDS[position]!) >>> 2] = registerOffset(operand);
        return;
      case 'memory':
        this.#address(uop, operand, instruction, at);
        return;
      case 'immediate':
        this.#immediate(uop, operand.value);
        return;
      case 'relative':
        this.#immediate(uop, operand.value + BigInt(at.start + instruction.length));
        return;
      case 'far':
        throw new RangeError(`${instruction.form.definition.mnemonic}: far pointers are for helpers`);
    }
  }

  /** Several immediates share the word: ENTER-like forms are for helpers, so there is one. */
  #immediate(uop: number, value: bigint): void {
    this.#memory.u64[(uop + UOP.offset.immediate) >>> 3] = BigInt.asUintN(64, value);
  }

  #address(uop: number, operand: MemoryOperand, instruction: Instruction, at: Placement): void {
    const { zero, rip } = CONTEXT.offset;
    const relative = operand.base === RIP_BASE;
    this.#word(uop, 'base', operand.base < 0 ? zero : relative ? rip : gprOffset(operand.base));
    this.#word(uop, 'index', operand.index < 0 ? zero : gprOffset(operand.index));
    this.#memory.u8[uop + UOP.offset.scale] = operand.scale;
    this.#memory.u8[uop + UOP.offset.addressShift] = addressShift(instruction.addressSize);
    this.#word(uop, 'segment', segmentOffset(operand.segment));
    const displacement = relative ? operand.displacement + BigInt(at.start + instruction.length) : operand.displacement;
    this.#memory.u64[(uop + UOP.offset.displacement) >>> 3] = BigInt.asUintN(64, displacement);
  }

  /**
   * Jumps within the page may be linked block to block: the page stays mapped where it is while its code runs. All
   * others look their target up. A 16-bit jump may wrap, so it is looked up as well.
   */
  #links(uop: number, instruction: Instruction, at: Placement): void {
    const relative = instruction.operands.find(({ kind }) => kind === 'relative');
    if (relative?.kind !== 'relative') return;
    const next = at.pageOffset + at.start + instruction.length;
    const linkable = (target: number) =>
      at.pageOffset >= 0 && target >= 0 && target < 4096 && instruction.operandSize !== 16;
    this.#word(uop, 'base', linkable(next + Number(relative.value)) ? LINK.unknown : LINK.dynamic);
    this.#word(uop, 'index', linkable(next) ? LINK.unknown : LINK.dynamic);
  }
}

function registerOffset({ class: registerClass, index, high }: RegisterOperand): number {
  switch (registerClass) {
    case 'gpr':
      return gprOffset(index) + (high ? 1 : 0);
    case 'xmm':
      return xmmOffset(index);
    case 'mmx':
      return mmxOffset(index);
    default:
      throw new RangeError(`${registerClass} registers are for helpers`);
  }
}

/** The atomic handler: LOCK, or XCHG with memory, unless the world is stopped. */
export function isLocked(instruction: Instruction, mode: number): boolean {
  if (mode & MODE.unlocked) return false;
  if (!instruction.operands.some(({ kind }) => kind === 'memory')) return false;
  return instruction.lock || instruction.form.definition.alwaysLocked === true;
}

/** Does a block end after this instruction? */
export function endsBlock({ form, operands }: Instruction): boolean {
  const { definition } = form;
  if (definition.helper !== undefined) return !definition.continues;
  return definition.endsBlock === true || operands.some(({ kind }) => kind === 'relative');
}
