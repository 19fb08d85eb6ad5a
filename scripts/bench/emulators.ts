import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { RAM_MIB } from './guests.ts';

/** A program that boots multiboot images with the guest's serial port on standard output. */
export interface Emulator {
  readonly name: 'rookery' | 'tcg';
  commandLine(image: string, vcpus: number): { readonly file: string; readonly args: readonly string[] };
}

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'rookery.js');

const rookery: Emulator = {
  name: 'rookery',
  commandLine: (image, vcpus) => ({
    file: process.execPath,
    args: [LAUNCHER, 'run', image, '--smp', `${vcpus}`, '-m', `${RAM_MIB}M`],
  }),
};

const QEMU = 'qemu-system-x86_64';
const QUIET = ['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nodefaults', '-no-reboot'];
const DEBUG_EXIT = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];

const tcg: Emulator = {
  name: 'tcg',
  commandLine: (image, vcpus) => ({
    file: QEMU,
    args: [
      ...['-accel', 'tcg,thread=multi', '-m', `${RAM_MIB}`, '-smp', `${vcpus}`, '-kernel', image],
      ...QUIET,
      ...DEBUG_EXIT,
    ],
  }),
};

/** What there is to compare on this host; rookery first. */
export function emulators(): readonly Emulator[] {
  const { status } = spawnSync(QEMU, ['--version'], { stdio: 'ignore' });
  return status === 0 ? [rookery, tcg] : [rookery];
}
