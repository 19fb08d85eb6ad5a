// vCPU 0 without an engine: sleeps on its kick word, and acknowledges and counts what it is sent, until all has come.
// It sleeps without a timeout: a lost wake-up would be a hang.
import { workerData } from 'node:worker_threads';
import { Irqchip } from '../../src/irqchip/irqchip.ts';
import { CONTEXT } from '../../src/state/context.ts';
import { stateMap } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';
import type { SenderData } from './irr-sender.ts';

const { buffer, counts, ramBytes, vectors, rounds } = workerData as SenderData;
const memory = new StateMemory(buffer);
const map = stateMap(1, ramBytes);
const counted = new Int32Array(counts);
const { lapic } = new Irqchip({
  memory,
  map,
  vcpu: 0,
  clock: { now: () => 0, tsc: () => 0n },
  features: {
    model: 'intel',
    has: () => true,
    word: () => 0,
    physicalBits: 40,
    linearBits: 48,
    topology: { sockets: 1, dies: 1, cores: 1, threads: 1 },
  },
  pit: true,
  powerOff: () => {},
});
const kick = (map.vcpu(0) + CONTEXT.offset.kick) >>> 2;
for (let left = vectors.length * rounds; left > 0; ) {
  Atomics.wait(memory.i32, kick, 0);
  Atomics.store(memory.i32, kick, 0);
  for (let vector = lapic.acknowledge(); vector >= 0; vector = lapic.acknowledge()) {
    Atomics.add(counted, vector, 1);
    Atomics.notify(counted, vector);
    lapic.write(0xfee0_00b0, 4, 0);
    // Our own EOI may have asked us to look again, which this loop does; a sender's kick stays.
    left--;
  }
}
