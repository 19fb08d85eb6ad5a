// Tier 0's way to registers and addresses: through the micro-op, at run time.
import type { Value } from '../isa/arithmetic.ts';
import type { FlagWord, Operand } from '../isa/semantics.ts';
import { CONTEXT, gprOffset, SEGMENT } from '../state/context.ts';
import type { Code } from '../wasm/code.ts';
import { EngineSemantics } from './engine-semantics.ts';
import {
  type AccessPlace,
  type BuilderParts,
  CONTEXT_LOCAL,
  LOADS,
  type Routines,
  STATE,
  STORES,
  UOP_LOCAL,
} from './memory-semantics.ts';
import { UOP } from './uop.ts';

/** How a handler computes addresses: base + displacement, with index and segment base, or in general. */
export type AddressForm = 'base' | 'full' | 'general';

/** One operand as a handler is specialised for it. */
export interface HandlerOperand extends Operand {
  readonly form: AddressForm;
}

/** What handlers call. */
export interface Imports extends Routines {
  /** (context) -> exit: enters the block at RIP through the jump cache. */
  readonly dispatch: number;
  readonly handlerType: number;
}

interface HandlerParts extends BuilderParts<Imports> {
  readonly operandSize: number;
  readonly locked: boolean;
  /** Flags are not stored: whatever comes next overwrites them unseen. */
  readonly quiet?: boolean;
}

/** What a definition did with the flags while it was described. */
export interface FlagUse {
  readonly written: Set<FlagWord>;
  readonly maybeWritten: Set<FlagWord>;
  readonly read: Set<FlagWord>;
  /** It may fault, leave the block or call a helper. */
  leaves: boolean;
}

const REGISTER_FIELD = [UOP.offset.r0, UOP.offset.r1, UOP.offset.r2] as const;
const FLAG_FIELDS: Readonly<Record<FlagWord, { offset: number; width: 32 | 64 }>> = {
  Z: { offset: CONTEXT.offset.flagZ, width: 64 },
  S: { offset: CONTEXT.offset.flagS, width: 64 },
  C: { offset: CONTEXT.offset.flagC, width: 32 },
  O: { offset: CONTEXT.offset.flagO, width: 32 },
  A: { offset: CONTEXT.offset.flagA, width: 32 },
};

export abstract class Tier0Memory extends EngineSemantics<Imports> {
  readonly operandSize: number;
  readonly locked: boolean;
  /** Byte offset from the uop parameter of the micro-op being described: not 0 in the second half of a fused pair. */
  protected uopOffset = 0;
  readonly flagUse: FlagUse = { written: new Set(), maybeWritten: new Set(), read: new Set(), leaves: false };
  readonly #quiet: boolean;
  readonly #knownFlags = new Map<FlagWord, Value>();
  #arms = 0;

  constructor(code: Code, parts: HandlerParts) {
    super(code, parts);
    this.operandSize = parts.operandSize;
    this.locked = parts.locked;
    this.#quiet = parts.quiet ?? false;
  }

  protected pushUop(): void {
    this.code.get(UOP_LOCAL);
  }

  /** Everything is in the context at all times; but here others may look at it. */
  protected publish(): void {
    this.flagUse.leaves = true;
  }

  // ---- words of the micro-op

  protected uopWord(offset: number): Value {
    this.code.get(UOP_LOCAL).memory('i32.load', STATE, this.uopOffset + offset, 2);
    return this.pop(32);
  }

  protected uopLong(offset: number): Value {
    this.code.get(UOP_LOCAL).memory('i64.load', STATE, this.uopOffset + offset, 3);
    return this.pop(64);
  }

  #uopByte(offset: number): Value {
    this.code.get(UOP_LOCAL).memory('i64.load8_u', STATE, this.uopOffset + offset, 0);
    return this.pop(64);
  }

  protected uopHalf(offset: number): Value {
    this.code.get(UOP_LOCAL).memory('i32.load16_u', STATE, this.uopOffset + offset, 1);
    return this.pop(32);
  }

  /** Leaves `context + uop[field]` on the stack: the address in `state` of what the field names. */
  #pushNamed(field: number): void {
    this.code.get(CONTEXT_LOCAL).get(UOP_LOCAL);
    this.code.memory('i32.load', STATE, this.uopOffset + field, 2).op('i32.add');
  }

  #loadNamed(field: number, width: number, at = 0): Value {
    this.#pushNamed(field);
    this.code.memory(LOADS[width]!, STATE, at, 0);
    return this.pop(width);
  }

  #storeNamed(field: number, value: Value, at = 0): void {
    this.#pushNamed(field);
    this.push(value);
    this.code.memory(STORES[value.width]!, STATE, at, 0);
  }

  protected loadRegister({ position }: Operand, width: number, at: number): Value {
    return this.#loadNamed(REGISTER_FIELD[position]!, width, at);
  }

  protected storeRegister({ position }: Operand, value: Value, at: number): void {
    this.#storeNamed(REGISTER_FIELD[position]!, value, at);
  }

  protected immediate(_operand: Operand): Value {
    return this.uopLong(UOP.offset.immediate);
  }

  protected nextOffset(): Value {
    return this.uopHalf(UOP.offset.next);
  }

  protected instructionCount(): Value {
    return this.uopHalf(UOP.offset.count);
  }

  register(index: number, width: number): Value {
    return this.contextLoad(gprOffset(index), width);
  }

  setRegister(index: number, value: Value): void {
    this.contextStore(gprOffset(index), value.width === 32 ? this.zeroExtend(value, 64) : value);
  }

  flagWord(word: FlagWord): Value {
    const known = this.#knownFlags.get(word);
    if (known) return known;
    this.flagUse.read.add(word);
    const { offset, width } = FLAG_FIELDS[word];
    const value = this.contextLoad(offset, width);
    return width === 32 ? { ...value, width: 1 } : value;
  }

  setFlagWord(word: FlagWord, value: Value): void {
    const certain = this.#arms === 0;
    this.flagUse.maybeWritten.add(word);
    if (certain) this.flagUse.written.add(word);
    if (this.#quiet) return;
    const { offset, width } = FLAG_FIELDS[word];
    this.contextStore(offset, { ...value, width });
    // What only one arm writes is not known after it.
    if (certain) this.#knownFlags.set(word, value);
    else this.#knownFlags.delete(word);
  }

  override if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.#arms++;
    super.if(condition, then, otherwise);
    this.#arms--;
  }

  // ---- addresses

  #form(operand: Operand): AddressForm {
    return (operand as HandlerOperand).form;
  }

  effectiveAddress(operand: Operand): Value {
    const form = this.#form(operand);
    const base = this.#loadNamed(UOP.offset.base, 64);
    const sum = this.add(base, this.uopLong(UOP.offset.displacement));
    if (form === 'base') return sum;
    const index = this.shl(this.#loadNamed(UOP.offset.index, 64), this.#uopByte(UOP.offset.scale));
    const whole = this.add(sum, index);
    return form === 'full' ? whole : this.#truncateAddress(whole);
  }

  #truncateAddress(address: Value): Value {
    const mask = this.shr(this.constant(-1n, 64), this.#uopByte(UOP.offset.addressShift));
    return this.and(address, mask);
  }

  protected linear(operand: Operand, bytes: number, write: boolean, place: AccessPlace = {}): Value {
    const { offset, at = 0, aligned = false } = place;
    const form = this.#form(operand);
    let address = this.effectiveAddress(operand);
    if (offset) address = this.add(address, offset);
    if (at !== 0) address = this.add(address, this.constant(at, 64));
    if (offset && form === 'general') address = this.#truncateAddress(address);
    if (form === 'base') return address;
    if (form === 'full') return this.add(address, this.#loadNamed(UOP.offset.segment, 64, SEGMENT.offset.base));
    return this.segmented(this.uopWord(UOP.offset.segment), address, bytes, write, aligned);
  }
}
