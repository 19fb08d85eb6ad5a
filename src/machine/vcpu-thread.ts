import assert from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import * as Comlink from 'comlink';
import { messageEndpoint } from '../host/comlink-endpoint.ts';
import type { VcpuApi, VcpuWorkerData } from './api.ts';
import { createVcpu } from './vcpu-host.ts';

/** Makes this worker thread host the vCPU that its data describes, and answer VcpuApi. */
export function hostVcpu(): void {
  assert(parentPort, 'a vCPU is hosted by a worker thread');
  const vcpu = createVcpu(workerData as VcpuWorkerData);
  const api: VcpuApi = { ready: () => undefined, run: () => vcpu.run() };
  Comlink.expose(api, messageEndpoint(parentPort));
}
