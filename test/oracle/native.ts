import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CODE_BASE, CODE_SIZE, CODE_START, DATA_BASE, DATA_OFFSET_16, DATA_SIZE } from './layout.ts';
import type { MachineState, Outcome, RaisedException, TestCase } from './machine.ts';

/** The native harness could not be built, or ended when it should not have. */
export class NativeOracleError extends Error {
  override readonly name = 'NativeOracleError';
}

/** What the host's CPU can run, from the harness' greeting. */
export interface HostFeatures {
  /** Instruction-set extensions by the names that the templates use. */
  has: ReadonlySet<string>;
  amd: boolean;
}

const MAGIC = 0x31424b52;
const RECORD_SIZE = 488; // Of both wire structures.
const LINE = 64;
const HELLO_SIZE = 32;
const MAX_CASES = 4096;
const NO_EXCEPTION = -1;

/** CPUID bits by greeting word: SDM 2A CPUID, "Feature Information Returned in the ECX/EDX Register". */
const FEATURE_BITS: readonly (readonly [name: string, word: number, bit: number])[] = [
  ['sse3', 1, 0],
  ['ssse3', 1, 9],
  ['cx16', 1, 13],
  ['sse41', 1, 19],
  ['sse42', 1, 20],
  ['movbe', 1, 22],
  ['popcnt', 1, 23],
  ['bmi1', 3, 3],
  ['bmi2', 3, 8],
  ['adx', 3, 19],
  ['clflushopt', 3, 23],
  ['clwb', 3, 24],
  ['lahf', 4, 0],
  ['lzcnt', 4, 5],
  ['code16', 6, 0],
];

/** Builds the harness with the host's gcc. The caller removes the folder. */
function build(folder: string): string {
  const program = join(folder, 'native-oracle');
  const defines = { CODE_BASE, CODE_SIZE, CODE_START, DATA_BASE, DATA_SIZE, DATA_OFFSET_16 };
  const flags = [
    '-O2',
    '-Wall',
    '-Wextra',
    '-fno-stack-protector',
    '-fcf-protection=none',
    '-fPIE',
    '-pie',
    '-Wl,-z,now',
  ];
  const source = fileURLToPath(new URL('native.c', import.meta.url));
  const macros = Object.entries(defines).map(([name, value]) => `-D${name}=${value}ul`);
  try {
    execFileSync('gcc', [...flags, ...macros, '-o', program, source], { stdio: 'pipe' });
  } catch (error) {
    throw new NativeOracleError('the host-CPU oracle needs gcc on an x86-64 Linux host to build its harness', {
      cause: error,
    });
  }
  return program;
}

/** A process that executes instructions on the host's CPU: one batch at a time, each case on its own. */
export class NativeOracle {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  #received: Buffer[] = [];
  #receivedSize = 0;
  #wake: () => void = () => {};
  #failure: string | null = null;
  #errors = '';
  #previous: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#process = spawn(program, { stdio: 'pipe' });
    this.#process.stdout.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#receivedSize += chunk.length;
      this.#wake();
    });
    this.#process.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    // A harness that dies closes its input; the exit handler tells the reason.
    this.#process.stdin.on('error', () => {});
    this.#process.on('exit', (code, signal) => {
      this.#failure = `the native harness ended with ${signal ?? `status ${code}`}: ${this.#errors.trim()}`;
      this.#wake();
    });
  }

  /** Builds and starts the harness. Throws NativeOracleError if this host cannot. */
  static async start(): Promise<{ oracle: NativeOracle; features: HostFeatures }> {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-oracle-'));
    try {
      const oracle = new NativeOracle(folder, build(folder));
      return { oracle, features: readFeatures(await oracle.#read(HELLO_SIZE)) };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Ends the process and removes what was built. */
  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.#failure !== null) resolve();
      else this.#process.once('exit', () => resolve());
    });
    this.#process.stdin.end();
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Executes up to 4096 cases; outcomes come in the cases' order. A case that never ends has vector -2. */
  run(cases: readonly TestCase[]): Promise<Outcome[]> {
    // One batch at a time: a second caller would read the first one's outcomes.
    const outcomes = this.#previous.then(() => this.#runBatch(cases));
    this.#previous = outcomes.catch(() => []);
    return outcomes;
  }

  async #runBatch(cases: readonly TestCase[]): Promise<Outcome[]> {
    if (cases.length > MAX_CASES) throw new NativeOracleError(`a batch has at most ${MAX_CASES} cases`);
    this.#process.stdin.write(encodeBatch(cases));
    const outcomes: Outcome[] = [];
    for (const test of cases) {
      const record = await this.#read(RECORD_SIZE);
      const lines = record.readUInt16LE(486);
      const changes = lines === 0 ? Buffer.alloc(0) : await this.#read(lines * (8 + LINE));
      outcomes.push(decodeOutcome(test, record, changes));
    }
    return outcomes;
  }

  /** Takes exactly `size` bytes from what the harness wrote, waiting for them if need be. */
  async #read(size: number): Promise<Buffer> {
    while (this.#receivedSize < size) {
      if (this.#failure !== null) throw new NativeOracleError(this.#failure);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const all = this.#received.length === 1 ? this.#received[0]! : Buffer.concat(this.#received);
    this.#received = [all.subarray(size)];
    this.#receivedSize -= size;
    return all.subarray(0, size);
  }
}

function readFeatures(hello: Buffer): HostFeatures {
  if (hello.readUInt32LE(0) !== MAGIC) throw new NativeOracleError('the native harness greeted wrongly');
  const present = FEATURE_BITS.filter(([, word, bit]) => (hello.readUInt32LE(word * 4) >>> bit) & 1);
  return { has: new Set(present.map(([name]) => name)), amd: hello.toString('latin1', 20, 24) === 'Auth' };
}

function encodeBatch(cases: readonly TestCase[]): Buffer {
  // The memory is sent only where it differs from the case before: most cases of a batch share one array.
  const sends = cases.map((test, i) => i === 0 || cases[i - 1]!.initial.memory !== test.initial.memory);
  const buffer = Buffer.alloc(8 + cases.length * RECORD_SIZE + sends.filter(Boolean).length * DATA_SIZE);
  buffer.writeUInt32LE(MAGIC, 0);
  buffer.writeUInt32LE(cases.length, 4);
  let at = 8;
  cases.forEach((test, i) => {
    encodeCase(buffer, at, test, sends[i]!);
    at += RECORD_SIZE;
    if (sends[i]) {
      buffer.set(test.initial.memory, at);
      at += DATA_SIZE;
    }
  });
  return buffer;
}

/** Writes a `struct wire_case` of native.c. */
function encodeCase(buffer: Buffer, at: number, test: TestCase, sendsMemory: boolean): void {
  const { initial } = test;
  buffer.set(test.bytes, at);
  buffer[at + 16] = test.bytes.length;
  buffer[at + 17] = test.codeSize;
  buffer[at + 18] = Number(sendsMemory);
  buffer.writeUInt32LE(initial.rflags, at + 20);
  buffer.writeUInt32LE(initial.mxcsr, at + 24);
  buffer.writeUInt16LE(initial.fcw, at + 28);
  buffer.writeUInt16LE(initial.fsw, at + 30);
  buffer[at + 32] = initial.ftw;
  initial.gpr.forEach((value, i) => {
    buffer.writeBigUInt64LE(value, at + 40 + i * 8);
  });
  buffer.set(initial.mm, at + 168);
  buffer.set(initial.xmm, at + 232);
}

/** Reads a `struct wire_outcome` of native.c and the changed lines behind it. */
function decodeOutcome(test: TestCase, record: Buffer, changes: Buffer): Outcome {
  const gpr = BigUint64Array.from({ length: 16 }, (_, i) => record.readBigUInt64LE(i * 8));
  const state: MachineState = {
    gpr,
    mm: new Uint8Array(record.subarray(128, 192)),
    xmm: new Uint8Array(record.subarray(192, 448)),
    rflags: record.readUInt32LE(464),
    mxcsr: record.readUInt32LE(468),
    fcw: record.readUInt16LE(480),
    fsw: record.readUInt16LE(482),
    ftw: record[484]!,
    memory: patchMemory(test.initial.memory, changes),
  };
  return { state, rip: record.readBigInt64LE(448), exception: decodeException(record) };
}

function patchMemory(initial: Uint8Array, changes: Buffer): Uint8Array {
  if (changes.length === 0) return initial;
  const memory = initial.slice();
  for (let at = 0; at < changes.length; at += 8 + LINE) {
    memory.set(changes.subarray(at + 8, at + 8 + LINE), Number(changes.readBigUInt64LE(at)) * LINE);
  }
  return memory;
}

/** Only these exceptions push an error code: SDM 3A table 6-1. */
const VECTORS_WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

function decodeException(record: Buffer): RaisedException | null {
  const vector = record.readInt32LE(472);
  if (vector === NO_EXCEPTION) return null;
  const errorCode = record.readUInt32LE(476);
  if (vector === 14) return { vector, errorCode, cr2: record.readBigUInt64LE(456) };
  return VECTORS_WITH_ERROR_CODE.has(vector) ? { vector, errorCode } : { vector };
}
