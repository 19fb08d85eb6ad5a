import { readFile } from 'node:fs/promises';
import { compileEngine } from '../../src/machine/engine-module.ts';
import { Machine, type MachineParts } from '../../src/machine/machine.ts';
import { imageOf, RAM_MIB } from './guests.ts';

const MIB = 1024 * 1024;

/** The parts of a measured machine: the default CPU, a serial port. Compiles the engine, so call it before the clock runs. */
export function partsFor(vcpus: number): MachineParts {
  return {
    vcpus,
    ramBytes: RAM_MIB * MIB,
    cpu: { model: 'intel', features: new Map() },
    topology: { sockets: 1, dies: 1, cores: vcpus, threads: 1 },
    engine: compileEngine(),
    platform: {
      debugExit: { iobase: 0xf4, iosize: 4 },
      testDevices: { pcTestdev: false, pciTestdev: false },
      platform: { pit: true },
      serial: true,
    },
  };
}

/** Creates a machine with a bench guest in it and lets it run. `onOutput` hears the first bytes that it prints. */
export async function startGuest(parts: MachineParts, guest: string, onOutput: () => void): Promise<Machine> {
  const bytes = new Uint8Array(await readFile(imageOf(guest)));
  const machine = Machine.create(parts);
  machine.load({ kernel: { name: guest, bytes }, initrd: [], append: '' });
  // A machine that fails says so through `stopped`, which whoever waits for output must watch as well.
  machine.connectSerial(onOutput).catch(() => undefined);
  machine.resume();
  return machine;
}

/** Starts a guest and waits until it has printed something. */
export async function startedGuest(parts: MachineParts, guest: string): Promise<Machine> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const machine = await startGuest(parts, guest, resolve);
  await Promise.race([promise, machine.stopped]);
  return machine;
}
