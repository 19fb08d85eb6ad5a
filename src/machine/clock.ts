import { hostNanoseconds } from '../host/clock.ts';
import { ControlView } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';

const NS_PER_MS = 1_000_000n;

/**
 * Machine time: one source for all vCPUs, from the host's monotonic clock. It stands still while the machine is
 * paused. The words of CONTROL that hold it change only while every vCPU is parked.
 */
export class MachineClock {
  readonly #control: ControlView;

  constructor(memory: StateMemory) {
    this.#control = new ControlView(memory, 0);
  }

  #nanoseconds(): bigint {
    const control = this.#control;
    if (control.clockStopped !== 0) return control.timeBase;
    return hostNanoseconds() - control.hostOrigin + control.timeBase;
  }

  /** Nanoseconds since power-on. */
  now = (): number => Number(this.#nanoseconds());

  /** The machine's TSC, before each vCPU's offset: SDM 3B 17.17. */
  tsc = (): bigint => (this.#nanoseconds() * BigInt(this.#control.tscKhz)) / NS_PER_MS;

  stop(): void {
    const control = this.#control;
    if (control.clockStopped !== 0) return;
    control.timeBase = this.#nanoseconds();
    control.clockStopped = 1;
  }

  start(): void {
    this.#control.hostOrigin = hostNanoseconds();
    this.#control.clockStopped = 0;
  }
}
