// One vCPU that runs the same block through both tiers from the same state, and compares what they leave.
import { Decoder } from '../../../src/decode/decoder.ts';
import type { Instruction } from '../../../src/decode/instruction.ts';
import { endsBlock } from '../../../src/engine/block-builder.ts';
import type { Enter } from '../../../src/engine/tier0.ts';
import { type BlockSource, instantiateBlocks, translateBlocks } from '../../../src/engine/tier1-block.ts';
import { EXIT } from '../../../src/engine/uop.ts';
import type { Form } from '../../../src/isa/encoding.ts';
import { DEFINITIONS } from '../../../src/isa/index.ts';
import { compileEngine } from '../../../src/machine/engine-module.ts';
import { CONTEXT, SEGMENT_STRIDE, SEGMENTS, SEGMENTS_OFFSET, xmmOffset } from '../../../src/state/context.ts';
import { refreshMode } from '../../../src/vcpu/mode.ts';
import { initializeBounds } from '../../../src/vcpu/segments-bounds.ts';
import type { Prng } from '../../oracle/prng.ts';
import { type BareVcpu, bareVcpu, MODE } from '../../support/bare-vcpu.ts';
import { featuresOf } from '../../support/features.ts';
import { encodeForm, INDEXES, POINTERS } from './encode.ts';

export type CodeSize = 16 | 32 | 64;

const EVERY_FEATURE = { ...featuresOf('intel'), has: () => true };
const RAM_BYTES = 8 << 20;
const PAGE = 4096;
const TABLES = { pml4: 0x1000, pdpt: 0x2000, low: 0x3000, data: 0x4000 } as const;
const CODE = 0x20_0000;
/** The end of a page, and of the slots. */
export const CODE_END = 0x60_0000;
/** Each block has a slot of its own, so that none is overwritten. */
const SLOT_BYTES = 256;
const DATA_PHYSICAL = 0x10_0000;
/** Linear address of the data window: eight pages. */
export const DATA = 0x2000_0000;
const WINDOW_PAGES = 8;
const WRITABLE = 3n;
const READ_ONLY = 1n;
const NO_RAM = 0x8000_0000;
/** Where each page of the window is: in no order, so that accesses across pages meet two far from each other. */
const WINDOW: readonly (bigint | null)[] = [
  BigInt(DATA_PHYSICAL + 5 * PAGE) | WRITABLE,
  BigInt(DATA_PHYSICAL + 2 * PAGE) | WRITABLE,
  BigInt(DATA_PHYSICAL + 7 * PAGE) | READ_ONLY,
  null,
  BigInt(DATA_PHYSICAL + PAGE) | WRITABLE,
  BigInt(DATA_PHYSICAL + 4 * PAGE) | WRITABLE,
  BigInt(NO_RAM) | WRITABLE,
  BigInt(DATA_PHYSICAL) | WRITABLE,
];
const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const CONTEXT_BYTES = SEGMENTS_OFFSET + SEGMENTS.length * SEGMENT_STRIDE;
const CS_ATTRIBUTES: Readonly<Record<CodeSize, number>> = { 16: 0x009b, 32: 0xc09b, 64: 0xa09b };
const DATA_ATTRIBUTES = 0xc093;
const KICKED = 0x7fff_ffff;
/** A jump-cache key that no block has: blocks end where they end, however well their targets are known. */
const NO_KEY = 0xffff_ffff;

/** A block in RAM, decoded. */
export interface PlacedBlock extends BlockSource {
  readonly address: number;
  readonly bytes: readonly number[];
  readonly codeSize: CodeSize;
}

/** What a run left. */
export interface Outcome {
  readonly exit: number;
  readonly context: Buffer;
  readonly memory: Buffer;
  readonly exception: readonly (number | bigint | undefined)[] | null;
}

/** How a run ended, for counting. */
export type Ending = 'fault' | 'exclusive' | 'slice' | 'lookup' | 'other';

export class TwoTiers {
  readonly #vcpu: BareVcpu;
  readonly #decoder: Decoder;
  readonly #data: Buffer;
  #next = CODE;

  constructor() {
    this.#vcpu = bareVcpu(compileEngine(), EVERY_FEATURE, RAM_BYTES);
    this.#decoder = new Decoder(DEFINITIONS, () => true);
    this.#data = Buffer.from(this.#vcpu.ram.buffer, DATA_PHYSICAL, WINDOW_PAGES * PAGE);
    this.#mapPages();
  }

  /** Every form that an instruction may have. */
  get forms(): readonly Form[] {
    return this.#decoder.forms;
  }

  #mapPages(): void {
    const view = new DataView(this.#vcpu.ram.buffer);
    const accessed = 0x60n;
    const entry = (table: number, index: number, value: bigint) =>
      view.setBigUint64(table + index * 8, value | accessed, true);
    entry(TABLES.pml4, 0, BigInt(TABLES.pdpt) | WRITABLE);
    entry(TABLES.pdpt, 0, BigInt(TABLES.low) | WRITABLE);
    // Code may be read only, and what lies below it not at all: the window is all that a block can change.
    for (let index = CODE >>> 21; index < RAM_BYTES >>> 21; index++) {
      entry(TABLES.low, index, (BigInt(index) << 21n) | 0x80n | READ_ONLY);
    }
    entry(TABLES.low, DATA >>> 21, BigInt(TABLES.data) | WRITABLE);
    WINDOW.forEach((page, index) => {
      if (page !== null) entry(TABLES.data, index, page);
    });
  }

  /** Puts a block's bytes into RAM: at an address of its own, or the next slot's. */
  place(codeSize: CodeSize, instructions: readonly Instruction[], bytes: readonly number[], at?: number): PlacedBlock {
    const address = at ?? this.#next;
    if (at === undefined) this.#next += SLOT_BYTES;
    if (this.#next >= CODE_END) throw new RangeError('no room for more blocks');
    this.#vcpu.ram.set(bytes, address);
    return { address, bytes, codeSize, instructions, mode: this.#modeOf(codeSize) };
  }

  /** Starts over with the first slot. */
  rewind(): void {
    this.#next = CODE;
    this.#vcpu.blocks.flush();
  }

  #modeOf(codeSize: CodeSize): number {
    return codeSize === 64 ? MODE.code64 : codeSize === 32 ? MODE.code32 : MODE.code16;
  }

  /** A random instruction of one of the forms; null if its bytes come out as something else. */
  make(prng: Prng, form: Form, codeSize: CodeSize, at: number): { instruction: Instruction; bytes: number[] } | null {
    const { bytes, relativeAt } = encodeForm(prng, form, codeSize);
    if (relativeAt >= 0) {
      const target = DATA + randomOffset(prng);
      const delta = target - (this.#next + at + bytes.length);
      for (let i = 0; i < 4; i++) bytes[relativeAt + i] = (delta >> (8 * i)) & 0xff;
    }
    const decoded = this.#decoder.decode(Uint8Array.from(bytes), 0, bytes.length, this.#modeOf(codeSize));
    if ('failure' in decoded || decoded.length !== bytes.length || decoded.form.definition !== form.definition)
      return null;
    return { instruction: decoded, bytes };
  }

  /** A block of up to `length` instructions of some forms, and perhaps one of another set at its end. */
  makeBlock(
    prng: Prng,
    codeSize: CodeSize,
    length: number,
    forms: readonly Form[],
    ends: readonly Form[],
  ): PlacedBlock {
    const instructions: Instruction[] = [];
    const bytes: number[] = [];
    const append = (choices: readonly Form[]): void => {
      for (let attempt = 0; attempt < 20; attempt++) {
        const made = this.make(prng, prng.pick(choices), codeSize, bytes.length);
        if (!made) continue;
        instructions.push(made.instruction);
        bytes.push(...made.bytes);
        return;
      }
    };
    while (instructions.length < length && !(instructions.length > 0 && endsBlock(instructions.at(-1)!))) append(forms);
    if (ends.length > 0 && !endsBlock(instructions.at(-1)!)) append(ends);
    if (!endsBlock(instructions.at(-1)!)) {
      // The micro-ops would go on behind the slot's bytes: a near jump to the next instruction ends them.
      const jump = [0xeb, 0x00];
      bytes.push(...jump);
      instructions.push(this.#decoder.decode(Uint8Array.from(jump), 0, 2, this.#modeOf(codeSize)) as Instruction);
    }
    return this.place(codeSize, instructions, bytes);
  }

  /** A block of given bytes. */
  assemble(codeSize: CodeSize, bytes: readonly number[], address?: number): PlacedBlock {
    const instructions: Instruction[] = [];
    for (let at = 0; at < bytes.length; at += instructions.at(-1)!.length) {
      const decoded = this.#decoder.decode(Uint8Array.from(bytes), at, bytes.length, this.#modeOf(codeSize));
      if ('failure' in decoded) throw new RangeError(`no instruction at byte ${at}: ${decoded.failure}`);
      instructions.push(decoded);
    }
    return this.place(codeSize, instructions, bytes, address);
  }

  setRegisters(values: Readonly<Record<number, bigint>>): void {
    for (const [index, value] of Object.entries(values)) this.#vcpu.cpu.state.gpr.set(Number(index), value);
  }

  translate(blocks: readonly BlockSource[]): readonly Enter[] {
    const { helperIds, memories, glue } = this.#vcpu;
    const idOf = (name: string): number => {
      const id = helperIds.get(name);
      if (id === undefined) throw new RangeError(`no helper ${name}`);
      return id;
    };
    return instantiateBlocks(new WebAssembly.Module(translateBlocks(blocks, idOf)), memories, glue);
  }

  /** Gives all state random values that suit the programs of `encodeForm`. */
  randomize(prng: Prng, { codeSize, address }: PlacedBlock): void {
    const { cpu, mmu } = this.#vcpu;
    const { state, segments } = cpu;
    state.cr0 = 0x8001_0031n;
    state.cr3 = BigInt(TABLES.pml4);
    state.cr4 = 0x620n;
    state.efer = 0x500n;
    for (const name of ['es', 'ss', 'ds', 'fs', 'gs'] as const) {
      const limited = codeSize !== 64 && prng.chance(20);
      segments[name].base = BigInt(codeSize === 16 ? DATA : name === 'gs' ? 0x1000 : 0);
      segments[name].limit = codeSize === 16 ? (limited ? 0x4fff : 0xffff) : limited ? DATA + 0x4fff : 0xffff_ffff;
      segments[name].attributes = limited && prng.chance(20) ? DATA_ATTRIBUTES & ~2 : DATA_ATTRIBUTES;
    }
    segments.cs.base = 0n;
    segments.cs.limit = 0xffff_ffff;
    segments.cs.attributes = CS_ATTRIBUTES[codeSize];
    state.rip = BigInt(address);
    initializeBounds(cpu);
    refreshMode(cpu);
    for (let index = 0; index < 16; index++) state.gpr.set(index, randomValue(prng));
    const window = codeSize === 16 ? 0 : DATA;
    for (const pointer of [...POINTERS, 4]) state.gpr.set(pointer, BigInt(window + randomOffset(prng)));
    for (const index of INDEXES) state.gpr.set(index, BigInt(randomIndex(prng, codeSize)) & ALL_ONES);
    cpu.rflags = prng.u32() & 0xcd5;
    for (let word = 0; word < 32; word++) state.xmm.set(word, randomValue(prng));
    state.mxcsr = 0x1f80;
    state.fsw = 0;
    state.ftw = 0xffff;
    state.budget = prng.chance(10) ? prng.below(10) : 1000;
    state.kick = prng.chance(3) ? KICKED : 0;
    for (let at = 0; at < this.#data.length; at += 4 * (1 + prng.below(64)))
      this.#data.writeInt32LE(prng.u32() | 0, at);
    if (prng.chance(50)) mmu.tlb.clear();
  }

  #context(): Buffer {
    const { cpu } = this.#vcpu;
    return Buffer.from(cpu.memory.buffer, cpu.address, CONTEXT_BYTES);
  }

  #outcome(exit: number): Outcome {
    const context = Buffer.from(this.#context());
    // What slow paths hand over is left there.
    context.fill(0, CONTEXT.offset.bounce, CONTEXT.offset.bounce + 32);
    const { exception } = this.#vcpu;
    this.#vcpu.exception = null;
    const noted = exception && [exception.vector, exception.errorCode, exception.payload];
    return { exit, context, memory: Buffer.from(this.#data), exception: noted };
  }

  /** Runs a block from the present state through both tiers. @returns what each left: tier 0's comes first */
  run(block: PlacedBlock, tier1: Enter): readonly [Outcome, Outcome] {
    const { blocks, cpu, enter } = this.#vcpu;
    const uop = blocks.find(block.address, 0, block.mode, 0);
    cpu.state.jumpKey = NO_KEY;
    const context = Buffer.from(this.#context());
    const memory = Buffer.from(this.#data);
    const first = this.#enter(enter, uop);
    context.copy(this.#context());
    memory.copy(this.#data);
    const second = this.#enter(tier1, uop);
    context.copy(this.#context());
    return [first, second];
  }

  #enter(enter: Enter, uop: number): Outcome {
    const { glue, cpu } = this.#vcpu;
    const exit = enter(cpu.address, uop);
    const { failure } = glue;
    glue.failure = null;
    if (failure) throw failure;
    return this.#outcome(exit);
  }

  /** The state that a run left, by the names of its words, as far as it differs from another's. */
  describeDifference([a, b]: readonly [Outcome, Outcome]): string[] {
    const found: string[] = [];
    if (a.exit !== b.exit) found.push(`exit ${a.exit} / ${b.exit}`);
    if (String(a.exception) !== String(b.exception)) found.push(`exception ${a.exception} / ${b.exception}`);
    for (let at = 0; at < CONTEXT_BYTES; at += 8) {
      const [x, y] = [a.context.readBigUInt64LE(at), b.context.readBigUInt64LE(at)];
      if (x !== y) found.push(`${wordName(at)} ${x.toString(16)} / ${y.toString(16)}`);
    }
    for (let at = 0; at < a.memory.length; at++) {
      if (a.memory[at] !== b.memory[at]) found.push(`memory ${at.toString(16)}: ${a.memory[at]} / ${b.memory[at]}`);
    }
    return found;
  }
}

export const equal = ([a, b]: readonly [Outcome, Outcome]): boolean =>
  a.exit === b.exit &&
  String(a.exception) === String(b.exception) &&
  a.context.equals(b.context) &&
  a.memory.equals(b.memory);

export function endingOf({ exit, exception }: Outcome): Ending {
  if (exception) return 'fault';
  if (exit === EXIT.exclusive) return 'exclusive';
  if (exit === EXIT.slice) return 'slice';
  return exit === EXIT.lookup ? 'lookup' : 'other';
}

function wordName(at: number): string {
  if (at < 128) return `r${at / 8}`;
  if (at >= xmmOffset(0) && at < xmmOffset(16)) return `xmm${(at - xmmOffset(0)) / 16}`;
  const names = Object.entries(CONTEXT.offset).filter(([, offset]) => offset >= at && offset < at + 8);
  return names.map(([name]) => name).join('+') || `context ${at}`;
}

/** Anywhere in the window, often at the edge of a page. */
function randomOffset(prng: Prng): number {
  const page = prng.chance(90) ? prng.pick([0, 1, 4, 5]) : prng.below(WINDOW_PAGES);
  if (prng.chance(12)) return page * PAGE + PAGE - 8 + prng.below(16);
  return page * PAGE + (prng.chance(80) ? 512 + 16 * prng.below(192) : 300 + prng.below(3400));
}

/** Negative ones wrap in 64-bit addresses only. */
function randomIndex(prng: Prng, codeSize: CodeSize): number {
  const index = prng.between(codeSize === 64 ? -64 : 0, 64);
  return prng.chance(80) ? index & ~15 : index;
}

const EDGES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 63n,
  ALL_ONES,
];

function randomValue(prng: Prng): bigint {
  if (prng.chance(35)) return prng.pick(EDGES);
  const low = BigInt(prng.u32());
  return prng.chance(50) ? low : (BigInt(prng.u32()) << 32n) | low;
}
