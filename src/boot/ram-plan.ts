import { hex, ImageError } from './image-error.ts';

interface Claim {
  readonly start: number;
  readonly end: number;
  readonly what: string;
}

interface Write {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Zero bytes that follow `bytes`: a segment's .bss. */
  readonly zeros: number;
}

/** What to look for: `size` bytes at a multiple of `alignment`, not under `from`, and wholly under `below`. */
export interface Room {
  readonly size: number;
  readonly alignment: number;
  readonly from: number;
  readonly below?: number;
}

const alignUp = (address: number, alignment: number): number => Math.ceil(address / alignment) * alignment;
const alignDown = (address: number, alignment: number): number => Math.floor(address / alignment) * alignment;

/**
 * What will be written into guest RAM, and where. Everything is placed first and copied by commit() last, so that an
 * image found to be bad half-way has changed nothing. Addresses and sizes are bytes below 2^53; ends are exclusive.
 */
export class RamPlan {
  readonly ramBytes: number;
  readonly #claims: Claim[] = [];
  readonly #writes: Write[] = [];

  constructor(ramBytes: number) {
    this.ramBytes = ramBytes;
  }

  /**
   * Takes [start, start + size) for `what` of `file`, with no contents of its own.
   * @throws ImageError if it lies beyond the RAM or over an earlier claim.
   */
  claim(file: string, start: number, size: number, what: string): void {
    if (size === 0) return;
    const end = start + size;
    if (end > this.ramBytes) {
      throw new ImageError(file, `${what} needs ${hex(end)} bytes of RAM, the machine has ${hex(this.ramBytes)}`);
    }
    const other = this.#overlapping(start, end);
    if (other) {
      const place = `${hex(other.start)}-${hex(other.end)}`;
      throw new ImageError(file, `${what} at ${hex(start)}-${hex(end)} overlaps ${other.what} at ${place}`);
    }
    this.#claims.push({ start, end, what });
  }

  /** Whether [start, start + size) is RAM that nothing has claimed. */
  isFree(start: number, size: number): boolean {
    return start + size <= this.ramBytes && !this.#overlapping(start, start + size);
  }

  /** The lowest free address that fits, or null. */
  lowest({ size, alignment, from, below = this.ramBytes }: Room): number | null {
    let start = alignUp(from, alignment);
    while (start + size <= Math.min(below, this.ramBytes)) {
      const other = this.#overlapping(start, start + size);
      if (!other) return start;
      start = alignUp(other.end, alignment);
    }
    return null;
  }

  /** The highest free address that fits, or null. */
  highest({ size, alignment, from, below = this.ramBytes }: Room): number | null {
    let start = alignDown(Math.min(below, this.ramBytes) - size, alignment);
    while (start >= from) {
      const other = this.#overlapping(start, start + size);
      if (!other) return start;
      start = alignDown(other.start - size, alignment);
    }
    return null;
  }

  /** Plans contents, followed by `zeros` zero bytes, for a place that is already claimed. */
  write(address: number, bytes: Uint8Array, zeros = 0): void {
    this.#writes.push({ address, bytes, zeros });
  }

  /** Copies everything planned into `ram`. It cannot fail: every place was checked when it was claimed. */
  commit(ram: Uint8Array): void {
    for (const { address, bytes, zeros } of this.#writes) {
      ram.set(bytes, address);
      const end = address + bytes.length;
      ram.fill(0, end, end + zeros);
    }
  }

  #overlapping(start: number, end: number): Claim | undefined {
    return this.#claims.find((claim) => start < claim.end && claim.start < end);
  }
}
