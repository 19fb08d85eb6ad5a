// Every opcode behind every kind of prefix, compared with iced-x86. The random and real code of test/oracle finds
// combinations; this finds forms that hardly ever occur.
import { expect } from 'chai';
import { DEFINITIONS } from '../../src/isa/index.ts';
import { sameDecoding } from '../oracle/decode-oracle.ts';
import { type Decoded, showDecoded } from '../oracle/decoded.ts';
import { decodeWithIced } from '../oracle/iced-decoder.ts';
import type { CodeSize } from '../oracle/machine.ts';
import { Prng } from '../oracle/prng.ts';
import { decoderOf } from '../oracle/rookery-decoder.ts';

const ESCAPES: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const PREFIXES: readonly (readonly number[])[] = [
  [],
  [0x66],
  [0x67],
  [0xf2],
  [0xf3],
  [0x66, 0xf2],
  [0xf3, 0x66],
  [0xf0],
  [0x26],
  [0x64, 0x36],
];
const REX_PREFIXES: readonly (readonly number[])[] = [[0x48], [0x41], [0x4f], [0x66, 0x48], [0xf3, 0x48], [0xf2, 0x45]];
const MODRM_SAMPLES = 12;
const WINDOW = 16;
const SEED = 7;

const NAMED: ReadonlySet<string> = new Set(DEFINITIONS.map(({ mnemonic }) => mnemonic.toLowerCase()));
const decode = decoderOf(DEFINITIONS);

/** Names that have the prefix or operand size in them on one side only. */
const ALIASES: Readonly<Record<string, string>> = { callf: 'call', jmpf: 'jmp' };

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
    applies: (iced, tested) => named(iced, tested, 'crc32 pextrb pextrw extractps pmovmskb movmskps movmskpd'),
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

function agree(iced: Decoded | null, tested: Decoded | null): boolean {
  // What rookery has no instruction of that name for is not built: test/oracle lists what it should have.
  if (tested === null) return iced === null || !NAMED.has(iced.mnemonic);
  // Undefined x87 opcodes stop the machine like the defined ones.
  if (iced === null) return tested.mnemonic === 'x87';
  if (DIFFERENCES.some(({ applies }) => applies(iced, tested))) return iced.length === tested.length;
  return sameDecoding(iced, tested);
}

function* openings(codeSize: CodeSize): Generator<readonly number[]> {
  for (const prefixes of codeSize === 64 ? [...PREFIXES, ...REX_PREFIXES] : PREFIXES) {
    for (const escapeBytes of ESCAPES) yield [...prefixes, ...escapeBytes];
  }
}

/** The 3-byte VEX prefixes of maps 0F38 and 0F3A with each W, L and pp; half of them with vvvv 1111. */
function* vexOpenings(prng: Prng): Generator<readonly number[]> {
  for (const map of [2, 3]) {
    for (const wlpp of [0, 1, 2, 3, 4, 0x80, 0x81, 0x82, 0x83]) {
      yield [0xc4, 0xe0 | map, wlpp | 0x78];
      yield [0xc4, (prng.below(8) << 5) | map, wlpp | (prng.below(16) << 3)];
    }
  }
}

function sweep(codeSize: CodeSize, candidates: Iterable<readonly number[]>): string[] {
  const mismatches: string[] = [];
  const prng = new Prng(SEED, 'sweep', codeSize);
  for (const opening of candidates) {
    for (let i = 0; i < 256 * MODRM_SAMPLES; i++) {
      const bytes = Uint8Array.from({ length: WINDOW }, () => prng.below(256));
      bytes.set([...opening, i & 255]);
      const iced = plain(decodeWithIced(bytes, codeSize));
      const tested = plain(decode(bytes, codeSize));
      if (agree(iced, tested)) continue;
      mismatches.push(`${Buffer.from(bytes).toString('hex')} ${showDecoded(iced)} | ${showDecoded(tested)}`);
    }
  }
  return mismatches;
}

describe('each opcode decodes as with iced-x86', function () {
  this.timeout(120_000);

  for (const codeSize of [64, 32, 16] as const) {
    it(`in ${codeSize}-bit code, behind prefixes`, () => {
      expect(sweep(codeSize, openings(codeSize)).slice(0, 20)).to.deep.equal([]);
    });

    it(`in ${codeSize}-bit code, behind VEX`, () => {
      expect(sweep(codeSize, vexOpenings(new Prng(SEED, 'vex', codeSize))).slice(0, 20)).to.deep.equal([]);
    });
  }
});
