/** Bytes of one device access. */
export type AccessSize = 1 | 2 | 4;

/** What answers a vCPU's I/O ports. Values are unsigned, of `size` bytes. Unclaimed ports read as all ones. */
export interface PortBus {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
}

/** What answers physical addresses that are not RAM. 8-byte accesses come as two of 4 bytes, low half first. */
export interface MmioBus {
  readMmio(address: number, size: AccessSize): number;
  writeMmio(address: number, size: AccessSize, value: number): void;
}

/** Ports `first` to `last` of one device. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
  read(port: number, size: AccessSize): number;
  write(port: number, size: AccessSize, value: number): void;
}

/** Physical addresses `first` to `last` (inclusive) of one device. */
export interface MmioRange {
  readonly first: number;
  readonly last: number;
  read(address: number, size: AccessSize): number;
  write(address: number, size: AccessSize, value: number): void;
}

const ALL_ONES: Readonly<Record<AccessSize, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff };

/** Ports by table: the device of a port answers, nobody's port reads as all ones. */
export class PortMap implements PortBus {
  readonly #ranges = new Map<number, PortRange>();

  /** @throws RangeError if two devices claim a port */
  constructor(ranges: readonly PortRange[]) {
    for (const range of ranges) {
      for (let port = range.first; port <= range.last; port++) {
        if (this.#ranges.has(port)) throw new RangeError(`two devices at port 0x${port.toString(16)}`);
        this.#ranges.set(port, range);
      }
    }
  }

  readPort(port: number, size: AccessSize): number {
    return (this.#ranges.get(port)?.read(port, size) ?? ALL_ONES[size]) >>> 0;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.#ranges.get(port)?.write(port, size, value);
  }
}

/** Physical addresses by table: few ranges, searched in order, so that a vCPU's own LAPIC can go first. */
export class MmioMap implements MmioBus {
  readonly #ranges: readonly MmioRange[];

  constructor(ranges: readonly MmioRange[]) {
    this.#ranges = ranges;
  }

  #find(address: number): MmioRange | undefined {
    return this.#ranges.find(({ first, last }) => address >= first && address <= last);
  }

  readMmio(address: number, size: AccessSize): number {
    return (this.#find(address)?.read(address, size) ?? ALL_ONES[size]) >>> 0;
  }

  writeMmio(address: number, size: AccessSize, value: number): void {
    this.#find(address)?.write(address, size, value);
  }
}
