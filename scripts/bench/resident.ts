// Prints the MiB of resident memory of a process with so many idle vCPUs, or empty workers.
// Usage: resident.ts vcpus|workers N
import { Worker } from 'node:worker_threads';
import { partsFor, startedGuest } from './machines.ts';

const MIB = 1024 * 1024;
const [kind, count] = process.argv.slice(2);
const threads = Number(count);

if (kind === 'vcpus') {
  // All but the first wait for their start, as in a guest with fewer processes than vCPUs.
  const machine = await startedGuest(partsFor(threads), 'busy');
  await machine.pause();
} else {
  const source = "require('node:worker_threads').parentPort.on('message', () => undefined).postMessage('ready')";
  const ready = Array.from({ length: threads }, () => {
    const worker = new Worker(source, { eval: true });
    return new Promise((resolve) => worker.once('message', resolve));
  });
  await Promise.all(ready);
}
process.stdout.write(`${process.memoryUsage.rss() / MIB}`, () => process.exit());
