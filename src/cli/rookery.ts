import { Command, CommanderError, Option } from 'commander';
import type { MachineConfig } from '../machine/config.ts';
import { demoConfig, type RunOption, type RunOptions, runConfig, runOptions, smpOption } from './run-options.ts';
import { inOption, UsageError } from './usage-error.ts';

/** Where rookery is installed and which one it is. */
export interface Installation {
  readonly version: string;
  /** Path of the guest that `rookery demo` boots. */
  readonly demoImage: string;
}

/** What a command line asks for. */
export type RookeryRequest =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly config: MachineConfig };

/** The number of vCPUs of `rookery demo` unless --smp says otherwise. */
const demoVcpus = '4';

/**
 * Reads a command line of rookery.
 * @throws UsageError for the first option that is unknown or malformed.
 */
export function parseRookery(args: readonly string[], installation: Installation): RookeryRequest {
  const printed: string[] = [];
  let config: MachineConfig | null = null;
  const program = buildProgram(installation, (chosen) => {
    config = chosen;
  });
  for (const command of [program, ...program.commands]) quiet(command, printed);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error);
  }
  return config === null ? { kind: 'print', text: printed.join('') } : { kind: 'run', config };
}

/** The program's help, as `rookery --help` or, for a command, `rookery run --help` prints it. */
export function rookeryHelp(installation: Installation, command?: string): string {
  const request = parseRookery(command === undefined ? ['--help'] : [command, '--help'], installation);
  return request.kind === 'print' ? request.text : '';
}

function buildProgram(installation: Installation, choose: (config: MachineConfig) => void): Command {
  const program = new Command('rookery');
  program.description('An x86-64 SMP emulator: every vCPU is a worker thread over shared guest memory.');
  program.version(`rookery ${installation.version}`, '-V, --version', 'print the version');
  program.helpOption('-h, --help', 'print this text').helpCommand(false);
  program.usage('COMMAND [options]').action((_options, command: Command) => {
    const [name] = command.args;
    if (name !== undefined) throw new UsageError(name, 'no such command (rookery --help lists them)');
    throw new UsageError('no command', 'rookery --help lists them');
  });
  program.allowExcessArguments();
  addRun(program, choose);
  addDemo(program, installation, choose);
  return program;
}

function addRun(program: Command, choose: (config: MachineConfig) => void): void {
  const run = program.command('run').argument('<image>', 'a multiboot or Linux image');
  run.description('boot an image; the exit status is the one that the guest gives').allowExcessArguments(false);
  for (const option of runOptions) run.addOption(toCommander(option));
  run.action((image: string, options: RunOptions) => choose(runConfig(image, options)));
}

function addDemo(program: Command, installation: Installation, choose: (config: MachineConfig) => void): void {
  const demo = program.command('demo').allowExcessArguments(false);
  demo
    .description('boot the guest that comes with rookery: a line from each vCPU')
    .addOption(toCommander({ ...smpOption, default: demoVcpus }));
  demo.action(({ smp }: { smp: number }) => choose(demoConfig(installation.demoImage, smp)));
}

/** A table entry as commander takes it, values read by the entry's own parser. */
function toCommander({ flags, help, parse, default: initial }: RunOption): Option {
  const option = new Option(flags, help);
  if (parse === undefined) return option;
  const read = (value: string) => inOption(`${option.long} ${value}`, () => parse(value));
  option.argParser(read);
  return initial === undefined ? option : option.default(parse(initial), initial === '' ? 'none' : initial);
}

/** Keeps commander from writing and from ending the process: what it has to say is returned. */
function quiet(command: Command, printed: string[]): void {
  command.exitOverride().configureOutput({ writeOut: (text) => printed.push(text), writeErr: () => undefined });
  command.configureHelp({ helpWidth: 100 });
}

/** What commander finds wrong, said in the form of every other message. */
const commanderReasons: Readonly<Record<string, string>> = {
  'commander.unknownOption': 'unknown option',
  'commander.optionMissingArgument': 'requires an argument',
  'commander.missingArgument': 'missing',
  'commander.excessArguments': 'too many arguments',
};

/** Commander's error: the word that it quotes, the reason, and its suggestion if it has one. */
function usageError({ code, message }: CommanderError): UsageError {
  const [text = '', suggestion = ''] = message.split('\n');
  const option = /'([^']*)'/.exec(text)?.[1] ?? 'command line';
  return new UsageError(option, `${commanderReasons[code] ?? text} ${suggestion}`.trimEnd());
}
