import { disassemble } from './disassemble.ts';
import type { GeneratedCase } from './generate.ts';
import { CODE_BASE, CODE_START, DATA_BASE, DATA_OFFSET_16 } from './layout.ts';
import { FLAG, type MachineState, type Outcome, type RaisedException } from './machine.ts';

/** Flags that an instruction may be judged by; RF is the exception's, not the instruction's. */
const COMPARED_FLAGS = 0x3f_7fd7 & ~0x1_0000;
/** FCW's defined bits: SDM 1 8.1.5. The others read differently from one maker to the next. */
const COMPARED_FCW = 0x1f3f;
/** Addresses from here on are the host kernel's: Linux sets P in the error code that it shows for them. */
const USER_END = 0x7fff_ffff_f000n;
const PAGE_FAULT = 14;
const PRESENT = 1;

/** Several stores, of which some may be done before the fault: how many is the implementation's choice. */
const PARTIAL_STORES: ReadonlySet<string> = new Set(['PUSHA', 'ENTER']);
/** Several register loads, likewise: a restart loads them again. */
const PARTIAL_LOADS: ReadonlySet<string> = new Set(['POPA']);
/** "Relative error is at most 1.5 * 2^-12" (SDM 2B RCPPS): makers' tables differ, within twice that. */
const APPROXIMATIONS: ReadonlySet<string> = new Set(['RCPPS', 'RCPSS', 'RSQRTPS', 'RSQRTSS']);
const APPROXIMATION_ERROR = 3 * 2 ** -12;

const REGISTERS = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');

/** One thing that came out otherwise than on the host. */
export interface Difference {
  what: string;
  initial: string;
  expected: string;
  actual: string;
}

/** What differs between the host's outcome and the tested one; empty if they agree. */
export function compareOutcomes(test: GeneratedCase, expected: Outcome, actual: Outcome): Difference[] {
  const differences: Difference[] = [];
  const note = (what: string, before: unknown, wanted: unknown, got: unknown) => {
    differences.push({ what, initial: String(before), expected: String(wanted), actual: String(got) });
  };
  const endings = [describeEnding(test, expected), describeEnding(test, actual, expected)];
  if (endings[0] !== endings[1]) note('ending', '', endings[0], endings[1]);
  if (expected.exception === null || !PARTIAL_LOADS.has(test.mnemonic)) {
    compareRegisters(test, expected.state, actual.state, note);
  }
  compareControls(test, expected.state, actual.state, note);
  compareVectors(test, expected.state, actual.state, note);
  if (expected.exception === null || !PARTIAL_STORES.has(test.mnemonic)) {
    compareMemory(test, expected.state, actual.state, note);
  }
  return differences;
}

type Note = (what: string, before: unknown, wanted: unknown, got: unknown) => void;

/** Where execution goes on, and the exception; `like` supplies the fields that a runner may leave out. */
function describeEnding(test: GeneratedCase, { rip, exception }: Outcome, like?: Outcome): string {
  const offset = BigInt.asIntN(test.codeSize, rip);
  return `rip ${offset >= 0n ? '+' : ''}${offset}${exception ? describeException(exception, like?.exception ?? null) : ''}`;
}

function describeException(exception: RaisedException, like: RaisedException | null): string {
  const address = exception.cr2 ?? like?.cr2;
  let error = exception.errorCode ?? like?.errorCode;
  if (exception.vector === PAGE_FAULT && error !== undefined && address !== undefined && address >= USER_END) {
    error |= PRESENT;
  }
  const parts = [` exception ${exception.vector}`];
  if (error !== undefined) parts.push(`error 0x${error.toString(16)}`);
  if (exception.vector === PAGE_FAULT && address !== undefined) parts.push(`cr2 0x${address.toString(16)}`);
  return parts.join(' ');
}

function compareRegisters(test: GeneratedCase, expected: MachineState, actual: MachineState, note: Note): void {
  const count = test.codeSize === 64 ? 16 : 8;
  const bits = test.codeSize === 64 ? 64 : 32;
  const show = (value: bigint) => `0x${BigInt.asUintN(bits, value).toString(16)}`;
  for (let i = 0; i < count; i++) {
    const [wanted, got] = [expected.gpr[i]!, actual.gpr[i]!];
    if (wanted === got || BigInt.asUintN(bits, wanted) === BigInt.asUintN(bits, got)) continue;
    note(REGISTERS[i]!, show(test.initial.gpr[i]!), show(wanted), show(got));
  }
}

function compareControls(test: GeneratedCase, expected: MachineState, actual: MachineState, note: Note): void {
  const flags = COMPARED_FLAGS & ~test.undefinedFlags;
  if ((expected.rflags ^ actual.rflags) & flags) {
    const show = ({ rflags }: MachineState) => showFlags(rflags & flags);
    note('rflags', show(test.initial), show(expected), show(actual));
  }
  const masks = { mxcsr: 0xffff_ffff, fcw: COMPARED_FCW, fsw: 0xffff, ftw: 0xff } as const;
  for (const name of ['mxcsr', 'fcw', 'fsw', 'ftw'] as const) {
    if (((expected[name] ^ actual[name]) & masks[name]) === 0) continue;
    const show = (state: MachineState) => `0x${state[name].toString(16)}`;
    note(name, show(test.initial), show(expected), show(actual));
  }
}

function showFlags(rflags: number): string {
  const names = Object.entries(FLAG).filter(([, bit]) => rflags & bit);
  return `0x${rflags.toString(16)} [${names.map(([name]) => name).join(' ')}]`;
}

function compareVectors(test: GeneratedCase, expected: MachineState, actual: MachineState, note: Note): void {
  const same = APPROXIMATIONS.has(test.mnemonic) ? approximatelyEqual : equalBytes;
  for (const [name, size] of [
    ['mm', 8],
    ['xmm', 16],
  ] as const) {
    const count = name === 'xmm' && test.codeSize !== 64 ? 8 : expected[name].length / size;
    for (let i = 0; i < count; i++) {
      const part = (state: MachineState) => state[name].subarray(i * size, (i + 1) * size);
      if (same(part(expected), part(actual))) continue;
      note(`${name}${i}`, hex(part(test.initial)), hex(part(expected)), hex(part(actual)));
    }
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lanes of single-precision values that are equal, or finite and close. */
function approximatelyEqual(a: Uint8Array, b: Uint8Array): boolean {
  const [x, y] = [a, b].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)) as [
    DataView,
    DataView,
  ];
  for (let at = 0; at + 4 <= a.length; at += 4) {
    if (x.getUint32(at, true) === y.getUint32(at, true)) continue;
    const [wanted, got] = [x.getFloat32(at, true), y.getFloat32(at, true)];
    if (!(Math.abs(wanted - got) <= Math.abs(wanted) * APPROXIMATION_ERROR)) return false;
  }
  return true;
}

/** Vector registers read from the most significant byte, as the manual draws them. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).reverse().toString('hex');
}

function compareMemory(test: GeneratedCase, expected: MachineState, actual: MachineState, note: Note): void {
  if (expected.memory === actual.memory || Buffer.compare(expected.memory, actual.memory) === 0) return;
  const first = expected.memory.findIndex((byte, i) => byte !== actual.memory[i]);
  const part = ({ memory }: MachineState) => Buffer.from(memory.subarray(first, first + 16)).toString('hex');
  const base = test.codeSize === 16 ? DATA_OFFSET_16 : DATA_BASE;
  note(`memory at 0x${(base + first).toString(16)}`, part(test.initial), part(expected), part(actual));
}

/** A mismatch for people: the instruction, how to make it again, the differences, and the state before it. */
export function reportMismatch(test: GeneratedCase, differences: readonly Difference[]): string {
  const address = BigInt(test.codeSize === 16 ? CODE_START - CODE_BASE : CODE_START);
  const { initial } = test;
  const gprs = [...initial.gpr].map((value, i) => `${REGISTERS[i]}=${value.toString(16)}`);
  return [
    `${test.mnemonic} ${disassemble(test.bytes, test.codeSize, address)}`,
    `  again: npm run fuzz -- --seed ${test.seed} --family ${test.family} --case ${test.index}`,
    ...differences.map(
      ({ what, initial: before, expected, actual }) =>
        `  ${what}:${before ? `\n    initial  ${before}` : ''}\n    host     ${expected}\n    rookery  ${actual}`,
    ),
    `  before: ${gprs.slice(0, 8).join(' ')}`,
    `          ${gprs.slice(8).join(' ')}`,
    `          rflags=${showFlags(initial.rflags)} mxcsr=${initial.mxcsr.toString(16)}`,
  ].join('\n');
}
