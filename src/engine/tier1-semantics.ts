// Tier 1's reading of the definitions: operands are known, registers and flags are in wasm locals.
import type { DecodedOperand, Instruction, MemoryOperand, RegisterOperand } from '../decode/instruction.ts';
import type { Value } from '../isa/arithmetic.ts';
import type { FlagWord, Operand } from '../isa/semantics.ts';
import { CONTEXT, mmxOffset, segmentOffset, xmmOffset } from '../state/context.ts';
import type { Code } from '../wasm/code.ts';
import { EngineSemantics } from './engine-semantics.ts';
import { type AccessPlace, type BuilderParts, CONTEXT_LOCAL, STATE, UOP_LOCAL } from './memory-semantics.ts';
import { LocalRegisters, SLOT } from './tier1-registers.ts';
import { EXIT, LINK, UOP } from './uop.ts';

const RIP_BASE = 16;

/** One operand with what it was decoded to. */
interface KnownOperand extends Operand {
  readonly decoded: DecodedOperand;
}

/** An instruction and where it stands in its block. */
export interface PlacedInstruction {
  readonly instruction: Instruction;
  /** Which of the block's instructions, and so of its micro-ops, it is: from 0. */
  readonly index: number;
  /** Byte offset from the block's start. */
  readonly start: number;
  /** LOCK is in force. */
  readonly locked: boolean;
}

/** An instruction cannot be part of a translated block: it stays with tier 0. */
export class UntranslatableError extends Error {
  override name = 'UntranslatableError';
  readonly mnemonic: string;

  constructor({ form }: Instruction, reason: string) {
    super(`${form.definition.mnemonic} (${form.text}): ${reason}`);
    this.mnemonic = form.definition.mnemonic;
  }
}

/** Describes the instructions of one block, one after the other, into one function. */
export class Tier1Semantics extends EngineSemantics {
  #at!: PlacedInstruction;
  readonly #code64: boolean;
  readonly #registers: LocalRegisters;
  /** Depth of the wasm block around an instruction that may call a helper; 0 around the others. */
  #depth = 0;

  /** @param code64 the block is 64-bit code */
  constructor(code: Code, parts: BuilderParts & { readonly code64: boolean }) {
    super(code, parts);
    this.#code64 = parts.code64;
    this.#registers = new LocalRegisters(code);
  }

  get operandSize(): number {
    return this.#at.instruction.operandSize;
  }

  get locked(): boolean {
    return this.#at.locked;
  }

  // ---- instructions

  /** Describes one instruction. @throws UntranslatableError if this builder cannot */
  describe(at: PlacedInstruction): void {
    this.#at = at;
    const { definition } = at.instruction.form;
    if (definition.execute) this.#execute(definition.execute, definition.mayCallHelper === true);
    else if (definition.helper !== undefined) this.#callHelper(definition.helper);
    else throw new UntranslatableError(at.instruction, 'neither described nor performed by a helper');
  }

  /** Describes an instruction whose unit is switched off: it raises an exception and no more. */
  describeFault(at: PlacedInstruction, vector: number): void {
    this.#at = at;
    this.raise(vector);
  }

  #execute(execute: NonNullable<Instruction['form']['definition']['execute']>, mayCallHelper: boolean): void {
    const operands = this.#at.instruction.operands.map((decoded, position) => this.#known(decoded, position));
    if (!mayCallHelper) {
      execute(this, ...operands);
      return;
    }
    // A helper that did the whole instruction goes on behind it: it leaves this block.
    this.code.block(() => {
      this.#depth = this.code.depth;
      this.#registers.beginConditional();
      execute(this, ...operands);
      this.#registers.endConditional();
    });
    this.#depth = 0;
  }

  #known(decoded: DecodedOperand, position: number): KnownOperand {
    const { kind } = decoded;
    if (kind === 'far') throw new UntranslatableError(this.#at.instruction, 'a far pointer');
    const registerClass = kind === 'register' ? decoded.class : 'gpr';
    const width = kind === 'relative' ? this.operandSize : decoded.width;
    return { kind, class: registerClass, width, position, decoded };
  }

  /** Closes the function. @param endsBlock the last instruction leaves on every path; else it goes on behind it */
  finish(endsBlock: boolean): void {
    if (endsBlock) {
      this.code.op('unreachable');
    } else {
      this.#arriveBehind();
      this.#lookUp();
    }
    this.#registers.finish();
  }

  protected pushUop(): void {
    this.code.get(UOP_LOCAL);
    if (this.#at.index > 0) this.code.i32(this.#at.index * UOP.size).op('i32.add');
  }

  protected publish(): void {
    this.#registers.store();
  }

  // ---- registers and flags

  register(index: number, width: number): Value {
    this.#registers.push(index);
    return this.truncate(this.pop(64), width);
  }

  setRegister(index: number, value: Value): void {
    this.push(value.width === 32 ? this.zeroExtend(value, 64) : this.#inserted(index, value, 0));
    this.#registers.pop(index);
  }

  /** The whole register with some of its bits replaced. */
  #inserted(index: number, value: Value, at: number): Value {
    if (value.width === 64) return value;
    const mask = BigInt.asUintN(64, ((1n << BigInt(value.width)) - 1n) << BigInt(at));
    const kept = this.and(this.register(index, 64), this.constant(~mask, 64));
    const part = this.zeroExtend(value, 64);
    return this.or(kept, at === 0 ? part : this.shl(part, at));
  }

  #registerOf(operand: Operand): RegisterOperand {
    return (operand as KnownOperand).decoded as RegisterOperand;
  }

  /** Vector registers are left in the context. */
  #vectorOffset({ class: registerClass, index }: RegisterOperand): number {
    if (registerClass === 'xmm') return xmmOffset(index);
    if (registerClass === 'mmx') return mmxOffset(index);
    throw new UntranslatableError(this.#at.instruction, `a ${registerClass} register`);
  }

  protected loadRegister(operand: Operand, width: number, at: number): Value {
    const register = this.#registerOf(operand);
    if (register.class !== 'gpr') return this.contextLoad(this.#vectorOffset(register) + at, width);
    const shift = at * 8 + (register.high ? 8 : 0);
    if (shift === 0) return this.register(register.index, width);
    return this.truncate(this.shr(this.register(register.index, 64), shift), width);
  }

  protected storeRegister(operand: Operand, value: Value, at: number): void {
    const register = this.#registerOf(operand);
    if (register.class !== 'gpr') {
      this.contextStore(this.#vectorOffset(register) + at, value);
      return;
    }
    this.push(this.#inserted(register.index, value, at * 8 + (register.high ? 8 : 0)));
    this.#registers.pop(register.index);
  }

  flagWord(word: FlagWord): Value {
    this.#registers.push(SLOT[word]);
    return word === 'Z' || word === 'S' ? this.pop(64) : this.pop(1);
  }

  setFlagWord(word: FlagWord, value: Value): void {
    this.push(value);
    this.#registers.pop(SLOT[word]);
  }

  override if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.#registers.beginConditional();
    super.if(condition, then, otherwise);
    this.#registers.endConditional();
  }

  // ---- operands

  protected immediate(operand: Operand): Value {
    const { decoded } = operand as KnownOperand;
    if (decoded.kind !== 'immediate')
      throw new UntranslatableError(this.#at.instruction, `a ${decoded.kind} as a value`);
    return this.constant(decoded.value, 64);
  }

  effectiveAddress(operand: Operand): Value {
    const { base, index, scale, displacement } = (operand as KnownOperand).decoded as MemoryOperand;
    let sum: Value | null = null;
    const add = (value: Value) => {
      sum = sum ? this.add(sum, value) : value;
    };
    if (base === RIP_BASE) add(this.contextLoad(CONTEXT.offset.rip, 64));
    else if (base >= 0) add(this.register(base, 64));
    if (index >= 0) add(scale === 0 ? this.register(index, 64) : this.shl(this.register(index, 64), scale));
    const constant = base === RIP_BASE ? displacement + BigInt(this.#next) : displacement;
    if (sum === null || constant !== 0n) add(this.constant(constant, 64));
    return this.#truncateAddress(sum!);
  }

  #truncateAddress(address: Value): Value {
    const { addressSize } = this.#at.instruction;
    if (addressSize === 64) return address;
    if (address.constant !== undefined) return this.constant(BigInt.asUintN(addressSize, address.constant), 64);
    return this.and(address, this.constant((1n << BigInt(addressSize)) - 1n, 64));
  }

  protected linear(operand: Operand, bytes: number, write: boolean, place: AccessPlace = {}): Value {
    const { offset, at = 0, aligned = false } = place;
    let address = this.effectiveAddress(operand);
    if (offset) address = this.#truncateAddress(this.add(address, offset));
    if (at !== 0) address = this.add(address, this.constant(at, 64));
    const { segment } = (operand as KnownOperand).decoded as MemoryOperand;
    if (this.#code64 && (segment === 'flat' || segment === 'flatStack')) return address;
    return this.segmented(this.constant(segmentOffset(segment), 32), address, bytes, write, aligned);
  }

  // ---- control flow

  get #next(): number {
    return this.#at.start + this.#at.instruction.length;
  }

  protected nextOffset(): Value {
    return this.constant(this.#next, 32);
  }

  protected instructionCount(): Value {
    return this.constant(this.#at.index + 1, 32);
  }

  /** Leaves to the run loop, which knows or builds the block at RIP. */
  #lookUp(): void {
    this.contextStore(CONTEXT.offset.linkSlot, this.constant(0, 32));
    this.code.i32(EXIT.lookup).op('return');
  }

  /** As #lookUp, and asks for a link in a slot of the micro-op, if it wants one. */
  #follow(slot: number): void {
    const { code } = this;
    this.pushUop();
    code.i32(slot).op('i32.add');
    const address = this.pop(32);
    this.push(address);
    code.memory('i32.load', STATE, 0, 2);
    const unlinked = this.eq(this.pop(32), this.constant(LINK.unknown, 32));
    code.get(CONTEXT_LOCAL);
    this.push(this.select(unlinked, address, this.constant(0, 32)));
    code.memory('i32.store', STATE, CONTEXT.offset.linkSlot, 2);
    code.i32(EXIT.lookup).op('return');
  }

  jump(target: Operand): void {
    const { decoded } = target as KnownOperand;
    if (decoded.kind !== 'relative') throw new UntranslatableError(this.#at.instruction, `a jump to a ${decoded.kind}`);
    this.arriveAt(this.relativeRip(this.constant(decoded.value + BigInt(this.#next), 64)));
    this.#follow(UOP.offset.base);
  }

  branch(condition: Value, target: Operand): void {
    this.if(condition, () => this.jump(target));
    this.#arriveBehind();
    this.#follow(UOP.offset.index);
  }

  /** The operand size does not truncate RIP where it only moves on. */
  #arriveBehind(): void {
    const next = this.zeroExtend(this.nextOffset(), 64);
    this.arriveAt(this.add(this.contextLoad(CONTEXT.offset.rip, 64), next));
  }

  jumpTo(target: Value): void {
    this.arriveAt(this.zeroExtend(target, 64));
    this.#lookUp();
  }

  #callHelper(name: string): void {
    const { code } = this;
    const result = code.local('i32');
    this.publish();
    this.pushUop();
    code.i32(this.helperId(name)).opIndex('call', this.imports.helper).tee(result);
    code.if(() => code.get(result).op('return'));
    this.#registers.loadPoint();
  }

  helper(name: string): void {
    if (this.#depth === 0) throw new UntranslatableError(this.#at.instruction, `calls ${name} unannounced`);
    this.#callHelper(name);
    this.code.opIndex('br', this.code.depth - this.#depth);
  }
}
