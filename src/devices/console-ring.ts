// Bytes between the UART and the thread that talks to the host, through the `state` memory.
//
// RING.produced: stored by the producer after the bytes, and notified when the consumer may wait for them.
// RING.consumed: stored by the consumer after it copied the bytes, and notified.
// There is one consumer, and one producer at a time: vCPUs take turns by the device lock.
import type { StateMemory } from '../state/struct.ts';
import { RING, type RingPlace } from './layout.ts';

export class ConsoleRing {
  readonly #i32: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #produced: number;
  readonly #consumed: number;
  readonly capacity: number;

  constructor(memory: StateMemory, place: RingPlace) {
    this.#i32 = memory.i32;
    this.#bytes = memory.u8.subarray(place.address + RING.size, place.address + RING.size + place.capacity);
    this.#produced = (place.address + RING.offset.produced) >>> 2;
    this.#consumed = (place.address + RING.offset.consumed) >>> 2;
    this.capacity = place.capacity;
  }

  reset(): void {
    Atomics.store(this.#i32, this.#produced, 0);
    Atomics.store(this.#i32, this.#consumed, 0);
  }

  /** Bytes that wait to be taken. */
  get length(): number {
    return (Atomics.load(this.#i32, this.#produced) - Atomics.load(this.#i32, this.#consumed)) >>> 0;
  }

  /** Producer: appends a byte, or returns false when the ring is full. */
  put(byte: number): boolean {
    if (this.length >= this.capacity) return false;
    const before = Atomics.load(this.#i32, this.#produced);
    this.#bytes[(before >>> 0) % this.capacity] = byte;
    Atomics.store(this.#i32, this.#produced, (before + 1) | 0);
    // Only a consumer that took everything can be waiting. Looked at after the store: whoever comes second sees it.
    if (Atomics.load(this.#i32, this.#consumed) === before) Atomics.notify(this.#i32, this.#produced);
    return true;
  }

  /** Producer: appends as many bytes as there is room for, and returns how many that is. */
  putAll(bytes: Uint8Array): number {
    let count = 0;
    while (count < bytes.length && this.put(bytes[count]!)) count++;
    return count;
  }

  /** Consumer: takes the oldest byte; -1 when there is none. */
  take(): number {
    if (this.length === 0) return -1;
    const before = Atomics.load(this.#i32, this.#consumed);
    const byte = this.#bytes[(before >>> 0) % this.capacity]!;
    this.#release(before, 1);
    return byte;
  }

  /** Consumer: takes the oldest bytes that lie side by side, as a copy; empty when there are none. */
  takeChunk(): Uint8Array {
    const before = Atomics.load(this.#i32, this.#consumed);
    const start = (before >>> 0) % this.capacity;
    const count = Math.min(this.length, this.capacity - start);
    const chunk = new Uint8Array(this.#bytes.subarray(start, start + count));
    if (count > 0) this.#release(before, count);
    return chunk;
  }

  #release(before: number, count: number): void {
    Atomics.store(this.#i32, this.#consumed, (before + count) | 0);
    Atomics.notify(this.#i32, this.#consumed);
  }

  /** Producer: blocks while the ring is full, at most `milliseconds`. */
  waitForRoom(milliseconds: number): void {
    const consumed = Atomics.load(this.#i32, this.#consumed);
    if (this.length >= this.capacity) Atomics.wait(this.#i32, this.#consumed, consumed, milliseconds);
  }

  /** Producer on a thread that must not block: resolves when a full ring has been taken from. */
  async roomMade(): Promise<void> {
    const consumed = Atomics.load(this.#i32, this.#consumed);
    if (this.length >= this.capacity) await Atomics.waitAsync(this.#i32, this.#consumed, consumed).value;
  }

  /** Consumer: resolves when there are bytes, or at wake(). */
  async bytesArrived(): Promise<void> {
    const produced = Atomics.load(this.#i32, this.#produced);
    if (this.length === 0) await Atomics.waitAsync(this.#i32, this.#produced, produced).value;
  }

  /** Ends bytesArrived() without bytes. */
  wake(): void {
    Atomics.notify(this.#i32, this.#produced);
  }
}
