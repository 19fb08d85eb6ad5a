// QEMU's pci-testdev: docs/specs/pci-testdev in QEMU's manual. A memory region and an I/O region offer three tests
// each; a test tells which byte to write where, and counts the writes that arrive.
import { bytePorts } from '../irqchip/ranges.ts';
import type { MmioRange, PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { PCI_TESTDEV_ADDRESS, PciTestdevView } from './layout.ts';
import { COMMAND_IO, COMMAND_MEMORY, type PciFunction, type PciModel } from './pci-function.ts';
import { HEADER_WRITABLE, header } from './pci-models.ts';

const MEMORY_BYTES = 0x1000;
const IO_BYTES = 0x100;

/** In slot 2, the first that is free, with the bases that QEMU's firmware assigns. */
export const PCI_TESTDEV_MODEL: PciModel = {
  device: 2,
  function: 0,
  registers: [
    ...header({ vendor: 0x1b36, device: 0x0005, revision: 0, classCode: 0x00ff, command: 0x0103, status: 0 }),
    [0x10, 4, 0xfebf_f000],
    [0x14, 4, 0xc000 | 1],
  ],
  writable: [...HEADER_WRITABLE, [0x10, 4, -MEMORY_BYTES], [0x14, 4, -IO_BYTES]],
};

const KINDS = ['no-eventfd', 'wildcard-eventfd', 'datamatch-eventfd'] as const;
const REGIONS = [
  { name: 'mmio', firstOffset: 2048 },
  { name: 'portio', firstOffset: 128 },
] as const;
/** What a test wants written. A wildcard test takes any byte. */
const DATA = { matched: 0xfa, wildcard: 0xce } as const;
/** The header: test (0), width (1), offset (4), data (8), count (12), name (16). */
const COUNT_OFFSET = 12;
const NAME_OFFSET = 16;
const WIDTH = 1;

interface Test {
  readonly wildcard: boolean;
  readonly offset: number;
  readonly data: number;
  /** The header with a count of 0. */
  readonly header: Uint8Array;
}

function describe(index: number): Test {
  const region = REGIONS[Math.floor(index / KINDS.length)]!;
  const kind = KINDS[index % KINDS.length]!;
  const wildcard = kind === 'wildcard-eventfd';
  const offset = region.firstOffset + index * WIDTH;
  const data = wildcard ? DATA.wildcard : DATA.matched;
  const name = new TextEncoder().encode(`${region.name}-${kind}\0`);
  const bytes = new Uint8Array(NAME_OFFSET + name.length);
  bytes.set(name, NAME_OFFSET);
  bytes[1] = WIDTH;
  const view = new DataView(bytes.buffer);
  view.setUint32(4, offset, true);
  view.setUint32(8, data, true);
  return { wildcard, offset, data, header: bytes };
}

const TESTS: readonly Test[] = Array.from({ length: REGIONS.length * KINDS.length }, (_, index) => describe(index));
/** A region that answers nowhere. */
const NOWHERE = { first: 1, last: 0 };

export class PciTestdev {
  readonly mmio: readonly MmioRange[];
  /** Moves with BAR 1. */
  readonly movablePorts: readonly PortRange[];
  readonly #view: InstanceType<typeof PciTestdevView>;

  /** @param pci the configuration space of PCI_TESTDEV_MODEL */
  constructor(memory: StateMemory, pci: PciFunction) {
    this.#view = new PciTestdevView(memory, PCI_TESTDEV_ADDRESS);
    this.mmio = [this.#region(0, () => place(pci, 0, COMMAND_MEMORY, MEMORY_BYTES))];
    this.movablePorts = [this.#region(KINDS.length, () => place(pci, 1, COMMAND_IO, IO_BYTES))];
  }

  reset(): void {
    this.#view.current = 0;
    for (let test = 0; test < TESTS.length; test++) this.#view.counts.set(test, 0);
  }

  /** @param firstTest the one that index 0 of this region selects */
  #region(firstTest: number, where: () => { first: number; last: number }): MmioRange & PortRange {
    const device = {
      readByte: (offset: number) => this.#read(offset),
      writeByte: (offset: number, value: number) => this.#write(firstTest, offset, value),
    };
    const bytes = bytePorts(0, MEMORY_BYTES - 1, device);
    return {
      get first() {
        return where().first;
      },
      get last() {
        return where().last;
      },
      read: (address, size) => bytes.read(address - where().first, size),
      write: (address, size, value) => bytes.write(address - where().first, size, value),
    };
  }

  #read(offset: number): number {
    const index = this.#view.current - 1;
    if (index < 0) return 0;
    const lane = offset - COUNT_OFFSET;
    if (lane >= 0 && lane < 4) return (this.#view.counts.get(index) >>> (8 * lane)) & 0xff;
    return TESTS[index]!.header[offset] ?? 0;
  }

  #write(firstTest: number, offset: number, value: number): void {
    if (offset === 0) {
      this.#start(firstTest, value);
      return;
    }
    const index = this.#view.current - 1;
    const test = TESTS[index];
    if (test === undefined || offset !== test.offset) return;
    if (test.wildcard || value === test.data) this.#view.counts.set(index, this.#view.counts.get(index) + 1);
  }

  #start(firstTest: number, choice: number): void {
    this.#view.current = choice < KINDS.length ? firstTest + choice + 1 : 0;
    if (this.#view.current !== 0) this.#view.counts.set(this.#view.current - 1, 0);
  }
}

function place(pci: PciFunction, bar: number, command: number, size: number): { first: number; last: number } {
  if (!pci.enabled(command)) return NOWHERE;
  const first = pci.base(bar);
  return { first, last: first + size - 1 };
}
