// Every opcode behind every kind of prefix, compared with iced-x86. The random and real code of test/oracle finds
// combinations; this finds forms that hardly ever occur.
import { expect } from 'chai';
import { DEFINITIONS } from '../../src/isa/index.ts';
import { agrees } from '../oracle/decode-agreement.ts';
import { showDecoded } from '../oracle/decoded.ts';
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

const decode = decoderOf(DEFINITIONS);

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
      const iced = decodeWithIced(bytes, codeSize);
      const tested = decode(bytes, codeSize);
      if (agrees(iced, tested)) continue;
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
