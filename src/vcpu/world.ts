// Stopping the world: one vCPU runs alone while all others stand at an instruction boundary.
//
// CONTROL.worldOwner: taken by compare-exchange from 0 by the vCPU that wants to be alone, stored 0 by it afterwards.
// CONTROL.worldGeneration: moved and notified by the owner when it lets go; parked vCPUs wait on it.
// CONTEXT.runState: stored by the vCPU itself, before it looks at worldOwner when it goes inside; the owner takes
// worldOwner before it looks at runState. Both are sequentially consistent, so one of the two sees the other.
import { CONTEXT, ContextView, REQUEST, RUN_STATE } from '../state/context.ts';
import { CONTROL, type StateMap, VCPU_AREA } from '../state/map.ts';
import { postRequest } from '../state/requests.ts';
import type { StateMemory } from '../state/struct.ts';

const word = (address: number): number => address >>> 2;
const OWNER = word(CONTROL.offset.worldOwner);
const GENERATION = word(CONTROL.offset.worldGeneration);

export class World {
  readonly #memory: StateMemory;
  readonly #map: StateMap;
  readonly #index: number;

  constructor(memory: StateMemory, map: StateMap, index: number) {
    this.#memory = memory;
    this.#map = map;
    this.#index = index;
  }

  #runState(index: number): number {
    return word(this.#map.vcpu(index) + VCPU_AREA.context + CONTEXT.offset.runState);
  }

  /** Announces what this vCPU does, and wakes whoever waits for it to stand. */
  enter(runState: number): void {
    const at = this.#runState(this.#index);
    Atomics.store(this.#memory.i32, at, runState);
    if (runState !== RUN_STATE.inside) Atomics.notify(this.#memory.i32, at);
  }

  /** Goes inside, unless another vCPU holds the world: then waits until it lets go. */
  goInside(): void {
    this.enter(RUN_STATE.inside);
    while (this.#isHeldByAnother()) this.yieldTo();
  }

  #isHeldByAnother(): boolean {
    const owner = Atomics.load(this.#memory.i32, OWNER);
    return owner !== 0 && owner !== this.#index + 1;
  }

  /** Parks while another vCPU holds the world. Called at an instruction boundary. */
  yieldTo(): void {
    const { i32 } = this.#memory;
    this.enter(RUN_STATE.parked);
    for (;;) {
      const generation = Atomics.load(i32, GENERATION);
      if (!this.#isHeldByAnother()) break;
      Atomics.wait(i32, GENERATION, generation);
    }
    this.enter(RUN_STATE.inside);
  }

  /** Runs an action alone. Called at an instruction boundary or inside a helper that has changed nothing yet. */
  alone<T>(action: () => T): T {
    const { i32 } = this.#memory;
    while (Atomics.compareExchange(i32, OWNER, 0, this.#index + 1) !== 0) this.yieldTo();
    try {
      for (let other = 0; other < this.#map.vcpus; other++) if (other !== this.#index) this.#waitFor(other);
      return action();
    } finally {
      Atomics.store(i32, OWNER, 0);
      Atomics.add(i32, GENERATION, 1);
      Atomics.notify(i32, GENERATION);
    }
  }

  #waitFor(other: number): void {
    const at = this.#runState(other);
    if (Atomics.load(this.#memory.i32, at) !== RUN_STATE.inside) return;
    postRequest(this.#memory, this.#map, other, REQUEST.stopWorld);
    while (Atomics.load(this.#memory.i32, at) === RUN_STATE.inside) {
      Atomics.wait(this.#memory.i32, at, RUN_STATE.inside);
    }
  }
}

/** The context of vCPU `index`. */
export const contextOf = (memory: StateMemory, map: StateMap, index: number): ContextView =>
  new ContextView(memory, map.vcpu(index) + VCPU_AREA.context);
