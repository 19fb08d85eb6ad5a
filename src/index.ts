// The public API.
export type { BootState } from './boot/boot-state.ts';
export { ImageError, MachineShapeError } from './boot/image-error.ts';
export { loadKernel, parseModuleList } from './boot/load-kernel.ts';
export { compileEngine, type EngineModule } from './machine/engine-module.ts';
export { Machine, type MachineParts, MachineStateError } from './machine/machine.ts';
export { type MachineSnapshot, SnapshotError } from './machine/snapshot.ts';
export type { MachineStop, StopReason } from './machine/stop.ts';
export { WorkerEndedError } from './machine/vcpu-worker.ts';
export { CpuFeatureError, resolveCpu } from './vcpu/cpuid-model.ts';
export { UnimplementedError, VcpuError } from './vcpu/errors.ts';
