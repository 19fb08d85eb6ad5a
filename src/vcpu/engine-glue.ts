import type { BlockCache } from '../engine/block-cache.ts';
import type { Tier0Imports } from '../engine/tier0-module.ts';
import { EXIT, UOP } from '../engine/uop.ts';
import { GuestException, VECTOR } from '../mmu/exception.ts';
import { CONTEXT, segmentOffset } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { deliverException } from './exceptions.ts';
import type { Helper } from './helper-table.ts';

/** Set by the pushing and popping handlers in the size they pass: src/engine/tier0-semantics.ts. */
const SIZE_MASK = 0xff;
const STACK_ACCESS = 0x100;
const SS_OFFSETS: ReadonlySet<number> = new Set([segmentOffset('ss'), segmentOffset('flatStack')]);
// Looked up once: the helper path is hot.
const HALVES = { start: UOP.offset.start, next: UOP.offset.next, count: UOP.offset.count } as const;
const RIP = CONTEXT.offset.rip;
const LINEAR_MASK = CONTEXT.offset.linearMask;
const MAX_LOW = 0xffff_ffff;
/** Vectors that push an error code of 0 when raised by the decoder or a definition. */
const ZERO_ERROR: ReadonlySet<number> = new Set([VECTOR.GP, VECTOR.SS, VECTOR.AC]);

type Deliver = (cpu: Cpu, exception: GuestException) => void;

/** TypeScript helpers by id, and whether a block goes on after each. */
export interface EngineHelpers {
  readonly functions: readonly Helper[];
  readonly continues: readonly boolean[];
}

/**
 * What wasm calls when a micro-op needs more than its handler: memory that the TLB does not know, helpers, faults.
 * Every routine leaves the context as the instruction found it if a fault was delivered instead.
 */
export class EngineGlue implements Tier0Imports {
  readonly #cpu: Cpu;
  readonly #blocks: BlockCache;
  readonly #helpers: readonly Helper[];
  readonly #continues: readonly boolean[];
  readonly #deliverException: Deliver;
  /** An error of ours, to be rethrown once wasm is left: host exceptions must not unwind half an instruction. */
  failure: unknown = null;

  /** @param deliver takes a guest's exception; tests look at it instead of sending it through the IDT */
  constructor(cpu: Cpu, blocks: BlockCache, helpers: EngineHelpers, deliver: Deliver = deliverException) {
    this.#cpu = cpu;
    this.#deliverException = deliver;
    this.#blocks = blocks;
    this.#helpers = helpers.functions;
    this.#continues = helpers.continues;
  }

  #half(uop: number, field: 'start' | 'next' | 'count'): number {
    return this.#cpu.memory.u16[(uop + HALVES[field]) >>> 1]!;
  }

  #isStack(uop: number, size: number): boolean {
    return (size & STACK_ACCESS) !== 0 || SS_OFFSETS.has(this.#cpu.memory.u32[(uop + UOP.offset.segment) >>> 2]!);
  }

  /** Delivers a guest's exception at the instruction of `uop`; keeps any other error for the run loop. */
  #caught(uop: number, error: unknown): number {
    const { state } = this.#cpu;
    state.rip = BigInt.asUintN(64, state.rip + BigInt(this.#half(uop, 'start')));
    return this.#deliver(uop, error);
  }

  #deliver(uop: number, error: unknown): number {
    const { state } = this.#cpu;
    state.budget -= this.#half(uop, 'count');
    this.#cpu.instructionRip = state.rip;
    if (!(error instanceof GuestException)) {
      this.failure = error;
      return EXIT.event;
    }
    try {
      this.#deliverException(this.#cpu, error);
    } catch (inner) {
      this.failure = inner;
    }
    return EXIT.event;
  }

  slowRead = (uop: number, low: number, high: number, size: number): number => {
    try {
      this.#cpu.mmu.slowRead(low >>> 0, high >>> 0, size & SIZE_MASK, this.#isStack(uop, size));
      return EXIT.none;
    } catch (error) {
      return this.#caught(uop, error);
    }
  };

  slowWrite = (uop: number, low: number, high: number, size: number): number =>
    this.#write('slowWrite', uop, low, high, size);

  slowReadForWrite = (uop: number, low: number, high: number, size: number): number =>
    this.#write('slowReadForWrite', uop, low, high, size);

  /** A store, or the reading half of a read-modify-write. One into decoded code is tried again as a block of its own. */
  #write(routine: 'slowWrite' | 'slowReadForWrite', uop: number, low: number, high: number, size: number): number {
    const { mmu, state } = this.#cpu;
    const stack = this.#isStack(uop, size);
    try {
      const done = mmu[routine](low >>> 0, high >>> 0, size & SIZE_MASK, stack, state.single !== 0);
      return done ? EXIT.none : this.#again(uop, EXIT.single);
    } catch (error) {
      return this.#caught(uop, error);
    }
  }

  slowLocked = (uop: number, low: number, high: number, size: number): number => {
    try {
      const way = this.#cpu.mmu.probeLocked(low >>> 0, high >>> 0, size & SIZE_MASK, this.#isStack(uop, size));
      return way === 'tlb' ? EXIT.none : this.#again(uop, EXIT.exclusive);
    } catch (error) {
      return this.#caught(uop, error);
    }
  };

  /** Leaves with RIP at this instruction, which has done nothing yet. */
  #again(uop: number, exit: number): number {
    const { state } = this.#cpu;
    state.rip = BigInt.asUintN(64, state.rip + BigInt(this.#half(uop, 'start')));
    state.budget -= this.#half(uop, 'count') - 1;
    return exit;
  }

  segmentFault = (uop: number, segment: number): number =>
    this.#caught(uop, new GuestException(SS_OFFSETS.has(segment) ? VECTOR.SS : VECTOR.GP, 0));

  raise = (uop: number, vector: number): number =>
    this.#caught(uop, new GuestException(vector, ZERO_ERROR.has(vector) ? 0 : undefined));

  helper = (uop: number, id: number): number => {
    const cpu = this.#cpu;
    const { u32 } = cpu.memory;
    const rip = (cpu.address + RIP) >>> 2;
    // Halves instead of bigints: some guests call helpers a million times a second.
    const low = u32[rip]!;
    const high = u32[rip + 1]!;
    const start = low + this.#half(uop, 'start');
    const next = low + this.#half(uop, 'next');
    const mask = (cpu.address + LINEAR_MASK) >>> 2;
    cpu.beginInstruction(start >>> 0, start > MAX_LOW ? (high + 1) >>> 0 : high);
    u32[rip] = next & u32[mask]!;
    u32[rip + 1] = (next > MAX_LOW ? high + 1 : high) & u32[mask + 1]!;
    try {
      this.#helpers[id]!(cpu, this.#blocks.detail(uop));
    } catch (error) {
      cpu.state.rip = cpu.instructionRip;
      return this.#deliver(uop, error);
    }
    if (this.#continues[id]) {
      u32[rip] = low;
      u32[rip + 1] = high;
      return EXIT.none;
    }
    cpu.state.budget -= this.#half(uop, 'count');
    return EXIT.event;
  };
}
