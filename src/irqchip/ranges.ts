// What the interrupt controllers and timers answer on a vCPU's buses.
import type { AccessSize } from '../mmu/bus.ts';

/**
 * Consecutive I/O ports or physical addresses, `first` and `last` inclusive, that one device answers. An access lies
 * inside the range with its first byte.
 */
export interface BusRange {
  readonly first: number;
  readonly last: number;
  read(address: number, size: AccessSize): number;
  write(address: number, size: AccessSize, value: number): void;
}

/** A device whose registers are a byte wide: wider accesses are several, as the ISA bus performs them. */
export interface ByteDevice {
  readByte(port: number): number;
  writeByte(port: number, value: number): void;
}

/** The ports from `first` to `last` of a byte-wide device. Bytes past the range read as all ones. */
export function bytePorts(first: number, last: number, device: ByteDevice): BusRange {
  return {
    first,
    last,
    read(port, size) {
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = value * 256 + (port + i > last ? 0xff : device.readByte(port + i));
      return value;
    },
    write(port, size, value) {
      for (let i = 0; i < size && port + i <= last; i++) device.writeByte(port + i, (value >>> (8 * i)) & 0xff);
    },
  };
}

/** The bytes of a 32-bit register that an access of `size` bytes at `address` reads. */
export function lane(register: number, address: number, size: AccessSize): number {
  const value = register >>> ((address & 3) * 8);
  return size === 4 ? value : value & (2 ** (size * 8) - 1);
}
