import type { AccessSize } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import type { InterruptBus } from './interrupt-bus.ts';
import { DELIVERY } from './lapic-registers.ts';
import { IO_APIC_ADDRESS, IoApicView } from './layout.ts';
import { type BusRange, lane } from './ranges.ts';

export const IO_APIC_PINS = 24;
/** With an EOI register, as version 20H has. */
const VERSION = 0x20;

/** 82093AA 3.2.4, the low half of a redirection entry. */
const ENTRY = { logical: 1 << 11, remoteIrr: 1 << 14, level: 1 << 15, masked: 1 << 16 } as const;
/** Vector, delivery mode, destination mode, polarity, trigger mode, mask. */
const WRITABLE = 0x1_afff;
const DESTINATION = 0xff00_0000;

const REGISTER = { id: 0, version: 1, arbitration: 2, redirection: 0x10 } as const;
const WINDOW = { select: 0x00, data: 0x10, eoi: 0x40 } as const;

/**
 * The I/O APIC: Intel 82093AA, with the EOI register of its successors. Its user holds the device lock.
 *
 * Pins are told as asserted or not, whatever the polarity that the guest programs: a board that has active-low wires
 * inverts them before it calls setPin.
 */
export class IoApic implements BusRange {
  readonly first = 0xfec0_0000;
  readonly last = 0xfec0_0fff;
  readonly #view: InstanceType<typeof IoApicView>;
  readonly #bus: InterruptBus;

  constructor(memory: StateMemory, bus: InterruptBus) {
    this.#view = new IoApicView(memory, IO_APIC_ADDRESS);
    this.#bus = bus;
  }

  reset(): void {
    const view = this.#view;
    view.id = 0;
    view.select = 0;
    view.levels = 0;
    for (let pin = 0; pin < IO_APIC_PINS; pin++) {
      view.redirection.set(pin * 2, ENTRY.masked);
      view.redirection.set(pin * 2 + 1, 0);
    }
  }

  read(address: number, size: AccessSize): number {
    const offset = address & 0xfff & ~3;
    if (offset === WINDOW.select) return lane(this.#view.select, address, size);
    return offset === WINDOW.data ? lane(this.#readRegister(this.#view.select), address, size) : 0;
  }

  /** Registers are written whole: 82093AA 3.1. */
  write(address: number, size: AccessSize, value: number): void {
    const offset = address & 0xfff;
    if (offset === WINDOW.select) this.#view.select = value & 0xff;
    else if (size === 4 && offset === WINDOW.data) this.#writeRegister(this.#view.select, value);
    else if (size === 4 && offset === WINDOW.eoi) this.eoi(value & 0xff);
  }

  #readRegister(select: number): number {
    const view = this.#view;
    if (select === REGISTER.version) return ((IO_APIC_PINS - 1) << 16) | VERSION;
    if (select === REGISTER.id || select === REGISTER.arbitration) return view.id;
    const index = select - REGISTER.redirection;
    return index >= 0 && index < IO_APIC_PINS * 2 ? view.redirection.get(index) : 0;
  }

  #writeRegister(select: number, value: number): void {
    if (select === REGISTER.id) this.#view.id = value & 0x0f00_0000;
    const index = select - REGISTER.redirection;
    if (index < 0 || index >= IO_APIC_PINS * 2) return;
    if (index & 1) this.#view.redirection.set(index, (value & DESTINATION) >>> 0);
    else this.#setEntry(index >>> 1, value & WRITABLE);
  }

  #setEntry(pin: number, value: number): void {
    // Remote IRR is read-only, and undefined for an edge-triggered pin: guests clear it by switching to edge.
    const kept = value & ENTRY.level ? this.#low(pin) & ENTRY.remoteIrr : 0;
    this.#view.redirection.set(pin * 2, value | kept);
    if (value & ENTRY.level && this.#isHigh(pin)) this.#serve(pin);
  }

  #low(pin: number): number {
    return this.#view.redirection.get(pin * 2);
  }

  #isHigh(pin: number): boolean {
    return (this.#view.levels & (1 << pin)) !== 0;
  }

  /** The level of an input. An edge that meets a masked entry is lost. */
  setPin(pin: number, high: boolean): void {
    const view = this.#view;
    const rises = high && !this.#isHigh(pin);
    view.levels = (high ? view.levels | (1 << pin) : view.levels & ~(1 << pin)) >>> 0;
    if (high && (rises || this.#low(pin) & ENTRY.level)) this.#serve(pin);
  }

  #serve(pin: number): void {
    const entry = this.#low(pin);
    if (entry & ENTRY.masked) return;
    const delivery = (entry >>> 8) & 7;
    const level = (entry & ENTRY.level) !== 0;
    if (level && entry & ENTRY.remoteIrr) return;
    const accepted = this.#bus.deliver({
      delivery,
      vector: entry & 0xff,
      level: level && delivery <= DELIVERY.lowest,
      logical: (entry & ENTRY.logical) !== 0,
      destination: this.#view.redirection.get(pin * 2 + 1) >>> 24,
      wide: false,
    });
    // Remote IRR stands for a local APIC that will send an EOI: 82093AA 3.2.4.
    if (accepted && level && delivery <= DELIVERY.lowest) {
      this.#view.redirection.set(pin * 2, entry | ENTRY.remoteIrr);
    }
  }

  /** The end of a level-triggered interrupt: pins that are still high interrupt again. */
  eoi(vector: number): void {
    for (let pin = 0; pin < IO_APIC_PINS; pin++) {
      const entry = this.#low(pin);
      if ((entry & 0xff) !== vector || !(entry & ENTRY.level) || !(entry & ENTRY.remoteIrr)) continue;
      this.#view.redirection.set(pin * 2, entry & ~ENTRY.remoteIrr);
      if (this.#isHigh(pin)) this.#serve(pin);
    }
  }
}
