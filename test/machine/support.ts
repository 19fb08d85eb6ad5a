import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileEngine } from '../../src/machine/engine-module.ts';
import { Machine, type MachineParts } from '../../src/machine/machine.ts';

const built = join(import.meta.dirname, '..', 'guests', 'built');
const engine = compileEngine();

/** A machine with a guest of test/guests loaded, parked before its first instruction. */
export function machineWith(guest: string, vcpus: number, options: Partial<MachineParts> = {}): Machine {
  const kernel = { name: guest, bytes: readFileSync(join(built, `${guest}.elf`)) };
  return machineWithKernel({ kernel, append: '', initrd: [] }, vcpus, options);
}

/** The same with any image. */
export function machineWithKernel(
  images: Parameters<Machine['load']>[0],
  vcpus: number,
  options: Partial<MachineParts> = {},
): Machine {
  const machine = Machine.create({
    vcpus,
    ramBytes: 4 << 20,
    cpu: { model: 'intel', features: new Map() },
    topology: { sockets: vcpus, dies: 1, cores: 1, threads: 1 },
    engine,
    platform: {
      debugExit: { iobase: 0xf4, iosize: 4 },
      testDevices: { pcTestdev: false, pciTestdev: false },
      platform: { pit: true },
      serial: true,
    },
    ...options,
  });
  machine.load(images);
  return machine;
}

/** Collects what a machine writes to its serial port. */
export function transcript(machine: Machine): { text(): string; ended: Promise<void> } {
  const chunks: Buffer[] = [];
  const ended = machine.connectSerial((bytes) => chunks.push(Buffer.from(bytes)));
  return { text: () => Buffer.concat(chunks).toString(), ended };
}
