import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { InputFeed, OutputPump } from '../../src/devices/console-pump.ts';
import { ConsoleRing } from '../../src/devices/console-ring.ts';
import { RECEIVE_RING, TRANSMIT_RING } from '../../src/devices/layout.ts';
import { newState } from './bench.ts';
import { pattern, type RingTask } from './ring-worker.ts';

const MORE_THAN_FITS = 5 * TRANSMIT_RING.capacity + 123;

function start(task: RingTask): { worker: Worker; result: Promise<unknown> } {
  const worker = new Worker(new URL('ring-worker.ts', import.meta.url), { workerData: task });
  const result = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { worker, result };
}

/** Fails at the first byte that is not the pattern's. */
class Checker {
  count = 0;
  readonly accept = (bytes: Uint8Array): void => {
    for (const byte of bytes) {
      if (byte !== pattern(this.count)) throw new Error(`byte ${this.count} is ${byte}`);
      this.count++;
    }
  };
}

describe('a console ring', () => {
  it('holds as many bytes as its capacity, and gives them back in order', () => {
    const ring = new ConsoleRing(newState(), RECEIVE_RING);
    expect(ring.putAll(new Uint8Array(5000).fill(7))).to.equal(4096);
    expect([ring.put(1), ring.length, ring.take()]).to.deep.equal([false, 4096, 7]);
    expect([ring.put(1), ring.takeChunk().length, ring.takeChunk(), ring.take()]).to.deep.equal([
      true,
      4095,
      Uint8Array.of(1),
      -1,
    ]);
  });

  it('goes on when its counters pass 2^31 and 2^32', () => {
    for (const start of [0x7fff_ffff, -1]) {
      const memory = newState();
      memory.i32.fill(start, RECEIVE_RING.address >>> 2, (RECEIVE_RING.address >>> 2) + 2);
      const ring = new ConsoleRing(memory, RECEIVE_RING);
      expect([ring.put(8), ring.put(9), ring.length, ring.take(), ring.take()]).to.deep.equal([true, true, 2, 8, 9]);
    }
  });

  it('carries more than it holds from a blocking producer to a main thread that waits for it', async () => {
    const memory = newState();
    const checker = new Checker();
    const { worker, result } = start({ role: 'produce', buffer: memory.buffer, bytes: MORE_THAN_FITS });
    const pump = new OutputPump(new ConsoleRing(memory, TRANSMIT_RING), checker.accept);
    await result;
    await pump.stop();
    await worker.terminate();
    expect(checker.count).to.equal(MORE_THAN_FITS);
  });

  it('carries more than it holds from a main thread that may not block to a slow consumer', async () => {
    const memory = newState();
    const bytes = 20_000;
    const ring = new ConsoleRing(memory, RECEIVE_RING);
    const feed = new InputFeed(ring, (chunk) => ring.putAll(chunk));
    const { worker, result } = start({ role: 'consume', buffer: memory.buffer, bytes });
    const all = Uint8Array.from({ length: bytes }, (_, index) => pattern(index));
    const pushes = [feed.push(all.subarray(0, 3)), feed.push(all.subarray(3, 9000)), feed.push(all.subarray(9000))];
    expect(await result).to.equal(bytes);
    await Promise.all(pushes);
    await worker.terminate();
  });

  it('drops what comes after a sink has failed, and tells when it is stopped', async () => {
    const ring = new ConsoleRing(newState(), TRANSMIT_RING);
    ring.put(1);
    const pump = new OutputPump(ring, () => {
      throw new RangeError('nobody reads');
    });
    ring.put(2);
    let failure: unknown;
    await pump.stop().catch((error: unknown) => {
      failure = error;
    });
    expect(failure).to.be.instanceOf(RangeError);
    expect(ring.length).to.equal(0);
  });
});
