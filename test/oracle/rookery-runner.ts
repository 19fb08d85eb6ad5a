import { MODE } from '../../src/decode/mode.ts';
import { EXIT } from '../../src/engine/uop.ts';
import { compileEngine } from '../../src/machine/engine-module.ts';
import { xmmOffset } from '../../src/state/context.ts';
import { deliverException } from '../../src/vcpu/exceptions.ts';
import { refreshMode } from '../../src/vcpu/mode.ts';
import { initializeBounds } from '../../src/vcpu/segments-bounds.ts';
import { type BareVcpu, bareVcpu } from '../support/bare-vcpu.ts';
import { featuresOf } from '../support/features.ts';
import { CODE_BASE, CODE_SIZE, CODE_START, DATA_BASE, DATA_OFFSET_16, DATA_SIZE, SELECTORS } from './layout.ts';
import type { CodeSize, MachineState, Outcome, Runner, TestCase } from './machine.ts';

/** The tested side of the host-CPU oracle, and what ends it. */
export interface RookeryRunner {
  run: Runner;
  stop(): Promise<void>;
}

const RAM_BYTES = 1 << 20;
/** As the hosts have it: which addresses are canonical follows from it. */
const FOUR_LEVEL_PAGING: ReadonlyMap<string, boolean> = new Map([['la57', false]]);
/** Where things lie in RAM. Supervisor tables are mapped at SYSTEM_BASE + their physical address. */
const PHYSICAL = {
  pml4: 0x1000,
  pdpt: 0x2000,
  directory: 0x3000,
  codeTable: 0x4000,
  dataTable: 0x5000,
  systemPdpt: 0x6000,
  systemDirectory: 0x7000,
  gdt: 0x8000,
  idt: 0x9000,
  tss: 0xa000,
  stackTop: 0x10000,
  code: 0x20000,
  data: 0x30000,
} as const;
/** Far from any address that a case would make up. */
const SYSTEM_PML4_INDEX = 173;
const SYSTEM_BASE = SYSTEM_PML4_INDEX * 2 ** 39;
/** Entry of the handler of vector n: SYSTEM_BASE + HANDLERS + 16 n. Nothing is there: the run ends before the fetch. */
const HANDLERS = 0x40000;
const KERNEL_CODE = 0x38;
const TSS_SELECTOR = 0x40;
const PRESENT_WRITE = 3n;
const PRESENT_WRITE_USER = 7n;
const NO_EXECUTE = 1n << 63n;
const LARGE = 0x80n;
const ERROR_CODE_VECTORS: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);
const RSP = 4;
const LONGEST_REPEAT = 10_000;
const CR0 = 0x8005_0033n;
const CR4 = 0x1_0620n;
const EFER = 0xd00n;

function mapPages(view: DataView): void {
  const entry = (table: number, index: number, value: bigint) => view.setBigUint64(table + index * 8, value, true);
  entry(PHYSICAL.pml4, 0, BigInt(PHYSICAL.pdpt) | PRESENT_WRITE_USER);
  entry(PHYSICAL.pdpt, 0, BigInt(PHYSICAL.directory) | PRESENT_WRITE_USER);
  entry(PHYSICAL.pml4, SYSTEM_PML4_INDEX, BigInt(PHYSICAL.systemPdpt) | PRESENT_WRITE);
  entry(PHYSICAL.systemPdpt, 0, BigInt(PHYSICAL.systemDirectory) | PRESENT_WRITE);
  entry(PHYSICAL.systemDirectory, 0, LARGE | PRESENT_WRITE);
  entry(PHYSICAL.directory, CODE_BASE >>> 21, BigInt(PHYSICAL.codeTable) | PRESENT_WRITE_USER);
  if (DATA_BASE >>> 21 === CODE_BASE >>> 21) {
    mapRange(entry, PHYSICAL.codeTable, DATA_BASE, DATA_SIZE, PHYSICAL.data, PRESENT_WRITE_USER | NO_EXECUTE);
  } else {
    entry(PHYSICAL.directory, DATA_BASE >>> 21, BigInt(PHYSICAL.dataTable) | PRESENT_WRITE_USER);
    mapRange(entry, PHYSICAL.dataTable, DATA_BASE, DATA_SIZE, PHYSICAL.data, PRESENT_WRITE_USER | NO_EXECUTE);
  }
  mapRange(entry, PHYSICAL.codeTable, CODE_BASE, CODE_SIZE, PHYSICAL.code, 5n);
}

type SetEntry = (table: number, index: number, value: bigint) => void;

function mapRange(entry: SetEntry, table: number, base: number, size: number, physical: number, bits: bigint): void {
  for (let at = 0; at < size; at += 4096) entry(table, ((base + at) >>> 12) & 511, BigInt(physical + at) | bits);
}

/** Interrupt gates for all vectors, a 64-bit TSS with RSP0, and descriptors for the selectors. */
function layTables(view: DataView): void {
  for (let vector = 0; vector < 256; vector++) {
    const target = BigInt(SYSTEM_BASE + HANDLERS + vector * 16);
    const low = Number(target & 0xffff_ffffn);
    const at = PHYSICAL.idt + vector * 16;
    // DPL 3, so that INT3, INTO and INT n of user code pass.
    view.setUint32(at, (KERNEL_CODE << 16) | (low & 0xffff), true);
    view.setUint32(at + 4, (low & 0xffff0000) | 0xee00, true);
    view.setUint32(at + 8, Number(target >> 32n), true);
  }
  view.setBigUint64(PHYSICAL.tss + 4, BigInt(SYSTEM_BASE + PHYSICAL.stackTop), true);
  view.setBigUint64(PHYSICAL.gdt + KERNEL_CODE, 0x00af_9b00_0000_ffffn, true);
  view.setBigUint64(PHYSICAL.gdt + (SELECTORS.code64 & ~7), 0x00af_fb00_0000_ffffn, true);
  view.setBigUint64(PHYSICAL.gdt + (SELECTORS.code32 & ~7), 0x00cf_fb00_0000_ffffn, true);
  view.setBigUint64(PHYSICAL.gdt + (SELECTORS.data & ~7), 0x00cf_f300_0000_ffffn, true);
}

const CS_ATTRIBUTES: Readonly<Record<CodeSize, number>> = { 16: 0x00fb, 32: 0xc0fb, 64: 0xa0fb };
const CS_SELECTORS: Readonly<Record<CodeSize, number>> = {
  16: SELECTORS.code16,
  32: SELECTORS.code32,
  64: SELECTORS.code64,
};
const CODE_MODES: Readonly<Record<CodeSize, number>> = { 16: MODE.code16, 32: MODE.code32, 64: MODE.code64 };

class OracleVcpu {
  readonly #vcpu: BareVcpu;
  readonly #view: DataView;

  constructor(vcpu: BareVcpu) {
    this.#vcpu = vcpu;
    this.#view = new DataView(vcpu.ram.buffer);
    mapPages(this.#view);
    layTables(this.#view);
    const { state } = vcpu.cpu;
    state.cr0 = CR0;
    state.cr3 = BigInt(PHYSICAL.pml4);
    state.cr4 = CR4;
    state.efer = EFER;
    state.xcr0 = 1n;
    state.gdtrBase = BigInt(SYSTEM_BASE + PHYSICAL.gdt);
    state.gdtrLimit = 0xfff;
    state.idtrBase = BigInt(SYSTEM_BASE + PHYSICAL.idt);
    state.idtrLimit = 0xfff;
  }

  #segments(codeSize: CodeSize): void {
    const { segments } = this.#vcpu.cpu;
    const base = codeSize === 16 ? DATA_BASE - DATA_OFFSET_16 : 0;
    for (const name of ['es', 'ss', 'ds', 'fs', 'gs'] as const) {
      const segment = segments[name];
      segment.selector = codeSize === 16 ? SELECTORS.data16 : SELECTORS.data;
      segment.base = BigInt(base);
      segment.limit = codeSize === 16 ? 0xffff : 0xffff_ffff;
      segment.attributes = codeSize === 16 ? 0x00f3 : 0xc0f3;
    }
    const { cs, tr } = segments;
    cs.selector = CS_SELECTORS[codeSize];
    cs.base = BigInt(codeSize === 16 ? CODE_BASE : 0);
    cs.limit = codeSize === 16 ? 0xffff : 0xffff_ffff;
    cs.attributes = CS_ATTRIBUTES[codeSize];
    tr.selector = TSS_SELECTOR;
    tr.base = BigInt(SYSTEM_BASE + PHYSICAL.tss);
    // An I/O map base at the limit: no port is allowed.
    tr.limit = 0x67;
    tr.attributes = 0x8b;
    this.#view.setUint16(PHYSICAL.tss + 0x66, 0x68, true);
  }

  #load({ bytes, codeSize, initial }: TestCase): void {
    const { cpu, ram } = this.#vcpu;
    const { state, memory } = cpu;
    state.cpl = 3;
    this.#segments(codeSize);
    initial.gpr.forEach((value, index) => {
      state.gpr.set(index, value);
    });
    cpu.rflags = initial.rflags;
    memory.u8.set(initial.xmm, cpu.address + xmmOffset(0));
    for (let index = 0; index < 8; index++) {
      const at = cpu.mmxIndex(index);
      memory.u8.set(initial.mm.subarray(index * 8, index * 8 + 8), at * 8);
      memory.u64[at + 1] = 0xffffn;
    }
    state.mxcsr = initial.mxcsr;
    state.fcw = initial.fcw;
    state.fsw = initial.fsw;
    state.ftw = fullTags(initial.ftw);
    ram.fill(0xcc, PHYSICAL.code, PHYSICAL.code + CODE_SIZE);
    ram.set(bytes, PHYSICAL.code + CODE_START - CODE_BASE);
    ram.set(initial.memory, PHYSICAL.data);
    state.rip = BigInt(codeSize === 16 ? CODE_START - CODE_BASE : CODE_START);
    state.interruptibility = 0;
    state.pendingDebug = 0n;
    initializeBounds(cpu);
    refreshMode(cpu);
    this.#vcpu.blocks.flush();
  }

  #execute(codeSize: CodeSize): void {
    const { cpu } = this.#vcpu;
    const { state } = cpu;
    const start = state.rip;
    for (let round = 0; round < LONGEST_REPEAT; round++) {
      state.budget = 0;
      state.single = 1;
      const extra = state.mode & ~MODE.sizeMask;
      const exit = this.#vcpu.execute((CODE_MODES[codeSize] | extra | MODE.single) & ~MODE.codeLimit);
      if (exit === EXIT.exclusive) this.#vcpu.execute(CODE_MODES[codeSize] | extra | MODE.single | MODE.unlocked);
      if (state.cpl !== 3 || state.rip !== start) break;
    }
    state.single = 0;
  }

  run(test: TestCase): Outcome {
    this.#load(test);
    const { cpu, ram } = this.#vcpu;
    const { state, memory } = cpu;
    this.#execute(test.codeSize);
    const after: MachineState = {
      gpr: BigUint64Array.from({ length: 16 }, (_, index) => state.gpr.get(index)),
      rflags: cpu.rflags,
      xmm: memory.u8.slice(cpu.address + xmmOffset(0), cpu.address + xmmOffset(16)),
      mxcsr: state.mxcsr,
      mm: Uint8Array.from({ length: 64 }, (_, at) => memory.u8[cpu.mmxIndex(at >> 3) * 8 + (at & 7)]!),
      fcw: state.fcw,
      fsw: state.fsw,
      ftw: abridgedTags(state.ftw),
      memory: ram.slice(PHYSICAL.data, PHYSICAL.data + DATA_SIZE),
    };
    const start = BigInt(test.codeSize === 16 ? CODE_START - CODE_BASE : CODE_START);
    if (state.cpl === 3) return { state: after, rip: BigInt.asIntN(64, state.rip - start), exception: null };
    return this.#delivered(after, start);
  }

  /** Reads what the delivery pushed: the state is the interrupted one. */
  #delivered(state: MachineState, start: bigint): Outcome {
    const { cpu } = this.#vcpu;
    const vector = Number(cpu.state.rip - BigInt(SYSTEM_BASE + HANDLERS)) / 16;
    let at = Number(state.gpr[RSP]! - BigInt(SYSTEM_BASE));
    const word = () => {
      at += 8;
      return this.#view.getBigUint64(at - 8, true);
    };
    const errorCode = ERROR_CODE_VECTORS.has(vector) ? Number(word()) : undefined;
    const rip = word();
    word();
    // RF is the delivery's own: SDM 3B 17.3.1.1.
    state.rflags = Number(word()) & ~0x1_0000;
    state.gpr[RSP] = word();
    const exception = {
      vector,
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(vector === 14 ? { cr2: cpu.state.cr2 } : {}),
    };
    return { state, rip: BigInt.asIntN(64, rip - start), exception };
  }
}

/** Full tags from FXSAVE's: 3 empty, 0 valid; which kind of valid is not looked at. */
function fullTags(abridged: number): number {
  let tags = 0;
  for (let index = 0; index < 8; index++) if (!(abridged & (1 << index))) tags |= 3 << (2 * index);
  return tags;
}

function abridgedTags(tags: number): number {
  let abridged = 0;
  for (let index = 0; index < 8; index++) if (((tags >> (2 * index)) & 3) !== 3) abridged |= 1 << index;
  return abridged;
}

/** Starts rookery as a runner: a vCPU at CPL 3 laid out as README.md of this folder says. */
export async function startRookeryRunner(): Promise<RookeryRunner> {
  const vcpu = new OracleVcpu(
    bareVcpu(compileEngine(), featuresOf('amd', FOUR_LEVEL_PAGING), RAM_BYTES, deliverException),
  );
  return { run: (cases) => cases.map((test) => vcpu.run(test)), stop: async () => undefined };
}
