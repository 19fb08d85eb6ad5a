// What both tiers' builders make of operands, the stack and arrivals. How registers, addresses and immediates are found
// is what they differ in.
import type { Value } from '../isa/arithmetic.ts';
import type { Operand } from '../isa/semantics.ts';
import { CONTEXT } from '../state/context.ts';
import { type AccessPlace, MemorySemantics, type Routines } from './memory-semantics.ts';
import { EXIT } from './uop.ts';

const RSP = 4;
/** Tells slow paths that the access is on the stack: SDM 3A 6.15, #SS. */
const STACK_ACCESS = 0x100;

export abstract class EngineSemantics<I extends Routines = Routines> extends MemorySemantics<I> {
  /** `width` bits of a register operand at byte `at` of it. */
  protected abstract loadRegister(operand: Operand, width: number, at: number): Value;
  /** Writes them; of a general register, 64 bits are all of it and fewer leave the rest. */
  protected abstract storeRegister(operand: Operand, value: Value, at: number): void;
  /** An immediate extended to 64 bits. */
  protected abstract immediate(operand: Operand): Value;
  /** The linear address of an access to a memory operand; leaves if its segment forbids the access. */
  protected abstract linear(operand: Operand, bytes: number, write: boolean, place?: AccessPlace): Value;
  /** Where the next instruction lies from the block's start, and how many instructions lie before it: 32 bits. */
  protected abstract nextOffset(): Value;
  protected abstract instructionCount(): Value;

  // ---- operands

  load(operand: Operand): Value {
    const { width } = operand;
    if (operand.kind === 'memory') return this.readLinear(this.linear(operand, width / 8, false), width);
    if (operand.kind === 'register') return this.loadRegister(operand, width, 0);
    return this.truncate(this.immediate(operand), width);
  }

  store(operand: Operand, value: Value): void {
    if (value.width !== operand.width) throw new TypeError(`store of ${value.width} bits to ${operand.width}`);
    if (operand.kind === 'memory') this.writeLinear(this.linear(operand, value.width / 8, true), value);
    else this.#storeWhole(operand, value);
  }

  #storeWhole(operand: Operand, value: Value): void {
    this.storeRegister(operand, operand.class === 'gpr' && value.width === 32 ? this.zeroExtend(value, 64) : value, 0);
  }

  update(operand: Operand, compute: (old: Value) => Value): { old: Value; value: Value } {
    if (operand.kind === 'memory') {
      return this.updateLinear(this.linear(operand, operand.width / 8, true), operand.width, compute);
    }
    const old = this.load(operand);
    const value = compute(old);
    this.#storeWhole(operand, value);
    return { old, value };
  }

  loadAt(operand: Operand, offset: Value, width: number): Value {
    return this.readLinear(this.linear(operand, width / 8, false, { offset }), width);
  }

  updateAt(
    operand: Operand,
    offset: Value,
    width: number,
    compute: (old: Value) => Value,
  ): { old: Value; value: Value } {
    return this.updateLinear(this.linear(operand, width / 8, true, { offset }), width, compute);
  }

  loadPart(operand: Operand, width: number, at: number): Value {
    if (operand.kind === 'register') return this.loadRegister(operand, width, at);
    return this.readLinear(this.linear(operand, width / 8, false, { at }), width);
  }

  storePart(operand: Operand, value: Value, at: number): void {
    if (operand.kind === 'register') this.storeRegister(operand, value, at);
    else this.writeLinear(this.linear(operand, value.width / 8, true, { at }), value);
  }

  #alignedLinear(operand: Operand, write: boolean): Value {
    const linear = this.linear(operand, 16, write, { aligned: true });
    this.requireAligned(linear);
    return linear;
  }

  loadAligned(operand: Operand): Value {
    if (operand.kind === 'register') return this.load(operand);
    return this.readLinear(this.#alignedLinear(operand, false), 128);
  }

  storeAligned(operand: Operand, value: Value): void {
    if (operand.kind === 'register') this.store(operand, value);
    else this.writeLinear(this.#alignedLinear(operand, true), value);
  }

  // ---- stack

  #stackLinear(offset: Value, bytes: number, write: boolean): Value {
    if (this.operandSize === 64) return offset;
    return this.segmented(this.contextLoad(CONTEXT.offset.stackSegment, 32), offset, bytes, write);
  }

  pushStack(value: Value): void {
    const bytes = value.width / 8;
    const rsp = this.register(RSP, 64);
    const moved = this.sub(rsp, this.constant(bytes, 64));
    if (this.operandSize === 64) {
      this.writeLinear(moved, value, STACK_ACCESS);
      this.setRegister(RSP, moved);
      return;
    }
    const mask = this.contextLoad(CONTEXT.offset.stackMask, 64);
    const offset = this.and(moved, mask);
    this.writeLinear(this.#stackLinear(offset, bytes, true), value, STACK_ACCESS);
    this.#setMaskedRsp(rsp, offset, mask);
  }

  loadStack(address: Value): Value {
    return this.readLinear(address, 64, STACK_ACCESS);
  }

  popStack(width: number): Value {
    const rsp = this.register(RSP, 64);
    const bytes = this.constant(width / 8, 64);
    if (this.operandSize === 64) {
      const value = this.readLinear(rsp, width, STACK_ACCESS);
      this.setRegister(RSP, this.add(rsp, bytes));
      return value;
    }
    const mask = this.contextLoad(CONTEXT.offset.stackMask, 64);
    const linear = this.#stackLinear(this.and(rsp, mask), width / 8, false);
    const value = this.readLinear(linear, width, STACK_ACCESS);
    this.#setMaskedRsp(rsp, this.and(this.add(rsp, bytes), mask), mask);
    return value;
  }

  #setMaskedRsp(old: Value, offset: Value, mask: Value): void {
    this.setRegister(RSP, this.or(this.and(old, this.not(mask)), offset));
  }

  // ---- control flow

  nextRip(): Value {
    const rip = this.contextLoad(CONTEXT.offset.rip, 64);
    const next = this.add(rip, this.zeroExtend(this.nextOffset(), 64));
    return this.truncate(next, this.operandSize);
  }

  protected relativeRip(delta: Value): Value {
    const sum = this.add(this.contextLoad(CONTEXT.offset.rip, 64), delta);
    return this.operandSize === 64 ? sum : this.zeroExtend(this.truncate(sum, this.operandSize), 64);
  }

  /** Sets RIP, takes the block's instructions off the budget and leaves if it is spent or the vCPU is kicked. */
  protected arriveAt(rip: Value): void {
    this.publish();
    this.contextStore(CONTEXT.offset.rip, rip);
    const budget = this.sub(this.contextLoad(CONTEXT.offset.budget, 32), this.instructionCount());
    this.contextStore(CONTEXT.offset.budget, budget);
    this.if(this.lts(budget, this.contextLoad(CONTEXT.offset.kick, 32)), () => {
      this.code.i32(EXIT.slice).op('return');
    });
  }

  raise(vector: number): void {
    this.publish();
    this.pushUop();
    this.code.i32(vector).opIndex('call', this.imports.raise).op('return');
  }
}
