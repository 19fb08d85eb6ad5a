import { MachineShapeError } from '../boot/image-error.ts';
import { type KernelOptions, loadKernel } from '../boot/load-kernel.ts';
import { InputFeed, OutputPump } from '../devices/console-pump.ts';
import { hostHasTotalStoreOrder } from '../host/memory-order.ts';
import { ACTIVITY, REQUEST } from '../state/context.ts';
import { postRequest } from '../state/requests.ts';
import { type CpuConfig, resolveCpu } from '../vcpu/cpuid-model.ts';
import type { CpuTopology } from '../vcpu/features.ts';
import { refreshMode } from '../vcpu/mode.ts';
import { powerUp } from '../vcpu/reset.ts';
import type { RunExit } from '../vcpu/run-loop.ts';
import { applyBootState, applyMemoryTypes } from './boot-cpu.ts';
import { MachineClock } from './clock.ts';
import type { EngineModule } from './engine-module.ts';
import { createMemories, type MachineMemories, type MachineView, viewOf } from './memories.ts';
import { type PlatformConfig, resetPlatform } from './platform.ts';
import { type MachineSnapshot, restoreMemories, saveMemories } from './snapshot.ts';
import { forgetStop, type MachineStop, stopMachine, stopOf } from './stop.ts';
import { createCpu } from './vcpu-host.ts';
import { VcpuWorker } from './vcpu-worker.ts';

/** What a machine is made of. */
export interface MachineParts {
  /** 1 to 64. */
  readonly vcpus: number;
  /** A multiple of 64 KiB, up to 3 GiB. */
  readonly ramBytes: number;
  readonly cpu: CpuConfig;
  readonly topology: CpuTopology;
  readonly platform: PlatformConfig;
  readonly engine: EngineModule;
}

/** A call that the machine's present state does not allow. */
export class MachineStateError extends Error {
  override name = 'MachineStateError';
  constructor(call: string, state: string) {
    super(`${call}: the machine is ${state}`);
  }
}

type Phase = 'parked' | 'running' | 'stopped' | 'closed';

/**
 * A machine and its coordinator. Each vCPU is a worker; the coordinator starts them, parks them all at instruction
 * boundaries and looks at the two memories while they stand.
 *
 *   parked ---- resume ---> running ---- pause ---> parked
 *                           running ---- the guest ends it, or stop ---> stopped ---- restore ---> parked
 */
export class Machine {
  readonly memories: MachineMemories;
  readonly view: MachineView;
  readonly clock: MachineClock;
  readonly #parts: MachineParts;
  /** In the order of their vCPUs; all but the first resolve when the first is ready. */
  readonly #workers: readonly Promise<VcpuWorker>[];
  #input: InputFeed | null = null;
  #phase: Phase = 'parked';
  /** Settles when every run() has returned and the phase followed. */
  #settled: Promise<void> = Promise.resolve();
  #end = Promise.withResolvers<MachineStop>();

  private constructor(parts: MachineParts, memories: MachineMemories) {
    this.#parts = parts;
    this.memories = memories;
    this.view = viewOf(memories);
    this.clock = new MachineClock(this.view.memory);
    this.#awaitEnd();
    this.#workers = this.#startWorkers();
  }

  #awaitEnd(): void {
    this.#end = Promise.withResolvers();
    // A machine that nobody waits for must not end the process when it fails.
    this.#end.promise.catch(() => undefined);
  }

  /**
   * A machine as after power-on, with all vCPUs parked.
   * @throws MachineShapeError, also for more than one vCPU on a host whose memory order is weaker than the guest's
   */
  static create(parts: MachineParts): Machine {
    if (parts.vcpus > 1 && !hostHasTotalStoreOrder()) {
      throw new MachineShapeError('vCPUs', parts.vcpus, 'more than one is not implemented on hosts other than x86-64');
    }
    const memories = createMemories(parts.vcpus, parts.ramBytes);
    const machine = new Machine(parts, memories);
    for (let index = 0; index < parts.vcpus; index++) {
      const { cpu, platform } = machine.#cpu(index);
      cpu.state.vcpuIndex = index;
      cpu.state.apicId = index;
      powerUp(cpu);
      applyMemoryTypes(cpu);
      platform.services.lapic.reset();
      cpu.state.activity = index === 0 ? ACTIVITY.active : ACTIVITY.waitForSipi;
      refreshMode(cpu);
    }
    resetPlatform({ ...machine.view, config: parts.platform, features: resolveCpu(parts.cpu, parts.topology) });
    return machine;
  }

  /** The bootstrap processor's first: the others wait for its SIPI, and would only take host cores from it. */
  #startWorkers(): Promise<VcpuWorker>[] {
    const first = this.#startWorker(0);
    const ready = first.ready();
    const others = Array.from({ length: this.#parts.vcpus - 1 }, async (_, other) => {
      await ready;
      return this.#startWorker(other + 1);
    });
    const workers = [Promise.resolve(first), ...others];
    // run() reports what kept a worker from starting.
    for (const worker of workers) worker.catch(() => undefined);
    return workers;
  }

  #startWorker(index: number): VcpuWorker {
    const { cpu, topology, platform, engine } = this.#parts;
    const { state, ram } = this.memories;
    return new VcpuWorker({ index, memories: { state, ram }, engine, cpu, topology, platform });
  }

  #cpu(index: number) {
    const { cpu, topology, platform } = this.#parts;
    return createCpu({ index, memories: this.memories, cpu, topology, platform });
  }

  /** Loads an image and points the bootstrap processor at it. @throws ImageError with RAM untouched */
  load(request: Omit<KernelOptions, 'vcpus'>): readonly string[] {
    this.#require('load', 'parked');
    const ram = new Uint8Array(this.memories.ram.buffer);
    const boot = loadKernel(ram, { ...request, vcpus: this.#parts.vcpus });
    const { cpu } = this.#cpu(0);
    applyBootState(cpu, boot);
    refreshMode(cpu);
    return boot.warnings;
  }

  #require(call: string, phase: Phase): void {
    if (this.#phase !== phase) throw new MachineStateError(call, this.#phase);
  }

  /** Lets all vCPUs run. @throws MachineStateError unless parked */
  resume(): void {
    this.#require('resume', 'parked');
    this.#phase = 'running';
    this.clock.start();
    const runs = this.#workers.map(async (worker) => (await worker).run());
    this.#settled = this.#allSettled(runs).then(() => this.#finished());
  }

  /** Waits for every run() to return. The first that fails ends the machine, so that the others return as well. */
  async #allSettled(runs: readonly Promise<RunExit>[]): Promise<void> {
    for (const run of runs) run.catch((error: unknown) => this.#fail(error));
    await Promise.allSettled(runs);
  }

  #finished(): void {
    this.clock.stop();
    const stop = stopOf(this.view.memory);
    if (stop === null) {
      this.#phase = 'parked';
      return;
    }
    this.#phase = 'stopped';
    this.#end.resolve(stop);
  }

  /** A vCPU cannot go on: the others stop as well. */
  #fail(error: unknown): void {
    this.#end.reject(error);
    this.stop();
  }

  #post(request: number): void {
    const { memory, map } = this.view;
    for (let index = 0; index < map.vcpus; index++) postRequest(memory, map, index, request);
  }

  /** Parks every vCPU at an instruction boundary. Does nothing if they are parked or the machine stopped. */
  async pause(): Promise<void> {
    if (this.#phase !== 'running') return;
    this.#post(REQUEST.pause);
    await this.#settled;
  }

  /** A copy of all architectural state. @throws MachineStateError unless parked */
  save(): MachineSnapshot {
    this.#require('save', 'parked');
    return saveMemories(this.memories);
  }

  /**
   * Takes over a snapshot whole, or throws SnapshotError and changes nothing. A machine that had stopped can run again
   * afterwards, and `stopped` tells of its next end.
   */
  restore(snapshot: MachineSnapshot): void {
    if (this.#phase !== 'stopped') this.#require('restore', 'parked');
    restoreMemories(this.memories, snapshot);
    this.#post(REQUEST.restored);
    if (this.#phase === 'parked') return;
    forgetStop(this.view.memory);
    this.#awaitEnd();
    this.#phase = 'parked';
  }

  /**
   * Passes on what the guest writes to its first serial port, until the machine ends. Call it once.
   * @returns what settles when the last byte has been passed on; it rejects with what the sink threw
   */
  connectSerial(sink: (bytes: Uint8Array) => void): Promise<void> {
    const { platform } = this.#cpu(0);
    const pump = new OutputPump(platform.transmit, sink);
    return this.#end.promise.then(
      () => pump.stop(),
      () => pump.stop(),
    );
  }

  /** Queues bytes for the guest's first serial port. Resolves when the guest's receiver has taken them over. */
  async sendSerial(bytes: Uint8Array): Promise<void> {
    this.#input ??= this.#inputFeed();
    return this.#input.push(bytes);
  }

  #inputFeed(): InputFeed {
    const { uart, receive } = this.#cpu(0).platform;
    if (!uart) throw new MachineStateError('sendSerial', 'without a serial port');
    return new InputFeed(receive, (bytes) => uart.receive(bytes));
  }

  /** Ends the machine from outside. */
  stop(): void {
    const { memory, map } = this.view;
    stopMachine(memory, map, { reason: 'host', detail: 0, vcpu: 0 });
    if (this.#phase === 'parked') this.#finished();
  }

  /** Resolves when the machine has ended. @throws VcpuError when a vCPU could not go on */
  get stopped(): Promise<MachineStop> {
    return this.#end.promise;
  }

  /** Ends all threads. The machine cannot be used any more. */
  async close(): Promise<void> {
    this.stop();
    await this.#settled;
    this.#phase = 'closed';
    await Promise.all(this.#workers.map((worker) => worker.then((started) => started.close()).catch(() => undefined)));
  }
}
