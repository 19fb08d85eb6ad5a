// One counter of the 8254: datasheet 231164, "Mode Definitions". Its count and output are functions of the clock.
import type { PitCounterView } from './layout.ts';

/** Modes in which a low gate stops the counter. In 1 and 5 only its rising edge matters. */
const GATED: readonly number[] = [0, 2, 3, 4];
/** Modes that a rising gate starts. */
const TRIGGERED: readonly number[] = [1, 5];
/** Modes that go on from the count's end: rate generator, square wave. */
const PERIODIC: readonly number[] = [2, 3];

const CONTROL = { access: 0x30, mode: 0x0e, bcd: 1 } as const;
const BOTH_BYTES = 3;

/** A counter at a tick of the 8254's clock. All methods take the tick, which never falls. */
export class PitCounter {
  readonly view: PitCounterView;

  constructor(view: PitCounterView) {
    this.view = view;
  }

  #isStopped(): boolean {
    return this.view.gate === 0 && GATED.includes(this.view.mode);
  }

  #elapsed(tick: number): number {
    return this.#isStopped() ? Number(this.view.held) : tick - Number(this.view.start);
  }

  /** Modes 2 and 3: a count written while another one ran has taken over when that one ended. */
  #settle(tick: number): void {
    const { view } = this;
    if (view.next === 0 || !PERIODIC.includes(view.mode) || tick < Number(view.switchAt)) return;
    view.start = view.switchAt;
    view.reload = view.next;
    view.next = 0;
  }

  /** A control word, bits 5:0: the counter waits for a count. */
  configure(control: number): void {
    const { view } = this;
    const mode = (control & CONTROL.mode) >>> 1;
    view.mode = mode > 5 ? mode - 4 : mode; // Bit 2 does not count in modes 2 and 3.
    view.access = (control & CONTROL.access) >>> 4;
    view.bcd = control & CONTROL.bcd;
    view.counting = 0;
    view.loaded = 0;
    view.next = 0;
    view.held = 0n;
    view.halfWritten = 0;
    view.halfRead = 0;
    view.latchedBytes = 0;
    view.statusLatched = 0;
  }

  /** A byte of the count. Nothing is written to a counter that has had no control word. */
  write(value: number, tick: number): void {
    const { view } = this;
    if (view.access === 1) this.#load(value, tick);
    else if (view.access === 2) this.#load(value << 8, tick);
    else if (view.access === BOTH_BYTES) this.#writeHalf(value, tick);
  }

  #writeHalf(value: number, tick: number): void {
    const { view } = this;
    if (view.halfWritten) {
      view.halfWritten = 0;
      this.#load(view.low | (value << 8), tick);
      return;
    }
    view.halfWritten = 1;
    view.low = value;
    // "MODE 0: writing the first byte disables counting. OUT is set low immediately."
    if (view.mode === 0) view.counting = 0;
  }

  #load(written: number, tick: number): void {
    const { view } = this;
    this.#settle(tick);
    const count = this.#countOf(written);
    view.loaded = 1;
    if (TRIGGERED.includes(view.mode)) {
      if (view.counting) view.next = count;
      else view.reload = count;
    } else if (PERIODIC.includes(view.mode) && view.counting && !this.#isStopped()) {
      view.next = count;
      view.switchAt = BigInt(this.#periodEnd(tick));
    } else this.#start(count, tick);
  }

  #start(count: number, tick: number): void {
    const { view } = this;
    view.reload = count;
    view.next = 0;
    view.start = BigInt(tick);
    view.held = 0n;
    view.counting = 1;
  }

  /** 0 is the largest count: 2^16, or 10^4 in BCD. */
  #countOf(written: number): number {
    if (!this.view.bcd) return written === 0 ? 0x10000 : written;
    const digits = [12, 8, 4, 0].map((shift) => (written >>> shift) & 15);
    const count = digits.reduce((value, digit) => value * 10 + digit, 0);
    return count === 0 ? 10000 : count;
  }

  #periodEnd(tick: number): number {
    const { view } = this;
    const start = Number(view.start);
    return start + (Math.floor((tick - start) / view.reload) + 1) * view.reload;
  }

  /** The GATE input. */
  setGate(high: boolean, tick: number): void {
    const { view } = this;
    if (high === (view.gate !== 0)) return;
    this.#settle(tick);
    if (!high) {
      view.held = BigInt(Math.max(0, tick - Number(view.start)));
      view.gate = 0;
      return;
    }
    view.gate = 1;
    if (TRIGGERED.includes(view.mode) ? view.loaded : PERIODIC.includes(view.mode) && view.counting) {
      this.#start(view.next || view.reload, tick);
    } else view.start = BigInt(tick) - view.held;
  }

  /** The OUT pin. */
  output(tick: number): boolean {
    this.#settle(tick);
    const { view } = this;
    if (!view.counting) return view.mode !== 0;
    const elapsed = this.#elapsed(tick);
    const { reload, mode } = view;
    if (PERIODIC.includes(mode) && view.gate === 0) return true;
    if (mode <= 1) return elapsed >= reload;
    if (mode === 2) return elapsed % reload !== reload - 1;
    if (mode === 3) return elapsed % reload < Math.ceil(reload / 2);
    return elapsed !== reload;
  }

  /** The counting element as a guest reads it, in BCD if so set. */
  #count(tick: number): number {
    this.#settle(tick);
    const { view } = this;
    if (!view.counting) return 0;
    const value = this.#binaryCount(this.#elapsed(tick));
    if (!view.bcd) return value & 0xffff;
    const decimal = ((value % 10000) + 10000) % 10000;
    return Number.parseInt(decimal.toString(), 16);
  }

  #binaryCount(elapsed: number): number {
    const { reload, mode } = this.view;
    if (mode === 2) return reload - (elapsed % reload);
    if (mode !== 3) return reload - elapsed;
    // "MODE 3": by two, from an even number, twice in a period.
    const half = Math.ceil(reload / 2);
    const phase = elapsed % reload;
    return (reload & ~1) - 2 * (phase < half ? phase : phase - half);
  }

  /** The counter latch command; a latch that is not read yet stays. */
  latch(tick: number): void {
    const { view } = this;
    if (view.latchedBytes > 0) return;
    view.latch = this.#count(tick);
    view.latchedBytes = view.access === BOTH_BYTES ? 2 : 1;
  }

  /** The status byte for the read-back command: OUT, null count, and the control word. */
  latchStatus(tick: number): void {
    const { view } = this;
    if (view.statusLatched) return;
    const output = this.output(tick);
    const nullCount = !view.loaded || view.next !== 0 || view.halfWritten;
    view.status = (output ? 0x80 : 0) | (nullCount ? 0x40 : 0) | (view.access << 4) | (view.mode << 1) | view.bcd;
    view.statusLatched = 1;
  }

  read(tick: number): number {
    const { view } = this;
    if (view.statusLatched) {
      view.statusLatched = 0;
      return view.status;
    }
    return view.latchedBytes > 0 ? this.#readLatch() : this.#half(this.#count(tick), view.halfRead !== 0);
  }

  #readLatch(): number {
    const { view } = this;
    view.latchedBytes--;
    return this.#half(view.latch, view.latchedBytes === 0);
  }

  /** One byte of a count. Both-byte access alternates; `second` says which one is next. */
  #half(count: number, second: boolean): number {
    const { view } = this;
    const high = view.access === 2 || (view.access === BOTH_BYTES && second);
    if (view.access === BOTH_BYTES) view.halfRead = second ? 0 : 1;
    return high ? count >>> 8 : count & 0xff;
  }

  /** The first tick after `tick` at which OUT rises, if the gate stays high; Infinity if never. */
  nextRise(tick: number): number {
    this.#settle(tick);
    const { view } = this;
    if (!view.counting || this.#isStopped()) return Number.POSITIVE_INFINITY;
    if (PERIODIC.includes(view.mode)) return this.#periodEnd(tick);
    // Modes 4 and 5 strobe for one cycle.
    const rise = Number(view.start) + view.reload + (view.mode >= 4 ? 1 : 0);
    return rise > tick ? rise : Number.POSITIVE_INFINITY;
  }
}
