// Waiting until other vCPUs have left the instruction that they were in.
//
// CONTEXT.safepoints: +1 by its vCPU, which notifies, whenever it stands between two instructions with no lock held.
// CONTEXT.runState: stored by its vCPU, which notifies. Not `inside`: it executes no guest instruction.
// CONTEXT.codeFence: stored by other vCPUs under CONTROL.codeLock.
import { CONTEXT, RUN_STATE } from '../state/context.ts';
import { CONTROL, type StateMap, VCPU_AREA } from '../state/map.ts';
import { postRequest } from '../state/requests.ts';
import type { StateMemory } from '../state/struct.ts';

/** The kick is repeated this often (ms), for it may have come just before its vCPU cleared an earlier one. */
const RENEWAL = 1;
/** Looks before sleeping, some microseconds: a vCPU that runs on another core reaches its block end sooner. */
const SPINS = 1000;
const NO_REQUEST = 0;
const OWNER = CONTROL.offset.worldOwner >>> 2;
const GENERATION = CONTROL.offset.worldGeneration >>> 2;

export class Safepoints {
  readonly #memory: StateMemory;
  readonly #map: StateMap;
  readonly #self: number;

  /** @param self the vCPU that this thread hosts, or -1 */
  constructor(memory: StateMemory, map: StateMap, self: number) {
    this.#memory = memory;
    this.#map = map;
    this.#self = self;
  }

  #word(vcpu: number, field: 'safepoints' | 'runState' | 'codeFence'): number {
    return (this.#map.vcpu(vcpu) + VCPU_AREA.context + CONTEXT.offset[field]) >>> 2;
  }

  /** Records that a vCPU may be in the middle of a store, after the TLB entry that it uses was taken. */
  fence(vcpu: number): void {
    const { i32 } = this.#memory;
    Atomics.store(i32, this.#word(vcpu, 'codeFence'), (Atomics.load(i32, this.#word(vcpu, 'safepoints')) + 1) | 0);
  }

  /** Whether a vCPU has not passed a safepoint since its last fence. */
  #isFenced(vcpu: number): boolean {
    const { i32 } = this.#memory;
    const passed = Atomics.load(i32, this.#word(vcpu, 'safepoints'));
    return (
      Atomics.load(i32, this.#word(vcpu, 'codeFence')) === ((passed + 1) | 0) &&
      Atomics.load(i32, this.#word(vcpu, 'runState')) === RUN_STATE.inside
    );
  }

  /** Waits until every other vCPU has passed a safepoint since its last fence. No lock may be held. */
  awaitFences(): void {
    for (let vcpu = 0; vcpu < this.#map.vcpus; vcpu++) {
      if (vcpu !== this.#self && this.#isFenced(vcpu)) this.#standAside(() => this.#await(vcpu));
    }
  }

  #await(vcpu: number): void {
    const { i32 } = this.#memory;
    const safepoints = this.#word(vcpu, 'safepoints');
    postRequest(this.#memory, this.#map, vcpu, NO_REQUEST);
    for (let spins = 0; spins < SPINS; spins++) if (!this.#isFenced(vcpu)) return;
    for (;;) {
      const seen = Atomics.load(i32, safepoints);
      if (!this.#isFenced(vcpu)) return;
      postRequest(this.#memory, this.#map, vcpu, NO_REQUEST);
      Atomics.wait(i32, safepoints, seen, RENEWAL);
    }
  }

  /** While this vCPU waits it counts as outside, so that two vCPUs may wait for each other. */
  #standAside(wait: () => void): void {
    const { i32 } = this.#memory;
    if (this.#self < 0 || Atomics.load(i32, this.#word(this.#self, 'runState')) !== RUN_STATE.inside) {
      wait();
      return;
    }
    this.#leave();
    wait();
    this.#enter();
  }

  #leave(): void {
    const { i32 } = this.#memory;
    const runState = this.#word(this.#self, 'runState');
    const safepoints = this.#word(this.#self, 'safepoints');
    Atomics.store(i32, runState, RUN_STATE.outside);
    Atomics.notify(i32, runState);
    Atomics.add(i32, safepoints, 1);
    Atomics.notify(i32, safepoints);
  }

  /** Goes back inside, unless another vCPU stopped the world meanwhile: it believes that we stand. */
  #enter(): void {
    const { i32 } = this.#memory;
    const runState = this.#word(this.#self, 'runState');
    for (;;) {
      Atomics.store(i32, runState, RUN_STATE.inside);
      const generation = Atomics.load(i32, GENERATION);
      const owner = Atomics.load(i32, OWNER);
      if (owner === 0 || owner === this.#self + 1) return;
      Atomics.store(i32, runState, RUN_STATE.outside);
      Atomics.notify(i32, runState);
      Atomics.wait(i32, GENERATION, generation);
    }
  }
}
