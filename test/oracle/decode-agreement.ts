// Where rookery's decoder and iced-x86 differ on purpose, and what is compared all the same.
import { DEFINITIONS } from '../../src/isa/index.ts';
import { sameDecoding } from './decode-oracle.ts';
import type { Decoded } from './decoded.ts';

const NAMED: ReadonlySet<string> = new Set(DEFINITIONS.map(({ mnemonic }) => mnemonic.toLowerCase()));

/** Names that have the prefix or operand size in them on one side only. */
const ALIASES: Readonly<Record<string, string>> = {
  callf: 'call',
  jmpf: 'jmp',
  pcmpestrm64: 'pcmpestrm',
  pcmpestri64: 'pcmpestri',
};

function plain(decoded: Decoded | null): Decoded | null {
  if (decoded === null) return null;
  const mnemonic = decoded.mnemonic.replace(/^rep /, '').replace(/^(f?x(?:save|rstor).*)64$/, '$1');
  return { ...decoded, mnemonic: ALIASES[mnemonic] ?? mnemonic };
}

/** Where two instructions differ on purpose. Their lengths are compared all the same. */
interface Difference {
  readonly reason: string;
  applies(iced: Decoded, tested: Decoded): boolean;
}

const isSegment = (operand: Decoded['operands'][number]): boolean =>
  operand.kind === 'register' && /^[c-gs]s$/.test(operand.name);

const DIFFERENCES: readonly Difference[] = [
  {
    reason: 'iced-x86 names prefetches and other hints that rookery has as one NOP with an address',
    applies: (_, { mnemonic }) => mnemonic === 'nop',
  },
  {
    reason: 'x87 arithmetic is not built: it stops the machine',
    applies: (_, { mnemonic }) => mnemonic === 'x87' || mnemonic === 'fnop',
  },
  {
    reason: 'UD0 and UD1 raise #UD whatever their operands',
    applies: (iced, tested) => named(iced, tested, 'ud0 ud1'),
  },
  {
    reason: 'selectors and MSW are 16 bits: one decoder gives their access, the other the operand size',
    applies: (iced, tested) =>
      named(iced, tested, 'sldt str lldt ltr lar lsl verr verw smsw lmsw arpl') ||
      (named(iced, tested, 'mov') && iced.operands.some(isSegment)),
  },
  {
    reason: 'with REX.W, a 32-bit result clears the upper half of the register; iced-x86 names all of it',
    applies: (iced, tested) =>
      named(iced, tested, 'crc32 pinsrb pinsrw pextrb pextrw extractps pmovmskb movmskps movmskpd'),
  },
  {
    reason: 'F3 90 with REX.B exchanges R8 with the accumulator on processors; iced-x86 calls it PAUSE',
    applies: (iced, tested) => iced.mnemonic === 'pause' && tested.mnemonic === 'xchg',
  },
  {
    reason: 'ports are 32 bits wide at most: the helpers of IN and OUT ignore REX.W',
    applies: (iced, tested) => named(iced, tested, 'in out'),
  },
];

const named = (iced: Decoded, tested: Decoded, mnemonics: string): boolean =>
  iced.mnemonic === tested.mnemonic && mnemonics.split(' ').includes(iced.mnemonic);

/** Whether rookery decodes as it should, given what iced-x86 says. */
export function agrees(icedDecoding: Decoded | null, testedDecoding: Decoded | null): boolean {
  const iced = plain(icedDecoding);
  const tested = plain(testedDecoding);
  // What rookery has no instruction of that name for is not built: test/oracle lists what it should have.
  if (tested === null) return iced === null || !NAMED.has(iced.mnemonic);
  // Undefined x87 opcodes stop the machine like the defined ones.
  if (iced === null) return tested.mnemonic === 'x87';
  if (DIFFERENCES.some(({ applies }) => applies(iced, tested))) return iced.length === tested.length;
  return sameDecoding(iced, tested);
}
