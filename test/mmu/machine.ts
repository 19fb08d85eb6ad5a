import { expect } from 'chai';
import type { AccessSize, MmioBus } from '../../src/mmu/bus.ts';
import type { PageEvents } from '../../src/mmu/code-pages.ts';
import { GuestException } from '../../src/mmu/exception.ts';
import { Mmu } from '../../src/mmu/mmu.ts';
import { PhysicalMemory } from '../../src/mmu/physical.ts';
import { ContextView } from '../../src/state/context.ts';
import { GUEST_PAGE, type StateMap, stateMap, VCPU_AREA, WASM_PAGE } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';

/** Entry bits, written out here apart from the code under test: SDM 3A figure 4-11. */
export const P = 1n;
export const W = 2n;
export const U = 4n;
export const A = 0x20n;
export const D = 0x40n;
export const PS = 0x80n;
export const XD = 1n << 63n;

export const RAM_BYTES = 0x40_0000;
/** Above RAM, and not the bus's only answer. */
export const MMIO = 0xfee0_0000;

export interface Buffers {
  readonly state: SharedArrayBuffer;
  readonly ram: SharedArrayBuffer;
  readonly vcpus: number;
}

export function buffers(vcpus = 1): Buffers {
  const map = stateMap(vcpus, RAM_BYTES);
  const state = new SharedArrayBuffer(map.wasmPages * WASM_PAGE);
  return { state, ram: new SharedArrayBuffer(RAM_BYTES), vcpus };
}

/** MMIO that remembers writes and reads as all ones, or as what was put there. */
export class RecordingBus implements MmioBus {
  readonly values = new Map<number, number>();
  readonly writes: [address: number, size: AccessSize, value: number][] = [];

  readMmio(address: number, size: AccessSize): number {
    return (this.values.get(address) ?? 0xffff_ffff) >>> (32 - 8 * size);
  }

  writeMmio(address: number, size: AccessSize, value: number): void {
    this.writes.push([address, size, value]);
  }
}

/** One vCPU's memory management over a small RAM. */
export class TestMachine {
  readonly memory: StateMemory;
  readonly map: StateMap;
  readonly physical: PhysicalMemory;
  readonly bus = new RecordingBus();
  readonly mmu: Mmu;
  readonly state: ContextView;
  readonly changed: number[] = [];
  readonly watched: [address: number, size: number][] = [];

  constructor(parts: { buffers?: Buffers; vcpu?: number; maxPhysicalBits?: number; gigabytePages?: boolean } = {}) {
    const { state, ram, vcpus } = parts.buffers ?? buffers();
    const vcpuIndex = parts.vcpu ?? 0;
    this.memory = new StateMemory(state);
    this.map = stateMap(vcpus, RAM_BYTES);
    this.physical = new PhysicalMemory(ram, this.bus);
    this.state = new ContextView(this.memory, this.map.vcpu(vcpuIndex) + VCPU_AREA.context);
    this.state.linearMask = 0xffff_ffffn;
    const events: PageEvents = {
      codeChanged: (page) => this.changed.push(page),
      watchedWrite: (address, size) => this.watched.push([address, size]),
    };
    const { maxPhysicalBits = 39, gigabytePages = true } = parts;
    const { memory, map, physical } = this;
    this.mmu = new Mmu({ memory, map, vcpuIndex, physical, events, maxPhysicalBits, gigabytePages });
  }

  entry(address: number): bigint {
    return this.physical.read64(address);
  }

  setEntry(address: number, value: bigint): void {
    this.physical.write64(address, value);
  }

  /** Turns a paging mode on, with CR3 at `ROOT`. */
  enable(mode: ModeName, more: { cr0?: bigint; cr4?: bigint; efer?: bigint } = {}): void {
    const { cr0, cr4, efer } = MODES[mode];
    this.state.cr0 = cr0 | (more.cr0 ?? 0n);
    this.state.cr4 = cr4 | (more.cr4 ?? 0n);
    this.state.efer = efer | (more.efer ?? 0n);
    this.state.cr3 = BigInt(ROOT);
    if (efer & LMA) this.state.linearMask = 0xffff_ffff_ffff_ffffn;
    if (mode === 'PAE') this.mmu.loadPdptes(this.state.cr3);
    this.mmu.flushAll();
  }

  /**
   * Maps a linear address with one table a level, at ROOT, ROOT + 0x1000, ...
   * @returns the addresses of the entries used, from the root downwards
   */
  mapPage(mode: ModeName, linear: bigint, leaf: bigint, options: { upper?: bigint; levels?: number } = {}): number[] {
    const { shifts, indexBits, bytes } = MODES[mode];
    const upper = options.upper ?? P | W | U;
    const used = shifts.slice(0, options.levels ?? shifts.length);
    return used.map((shift, level) => {
      const index = Number((linear >> BigInt(shift)) & ((1n << BigInt(indexBits)) - 1n));
      const table = ROOT + level * GUEST_PAGE;
      const isPdpte = mode === 'PAE' && level === 0;
      const at = table + (isPdpte ? index & 3 : index) * bytes;
      const next = BigInt(table + GUEST_PAGE) | (isPdpte ? P : upper);
      const value = level === used.length - 1 ? leaf : next;
      if (bytes === 8) this.physical.write64(at, value);
      else this.physical.write(at, 4, Number(value));
      return at;
    });
  }
}

export const ROOT = 0x10_0000;

const PG = 1n << 31n;
const LMA = 1n << 10n;
const PSE = 1n << 4n;
const PAE = 1n << 5n;
const LA57 = 1n << 12n;

/** The control bits and the geometry of each paging mode: SDM 3A table 4-1 and figures 4-2 to 4-10. */
export const MODES = {
  '32-bit': { cr0: PG, cr4: PSE, efer: 0n, shifts: [22, 12], indexBits: 10, bytes: 4 },
  PAE: { cr0: PG, cr4: PAE, efer: 0n, shifts: [30, 21, 12], indexBits: 9, bytes: 8 },
  '4-level': { cr0: PG, cr4: PAE, efer: LMA, shifts: [39, 30, 21, 12], indexBits: 9, bytes: 8 },
  '5-level': { cr0: PG, cr4: PAE | LA57, efer: LMA, shifts: [48, 39, 30, 21, 12], indexBits: 9, bytes: 8 },
} as const;
export type ModeName = keyof typeof MODES;

export const low = (linear: bigint): number => Number(linear & 0xffff_ffffn);
export const high = (linear: bigint): number => Number(linear >> 32n);

/** The exception that an action raises; fails if it raises none. */
export function exceptionOf(action: () => unknown): GuestException {
  try {
    action();
  } catch (error) {
    if (error instanceof GuestException) return error;
    throw error;
  }
  return expect.fail('no exception was raised');
}
