// Tier 1 keeps general registers and flag words in wasm locals while a block runs.
import { CONTEXT, gprOffset } from '../state/context.ts';
import type { Code, ValueType } from '../wasm/code.ts';
import { ALIGNMENT, CONTEXT_LOCAL, LOADS, STATE, STORES } from './memory-semantics.ts';

/** The general registers by their index, then the flag words. */
export const SLOT = { Z: 16, S: 17, C: 18, O: 19, A: 20 } as const;

interface Slot {
  readonly type: ValueType;
  /** Byte offset of its word in the context. */
  readonly offset: number;
  readonly width: 32 | 64;
}

const FLAG_WORDS = { Z: 'flagZ', S: 'flagS', C: 'flagC', O: 'flagO', A: 'flagA' } as const;

const SLOTS: readonly Slot[] = [
  ...Array.from({ length: 16 }, (_, index): Slot => ({ type: 'i64', offset: gprOffset(index), width: 64 })),
  ...Object.values(FLAG_WORDS).map((field): Slot => {
    const wide = CONTEXT.fields[field] === 'u64';
    return { type: wide ? 'i64' : 'i32', offset: CONTEXT.offset[field], width: wide ? 64 : 32 };
  }),
];

/** A place in the code where locals are loaded from the context: the entry, and behind every call of a helper. */
interface LoadPoint {
  readonly at: number;
  readonly slots: Set<number>;
}

/**
 * The locals of one block. What must be loaded is known only when the code behind has been written, so loads are put
 * in by `finish`: nothing in wasm refers to positions in the code.
 */
export class LocalRegisters {
  readonly #code: Code;
  readonly #locals = new Map<number, number>();
  readonly #points: LoadPoint[] = [];
  /** Written since the context was last known to hold the same. */
  readonly #dirty = new Set<number>();
  /** Written on every path since the last load point. */
  readonly #defined = new Set<number>();
  #conditions = 0;

  constructor(code: Code) {
    this.#code = code;
    this.loadPoint();
  }

  #local(slot: number): number {
    let local = this.#locals.get(slot);
    if (local === undefined) {
      local = this.#code.local(SLOTS[slot]!.type);
      this.#locals.set(slot, local);
    }
    return local;
  }

  #require(slot: number): void {
    if (this.#defined.has(slot)) return;
    for (const { slots } of this.#points) slots.add(slot);
  }

  /** Pushes the slot's value on the wasm stack. */
  push(slot: number): void {
    this.#require(slot);
    this.#code.get(this.#local(slot));
  }

  /** Pops the slot's new value. */
  pop(slot: number): void {
    // A write that may be skipped leaves the old value, which must be there to be stored at the exit.
    if (this.#conditions > 0) this.#require(slot);
    else this.#defined.add(slot);
    this.#dirty.add(slot);
    this.#code.set(this.#local(slot));
  }

  /** What is written between the two may be skipped. */
  beginConditional(): void {
    this.#conditions++;
  }

  endConditional(): void {
    this.#conditions--;
  }

  /** Stores what was written into the context. The locals stay valid. */
  store(): void {
    const code = this.#code;
    for (const slot of this.#dirty) {
      const { offset, width } = SLOTS[slot]!;
      code.get(CONTEXT_LOCAL).get(this.#local(slot)).memory(STORES[width]!, STATE, offset, ALIGNMENT[width]!);
    }
  }

  /** Somebody else may have written the context: locals are loaded from it here. They must have been stored before. */
  loadPoint(): void {
    const onEveryPath = this.#conditions === 0;
    if (onEveryPath) this.#dirty.clear();
    // On the other paths the locals stay dirty; the exit's stores must then write here what they found here.
    this.#points.push({ at: this.#code.bytes.length, slots: new Set(this.#dirty) });
    this.#defined.clear();
  }

  /** Puts the loads in. To be called once, when all else is written. */
  finish(): void {
    const { bytes } = this.#code;
    const body = bytes.splice(0);
    let done = 0;
    for (const { at, slots } of this.#points) {
      for (; done < at; done++) bytes.push(body[done]!);
      for (const slot of slots) this.#load(slot);
    }
    for (; done < body.length; done++) bytes.push(body[done]!);
  }

  #load(slot: number): void {
    const { offset, width } = SLOTS[slot]!;
    this.#code.get(CONTEXT_LOCAL).memory(LOADS[width]!, STATE, offset, ALIGNMENT[width]!).set(this.#local(slot));
  }
}
