import type { HostProcess } from '../../src/cli/host-process.ts';
import type { MachineConfig, MachineIo, MachineModule } from '../../src/machine/config.ts';

/** A process that only remembers what was done to it. */
export interface FakeHost extends HostProcess {
  readonly printed: string[];
  readonly complaints: string[];
  /** What was written to each file that was created. */
  readonly files: Map<string, string>;
  signal(number: number): void;
  type(text: string): void;
}

/** `missing` and `readOnly` are paths that cannot be read or created. */
export function fakeHost({ missing = [] as string[], readOnly = [] as string[] } = {}): FakeHost {
  const printed: string[] = [];
  const complaints: string[] = [];
  const files = new Map<string, string>();
  let signal: (number: number) => void = () => undefined;
  let type: (bytes: Uint8Array) => void = () => undefined;
  return {
    printed,
    complaints,
    files,
    signal: (number) => signal(number),
    type: (text) => type(Buffer.from(text)),
    stdio: {
      isTerminal: true,
      write: (bytes) => void printed.push(Buffer.from(bytes).toString()),
      read: (listener) => {
        type = listener;
      },
    },
    print: (text) => void printed.push(text),
    complain: (line) => void complaints.push(line),
    onSignal: (listener) => {
      signal = listener;
    },
    interrupt: () => signal(2),
    createFile: (path) => {
      if (readOnly.includes(path)) throw Object.assign(new Error(`EACCES: ${path}`), { code: 'EACCES' });
      files.set(path, '');
      return (bytes) => void files.set(path, files.get(path) + Buffer.from(bytes).toString());
    },
    unreadable: (path) => (missing.includes(path) ? 'No such file or directory' : null),
  };
}

/** A machine whose guest is a function. */
export function fakeMachine(
  guest: (config: MachineConfig, io: MachineIo) => number | Promise<number>,
  validateCpu: MachineModule['validateCpu'] = () => null,
): () => Promise<MachineModule> {
  return async () => ({ runMachine: async (config, io) => guest(config, io), validateCpu });
}

/** A guest that runs until the user ends it. */
export function untilAborted(_config: MachineConfig, { signal }: MachineIo): Promise<number> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(99)));
}
