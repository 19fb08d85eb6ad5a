// From a decoded instruction to its handler's index. Plain data behind it, computed once and posted to every worker.
import type { Instruction } from '../decode/instruction.ts';
import type { Form } from '../isa/encoding.ts';
import { type FlagEffects, OPAQUE, unpackEffects } from './flag-effects.ts';
import type { AddressForm } from './tier0-memory.ts';

/** Stands for a register or immediate in keys and choices. */
export const NO_MEMORY = 'none';
export type MemoryChoice = AddressForm | typeof NO_MEMORY;

export interface HandlerTableData {
  /** Handler indices by choiceKey. */
  readonly byForm: ReadonlyMap<string, number>;
  /** Pairs of handlers that have a fused one; their handlers follow the unfused ones in this order. */
  readonly fused: readonly (readonly [number, number])[];
  /** What each unfused handler does to the flags: packEffects. */
  readonly effects: readonly number[];
  /** Handlers that have a twin without flags; the twins follow the fused handlers in this order. */
  readonly quiet: readonly number[];
}

/** More handlers than there ever are. */
const PAIR_SPAN = 65536;
const CHOICES = 32;
const MEMORY_NUMBER: Readonly<Record<MemoryChoice, number>> = { none: 0, base: 1, full: 2, general: 3 };

export const choiceKey = (form: string, operandSize: number, memory: MemoryChoice, locked: boolean): string =>
  `${form}|${operandSize}|${memory}|${locked}`;

export const formIdentity = (form: Form): string => `${form.definition.mnemonic} ${form.text}`;

export class HandlerTable {
  readonly #byForm: ReadonlyMap<string, number>;
  readonly #fusedByPair: ReadonlyMap<number, number>;
  readonly #found = new WeakMap<Form, Int32Array>();
  readonly #effects: readonly FlagEffects[];
  readonly #quiet: ReadonlyMap<number, number>;
  /** Handlers of definitions, fused and quiet ones included; special handlers follow. */
  readonly count: number;

  constructor({ byForm, fused, effects, quiet }: HandlerTableData) {
    const unfused = effects.length;
    this.#byForm = byForm;
    this.#fusedByPair = new Map(fused.map(([first, second], at) => [first * PAIR_SPAN + second, unfused + at]));
    this.#effects = effects.map(unpackEffects);
    this.#quiet = new Map(quiet.map((handler, at) => [handler, unfused + fused.length + at]));
    this.count = unfused + fused.length + quiet.length;
  }

  /** What a handler does to the flags. */
  effects(handler: number): FlagEffects {
    return this.#effects[handler] ?? OPAQUE;
  }

  /** The handler that does the same without the flags, or -1. */
  quietTwin(handler: number): number {
    return this.#quiet.get(handler) ?? -1;
  }

  /** The handler that does both of two consecutive handlers' work, or -1. */
  fusedWith(first: number, second: number): number {
    return this.#fusedByPair.get(first * PAIR_SPAN + second) ?? -1;
  }

  /** The handler for a decoded instruction. */
  find(instruction: Instruction, addressForm: AddressForm, locked: boolean): number {
    let known = this.#found.get(instruction.form);
    if (!known) {
      known = new Int32Array(CHOICES).fill(-1);
      this.#found.set(instruction.form, known);
    }
    const memory = instruction.operands.some(({ kind }) => kind === 'memory') ? addressForm : NO_MEMORY;
    const choice = (instruction.operandSize >> 5) * 8 + MEMORY_NUMBER[memory] * 2 + (locked ? 1 : 0);
    if (known[choice]! < 0) known[choice] = this.#search(instruction, memory, locked);
    return known[choice]!;
  }

  /** @throws RangeError if the definitions do not cover it: a mistake of ours */
  #search(instruction: Instruction, memory: MemoryChoice, locked: boolean): number {
    const key = choiceKey(formIdentity(instruction.form), instruction.operandSize, memory, locked);
    const index = this.#byForm.get(key);
    if (index === undefined) throw new RangeError(`no handler for ${instruction.form.definition.mnemonic} (${key})`);
    return index;
  }
}
