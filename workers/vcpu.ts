// One vCPU on one thread. Calls arrive as messages; a kick arrives in shared memory, because a vCPU that executes
// guest code reads no messages until run() returns.
import assert from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import * as Comlink from 'comlink';
import { messageEndpoint } from '../src/host/comlink-endpoint.ts';
import type { VcpuApi, VcpuWorkerData } from '../src/machine/api.ts';
import { createVcpu } from '../src/machine/vcpu-host.ts';

assert(parentPort, 'workers/vcpu.ts runs only as a worker thread');
const vcpu = createVcpu(workerData as VcpuWorkerData);
const api: VcpuApi = { run: () => vcpu.run() };
Comlink.expose(api, messageEndpoint(parentPort));
