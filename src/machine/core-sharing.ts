import { hostNanoseconds } from '../host/clock.ts';
import { hostCores } from '../host/cores.ts';
import { CONTEXT, ContextView } from '../state/context.ts';
import { type StateMap, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';

/** Long enough for the vCPU that is waited for to get somewhere, short beside its time slice. */
const REST_MS = 0.05;
/** PAUSEs before a rest: with a host core for every vCPU, some hundred microseconds; else hardly any. */
const PATIENCE = { cores: 1000, fewCores: 50 } as const;
/** PAUSEs that come faster than this are one loop, as hardware sees it by its PLE gap: SDM 3C 25.1.3. */
const GAP_NS = 2000n;

/**
 * How a vCPU that waits lets others have its host core: other vCPUs, and on a busy host whatever else runs there. A
 * spinning thread would hold up the one that it waits for until the host's scheduler takes its time slice away.
 */
export class CoreSharing {
  readonly #memory: StateMemory;
  readonly #context: ContextView;
  readonly #kick: number;
  readonly #patience: number;
  readonly #now: () => bigint;
  #pauses = 0;
  #since = 0n;

  /** @param host its cores that may run vCPUs at the same time, and its clock in ns */
  constructor(memory: StateMemory, map: StateMap, vcpu: number, host = { cores: hostCores(), now: hostNanoseconds }) {
    const address = map.vcpu(vcpu) + VCPU_AREA.context;
    this.#memory = memory;
    this.#now = host.now;
    this.#context = new ContextView(memory, address);
    this.#kick = (address + CONTEXT.offset.kick) >>> 2;
    this.#patience = map.vcpus <= host.cores ? PATIENCE.cores : PATIENCE.fewCores;
    // A vCPU that is alone waits for nobody.
    if (map.vcpus === 1) this.#patience = Number.POSITIVE_INFINITY;
  }

  /** PAUSE: the guest may be spinning. Rests once it has done so for long. */
  spinHint = (): void => {
    if (++this.#pauses < this.#patience) return;
    const now = this.#now();
    const spinning = now - this.#since < GAP_NS * BigInt(this.#pauses);
    this.#pauses = 0;
    this.#since = now;
    if (spinning) this.rest();
  };

  /** Gives the host core away for a moment, or until kicked. Afterwards the run loop looks at timers at once. */
  rest = (): void => {
    Atomics.wait(this.#memory.i32, this.#kick, 0, REST_MS);
    this.#context.budget = 0;
  };
}
