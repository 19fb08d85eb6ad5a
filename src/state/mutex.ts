import type { StateMemory } from './struct.ts';

const FREE = 0;
const HELD = 1;
const CONTENDED = 2;

/**
 * A lock over one i32 word of the `state` memory, for threads. Whoever finds it held waits on the word; the holder
 * notifies one waiter when the word says that there may be one. Not reentrant. A holder must not wait for another
 * vCPU's progress, so that every wait for the lock ends.
 */
export class Mutex {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  /** @param address of the word in `state`: CONTROL.deviceLock, CONTROL.codeLock */
  constructor(memory: StateMemory, address: number) {
    this.#cells = memory.i32;
    this.#index = address >>> 2;
  }

  lock(): void {
    if (Atomics.compareExchange(this.#cells, this.#index, FREE, HELD) !== FREE) this.#wait();
  }

  #wait(): void {
    // Taking it as contended may cost one needless notify later; taking it as merely held could lose one.
    while (Atomics.exchange(this.#cells, this.#index, CONTENDED) !== FREE) {
      Atomics.wait(this.#cells, this.#index, CONTENDED);
    }
  }

  unlock(): void {
    if (Atomics.exchange(this.#cells, this.#index, FREE) === CONTENDED) Atomics.notify(this.#cells, this.#index, 1);
  }

  /** Runs `action` with the lock held; an exception releases it. */
  run<T>(action: () => T): T {
    this.lock();
    try {
      return action();
    } finally {
      this.unlock();
    }
  }
}
