import type { RunExit } from '../vcpu/run-loop.ts';
import type { VcpuHostConfig } from './vcpu-host.ts';

/** The calls that a vCPU's worker answers while it is outside run(): Comlink carries them. */
export interface VcpuApi {
  /** Answered once the vCPU is there. */
  ready(): void | Promise<void>;
  /** KVM_RUN: holds the worker's thread until the machine pauses or stops. */
  run(): Promise<RunExit> | RunExit;
}

/** What a worker is started with. */
export type VcpuWorkerData = VcpuHostConfig;
