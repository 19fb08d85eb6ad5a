import { type Decoded, type DecodeFunction, sameOperand, showDecoded } from './decoded.ts';
import { decodeWithIced, type IcedDecoded } from './iced-decoder.ts';
import type { CodeSize } from './machine.ts';
import { Prng } from './prng.ts';

/** An instruction that the two decoders see differently. */
export interface DecodeMismatch {
  bytes: Uint8Array;
  codeSize: CodeSize;
  iced: Decoded | null;
  tested: Decoded | null;
}

/** What came of a comparison. */
export interface DecodeResult {
  /** Compared instructions, whether valid or not. */
  compared: number;
  /** Those that were left out, by reason. */
  skipped: Map<string, number>;
  mismatches: DecodeMismatch[];
}

/** Bytes that a decoder may look at: one more than the longest instruction, so that both see the same too-long ones. */
const WINDOW = 16;
const MAX_MISMATCHES = 20;

/** Instruction sets that rookery offers, as iced-x86 names them; instructions of any other are not compared. */
const OFFERED = new Set(
  `INTEL8086 INTEL8086_ONLY INTEL186 INTEL286 INTEL386 INTEL486 X64 ADX BMI1 BMI2 CLFLUSHOPT CLFSH CLWB CMOV
  CMPXCHG16B CPUID CX8 FSGSBASE FXSR INVPCID LZCNT MMX MONITOR MOVBE MSR MULTIBYTENOP PAUSE POPCNT PREFETCHW RDPMC
  RDRAND RDSEED RDTSCP SEP SMAP SSE SSE2 SSE3 SSSE3 SSE4_1 SSE4_2 SYSCALL TSC XSAVE XSAVEC XSAVEOPT XSAVES PKU VMX SVM
  INVEPT INVVPID`.split(/\s+/),
);

/** A deliberate difference: cases that are left out, and why. */
interface Skip {
  reason: string;
  applies(iced: IcedDecoded | null, bytes: Uint8Array, codeSize: CodeSize): boolean;
}

/** The opcode's position behind legacy prefixes and REX. */
function opcodeAt(bytes: Uint8Array, codeSize: CodeSize): number {
  let at = 0;
  while (at < bytes.length && isPrefix(bytes[at]!, codeSize)) at++;
  return at;
}

function isPrefix(byte: number, codeSize: CodeSize): boolean {
  if ([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte)) return true;
  return codeSize === 64 && (byte & 0xf0) === 0x40;
}

const twoByteOpcode = (bytes: Uint8Array, codeSize: CodeSize): number => {
  const at = opcodeAt(bytes, codeSize);
  return bytes[at] === 0x0f ? (bytes[at + 1] ?? -1) : -1;
};

const SKIPS: readonly Skip[] = [
  {
    reason: 'instruction set not offered',
    applies: (decoded) => decoded?.features.some((feature) => !OFFERED.has(feature) && !isControlFpu(decoded)) ?? false,
  },
  {
    reason: 'x87 opcode: arithmetic stops the machine',
    applies: (decoded, bytes, codeSize) => decoded === null && (bytes[opcodeAt(bytes, codeSize)]! & 0xf8) === 0xd8,
  },
  {
    reason: '0F 01 and 0F AE register forms: too many are of sets not offered',
    applies: (decoded, bytes, codeSize) => decoded === null && [0x01, 0xae].includes(twoByteOpcode(bytes, codeSize)),
  },
  {
    reason: 'reserved NOPs of 0F 0D and 0F 18-1F: iced-x86 names only those in use',
    applies: (_, bytes, codeSize) =>
      [0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e].includes(twoByteOpcode(bytes, codeSize)),
  },
  {
    reason: 'UD0 and UD1: both raise #UD, with or without a name',
    applies: (decoded) => decoded !== null && ['ud0', 'ud1', 'ud2'].includes(decoded.mnemonic),
  },
];

/** FNINIT, FNSTCW and so on: SDM 1 8.3.9 "x87 FPU Control Instructions", those that do not compute. */
function isControlFpu({ mnemonic }: Decoded): boolean {
  return ['fninit', 'fnclex', 'fnstcw', 'fldcw', 'fnstsw', 'wait'].includes(mnemonic);
}

/** Where the manual's name and iced-x86's differ, iced-x86's is on the left. */
const ALIASES: Readonly<Record<string, string>> = {
  sal: 'shl',
  int1: 'icebp',
  wait: 'fwait',
  xlatb: 'xlat',
  retnq: 'ret',
};

/** String instructions and size-suffixed twins are compared without their suffix. */
function plainMnemonic(mnemonic: string): string {
  const string = /^(movs|cmps|stos|lods|scas|ins|outs)[bwdq]?$/.exec(mnemonic);
  if (string) return string[1]!;
  const sized = /^(pushf|popf|pusha|popa|iret|sysret|sysexit)[wdq]?$/.exec(mnemonic);
  return sized ? sized[1]! : (ALIASES[mnemonic] ?? mnemonic);
}

/** Conversions of the accumulator go by one name a size in iced-x86 (cbw, cwde, cdqe) and in most tables by one. */
const SIZED_FAMILIES: readonly ReadonlySet<string>[] = [
  new Set(['cbw', 'cwde', 'cdqe']),
  new Set(['cwd', 'cdq', 'cqo']),
  new Set(['jcxz', 'jecxz', 'jrcxz']),
  new Set(['cmpxchg8b', 'cmpxchg16b']),
  new Set(['movd', 'movq']),
  new Set(['pextrd', 'pextrq']),
  new Set(['pinsrd', 'pinsrq']),
];

function sameMnemonic(a: string, b: string): boolean {
  if (plainMnemonic(a) === plainMnemonic(b)) return true;
  return SIZED_FAMILIES.some((family) => family.has(a) && family.has(b));
}

/** Opcode 90 is NOP by name and XCHG of the accumulator with itself by its row (SDM 2B NOP). */
function isNop({ mnemonic, operands }: Decoded): boolean {
  const [first, second] = operands;
  if (mnemonic !== 'xchg') return mnemonic === 'nop' || mnemonic === 'pause';
  return (
    first?.kind === 'register' &&
    second?.kind === 'register' &&
    /^[er]?ax$/.test(first.name) &&
    first.name === second.name
  );
}

/**
 * Whether two decodings agree. A table need not list an operand that the opcode implies: the shorter list has to be
 * found, in order, within the longer one.
 */
export function sameDecoding(a: Decoded, b: Decoded): boolean {
  if (isNop(a) && isNop(b)) return a.length === b.length;
  if (a.length !== b.length || !sameMnemonic(a.mnemonic, b.mnemonic)) return false;
  const [short, long] = a.operands.length <= b.operands.length ? [a.operands, b.operands] : [b.operands, a.operands];
  let at = 0;
  for (const operand of long) if (at < short.length && sameOperand(short[at]!, operand)) at++;
  return at === short.length;
}

/** Whether two decodings of the same bytes are as they should be. */
export type Agreement = (iced: Decoded | null, tested: Decoded | null) => boolean;

const strictly: Agreement = (iced, tested) =>
  iced === null || tested === null ? iced === tested : sameDecoding(iced, tested);

/** Compares one instruction; returns its length by iced-x86, 1 where there is none. */
function compareOne(
  bytes: Uint8Array,
  codeSize: CodeSize,
  decode: DecodeFunction,
  result: DecodeResult,
  agrees: Agreement,
): number {
  const iced = decodeWithIced(bytes, codeSize);
  const skip = SKIPS.find(({ applies }) => applies(iced, bytes, codeSize));
  if (skip) {
    result.skipped.set(skip.reason, (result.skipped.get(skip.reason) ?? 0) + 1);
    return iced?.length ?? 1;
  }
  const tested = decode(bytes, codeSize);
  result.compared++;
  if (!agrees(iced, tested) && result.mismatches.length < MAX_MISMATCHES)
    result.mismatches.push({ bytes, codeSize, iced, tested });
  return iced?.length ?? 1;
}

const emptyResult = (): DecodeResult => ({ compared: 0, skipped: new Map(), mismatches: [] });

/** Compares `count` random byte sequences: half uniform, half with a likely opcode behind likely prefixes. */
export function compareRandomBytes(
  decode: DecodeFunction,
  codeSize: CodeSize,
  count: number,
  seed: number,
  agrees: Agreement = strictly,
): DecodeResult {
  const result = emptyResult();
  for (let i = 0; i < count; i++) {
    const prng = new Prng(seed, `decode/${codeSize}`, i);
    compareOne(randomBytes(prng, codeSize), codeSize, decode, result, agrees);
  }
  return result;
}

function randomBytes(prng: Prng, codeSize: CodeSize): Uint8Array {
  const bytes = Uint8Array.from({ length: WINDOW }, () => prng.below(256));
  if (prng.chance(50)) return bytes;
  const front: number[] = [];
  while (prng.chance(40)) front.push(prng.pick([0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x64, 0x65]));
  if (codeSize === 64 && prng.chance(40)) front.push(0x40 | prng.below(16));
  const opening = prng.pick([[], [0x0f], [0x0f], [0x0f, 0x38], [0x0f, 0x3a], [0xc4, 0xe2], [0xc4, 0xe3]]);
  bytes.set([...front, ...opening].slice(0, WINDOW));
  return bytes;
}

/** Compares the instructions of real code one after another, `count` of them at most. */
export function compareCode(
  decode: DecodeFunction,
  codeSize: CodeSize,
  code: Uint8Array,
  count: number,
  agrees: Agreement = strictly,
): DecodeResult {
  const result = emptyResult();
  let at = 0;
  for (let i = 0; i < count && at + WINDOW <= code.length; i++) {
    at += compareOne(code.subarray(at, at + WINDOW), codeSize, decode, result, agrees);
  }
  return result;
}

/** A mismatch in one line. */
export function describeMismatch({ bytes, codeSize, iced, tested }: DecodeMismatch): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${codeSize}-bit ${hex}\n    iced-x86 ${showDecoded(iced)}\n    rookery  ${showDecoded(tested)}`;
}
