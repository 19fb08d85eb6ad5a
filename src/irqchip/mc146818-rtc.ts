import type { StateMemory } from '../state/struct.ts';
import { type Clock, SECOND, type SharedTimer, ticksAt, timeOfTick } from './clock.ts';
import { RTC_ADDRESS, RtcView } from './layout.ts';
import type { ByteDevice } from './ranges.ts';
import { ALARM_REGISTERS, decodeTime, encodeTime, FORMAT, TIME_REGISTER } from './rtc-calendar.ts';

const REGISTER = { a: 0xa, b: 0xb, c: 0xc, d: 0xd } as const;
/** Register A. */
const RATE = 0x0f;
const DIVIDER_RESET = 0x60;
const UPDATE_IN_PROGRESS = 0x80;
/** Register B: SET. Bits 6:4 of register C are flags, and bits 6:4 of register B let them interrupt. */
const SET = 0x80;
const FLAG = { periodic: 0x40, alarm: 0x20, update: 0x10, all: 0x70, request: 0x80 } as const;
const VALID_RAM = 0x80;
const DONT_CARE = 0xc0;

const CRYSTAL = 32_768;
/** UIP is set this long before the registers change, in ns (datasheet, "Update Cycle"). */
const UPDATE_WARNING = 244_000;
const DAY = 86_400;
const TIME_REGISTERS: readonly number[] = Object.values(TIME_REGISTER);
const INDEX_PORT = 0x70;

/**
 * The real-time clock and CMOS RAM, Motorola MC146818, ports 70h and 71h; interrupt line 8. It counts machine time, from
 * the moment that it was set to. Its user holds the device lock.
 */
export class Mc146818Rtc implements ByteDevice, SharedTimer {
  readonly view: RtcView;
  readonly #clock: Clock;
  readonly #interrupt: (high: boolean) => void;

  constructor(memory: StateMemory, clock: Clock, interrupt: (high: boolean) => void) {
    this.view = new RtcView(memory, RTC_ADDRESS);
    this.#clock = clock;
    this.#interrupt = interrupt;
  }

  /** @param epochSeconds the time of day now, in seconds since 1970. @param cmos contents of CMOS RAM by register */
  reset(epochSeconds: number, cmos: ReadonlyMap<number, number>): void {
    const { view } = this;
    for (let register = 0; register < 128; register++) view.cmos.set(register, cmos.get(register) ?? 0);
    view.cmos.set(REGISTER.a, 0x26); // 32.768 kHz time base, 1.024 kHz rate
    view.cmos.set(REGISTER.b, FORMAT.hours24);
    view.cmos.set(REGISTER.d, VALID_RAM);
    view.index = 0;
    view.nmiDisabled = 0;
    const whole = Math.floor(epochSeconds);
    this.#setTime(whole, Math.floor((epochSeconds - whole) * SECOND));
    view.seenTick = BigInt(ticksAt(this.#clock.now(), CRYSTAL));
  }

  /** Whether port 70h holds back the board's NMI. */
  get nmiDisabled(): boolean {
    return this.view.nmiDisabled !== 0;
  }

  #register(register: number): number {
    return this.view.cmos.get(register);
  }

  // Time. Second n of machine time shifted by `phase` is second epoch + n of the calendar.

  get #isRunning(): boolean {
    return !(this.#register(REGISTER.b) & SET) && (this.#register(REGISTER.a) & DIVIDER_RESET) !== DIVIDER_RESET;
  }

  #machineSecond(now: number): number {
    return Math.floor((now + this.view.phase) / SECOND);
  }

  #calendar(machineSecond: number): number {
    return Number(BigInt.asIntN(64, this.view.epoch)) + machineSecond;
  }

  /** @param fraction nanoseconds of the second that have passed */
  #setTime(seconds: number, fraction: number): void {
    const { view } = this;
    const now = this.#clock.now();
    view.phase = (((fraction - now) % SECOND) + SECOND) % SECOND;
    const second = this.#machineSecond(now);
    view.epoch = BigInt.asUintN(64, BigInt(seconds - second));
    view.seenSecond = BigInt(second);
  }

  #encoded(second: number): ReadonlyMap<number, number> {
    return encodeTime(this.#calendar(second), this.#register(REGISTER.b));
  }

  /** Brings the time registers up to date, for a clock that is about to stop or be set. */
  #materialise(): void {
    for (const [register, value] of this.#encoded(this.#machineSecond(this.#clock.now()))) {
      this.view.cmos.set(register, value);
    }
  }

  #commit(fraction: number): void {
    this.#setTime(
      decodeTime((register) => this.#register(register), this.#register(REGISTER.b)),
      fraction,
    );
  }

  // Flags and interrupts.

  /** Cycles of the crystal between periodic interrupts, or 0: datasheet table 5. */
  get #periodCycles(): number {
    const rate = this.#register(REGISTER.a) & RATE;
    return rate === 0 ? 0 : 1 << (rate < 3 ? rate + 6 : rate - 1);
  }

  deadline(): number {
    const wanted = this.#register(REGISTER.b) & ~this.#register(REGISTER.c);
    const periodic = wanted & FLAG.periodic ? this.#nextPeriodic() : Number.POSITIVE_INFINITY;
    const seconds = wanted & (FLAG.update | FLAG.alarm) && this.#isRunning;
    if (!seconds) return periodic;
    return Math.min(periodic, (Number(this.view.seenSecond) + 1) * SECOND - this.view.phase);
  }

  #nextPeriodic(): number {
    const cycles = this.#periodCycles;
    if (cycles === 0) return Number.POSITIVE_INFINITY;
    return timeOfTick((Math.floor(Number(this.view.seenTick) / cycles) + 1) * cycles, CRYSTAL);
  }

  /** Raises the flags of all that happened since the last look. */
  service(now: number): void {
    const { view } = this;
    let flags = 0;
    const tick = ticksAt(now, CRYSTAL);
    const cycles = this.#periodCycles;
    if (cycles > 0 && Math.floor(tick / cycles) > Math.floor(Number(view.seenTick) / cycles)) flags |= FLAG.periodic;
    view.seenTick = BigInt(tick);
    const second = this.#machineSecond(now);
    if (this.#isRunning && second > Number(view.seenSecond)) flags |= this.#secondFlags(second);
    view.seenSecond = BigInt(second);
    this.#raise(flags);
  }

  #secondFlags(second: number): number {
    const first = Math.max(Number(this.view.seenSecond) + 1, second - DAY + 1);
    for (let at = first; at <= second; at++) {
      if (this.#isAlarm(at)) return FLAG.update | FLAG.alarm;
    }
    return FLAG.update;
  }

  #isAlarm(second: number): boolean {
    const time = this.#encoded(second);
    return ALARM_REGISTERS.every(([alarm, register]) => {
      const value = this.#register(alarm);
      return value >= DONT_CARE || value === time.get(register);
    });
  }

  #raise(flags: number): void {
    const c = (this.#register(REGISTER.c) | flags) & FLAG.all;
    const request = (c & this.#register(REGISTER.b) & FLAG.all) !== 0;
    this.view.cmos.set(REGISTER.c, c | (request ? FLAG.request : 0));
    this.#interrupt(request);
  }

  // Ports.

  readByte(port: number): number {
    if (port === INDEX_PORT) return 0xff; // Write-only.
    const { index } = this.view;
    const now = this.#clock.now();
    this.service(now);
    if (index === REGISTER.a) return this.#register(REGISTER.a) | (this.#isUpdating(now) ? UPDATE_IN_PROGRESS : 0);
    if (index === REGISTER.c) return this.#readFlags();
    if (!this.#isRunning || !TIME_REGISTERS.includes(index)) return this.#register(index);
    return this.#encoded(this.#machineSecond(now)).get(index)!;
  }

  #isUpdating(now: number): boolean {
    return this.#isRunning && (now + this.view.phase) % SECOND >= SECOND - UPDATE_WARNING;
  }

  /** Reading register C clears it. */
  #readFlags(): number {
    const flags = this.#register(REGISTER.c);
    this.view.cmos.set(REGISTER.c, 0);
    this.#interrupt(false);
    return flags;
  }

  writeByte(port: number, value: number): void {
    const { view } = this;
    if (port === INDEX_PORT) {
      view.index = value & 0x7f;
      view.nmiDisabled = value >>> 7;
      return;
    }
    this.service(this.#clock.now());
    const { index } = view;
    if (index === REGISTER.a || index === REGISTER.b) this.#setControl(index, value);
    else if (TIME_REGISTERS.includes(index)) this.#setTimeRegister(index, value);
    else if (index !== REGISTER.c && index !== REGISTER.d) view.cmos.set(index, value);
  }

  #setTimeRegister(register: number, value: number): void {
    const running = this.#isRunning;
    const fraction = (this.#clock.now() + this.view.phase) % SECOND;
    if (running) this.#materialise();
    this.view.cmos.set(register, value);
    if (running) this.#commit(fraction);
  }

  /**
   * Stopping the clock leaves its time in the registers, and starting goes on from them: after a divider reset half a
   * second before the next update. DM and 24/12 change how a running clock shows its time.
   */
  #setControl(register: number, value: number): void {
    const running = this.#isRunning;
    const wasReset = (this.#register(REGISTER.a) & DIVIDER_RESET) === DIVIDER_RESET;
    const fraction = wasReset ? SECOND / 2 : (this.#clock.now() + this.view.phase) % SECOND;
    if (running) this.#materialise();
    // UIP is read-only, and SET clears UIE.
    const kept = register === REGISTER.a ? value & 0x7f : value & SET ? value & ~FLAG.update : value;
    this.view.cmos.set(register, kept);
    if (this.#isRunning && !running) this.#commit(fraction);
    this.#raise(0);
  }
}
