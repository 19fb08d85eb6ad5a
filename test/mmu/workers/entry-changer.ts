// Another vCPU that updates a page-table entry by compare-exchange: counts in bits 62:52, which translation ignores.
import { parentPort, workerData } from 'node:worker_threads';
import { type GuestData, WORDS } from '../guest.ts';

const { buffers, rounds, entry = 0 } = workerData as GuestData;
const words = new Int32Array(buffers.ram);
const entries = new BigUint64Array(buffers.ram);
const COUNT = 0x7ffn << 52n;

Atomics.store(words, WORDS / 4, 1);
Atomics.notify(words, WORDS / 4);
for (let round = 0; round < rounds; round++) {
  for (;;) {
    const old = Atomics.load(entries, entry / 8);
    const value = (old & ~COUNT) | ((old + (1n << 52n)) & COUNT);
    if (Atomics.compareExchange(entries, entry / 8, old, value) === old) break;
  }
}
Atomics.store(words, WORDS / 4, 2);
parentPort!.postMessage(rounds);
