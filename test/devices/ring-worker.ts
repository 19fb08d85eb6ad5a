// The other thread of console-ring.test.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { ConsoleRing } from '../../src/devices/console-ring.ts';
import { RECEIVE_RING, TRANSMIT_RING } from '../../src/devices/layout.ts';
import { StateMemory } from '../../src/state/struct.ts';

export interface RingTask {
  readonly role: 'produce' | 'consume';
  readonly buffer: SharedArrayBuffer;
  readonly bytes: number;
}

/** A sequence that no multiple of a ring's size repeats. */
export const pattern = (index: number): number => (index * 7 + (index >>> 8) * 13) & 0xff;

const LONG_MS = 60_000;

function produce(memory: StateMemory, bytes: number): number {
  const ring = new ConsoleRing(memory, TRANSMIT_RING);
  for (let index = 0; index < bytes; index++) {
    while (!ring.put(pattern(index))) ring.waitForRoom(LONG_MS);
  }
  return bytes;
}

function consume(memory: StateMemory, bytes: number): number {
  const ring = new ConsoleRing(memory, RECEIVE_RING);
  for (let index = 0; index < bytes; ) {
    const byte = ring.take();
    if (byte < 0) continue;
    if (byte !== pattern(index)) throw new Error(`byte ${index} is ${byte}`);
    index++;
  }
  return bytes;
}

if (parentPort) {
  const { role, buffer, bytes } = workerData as RingTask;
  const work = role === 'produce' ? produce : consume;
  parentPort.postMessage(work(new StateMemory(buffer), bytes));
}
