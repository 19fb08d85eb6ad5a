import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { Board, MIB } from './board.ts';
import type { SenderData } from './irr-sender.ts';

const ROUNDS = 3000;
const RAM_BYTES = 64 * MIB;
/** Neighbours in the same IRR words, divided between the senders. */
const VECTORS = Array.from({ length: 24 }, (_, index) => 0x50 + index);

describe('IRR under contention', () => {
  it(`loses none of ${VECTORS.length * ROUNDS} vectors, nor a wake-up, from two threads to a third`, async () => {
    const board = new Board().enableLapics();
    const counts = new SharedArrayBuffer(256 * 4);
    const start = (file: string, vectors: readonly number[]): Promise<unknown> => {
      const { buffer } = board.memory;
      const workerData: SenderData = { buffer, counts, ramBytes: RAM_BYTES, vectors, rounds: ROUNDS };
      return once(new Worker(new URL(file, import.meta.url), { workerData }), 'exit');
    };
    await Promise.all([
      start('./irr-receiver.ts', VECTORS),
      start(
        './irr-sender.ts',
        VECTORS.filter((vector) => vector % 2 === 0),
      ),
      start(
        './irr-sender.ts',
        VECTORS.filter((vector) => vector % 2 === 1),
      ),
    ]);
    const delivered = VECTORS.map((vector) => new Int32Array(counts)[vector]);
    expect(delivered).to.deep.equal(VECTORS.map(() => ROUNDS));
  });
});
