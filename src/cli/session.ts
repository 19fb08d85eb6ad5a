import type { MachineConfig, MachineIo, MachineModule, SerialBackend, SerialConfig } from '../machine/config.ts';
import { OutputBackend, StdioBackend } from './console.ts';
import { errorText, type HostProcess } from './host-process.ts';
import { FileError, UsageError } from './usage-error.ts';

/** How many signals it takes to end a machine that does not end in good order. A terminal's Ctrl-C may count twice. */
const patience = 3;

/** What differs between the two commands once a machine runs. */
export interface SessionStyle {
  /** Begins each line on standard error. */
  readonly command: string;
  /** The exit status after a signal. QEMU's is 0, and the line on standard error tells. */
  readonly signalStatus: (signal: number) => number;
}

/** Why the user ended the machine, as the reason of the abort. */
class Ended {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

/**
 * Runs a machine to its end and returns the exit status.
 * @throws UsageError for a CPU and FileError for an image or a serial port that cannot be had; else what `runMachine`
 *   throws.
 */
export async function runSession(
  machine: MachineModule,
  config: MachineConfig,
  host: HostProcess,
  style: SessionStyle,
): Promise<number> {
  // The CPU first: scripts that try a command line with an image that does not exist learn what cannot be honoured.
  const problem = machine.validateCpu(config.cpu);
  if (problem !== null) throw new UsageError(`CPU ${config.cpu.name}`, problem);
  checkKernel(config.kernel, host);
  const end = new AbortController();
  const io: MachineIo = {
    serial: openSerial(config.serial, host, end),
    signal: end.signal,
    warn: (message) => host.complain(`${style.command}: warning: ${message}`),
  };
  const forced = endOnSignals(host, end, style);
  const status = await Promise.race([machine.runMachine(config, io), forced]);
  return end.signal.reason instanceof Ended ? end.signal.reason.status : status;
}

/** In QEMU's words, by which scripts tell a missing image from options that cannot be honoured. */
function checkKernel(path: string, host: HostProcess): void {
  const problem = host.unreadable(path);
  if (problem !== null) throw new FileError('could not open kernel file', path, problem);
}

function openSerial(serial: SerialConfig, host: HostProcess, end: AbortController): SerialBackend {
  if (serial.kind === 'file') return new OutputBackend(createFile(serial.path, host));
  if (serial.kind !== 'stdio') return new OutputBackend(() => undefined);
  return new StdioBackend(host.stdio, serial.escape, {
    quit: () => end.abort(new Ended(0)),
    interrupt: () => host.interrupt(),
  });
}

function createFile(path: string, host: HostProcess): (bytes: Uint8Array) => void {
  try {
    return host.createFile(path);
  } catch (error) {
    throw new FileError('could not create serial port file', path, errorText(error));
  }
}

/** The first signal asks the machine to end; a later one does not wait for it. */
function endOnSignals(host: HostProcess, end: AbortController, style: SessionStyle): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    host.onSignal((number) => {
      if (received === 0) host.complain(`${style.command}: terminating on signal ${number}`);
      received++;
      end.abort(new Ended(style.signalStatus(number)));
      if (received >= patience) resolve(style.signalStatus(number));
    });
  });
}
