import { AssertionError } from 'node:assert';
import { join } from 'node:path';
import type { MachineConfig, MachineModule } from '../machine/config.ts';
import { type HostProcess, nodeProcess, packageVersion } from './host-process.ts';
import { runSession, type SessionStyle } from './session.ts';
import { UsageError } from './usage-error.ts';

/** The commands that the package installs. */
export type CommandName = 'rookery' | 'rookery-qemu';

type Request =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly config: MachineConfig };

/** All that differs between the commands. */
interface CommandRules extends Omit<SessionStyle, 'command'> {
  /** Exit status of a command line that cannot be understood. */
  readonly usageStatus: number;
  /** Reads the command line; loads no more than it needs, because scripts probe with --version. */
  readonly parse: (args: readonly string[], root: string) => Promise<Request>;
}

const commands: Readonly<Record<CommandName, CommandRules>> = {
  rookery: {
    usageStatus: 2,
    // As a shell reports a process that a signal ended.
    signalStatus: (signal) => 128 + signal,
    parse: async (args, root) => {
      const { parseRookery } = await import('./rookery.ts');
      return parseRookery(args, { version: versionOf(root), demoImage: join(root, 'test/guests/built/demo.elf') });
    },
  },
  'rookery-qemu': {
    usageStatus: 1,
    signalStatus: () => 0,
    parse: async (args, root) => {
      const { parseQemu } = await import('./qemu/parse.ts');
      return parseQemu(args, { version: versionOf(root) });
    },
  },
};

/** Loads the machine: the one place where the commands meet it. */
async function loadMachine(): Promise<MachineModule> {
  return import('../machine/run.ts');
}

/**
 * Runs a command and returns its exit status. `root` is the directory of package.json.
 * `load` and `host` are there for tests.
 */
export async function runCommand(
  name: CommandName,
  args: readonly string[],
  root: string,
  load: () => Promise<MachineModule> = loadMachine,
  host: HostProcess = nodeProcess(),
): Promise<number> {
  const { parse, signalStatus, usageStatus } = commands[name];
  try {
    const request = await parse(args, root);
    if (request.kind === 'run')
      return await runSession(await load(), request.config, host, { command: name, signalStatus });
    host.print(request.text);
    return 0;
  } catch (error) {
    host.complain(`${name}: ${describe(error)}`);
    return error instanceof UsageError ? usageStatus : 1;
  }
}

/** One line for what a user can mend; with its stack for what only a fault of rookery's own can be. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const faults = [TypeError, RangeError, ReferenceError, SyntaxError, AssertionError];
  return faults.some((fault) => error instanceof fault) ? `internal error: ${error.stack}` : error.message;
}

function versionOf(root: string): string {
  return packageVersion(join(root, 'package.json'));
}
