import { accessSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { ByteStream } from './console.ts';

/** The signals that end a machine in good order, with their numbers on Linux and macOS (signal(7)). */
const endingSignals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** What the commands touch of the process and its files; tests put their own in its place. */
export interface HostProcess {
  readonly stdio: ByteStream;
  print(text: string): void;
  /** One line on standard error. */
  complain(line: string): void;
  onSignal(listener: (number: number) => void): void;
  /** Sends SIGINT to this process, as the terminal does when Ctrl-C is not read as a byte. */
  interrupt(): void;
  /** Creates or empties a file; returns what appends to it. Throws the system's error. */
  createFile(path: string): (bytes: Uint8Array) => void;
  /** Why a file cannot be read (`No such file or directory`), or null. */
  unreadable(path: string): string | null;
}

/** The words of the C library for the errors that a missing image gives; scripts know them. */
const errorTexts: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ENOTDIR: 'Not a directory',
  EISDIR: 'Is a directory',
};

/** The process that this is. */
export function nodeProcess(): HostProcess {
  // A reader that goes away (`| head -1`) takes nothing further; that is no reason to fail.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    stdio: standardStreams(),
    print: (text) => void process.stdout.write(text),
    complain: (line) => void process.stderr.write(`${line}\n`),
    onSignal: (listener) => {
      for (const [name, number] of Object.entries(endingSignals)) {
        process.on(name, () => listener(number));
      }
    },
    interrupt: () => void process.kill(process.pid, 'SIGINT'),
    createFile: (path) => {
      const file = openSync(path, 'w');
      return (bytes) => void writeSync(file, bytes);
    },
    unreadable,
  };
}

function standardStreams(): ByteStream {
  return {
    // Asked of the descriptor, because to touch process.stdin is to open it.
    isTerminal: isatty(0),
    write: (bytes) => void process.stdout.write(bytes),
    read: (listener) => {
      // Node gives the terminal its old settings back when the process ends.
      if (process.stdin.isTTY) process.stdin.setRawMode(true);
      process.stdin.on('error', () => undefined);
      process.stdin.on('data', (chunk: Uint8Array) => listener(chunk));
    },
  };
}

function unreadable(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return errorText(error);
  }
}

/** An error of the system in the words of the C library, anything else in its own. */
export function errorText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return errorTexts[code] ?? (error instanceof Error ? error.message : String(error));
}

/** The version in a package.json. */
export function packageVersion(path: string): string {
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return version;
}
