import { isExcluded } from './exclusions.ts';
import { encode, type Instruction, makeInstruction } from './instruction.ts';
import { DATA_SIZE } from './layout.ts';
import { type CodeSize, FLAG, type MachineState, STATUS_FLAGS, type TestCase } from './machine.ts';
import { placeOperand } from './operand.ts';
import { Prng } from './prng.ts';
import { applySetups, type SetupContext, windowAddress } from './setup.ts';
import type { Template } from './template.ts';
import type { Family } from './templates/index.ts';
import { undefinedFlags } from './undefined-flags.ts';
import { fillLanes, type LaneKind, writeInteger64 } from './values.ts';

/** A case with what is needed to judge its outcome and to make it again. */
export interface GeneratedCase extends TestCase {
  family: string;
  seed: number;
  index: number;
  mnemonic: string;
  /** Status flags that are not compared. */
  undefinedFlags: number;
}

/** Cases that share one initial memory: it is the larger part of a case. */
const CASES_PER_MEMORY = 256;
const MAX_LENGTH = 16;
const RSP = 4;
const MASKED_MXCSR = 0x1f80;

/** Makes the cases of a run. Each depends only on seed, family and index (and on what the host can execute). */
export class Generator {
  readonly #seed: number;
  readonly #features: ReadonlySet<string>;
  #memory: { key: string; bytes: Uint8Array } | null = null;

  constructor(seed: number, features: ReadonlySet<string>) {
    this.#seed = seed;
    this.#features = features;
  }

  /** `count` cases of a family from index `first` on. */
  batch(family: Family, first: number, count: number): GeneratedCase[] {
    return Array.from({ length: count }, (_, i) => this.one(family, first + i));
  }

  /** The case of one index. */
  one(family: Family, index: number): GeneratedCase {
    const prng = new Prng(this.#seed, family.name, index);
    const templates = family.templates.filter(({ feature }) => feature === null || this.#features.has(feature));
    for (;;) {
      const template = prng.pick(templates);
      const codeSize = this.#codeSize(prng, template);
      const made = makeCase(prng, template, codeSize, family, this.#memoryFor(family, index));
      if (made) return { ...made, family: family.name, seed: this.#seed, index, mnemonic: template.mnemonic };
    }
  }

  #codeSize(prng: Prng, template: Template): CodeSize {
    const sizes = template.codeSizes.filter((size) => size !== 16 || this.#features.has('code16'));
    return prng.chance(60) ? sizes[0]! : prng.pick(sizes);
  }

  #memoryFor(family: Family, index: number): Uint8Array {
    const block = Math.floor(index / CASES_PER_MEMORY);
    const key = `${family.name}/memory/${block}`;
    if (this.#memory?.key !== key) this.#memory = { key, bytes: makeMemory(new Prng(this.#seed, key, block)) };
    return this.#memory.bytes;
  }
}

/** Memory of integers, single and double values in turn, so that each instruction finds its kind in a third of it. */
function makeMemory(prng: Prng): Uint8Array {
  const words = new Uint32Array(DATA_SIZE / 4);
  const kinds: readonly LaneKind[] = ['integer', 'f32', 'f64'];
  for (let at = 0; at < words.length; at += 16) {
    fillLanes(prng, words.subarray(at, at + 16), kinds[(at / 16) % kinds.length]!);
  }
  return new Uint8Array(words.buffer);
}

function makeState(prng: Prng, codeSize: CodeSize, lanes: LaneKind, memory: Uint8Array): MachineState {
  const gpr = new BigUint64Array(16);
  const words = new Uint32Array(gpr.buffer);
  for (let i = 0; i < 32; i += 2) {
    writeInteger64(prng, words, i);
    if (codeSize !== 64) words[i + 1] = 0;
  }
  gpr[RSP] = windowAddress(codeSize, stackOffset(prng));
  const xmm = new Uint32Array(64);
  const mm = new Uint32Array(16);
  fillLanes(prng, xmm, prng.chance(85) ? lanes : 'integer');
  fillLanes(prng, mm, 'integer');
  return {
    gpr,
    rflags: 2 | FLAG.IF | (prng.u32() & STATUS_FLAGS) | (prng.chance(25) ? FLAG.DF : 0),
    xmm: new Uint8Array(xmm.buffer),
    mxcsr: randomMxcsr(prng),
    mm: new Uint8Array(mm.buffer),
    fcw: prng.chance(80) ? 0x37f : 0x7f | (prng.u32() & 0xf00),
    fsw: prng.chance(80) ? 0 : prng.u32() & 0x3f,
    ftw: prng.chance(50) ? 0xff : prng.u32() & 0xff,
    memory,
  };
}

/** Mostly far from the window's ends; at times at one, so that a push or pop faults. */
function stackOffset(prng: Prng): number {
  if (prng.chance(6)) return prng.below(24);
  if (prng.chance(6)) return DATA_SIZE - prng.below(24);
  const offset = prng.between(0x100, DATA_SIZE - 0x100);
  return prng.chance(85) ? offset & ~7 : offset;
}

/** SDM 1 10.2.3: default, or any rounding, DAZ, FTZ, sticky flags and (seldom) unmasked exceptions. */
function randomMxcsr(prng: Prng): number {
  if (prng.chance(40)) return MASKED_MXCSR;
  const modes = prng.pick([0, 0x2000, 0x4000, 0x6000]) | (prng.chance(25) ? 0x8000 : 0) | (prng.chance(25) ? 0x40 : 0);
  const sticky = prng.chance(30) ? prng.u32() & 0x3f : 0;
  const unmasked = prng.chance(20) ? prng.u32() & MASKED_MXCSR : 0;
  return (MASKED_MXCSR & ~unmasked) | modes | sticky;
}

type MadeCase = Omit<GeneratedCase, 'family' | 'seed' | 'index' | 'mnemonic'>;

/** One attempt; null if the case turned out too long or excluded. */
function makeCase(
  prng: Prng,
  template: Template,
  codeSize: CodeSize,
  { emphasis }: Family,
  memory: Uint8Array,
): MadeCase | null {
  const instruction = makeInstruction(prng, template, codeSize, emphasis === 'lock');
  const initial = makeState(prng, codeSize, template.lanes, memory);
  const operandOffset = placeOperand(prng, instruction, initial);
  const context = contextOf(prng, instruction, initial, operandOffset);
  applySetups(context);
  if (isExcluded(context)) return null;
  const target = operandOffset === null ? null : windowAddress(codeSize, operandOffset);
  if (emphasis === 'length') padWithPrefixes(prng, instruction, target);
  const bytes = encode(instruction, target);
  if (bytes.length > MAX_LENGTH) return null;
  const cl = Number(initial.gpr[1]! & 0xffn);
  return { bytes, codeSize, initial, undefinedFlags: undefinedFlags({ instruction, cl }) };
}

/** Repeats a segment prefix until the instruction has 15 bytes, or 16: SDM 3A 6.15 #GP "exceeds 15 bytes". */
function padWithPrefixes(prng: Prng, instruction: Instruction, target: bigint | null): void {
  const missing = prng.between(14, MAX_LENGTH) - encode(instruction, target).length;
  for (let i = 0; i < missing; i++) instruction.prefixes.unshift(0x3e);
}

function contextOf(
  prng: Prng,
  instruction: Instruction,
  initial: MachineState,
  operandOffset: number | null,
): SetupContext {
  const { memory, codeSize } = instruction;
  let patched = false;
  return {
    prng,
    instruction,
    initial,
    operandOffset,
    setRegister(number, value) {
      const addresses = memory !== null && (memory.base === number || memory.index === number);
      if (!addresses) initial.gpr[number] = value;
    },
    patch(offset, bytes) {
      if (!patched) initial.memory = initial.memory.slice();
      patched = true;
      bytes.forEach((byte, i) => {
        if (offset + i >= 0 && offset + i < DATA_SIZE) initial.memory[offset + i] = byte;
      });
    },
    address: (offset) => BigInt.asUintN(64, windowAddress(codeSize, offset)),
  };
}
