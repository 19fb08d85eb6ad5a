import type { AccessSize, MmioBus } from './bus.ts';

const BYTE_MASK = 0xff;

/**
 * Physical memory: RAM from address 0, and whatever the MMIO bus answers above it. Addresses are numbers below 2^52.
 *
 * Accesses here are raw: a write to RAM must be followed by CodePages.wrote, which Mmu does for the guest's own.
 */
export class PhysicalMemory {
  readonly ramBytes: number;
  readonly u8: Uint8Array<SharedArrayBuffer>;
  readonly u16: Uint16Array<SharedArrayBuffer>;
  readonly u32: Uint32Array<SharedArrayBuffer>;
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly u64: BigUint64Array<SharedArrayBuffer>;
  readonly #view: DataView<SharedArrayBuffer>;
  readonly #mmio: MmioBus;

  /** @param ram guest RAM, a multiple of 4096 bytes, at most 3 GiB */
  constructor(ram: SharedArrayBuffer, mmio: MmioBus) {
    this.ramBytes = ram.byteLength;
    this.u8 = new Uint8Array(ram);
    this.u16 = new Uint16Array(ram);
    this.u32 = new Uint32Array(ram);
    this.i32 = new Int32Array(ram);
    this.u64 = new BigUint64Array(ram);
    this.#view = new DataView(ram);
    this.#mmio = mmio;
  }

  isRam(address: number): boolean {
    return address < this.ramBytes;
  }

  /** Reads 1, 2 or 4 bytes, unsigned. Aligned reads of RAM are single accesses: another vCPU sees no halves. */
  read(address: number, size: AccessSize): number {
    if (address + size <= this.ramBytes) return this.#readRam(address, size);
    if (address >= this.ramBytes) return this.#mmio.readMmio(address, size);
    return this.#readBytes(address, size);
  }

  /** Writes the low `size` bytes of value. */
  write(address: number, size: AccessSize, value: number): void {
    if (address + size <= this.ramBytes) this.#writeRam(address, size, value);
    else if (address >= this.ramBytes) this.#mmio.writeMmio(address, size, unsigned(value, size));
    else for (let i = 0; i < size; i++) this.write(address + i, 1, (value >>> (8 * i)) & BYTE_MASK);
  }

  /** Reads 8 bytes; of MMIO as two halves, low first. */
  read64(address: number): bigint {
    if (address + 8 <= this.ramBytes) {
      return (address & 7) === 0 ? this.u64[address / 8]! : this.#view.getBigUint64(address, true);
    }
    const low = this.read(address, 4);
    return (BigInt(this.read(address + 4, 4)) << 32n) | BigInt(low);
  }

  write64(address: number, value: bigint): void {
    if (address + 8 <= this.ramBytes) {
      if ((address & 7) === 0) this.u64[address / 8] = value;
      else this.#view.setBigUint64(address, value, true);
      return;
    }
    this.write(address, 4, Number(BigInt.asUintN(32, value)));
    this.write(address + 4, 4, Number(BigInt.asUintN(32, value >> 32n)));
  }

  #readRam(address: number, size: AccessSize): number {
    if (size === 4) return (address & 3) === 0 ? this.u32[address >>> 2]! : this.#view.getUint32(address, true);
    if (size === 1) return this.u8[address]!;
    return (address & 1) === 0 ? this.u16[address >>> 1]! : this.#view.getUint16(address, true);
  }

  #writeRam(address: number, size: AccessSize, value: number): void {
    if (size === 4) {
      if ((address & 3) === 0) this.u32[address >>> 2] = value;
      else this.#view.setUint32(address, value, true);
    } else if (size === 1) this.u8[address] = value;
    else if ((address & 1) === 0) this.u16[address >>> 1] = value;
    else this.#view.setUint16(address, value, true);
  }

  /** An access that begins in the last bytes of RAM and ends in MMIO. */
  #readBytes(address: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.read(address + i, 1) << (8 * i);
    return value >>> 0;
  }
}

const unsigned = (value: number, size: AccessSize): number =>
  size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : BYTE_MASK);
