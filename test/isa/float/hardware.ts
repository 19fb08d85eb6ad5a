import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Xmm } from './registers.ts';

/** One SSE instruction to execute: `a` is the destination register, `b` the source, lowest quadword first. */
export interface Request {
  readonly name: string;
  readonly mxcsr: number;
  readonly imm8: number;
  readonly a: Xmm;
  readonly b: Xmm;
}

/** What the instruction left. After a fault only `mxcsr` and `faulted` are meaningful. */
export interface Reply {
  readonly mxcsr: number;
  readonly faulted: boolean;
  readonly xmm: Xmm;
  /** The general register or RFLAGS, where the instruction answers in those. */
  readonly general: bigint;
}

const requestBytes = 48;
const replyBytes = 32;

/** The host's own processor, reached through a C program that gcc builds for the length of one test run. */
export class Hardware {
  readonly #directory: string;
  readonly #program: string;
  readonly names: readonly string[];

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), 'rookery-float-'));
    this.#program = join(this.#directory, 'oracle');
    const source = fileURLToPath(new URL('oracle.c', import.meta.url));
    // Its inline assembly pushes RFLAGS, which a red zone below the stack pointer would not survive.
    run('gcc', ['-O1', '-mno-red-zone', '-Wall', '-Werror', '-o', this.#program, source]);
    this.names = run(this.#program, ['names']).toString().trim().split('\n');
  }

  execute(requests: readonly Request[]): Reply[] {
    const input = Buffer.alloc(requests.length * requestBytes);
    requests.forEach((request, i) => {
      this.#write(input, i * requestBytes, request);
    });
    const output = run(this.#program, [], input);
    return requests.map((_, i) => readReply(output, i * replyBytes));
  }

  dispose(): void {
    rmSync(this.#directory, { recursive: true });
  }

  #write(into: Buffer, at: number, { name, mxcsr, imm8, a, b }: Request): void {
    const number = this.names.indexOf(name);
    if (number < 0) throw new RangeError(`oracle.c does not execute ${name}`);
    [number, mxcsr, imm8].forEach((field, i) => {
      into.writeUInt32LE(field, at + 4 * i);
    });
    [...a, ...b].forEach((quadword, i) => {
      into.writeBigUInt64LE(quadword, at + 16 + 8 * i);
    });
  }
}

function readReply(from: Buffer, at: number): Reply {
  return {
    mxcsr: from.readUInt32LE(at),
    faulted: from.readUInt32LE(at + 4) !== 0,
    xmm: [from.readBigUInt64LE(at + 8), from.readBigUInt64LE(at + 16)],
    general: from.readBigUInt64LE(at + 24),
  };
}

function run(command: string, args: readonly string[], input: Buffer = Buffer.alloc(0)): Buffer {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, { input, maxBuffer: 2 ** 30 });
  if (error) throw new Error(`These tests need ${command} on an x86-64 host: ${error.message}`, { cause: error });
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}: ${stderr.toString()}`);
  return stdout;
}
