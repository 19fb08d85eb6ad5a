import type { AccessSize } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import type { Clock, SharedTimer } from './clock.ts';
import { HPET_ADDRESS, HpetView } from './layout.ts';
import { type BusRange, lane } from './ranges.ts';

const TIMERS = 3;
/** Nanoseconds of one count, and its period in femtoseconds as the capabilities register tells it. */
const COUNT = 10;
const PERIOD_FS = COUNT * 1_000_000;
/** Vendor 8086h, legacy replacement, 64-bit counter, three timers, revision 1: HPET 1.0a 2.3.4. */
const CAPABILITIES = 0x8086_a201;

/** HPET 1.0a 2.3.5. */
const CONFIG = { enable: 1, legacy: 2 } as const;
/** HPET 1.0a 2.3.8. Interrupts by the FSB are not offered. */
const TIMER = { level: 2, interrupt: 4, periodic: 8, set: 0x40, narrow: 0x100, route: 0x3e00 } as const;
const WRITABLE = TIMER.level | TIMER.interrupt | TIMER.periodic | TIMER.set | TIMER.narrow | TIMER.route;
/** PER_INT_CAP and SIZE_CAP. */
const TIMER_CAPABILITIES = 0x30;
/** I/O APIC pins that a timer may use: 2, 8 and 16 to 23. */
const ROUTES = 0x00ff_0104;
/** With legacy replacement: lines of timers 0 and 1. */
const LEGACY_LINES = [0, 8] as const;

const REGISTER = { capabilities: 0, period: 4, config: 0x10, status: 0x20, counter: 0xf0, timers: 0x100 } as const;
const TIMER_STRIDE = 0x20;

const low = (value: bigint): number => Number(value & 0xffff_ffffn);
const high = (value: bigint): number => Number(value >> 32n);
const withHalf = (value: bigint, half: number, upper: boolean): bigint =>
  upper ? (value & 0xffff_ffffn) | (BigInt(half) << 32n) : (value & ~0xffff_ffffn) | BigInt(half);

export interface HpetCallbacks {
  /** Line 0 or 8 of legacy replacement, else an I/O APIC pin (2, 8, 16-23). */
  interrupt(line: number, high: boolean): void;
  /** Whether the 8254 and the RTC are cut off from lines 0 and 8. */
  legacyReplacement(on: boolean): void;
}

/**
 * The high precision event timer: IA-PC HPET specification 1.0a. One block at FED00000h of three timers over a 100 MHz
 * counter. Its user holds the device lock.
 */
export class Hpet implements BusRange, SharedTimer {
  readonly first = 0xfed0_0000;
  readonly last = 0xfed0_03ff;
  readonly #view: InstanceType<typeof HpetView>;
  readonly #clock: Clock;
  readonly #callbacks: HpetCallbacks;

  constructor(memory: StateMemory, clock: Clock, callbacks: HpetCallbacks) {
    this.#view = new HpetView(memory, HPET_ADDRESS);
    this.#clock = clock;
    this.#callbacks = callbacks;
  }

  reset(): void {
    const view = this.#view;
    view.config = 0;
    view.status = 0;
    view.counter = 0n;
    view.seen = 0n;
    for (let timer = 0; timer < TIMERS; timer++) {
      view.timerConfig.set(timer, 0);
      view.comparators.set(timer, 0xffff_ffff_ffff_ffffn);
      view.periods.set(timer, 0n);
    }
  }

  /** Whether lines 0 and 8 belong to timers 0 and 1. */
  get legacy(): boolean {
    return (this.#view.config & CONFIG.legacy) !== 0;
  }

  get #enabled(): boolean {
    return (this.#view.config & CONFIG.enable) !== 0;
  }

  #cycles(now: number): bigint {
    return BigInt(Math.floor(now / COUNT));
  }

  /** The main counter. */
  #counter(now: number): bigint {
    const { counter } = this.#view;
    return this.#enabled ? BigInt.asUintN(64, this.#cycles(now) - counter) : counter;
  }

  #width(timer: number): number {
    return this.#view.timerConfig.get(timer) & TIMER.narrow ? 32 : 64;
  }

  #is(timer: number, bit: number): boolean {
    return (this.#view.timerConfig.get(timer) & bit) !== 0;
  }

  // Events: a timer's comparator matches when the counter passes it.

  deadline(): number {
    if (!this.#enabled) return Number.POSITIVE_INFINITY;
    let first = Number.POSITIVE_INFINITY;
    for (let timer = 0; timer < TIMERS; timer++) {
      if (this.#is(timer, TIMER.interrupt)) first = Math.min(first, this.#matchTime(timer));
    }
    return first;
  }

  #matchTime(timer: number): number {
    const { seen, comparators, counter } = this.#view;
    const width = this.#width(timer);
    const left = BigInt.asUintN(width, comparators.get(timer) - seen) || 1n << BigInt(width);
    // In whole cycles, for counter and seen may be large numbers whose sum is the present.
    return (Number(BigInt.asIntN(64, counter + seen)) + Number(left)) * COUNT;
  }

  service(now: number): void {
    if (!this.#enabled) return;
    const view = this.#view;
    const counter = this.#counter(now);
    const passed = BigInt.asUintN(64, counter - view.seen);
    for (let timer = 0; timer < TIMERS; timer++) this.#match(timer, counter, passed);
    view.seen = counter;
  }

  /** @param passed how far the counter went since the last look */
  #match(timer: number, counter: bigint, passed: bigint): void {
    const { comparators, seen } = this.#view;
    const width = this.#width(timer);
    const left = BigInt.asUintN(width, comparators.get(timer) - seen) || 1n << BigInt(width);
    if (passed < left) return;
    if (this.#is(timer, TIMER.periodic)) this.#advance(timer, counter, width);
    this.#fire(timer);
  }

  /** A periodic comparator goes on to the first multiple that is ahead. */
  #advance(timer: number, counter: bigint, width: number): void {
    const { comparators, periods } = this.#view;
    const period = periods.get(timer);
    if (period === 0n) return;
    const comparator = comparators.get(timer);
    const late = BigInt.asUintN(width, counter - comparator);
    comparators.set(timer, BigInt.asUintN(width, comparator + (late / period + 1n) * period));
  }

  /** Sets the line that a timer uses. One whose route is none of ROUTES, as after reset, has no line. */
  #drive(timer: number, level: boolean): void {
    const route = (this.#view.timerConfig.get(timer) & TIMER.route) >>> 9;
    const legacy = this.legacy ? LEGACY_LINES[timer] : undefined;
    if (legacy !== undefined) this.#callbacks.interrupt(legacy, level);
    else if (ROUTES & (1 << route)) this.#callbacks.interrupt(route, level);
  }

  #fire(timer: number): void {
    const view = this.#view;
    if (this.#is(timer, TIMER.level)) view.status |= 1 << timer;
    if (!this.#is(timer, TIMER.interrupt)) return;
    this.#drive(timer, true);
    if (!this.#is(timer, TIMER.level)) this.#drive(timer, false);
  }

  // Registers, 64 bits wide, accessed by halves.

  read(address: number, size: AccessSize): number {
    return lane(this.#readHalf(address & 0x3fc), address, size);
  }

  #readHalf(offset: number): number {
    const view = this.#view;
    if (offset >= REGISTER.timers) return this.#readTimer(offset);
    switch (offset) {
      case REGISTER.capabilities:
        return CAPABILITIES;
      case REGISTER.period:
        return PERIOD_FS;
      case REGISTER.config:
        return view.config;
      case REGISTER.status:
        this.service(this.#clock.now());
        return view.status;
      case REGISTER.counter:
        return low(this.#counter(this.#clock.now()));
      case REGISTER.counter + 4:
        return high(this.#counter(this.#clock.now()));
      default:
        return 0;
    }
  }

  #readTimer(offset: number): number {
    const timer = (offset - REGISTER.timers) >>> 5;
    if (timer >= TIMERS) return 0;
    const view = this.#view;
    this.service(this.#clock.now());
    const comparator = BigInt.asUintN(this.#width(timer), view.comparators.get(timer));
    const halves = [view.timerConfig.get(timer) | TIMER_CAPABILITIES, ROUTES, low(comparator), high(comparator)];
    return halves[(offset % TIMER_STRIDE) >>> 2] ?? 0;
  }

  /** Registers are written by aligned halves; the specification leaves others undefined, and they change nothing. */
  write(address: number, size: AccessSize, value: number): void {
    const offset = address & 0x3ff;
    if (size !== 4 || offset & 3) return;
    this.service(this.#clock.now());
    if (offset >= REGISTER.timers) this.#writeTimer(offset, value);
    else if (offset === REGISTER.config) this.#writeConfig(value);
    else if (offset === REGISTER.status) this.#clearStatus(value);
    else if ((offset & ~4) === REGISTER.counter) this.#writeCounter(value, (offset & 4) !== 0);
  }

  #writeConfig(value: number): void {
    const view = this.#view;
    const now = this.#clock.now();
    const counter = this.#counter(now);
    view.config = value & (CONFIG.enable | CONFIG.legacy);
    view.counter = this.#enabled ? BigInt.asUintN(64, this.#cycles(now) - counter) : counter;
    view.seen = counter;
    this.#callbacks.legacyReplacement(this.legacy);
  }

  /** Writing 1 ends a level-triggered interrupt: 2.3.6. */
  #clearStatus(value: number): void {
    const view = this.#view;
    for (let timer = 0; timer < TIMERS; timer++) {
      if (value & view.status & (1 << timer)) this.#drive(timer, false);
    }
    view.status &= ~value;
  }

  /** The counter may be written only while halted; a write to a running one has no effect. */
  #writeCounter(value: number, upper: boolean): void {
    const view = this.#view;
    if (this.#enabled) return;
    view.counter = withHalf(view.counter, value, upper);
    view.seen = view.counter;
  }

  #writeTimer(offset: number, value: number): void {
    const timer = (offset - REGISTER.timers) >>> 5;
    if (timer >= TIMERS) return;
    const half = (offset % TIMER_STRIDE) >>> 2;
    if (half === 0) this.#writeTimerConfig(timer, value);
    else if (half >= 2 && half <= 3) this.#writeComparator(timer, value, half === 3);
  }

  #writeTimerConfig(timer: number, value: number): void {
    const view = this.#view;
    if (view.status & (1 << timer)) this.#drive(timer, false);
    const route = (value & TIMER.route) >>> 9;
    // A route that the timer does not have keeps the old one: 2.3.8, Tn_INT_ROUTE_CNF.
    const routed = ROUTES & (1 << route) ? value : (value & ~TIMER.route) | (view.timerConfig.get(timer) & TIMER.route);
    view.timerConfig.set(timer, routed & WRITABLE);
    if (!this.#is(timer, TIMER.level)) view.status &= ~(1 << timer);
    if (view.status & (1 << timer) && this.#is(timer, TIMER.interrupt)) {
      this.#drive(timer, true);
    }
  }

  /** Periodic timers take a write as their period, and with Tn_VAL_SET_CNF as their comparator too: 2.3.9.2.2. */
  #writeComparator(timer: number, value: number, upper: boolean): void {
    const { comparators, periods, timerConfig } = this.#view;
    const periodic = this.#is(timer, TIMER.periodic);
    const width = this.#width(timer);
    if (width === 32 && upper) return;
    const put = (old: bigint) => BigInt.asUintN(width, withHalf(old, value, upper));
    if (!periodic || this.#is(timer, TIMER.set)) comparators.set(timer, put(comparators.get(timer)));
    if (periodic) periods.set(timer, put(periods.get(timer)));
    // A 64-bit value comes in two halves, of which the upper one is the last.
    if (width === 32 || upper) timerConfig.set(timer, timerConfig.get(timer) & ~TIMER.set);
  }
}
