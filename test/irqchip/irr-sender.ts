// A thread that posts fixed interrupts to vCPU 0 by the interrupt bus, as another vCPU's ICR would. It posts a vector
// again only after its last one was counted, so that every post must be delivered by itself.
import { workerData } from 'node:worker_threads';
import { InterruptBus } from '../../src/irqchip/interrupt-bus.ts';
import { stateMap } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';

export interface SenderData {
  readonly buffer: SharedArrayBuffer;
  /** Word n counts the deliveries of vector n. */
  readonly counts: SharedArrayBuffer;
  readonly ramBytes: number;
  readonly vectors: readonly number[];
  readonly rounds: number;
}

const { buffer, counts, ramBytes, vectors, rounds } = workerData as SenderData;
const memory = new StateMemory(buffer);
const bus = new InterruptBus(memory, stateMap(1, ramBytes));
const counted = new Int32Array(counts);
for (let round = 0; round < rounds; round++) {
  for (const vector of vectors) bus.interrupt(bus.lapics[0]!, vector, false);
  for (const vector of vectors) {
    while (Atomics.load(counted, vector) === round) Atomics.wait(counted, vector, round);
  }
}
