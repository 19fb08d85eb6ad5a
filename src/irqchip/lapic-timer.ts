import { CRYSTAL_HZ } from '../vcpu/cpuid.ts';
import { type Clock, fromDeadline, NEVER, SECOND, toDeadline } from './clock.ts';
import { LAPIC_REGISTER, TIMER_MODE } from './lapic-registers.ts';
import type { LapicState } from './lapic-state.ts';

/** Nanoseconds of one count before division. */
const COUNT = SECOND / CRYSTAL_HZ;

/**
 * The timer of one local APIC: SDM 3A 10.5.4. Only its vCPU's thread uses it. One-shot and periodic counts are held as
 * the machine time at which they reach 0; a TSC deadline as the guest's TSC value, because the guest may move its TSC.
 */
export class LapicTimer {
  readonly #lapic: LapicState;
  readonly #clock: Clock;
  readonly #guestTsc: () => bigint;
  readonly #nsPerKilocycle: () => number;
  readonly #fire: () => void;

  /** @param tsc the guest's TSC, and its rate in kHz */
  constructor(lapic: LapicState, clock: Clock, tsc: { read: () => bigint; khz: () => number }, fire: () => void) {
    this.#lapic = lapic;
    this.#clock = clock;
    this.#guestTsc = tsc.read;
    this.#nsPerKilocycle = () => SECOND / tsc.khz();
    this.#fire = fire;
  }

  get #mode(): number {
    return (this.#lapic.read(LAPIC_REGISTER.lvtTimer) >>> 17) & 3;
  }

  /** Divide configuration: bits 3, 1 and 0 are log2 of the divisor minus 1, and 111B divides by 1. */
  get #divisor(): number {
    const configuration = this.#lapic.read(LAPIC_REGISTER.divideConfiguration);
    return 1 << ((((configuration & 3) | ((configuration & 8) >>> 1)) + 1) & 7);
  }

  get #period(): number {
    return this.#lapic.read(LAPIC_REGISTER.initialCount) * this.#divisor * COUNT;
  }

  /** Machine ns of the next event, or Infinity. One that is due already lies at or before now. */
  deadline(): number {
    const { timerExpiry, tscDeadline } = this.#lapic.view;
    if (tscDeadline === 0n) return toDeadline(timerExpiry);
    const cycles = tscDeadline - this.#guestTsc();
    const now = this.#clock.now();
    return cycles <= 0n ? now : now + Math.ceil((Number(cycles) * this.#nsPerKilocycle()) / 1000);
  }

  /** Fires what is due. A periodic timer whose vCPU was late fires once, and keeps its phase. */
  service(now: number): void {
    const { view } = this.#lapic;
    if (view.tscDeadline !== 0n) {
      if (this.#guestTsc() < view.tscDeadline) return;
      view.tscDeadline = 0n; // Before delivery: a state saved in between must not hold a spent deadline.
      this.#fire();
      return;
    }
    const expiry = toDeadline(view.timerExpiry);
    if (expiry > now) return;
    view.timerExpiry = this.#mode === TIMER_MODE.periodic ? this.#after(expiry, now) : NEVER;
    this.#fire();
  }

  /** What was due before a register changes happened by its old value: a one-shot count that is spent stays so. */
  #catchUp(): void {
    this.service(this.#clock.now());
  }

  #after(expiry: number, now: number): bigint {
    const period = this.#period;
    return period === 0 ? NEVER : fromDeadline(expiry + (Math.floor((now - expiry) / period) + 1) * period);
  }

  /** A write of the initial-count register starts the count, or stops it with 0. Ignored in TSC-deadline mode. */
  setInitialCount(count: number): void {
    if (this.#mode === TIMER_MODE.tscDeadline) return;
    this.#catchUp();
    this.#lapic.write(LAPIC_REGISTER.initialCount, count);
    this.#lapic.view.timerExpiry = count === 0 ? NEVER : fromDeadline(this.#clock.now() + this.#period);
  }

  /** The current-count register. */
  currentCount(): number {
    const expiry = toDeadline(this.#lapic.view.timerExpiry);
    if (expiry === Number.POSITIVE_INFINITY) return 0;
    let left = expiry - this.#clock.now();
    const period = this.#period;
    // Due but not yet served: a periodic count has begun again.
    if (left <= 0 && this.#mode === TIMER_MODE.periodic && period > 0) left = period - (-left % period);
    return left <= 0 ? 0 : Math.min(0xffff_ffff, Math.ceil(left / (this.#divisor * COUNT)));
  }

  /** A write of the divide-configuration register: the current count stays, and goes on at the new rate. */
  setDivide(configuration: number): void {
    this.#catchUp();
    const left = this.currentCount();
    this.#lapic.write(LAPIC_REGISTER.divideConfiguration, configuration);
    if (this.#lapic.view.timerExpiry === NEVER) return;
    this.#lapic.view.timerExpiry = fromDeadline(this.#clock.now() + left * this.#divisor * COUNT);
  }

  /** A write of LVT timer: going to or from TSC-deadline mode disarms, other changes leave the count alone. */
  setEntry(entry: number): void {
    this.#catchUp();
    const before = this.#mode;
    this.#lapic.write(LAPIC_REGISTER.lvtTimer, entry);
    if ((before === TIMER_MODE.tscDeadline) !== (this.#mode === TIMER_MODE.tscDeadline)) this.disarm();
  }

  disarm(): void {
    this.#lapic.write(LAPIC_REGISTER.initialCount, 0);
    this.#lapic.view.timerExpiry = NEVER;
    this.#lapic.view.tscDeadline = 0n;
  }

  /** RDMSR IA32_TSC_DEADLINE: 0 when disarmed, which it is once it has fired (SDM 3A 10.5.4.1). */
  readTscDeadline(): bigint {
    this.service(this.#clock.now());
    return this.#lapic.view.tscDeadline;
  }

  /** WRMSR: 0 disarms, a time already past fires at once. Without effect in the other modes. */
  writeTscDeadline(deadline: bigint): void {
    if (this.#mode !== TIMER_MODE.tscDeadline) return;
    this.#lapic.view.tscDeadline = deadline;
    this.service(this.#clock.now());
  }
}
