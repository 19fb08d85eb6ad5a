import type { AccessSize } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { type Clock, type SharedTimer, ticksAt, timeOfTick } from './clock.ts';
import { ACPI_PM_ADDRESS, AcpiPmView } from './layout.ts';
import { type BusRange, lane } from './ranges.ts';

export const PM_TIMER_HERTZ = 3_579_545;
const TIMER_BITS = 24;
/** TMR_STS is set whenever the timer's top bit changes: ACPI 6.3 4.8.3.1.1. */
const HALF_TIMER = 2 ** (TIMER_BITS - 1);

/** ACPI 6.3 tables 4.11 to 4.13. */
const EVENT = { timer: 1 << 0, global: 1 << 5, powerButton: 1 << 8, sleepButton: 1 << 9, rtc: 1 << 10 } as const;
const STATUS_BITS = EVENT.timer | EVENT.global | EVENT.powerButton | EVENT.sleepButton | EVENT.rtc | 0x8010;
const ENABLE_BITS = EVENT.timer | EVENT.global | EVENT.powerButton | EVENT.sleepButton | EVENT.rtc;
const CONTROL = { sciEnable: 1, sleepType: 7 << 10, sleepEnable: 1 << 13 } as const;
/** Those that a guest may set and read back: BM_RLD and the sleep type. GBL_RLS is for a BIOS, which there is none of. */
const CONTROL_BITS = 2 | CONTROL.sleepType;

const OFFSET = { event: 0, control: 4, timer: 8 } as const;

export interface AcpiPmCallbacks {
  /** Level of the system control interrupt. */
  interrupt(high: boolean): void;
  /** SLP_EN with a sleep type, the guest's value of SLP_TYP. */
  sleep(type: number): void;
}

/**
 * ACPI fixed hardware at ports 600h-60Bh: PM1a event and control registers and the power management timer. The machine
 * is always in ACPI mode. Its user holds the device lock, save for reading the timer.
 */
export class AcpiPm implements BusRange, SharedTimer {
  readonly first = 0x600;
  readonly last = 0x60b;
  readonly #view: InstanceType<typeof AcpiPmView>;
  readonly #clock: Clock;
  readonly #callbacks: AcpiPmCallbacks;

  constructor(memory: StateMemory, clock: Clock, callbacks: AcpiPmCallbacks) {
    this.#view = new AcpiPmView(memory, ACPI_PM_ADDRESS);
    this.#clock = clock;
    this.#callbacks = callbacks;
  }

  reset(): void {
    const view = this.#view;
    view.status = 0;
    view.enable = 0;
    view.control = 0;
    view.seen = BigInt(this.#ticks());
  }

  #ticks(): number {
    return ticksAt(this.#clock.now(), PM_TIMER_HERTZ);
  }

  /** PM_TMR: needs no lock, as it is a function of time. */
  get timer(): number {
    return this.#ticks() % 2 ** TIMER_BITS;
  }

  /** Only an enabled timer interrupt needs service in time; the status bit alone is found when it is read. */
  deadline(): number {
    const view = this.#view;
    if (!(view.enable & ~view.status & EVENT.timer)) return Number.POSITIVE_INFINITY;
    return timeOfTick((Math.floor(Number(view.seen) / HALF_TIMER) + 1) * HALF_TIMER, PM_TIMER_HERTZ);
  }

  service(now: number): void {
    const view = this.#view;
    const tick = ticksAt(now, PM_TIMER_HERTZ);
    if (Math.floor(tick / HALF_TIMER) > Math.floor(Number(view.seen) / HALF_TIMER)) view.status |= EVENT.timer;
    view.seen = BigInt(tick);
    this.#callbacks.interrupt((view.status & view.enable & ENABLE_BITS) !== 0);
  }

  /** The host's user presses the power button. */
  pressPowerButton(): void {
    this.#view.status |= EVENT.powerButton;
    this.service(this.#clock.now());
  }

  read(port: number, size: AccessSize): number {
    const offset = (port - this.first) & ~3;
    if (offset === OFFSET.timer) return lane(this.timer, port, size);
    this.service(this.#clock.now());
    const view = this.#view;
    return lane(offset === OFFSET.event ? this.#event() : view.control | CONTROL.sciEnable, port, size);
  }

  #event(): number {
    return (this.#view.status | (this.#view.enable << 16)) >>> 0;
  }

  /** Bytes that an access does not cover stay: of the status register, no bit is written as 1. */
  write(port: number, size: AccessSize, value: number): void {
    const offset = (port - this.first) & ~3;
    const shift = (port & 3) * 8;
    const mask = (size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1) << shift;
    if (offset === OFFSET.event) this.#writeEvent(value << shift, mask);
    else if (offset === OFFSET.control) this.#writeControl(value << shift, mask);
  }

  #writeEvent(value: number, mask: number): void {
    const view = this.#view;
    this.service(this.#clock.now());
    view.status &= ~(value & mask & STATUS_BITS);
    view.enable = ((view.enable & ~(mask >>> 16)) | ((value & mask) >>> 16)) & ENABLE_BITS;
    this.service(this.#clock.now());
  }

  /** SLP_EN starts the sleep and reads as 0: ACPI 6.3 4.8.3.2.1. */
  #writeControl(value: number, mask: number): void {
    const view = this.#view;
    view.control = (view.control & ~mask) | (value & mask & CONTROL_BITS);
    if (value & mask & CONTROL.sleepEnable) this.#callbacks.sleep((view.control & CONTROL.sleepType) >>> 10);
  }
}
