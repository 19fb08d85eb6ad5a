import type { AccessSize } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { PCI_CONFIG_ADDRESS, PCI_CONFIG_BYTES } from './layout.ts';

/** A register of configuration space: its offset, its bytes, and a value or a mask. */
export type PciRegister = readonly [offset: number, size: AccessSize, value: number];

/** A function of bus 0 as software finds it after the firmware. */
export interface PciModel {
  readonly device: number;
  readonly function: number;
  /** All that is not zero. */
  readonly registers: readonly PciRegister[];
  /** The bits that software may change; others keep their value. */
  readonly writable: readonly PciRegister[];
}

const COMMAND = 0x04;
export const COMMAND_IO = 1;
export const COMMAND_MEMORY = 2;
const BAR0 = 0x10;

/** PCI 2.3, 6.1: configuration space of one function. Its user holds the device lock. */
export class PciFunction {
  readonly model: PciModel;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #writable = new Uint8Array(PCI_CONFIG_BYTES);

  /** @param slot which of the configuration spaces in the `state` memory */
  constructor(memory: StateMemory, slot: number, model: PciModel) {
    this.model = model;
    const address = PCI_CONFIG_ADDRESS + slot * PCI_CONFIG_BYTES;
    this.#bytes = memory.u8.subarray(address, address + PCI_CONFIG_BYTES);
    this.#view = new DataView(memory.buffer, address, PCI_CONFIG_BYTES);
    for (const register of model.writable) put(this.#writable, register);
  }

  reset(): void {
    this.#bytes.fill(0);
    for (const register of this.model.registers) put(this.#bytes, register);
  }

  readByte(offset: number): number {
    return this.#bytes[offset]!;
  }

  writeByte(offset: number, value: number): void {
    const mask = this.#writable[offset]!;
    this.#bytes[offset] = (this.#bytes[offset]! & ~mask) | (value & mask);
  }

  /** Whether bits of the command register are set. */
  enabled(bits: number): boolean {
    return (this.#view.getUint16(COMMAND, true) & bits) === bits;
  }

  /** Where a base address register points: a multiple of the region's size. */
  base(bar: number): number {
    const value = this.#view.getUint32(BAR0 + 4 * bar, true);
    return (value & (value & 1 ? ~0x3 : ~0xf)) >>> 0;
  }
}

function put(bytes: Uint8Array, [offset, size, value]: PciRegister): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = (value >>> (8 * i)) & 0xff;
}
