import { Worker } from 'node:worker_threads';
import * as Comlink from 'comlink';
import { messageEndpoint } from '../host/comlink-endpoint.ts';
import { cachedEnvironment } from '../host/compile-cache.ts';
import { workerEntry } from '../host/worker-entry.ts';
import type { RunExit } from '../vcpu/run-loop.ts';
import type { VcpuApi, VcpuWorkerData } from './api.ts';

/** A vCPU's worker has ended, so that its vCPU cannot run any more. */
export class WorkerEndedError extends Error {
  override name = 'WorkerEndedError';
  readonly vcpu: number;

  constructor(vcpu: number) {
    super(`the worker of vCPU ${vcpu} has ended`);
    this.vcpu = vcpu;
  }
}

/**
 * Of a worker's heap, in MiB. What V8 takes for young objects by itself is more than a vCPU's whole state; a vCPU makes
 * few objects, so that a small nursery costs nothing measurable.
 */
const YOUNG_GENERATION_MIB = 2;

/** The coordinator's end of one vCPU's worker. */
export class VcpuWorker {
  readonly #worker: Worker;
  readonly #api: Comlink.Remote<VcpuApi>;
  /** Rejects when the worker ends, with its error if it had one. */
  readonly #died: Promise<never>;

  constructor(data: VcpuWorkerData) {
    this.#worker = new Worker(workerEntry('vcpu'), {
      workerData: data,
      env: cachedEnvironment(),
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    this.#worker.unref();
    this.#died = new Promise<never>((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(new WorkerEndedError(data.index)));
    });
    // Whoever waits for run() hears of it; an end without anyone waiting is close()'s.
    this.#died.catch(() => undefined);
    this.#api = Comlink.wrap<VcpuApi>(messageEndpoint(this.#worker));
  }

  /** Resolves when the vCPU can run. @throws what kept it from that */
  ready(): Promise<void> {
    return Promise.race([this.#api.ready(), this.#died]);
  }

  /** KVM_RUN. Keeps the process alive until it returns. */
  async run(): Promise<RunExit> {
    this.#worker.ref();
    try {
      return await Promise.race([this.#api.run(), this.#died]);
    } finally {
      this.#worker.unref();
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
