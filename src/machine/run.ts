import { readFile } from 'node:fs/promises';
import { parseModuleList } from '../boot/load-kernel.ts';
import { CpuFeatureError, resolveCpu } from '../vcpu/cpuid-model.ts';
import type { CpuModelConfig, MachineConfig, MachineIo } from './config.ts';
import { compileEngine } from './engine-module.ts';
import { Machine, type MachineParts } from './machine.ts';
import type { MachineStop } from './stop.ts';

/** Says in one line why this CPU cannot be had, or null when it can. */
export function validateCpu(cpu: CpuModelConfig): string | null {
  try {
    resolveCpu(cpu);
    return null;
  } catch (error) {
    if (error instanceof CpuFeatureError) return error.message;
    throw error;
  }
}

interface Images {
  readonly kernel: { readonly name: string; readonly bytes: Uint8Array };
  readonly initrd: { readonly name: string; readonly bytes: Uint8Array; readonly args?: string }[];
}

async function readImages(config: MachineConfig): Promise<Images> {
  const read = async (name: string) => ({ name, bytes: new Uint8Array(await readFile(name)) });
  const modules = config.initrd === undefined ? [] : parseModuleList(config.initrd);
  return {
    kernel: await read(config.kernel),
    initrd: await Promise.all(
      modules.map(async ({ name, args }) => ({ ...(await read(name)), ...(args ? { args } : {}) })),
    ),
  };
}

function partsOf(config: MachineConfig): MachineParts {
  return {
    vcpus: config.vcpus,
    ramBytes: config.memoryBytes,
    cpu: config.cpu,
    topology: config.topology,
    engine: compileEngine(),
    platform: {
      ...(config.debugExit ? { debugExit: config.debugExit } : {}),
      testDevices: config.testDevices,
      platform: config.platform,
      serial: config.serial.kind !== 'none',
    },
  };
}

/** Exit statuses are QEMU's: isa-debug-exit gives (v << 1) | 1, a shutdown 0. */
const statusOf = ({ reason, detail }: MachineStop): number => (reason === 'debugExit' ? ((detail << 1) | 1) & 0xff : 0);

const restarts = (stop: MachineStop, config: MachineConfig): boolean =>
  !config.noReboot && (stop.reason === 'reset' || stop.reason === 'shutdown');

/** Runs a machine until its guest ends it: the MachineModule of src/machine/config.ts. */
export async function runMachine(config: MachineConfig, io: MachineIo): Promise<number> {
  const images = await readImages(config);
  const parts = partsOf(config);
  const input = new InputRelay(io);
  for (;;) {
    const stop = await runOnce(parts, images, config, io, input);
    if (io.signal.aborted) return 0;
    if (restarts(stop, config)) continue;
    if (stop.reason === 'powerOff' && config.noShutdown) await aborted(io.signal);
    return statusOf(stop);
  }
}

/** The host's input goes to whichever machine runs now: a reset makes a new one. */
class InputRelay {
  #listener: (bytes: Uint8Array) => void = () => undefined;

  constructor(io: MachineIo) {
    io.serial.onInput((bytes) => this.#listener(bytes));
  }

  connect(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
  }
}

async function runOnce(
  parts: MachineParts,
  images: Images,
  config: MachineConfig,
  io: MachineIo,
  input: InputRelay,
): Promise<MachineStop> {
  const machine = Machine.create(parts);
  const stopIt = () => machine.stop();
  io.signal.addEventListener('abort', stopIt);
  try {
    for (const warning of machine.load({ ...images, append: config.append })) io.warn(warning);
    const drained = config.serial.kind === 'none' ? null : machine.connectSerial((bytes) => io.serial.write(bytes));
    // Input that the guest never reads is lost with the machine, as on a real line.
    if (drained) input.connect((bytes) => void machine.sendSerial(bytes));
    if (io.signal.aborted) machine.stop();
    else machine.resume();
    const stop = await machine.stopped;
    await machine.close();
    await drained;
    return stop;
  } finally {
    io.signal.removeEventListener('abort', stopIt);
    await machine.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
