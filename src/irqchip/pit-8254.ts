import type { StateMemory } from '../state/struct.ts';
import { type Clock, type SharedTimer, ticksAt, timeOfTick } from './clock.ts';
import { PIT_ADDRESS, PIT_COUNTERS, PitCounterView, PitView } from './layout.ts';
import { PitCounter } from './pit-counter.ts';
import type { ByteDevice } from './ranges.ts';

/** The PC's 14.31818 MHz crystal, divided by 12. */
export const PIT_HERTZ = 1_193_182;

const CONTROL_PORT = 0x43;
const PORT_61 = 0x61;
const SPEAKER_COUNTER = 2;
/** Datasheet 231164, "Read-Back Command". Its two command bits are active low. */
const READ_BACK = { command: 3, noCount: 0x20, noStatus: 0x10 } as const;
/** Counter 1 asked for memory refresh every 18 cycles. */
const REFRESH_CYCLES = 18;
const PORT_61_BITS = { gate: 1, writable: 0x0f, refresh: 0x10, output: 0x20 } as const;

/**
 * The 8254 interval timer, ports 40h-43h, with the gate and output of counter 2 in port 61h. Counter 0 drives interrupt
 * line 0. Its user holds the device lock.
 */
export class Pit8254 implements ByteDevice, SharedTimer {
  readonly #view: InstanceType<typeof PitView>;
  readonly #counters: readonly PitCounter[];
  readonly #clock: Clock;
  readonly #interrupt: (high: boolean) => void;

  constructor(memory: StateMemory, clock: Clock, interrupt: (high: boolean) => void) {
    this.#view = new PitView(memory, PIT_ADDRESS);
    this.#counters = Array.from({ length: PIT_COUNTERS.count }, (_, index) => {
      const address = PIT_ADDRESS + PIT_COUNTERS.offset + index * PIT_COUNTERS.stride;
      return new PitCounter(new PitCounterView(memory, address));
    });
    this.#clock = clock;
    this.#interrupt = interrupt;
  }

  /** Gates of counters 0 and 1 are wired high. No counter counts before it is programmed. */
  reset(): void {
    this.#view.seen = BigInt(this.#now());
    this.#view.port61 = 0;
    this.#counters.forEach((counter, index) => {
      counter.configure(0x30);
      counter.view.gate = index === SPEAKER_COUNTER ? 0 : 1;
    });
  }

  #now(): number {
    return ticksAt(this.#clock.now(), PIT_HERTZ);
  }

  deadline(): number {
    const rise = this.#counters[0]!.nextRise(Number(this.#view.seen));
    return rise === Number.POSITIVE_INFINITY ? rise : timeOfTick(rise, PIT_HERTZ);
  }

  /** Tells counter 0's output. Edges that nobody served in time become one: interrupts are not queued. */
  service(now: number): void {
    const tick = ticksAt(now, PIT_HERTZ);
    const counter = this.#counters[0]!;
    const rose = counter.nextRise(Number(this.#view.seen)) <= tick;
    this.#view.seen = BigInt(tick);
    if (rose) {
      this.#interrupt(false);
      this.#interrupt(true);
    }
    this.#interrupt(counter.output(tick));
  }

  readByte(port: number): number {
    const tick = this.#now();
    if (port === PORT_61) return this.#readPort61(tick);
    return port === CONTROL_PORT ? 0xff : this.#counters[port & 3]!.read(tick);
  }

  writeByte(port: number, value: number): void {
    this.service(this.#clock.now());
    const tick = this.#now();
    if (port === PORT_61) this.#writePort61(value, tick);
    else if (port === CONTROL_PORT) this.#control(value, tick);
    else this.#counters[port & 3]!.write(value, tick);
    this.#interrupt(this.#counters[0]!.output(tick));
  }

  #control(value: number, tick: number): void {
    const select = value >>> 6;
    if (select === READ_BACK.command) this.#readBack(value, tick);
    else if ((value & 0x30) === 0) this.#counters[select]!.latch(tick);
    else this.#counters[select]!.configure(value & 0x3f);
  }

  #readBack(value: number, tick: number): void {
    this.#counters.forEach((counter, index) => {
      if (!(value & (2 << index))) return;
      if (!(value & READ_BACK.noCount)) counter.latch(tick);
      if (!(value & READ_BACK.noStatus)) counter.latchStatus(tick);
    });
  }

  /** PIIX 2.5.1.1, "NMI Status and Control". There is no sound: only the gate has an effect. */
  #writePort61(value: number, tick: number): void {
    this.#view.port61 = value & PORT_61_BITS.writable;
    this.#counters[SPEAKER_COUNTER]!.setGate((value & PORT_61_BITS.gate) !== 0, tick);
  }

  #readPort61(tick: number): number {
    const refresh = Math.floor(tick / REFRESH_CYCLES) % 2 === 0 ? 0 : PORT_61_BITS.refresh;
    const output = this.#counters[SPEAKER_COUNTER]!.output(tick) ? PORT_61_BITS.output : 0;
    return this.#view.port61 | refresh | output;
  }
}
