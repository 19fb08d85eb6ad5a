import { CONTROL, type StateMap } from '../state/map.ts';
import { Mutex } from '../state/mutex.ts';
import type { StateMemory } from '../state/struct.ts';
import type { CpuFeatures } from '../vcpu/features.ts';
import type { InterruptPort } from '../vcpu/services.ts';
import { AcpiPm } from './acpi-pm.ts';
import { type Clock, fromDeadline, type SharedTimer, toDeadline } from './clock.ts';
import { Hpet } from './hpet.ts';
import { InterruptBus } from './interrupt-bus.ts';
import { IoApic } from './io-apic.ts';
import { Lapic } from './lapic.ts';
import { LINE_SOURCE, Lines } from './lines.ts';
import { Mc146818Rtc } from './mc146818-rtc.ts';
import { Pic8259Pair } from './pic-8259.ts';
import { Pit8254 } from './pit-8254.ts';
import { type BusRange, bytePorts } from './ranges.ts';

export interface IrqchipParts {
  readonly memory: StateMemory;
  readonly map: StateMap;
  /** The vCPU whose buses and run loop this instance serves. */
  readonly vcpu: number;
  readonly clock: Clock;
  readonly features: CpuFeatures;
  /** Whether the machine has an 8254. */
  readonly pit: boolean;
  /** The guest turned the machine off. Called with the device lock held. */
  powerOff(): void;
}

const PIT_LINE = 0;
const RTC_LINE = 8;
const SCI_LINE = 9;
/** The I/O APIC's pin with the 8259 pair's output. */
const INTR_PIN = 0;
const SOFT_OFF = 0;
const NEXT_DEADLINE = CONTROL.offset.nextDeadline >>> 3;

/**
 * The interrupt controllers and timers as one vCPU's thread uses them. All state lies in the `state` memory, so that
 * every thread may have an instance of its own. Local APICs work without a lock; all else works under
 * CONTROL.deviceLock, which ports and mmio take themselves.
 */
export class Irqchip implements InterruptPort {
  readonly lapic: Lapic;
  /** I/O ports, and physical addresses: of the latter the first, the local APIC's page, moves with IA32_APIC_BASE. */
  readonly ports: readonly BusRange[];
  readonly mmio: readonly BusRange[];
  readonly bus: InterruptBus;
  readonly pics: Pic8259Pair;
  readonly ioApic: IoApic;
  readonly pit: Pit8254 | null;
  readonly rtc: Mc146818Rtc;
  readonly pm: AcpiPm;
  readonly hpet: Hpet;
  readonly lines: Lines;
  readonly #memory: StateMemory;
  readonly #mutex: Mutex;
  readonly #timers: readonly SharedTimer[];

  constructor(parts: IrqchipParts) {
    const { memory, map, clock } = parts;
    this.#memory = memory;
    this.#mutex = new Mutex(memory, CONTROL.offset.deviceLock);
    this.bus = new InterruptBus(memory, map);
    this.lapic = new Lapic({ ...parts, bus: this.bus, broadcastEoi: (vector) => this.#endOfInterrupt(vector) });
    this.ioApic = new IoApic(memory, this.bus);
    this.pics = new Pic8259Pair(memory, (high) => this.#setIntr(high));
    this.lines = new Lines(memory, this.pics, this.ioApic);
    this.hpet = new Hpet(memory, clock, {
      interrupt: (line, high) => this.lines.set(line, high, LINE_SOURCE.hpet),
      legacyReplacement: (on) => this.#cutLegacyTimers(on),
    });
    this.pit = parts.pit ? new Pit8254(memory, clock, (high) => this.#setLegacy(PIT_LINE, high)) : null;
    this.rtc = new Mc146818Rtc(memory, clock, (high) => this.#setLegacy(RTC_LINE, high));
    this.pm = new AcpiPm(memory, clock, {
      interrupt: (high) => this.lines.set(SCI_LINE, high, LINE_SOURCE.acpi),
      // As the DSDT says: there is no other sleeping state, and a guest that asks for one goes on running.
      sleep: (type) => {
        if (type === SOFT_OFF) parts.powerOff();
      },
    });
    this.#timers = this.pit ? [this.pit, this.rtc, this.pm, this.hpet] : [this.rtc, this.pm, this.hpet];
    this.ports = this.#portRanges();
    this.mmio = [this.lapic, this.#locked(this.ioApic), this.#locked(this.hpet)];
  }

  #portRanges(): readonly BusRange[] {
    const { pics, pit, pm } = this;
    const timer = pit ? [bytePorts(0x40, 0x43, pit), bytePorts(0x61, 0x61, pit)] : [];
    const events = { first: pm.first, last: pm.first + 7, read: pm.read.bind(pm), write: pm.write.bind(pm) };
    const locked = [
      bytePorts(0x20, 0x21, pics),
      bytePorts(0xa0, 0xa1, pics),
      bytePorts(0x4d0, 0x4d1, pics),
      ...timer,
      bytePorts(0x70, 0x71, this.rtc),
      events,
    ].map((range) => this.#locked(range));
    // The PM timer is a function of time, and the port that guests read most: it needs no lock.
    return [...locked, { ...events, first: pm.first + 8, last: pm.last }];
  }

  /** A range whose accesses hold the device lock, and leave CONTROL.nextDeadline right. */
  #locked(range: BusRange): BusRange {
    return {
      first: range.first,
      last: range.last,
      read: (address, size) => this.#exclusive(() => range.read(address, size)),
      write: (address, size, value) => this.#exclusive(() => range.write(address, size, value)),
    };
  }

  #exclusive<T>(action: () => T): T {
    return this.#mutex.run(() => {
      const result = action();
      this.publishDeadline();
      return result;
    });
  }

  /** Makes CONTROL.nextDeadline what the shared timers want. The caller holds the device lock. */
  publishDeadline(): void {
    const next = Math.min(...this.#timers.map((timer) => timer.deadline()));
    Atomics.store(this.#memory.u64, NEXT_DEADLINE, fromDeadline(next));
  }

  // Wiring.

  #setIntr(high: boolean): void {
    this.ioApic.setPin(INTR_PIN, high);
    if (high) this.bus.raiseIntr();
  }

  /** Lines 0 and 8 of the 8254 and the RTC, which the HPET may take over. */
  #setLegacy(line: number, high: boolean): void {
    const source = line === PIT_LINE ? LINE_SOURCE.pit : LINE_SOURCE.rtc;
    this.lines.set(line, high && !this.hpet.legacy, source);
  }

  #cutLegacyTimers(on: boolean): void {
    const cut = on ? [LINE_SOURCE.pit, LINE_SOURCE.rtc] : [LINE_SOURCE.hpet, LINE_SOURCE.hpet];
    this.lines.set(PIT_LINE, false, cut[0]!);
    this.lines.set(RTC_LINE, false, cut[1]!);
  }

  #endOfInterrupt(vector: number): void {
    this.#mutex.run(() => {
      this.ioApic.eoi(vector);
      this.bus.endLint0(this.lapic.state, vector, this.pics.output);
    });
  }

  /**
   * A device asserts or releases an interrupt line: see Lines.set. The caller holds the device lock.
   * @param source 8 to 31
   */
  setLine(line: number, high: boolean, source: number = LINE_SOURCE.device): void {
    this.lines.set(line, high, source);
  }

  /** The board's NMI button, unless port 70h bit 7 holds it back. */
  raiseNmi(): void {
    if (!this.rtc.nmiDisabled) this.bus.raiseNmi();
  }

  // InterruptPort.

  /** ExtINT waits: the 8259 pair has a request, and LINT0 or the I/O APIC passes it on to this vCPU. */
  #hasExtInt(): boolean {
    if (!this.pics.output) return false;
    const { state } = this.lapic;
    return Atomics.load(this.#memory.i32, state.word('extInt')) !== 0 || this.bus.acceptsExtInt(state);
  }

  pending(): boolean {
    return this.#hasExtInt() || this.lapic.pendingVector() >= 0;
  }

  /** ExtINT goes first: it does not pass through the local APIC's priorities (SDM 3A 10.1). */
  acknowledge(): number {
    if (!this.#hasExtInt()) return this.lapic.acknowledge();
    return this.#mutex.run(() => {
      // Another vCPU may have taken it meanwhile.
      if (!this.pics.output) return this.lapic.acknowledge();
      Atomics.store(this.#memory.i32, this.lapic.state.word('extInt'), 0);
      return this.pics.readInterrupt();
    });
  }

  /** The NMIs that were sent to this vCPU since the last call. To be called for REQUEST.nmi. */
  takeNmis(): number {
    return Atomics.exchange(this.#memory.i32, this.lapic.state.word('nmis'), 0);
  }

  deadline(): number {
    return Math.min(this.lapic.timer.deadline(), this.#sharedDeadline());
  }

  #sharedDeadline(): number {
    return toDeadline(Atomics.load(this.#memory.u64, NEXT_DEADLINE));
  }

  service(now: number): void {
    this.lapic.timer.service(now);
    if (this.#sharedDeadline() > now) return;
    this.#exclusive(() => {
      for (const timer of this.#timers) timer.service(now);
    });
  }
}
