// A vCPU in 64-bit code without paging that executes single SSE and MMX instructions.

import { Buffer } from 'node:buffer';
import type { Definition } from '../../../src/isa/definition.ts';
import { parseEncoding } from '../../../src/isa/encoding.ts';
import { sseDefinitions } from '../../../src/isa/sse/index.ts';
import { compileEngine } from '../../../src/machine/engine-module.ts';
import type { Cpu } from '../../../src/vcpu/cpu.ts';
import { refreshMode } from '../../../src/vcpu/mode.ts';
import { initializeBounds } from '../../../src/vcpu/segments-bounds.ts';
import { type BareVcpu, bareVcpu, MODE } from '../../support/bare-vcpu.ts';
import { featuresOf } from '../../support/features.ts';
import { ESCAPES, PREFIX_BYTES } from '../../support/opcode-bytes.ts';
import type { Xmm } from '../float/registers.ts';

const RAM_BYTES = 1 << 20;
const CODE = 0x1000;
/** Each instruction keeps its place, so that it is decoded once. */
const SLOT_BYTES = 16;
export const DATA = 0x8_0000;

/** Register numbers of the operands in ModRM.reg and ModRM.rm. */
export const REG = 1;
export const RM = 2;

/** The register form of an instruction, with registers 1 and 2, and memory forms with the address in RBX. */
export function encode(mnemonic: string, options: { imm8?: number; wide?: boolean; memory?: boolean } = {}): number[] {
  const definition = sseDefinitions.find((candidate) => candidate.mnemonic === mnemonic);
  if (!definition) throw new RangeError(`no instruction ${mnemonic}`);
  const form = parseEncoding(definition, definition.encodings[0]);
  const modrm = options.memory ? (REG << 3) | 3 : 0xc0 | (REG << 3) | RM;
  const rex = options.wide ? [0x48] : [];
  const immediate = form.operands.some(({ kind }) => kind === 'immediate') ? [options.imm8 ?? 0] : [];
  return [...PREFIX_BYTES[form.prefix], ...rex, ...ESCAPES[form.map], form.opcode, modrm, ...immediate];
}

/** Those that need a feature. */
export const definitionsWith = (feature: string): readonly Definition[] =>
  sseDefinitions.filter((definition) => definition.feature === feature);

export class OneInstruction {
  readonly #vcpu: BareVcpu;
  readonly #places = new Map<string, number>();

  constructor() {
    this.#vcpu = bareVcpu(compileEngine(), featuresOf(), RAM_BYTES);
    const { state, segments } = this.cpu;
    state.cr0 = 0x31n;
    state.cr4 = 0x600n;
    state.fcw = 0x37f;
    for (const name of ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const) {
      segments[name].limit = 0xffff_ffff;
      segments[name].attributes = name === 'cs' ? 0xc09b : 0xc093;
    }
    initializeBounds(this.cpu);
  }

  get cpu(): Cpu {
    return this.#vcpu.cpu;
  }

  get ram(): Buffer {
    return Buffer.from(this.#vcpu.ram.buffer);
  }

  #place(bytes: readonly number[]): number {
    const key = bytes.join();
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const address = CODE + this.#places.size * SLOT_BYTES;
    this.#vcpu.ram.set(bytes, address);
    this.#places.set(key, address);
    return address;
  }

  limitSegment(name: 'fs', limit: number): void {
    this.cpu.segments[name].limit = limit;
    initializeBounds(this.cpu);
  }

  /** @returns the vector that the instruction raised, or null */
  execute(bytes: readonly number[]): number | null {
    const { state } = this.cpu;
    state.rip = BigInt(this.#place(bytes));
    state.budget = 1;
    state.single = 1;
    refreshMode(this.cpu);
    this.#vcpu.exception = null;
    this.#vcpu.execute((state.mode & ~MODE.sizeMask) | MODE.code64 | MODE.single);
    return this.#raised();
  }

  #raised(): number | null {
    const { exception } = this.#vcpu;
    return exception ? exception.vector : null;
  }

  xmm(index: number): Xmm {
    const { xmm } = this.cpu.state;
    return [xmm.get(index * 2), xmm.get(index * 2 + 1)];
  }

  setXmm(index: number, [low, high]: Xmm): void {
    const { xmm } = this.cpu.state;
    xmm.set(index * 2, low);
    xmm.set(index * 2 + 1, high);
  }

  /** An MMX register: its 64 bits, and the exponent above them. */
  mmx(index: number): { value: bigint; exponent: number } {
    const { fpr } = this.cpu.state;
    return { value: fpr.get(index * 2), exponent: Number(fpr.get(index * 2 + 1) & 0xffffn) };
  }

  setMmx(index: number, value: bigint, exponent = 0x3fff): void {
    const { fpr } = this.cpu.state;
    fpr.set(index * 2, value);
    fpr.set(index * 2 + 1, BigInt(exponent));
  }
}
