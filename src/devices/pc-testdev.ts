import { bytePorts } from '../irqchip/ranges.ts';
import type { AccessSize, MmioRange, PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { PC_TESTDEV_ADDRESS, PcTestdevView, TEST_MEMORY_ADDRESS, TEST_MEMORY_BYTES } from './layout.ts';

const LATCH = 0xe0;
/** A second view of the latch, which QEMU accesses byte by byte. */
const BYTE_LATCH = 0xe8;
const FLUSH = 0xe4;
const LINES = 0x2000;
const LINE_COUNT = 24;
const TEST_MEMORY = 0xff00_0000;

/**
 * QEMU's pc-testdev: four bytes of latch at ports 0xe0 and 0xe8, the machine's interrupt lines at 0x2000-0x2017, and
 * 64 KiB of memory that answers as a device at 0xff000000. Its user holds the device lock.
 */
export class PcTestdev {
  readonly ports: readonly PortRange[];
  readonly mmio: readonly MmioRange[];
  readonly #latch: Uint8Array;
  readonly #testMemory: Uint8Array;

  /** @param setLine drives interrupt line 0 to 23 of the machine */
  constructor(memory: StateMemory, setLine: (line: number, high: boolean) => void) {
    const address = new PcTestdevView(memory, PC_TESTDEV_ADDRESS).address;
    this.#latch = memory.u8.subarray(address, address + 4);
    this.#testMemory = memory.u8.subarray(TEST_MEMORY_ADDRESS, TEST_MEMORY_ADDRESS + TEST_MEMORY_BYTES);
    const latch = {
      readByte: (port: number) => this.#latch[port & 3]!,
      writeByte: (port: number, value: number) => {
        this.#latch[port & 3] = value;
      },
    };
    // QEMU drops its own mapping of the page written to 0xe4, so that the next access faults in KVM. A guest sees
    // nothing of it, and nothing here is mapped lazily.
    const flush: PortRange = { first: FLUSH, last: FLUSH + 3, read: () => 0, write: () => undefined };
    const lines: PortRange = {
      first: LINES,
      last: LINES + LINE_COUNT - 1,
      read: () => 0,
      // The line of the first port follows the whole value, whatever its size.
      write: (port, _size, value) => setLine(port - LINES, value !== 0),
    };
    this.ports = [bytePorts(LATCH, LATCH + 3, latch), flush, bytePorts(BYTE_LATCH, BYTE_LATCH + 3, latch), lines];
    this.mmio = [
      {
        first: TEST_MEMORY,
        last: TEST_MEMORY + TEST_MEMORY_BYTES - 1,
        read: (at, size) => load(this.#testMemory, at - TEST_MEMORY, size),
        write: (at, size, value) => store(this.#testMemory, at - TEST_MEMORY, size, value),
      },
    ];
  }

  reset(): void {
    this.#latch.fill(0);
    this.#testMemory.fill(0);
  }
}

/** Little-endian; what is past the end reads as zeros. */
function load(bytes: Uint8Array, offset: number, size: AccessSize): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = (value << 8) | (bytes[offset + i] ?? 0);
  return value >>> 0;
}

function store(bytes: Uint8Array, offset: number, size: AccessSize, value: number): void {
  for (let i = 0; i < size && offset + i < bytes.length; i++) bytes[offset + i] = (value >>> (8 * i)) & 0xff;
}
