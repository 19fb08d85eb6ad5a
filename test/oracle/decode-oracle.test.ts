import { expect } from 'chai';
import { agrees } from './decode-agreement.ts';
import { compareCode, compareRandomBytes, type DecodeResult, describeMismatch } from './decode-oracle.ts';
import type { Decoded, DecodeFunction } from './decoded.ts';
import { decodeWithIced } from './iced-decoder.ts';
import type { CodeSize } from './machine.ts';
import { readMachineCode } from './real-code.ts';
import { rookeryDecoder } from './rookery-decoder.ts';

const RANDOM_CASES = 100_000;
const CODE_CASES = 100_000;
const CODE_BYTES = 1 << 20;
const SEED = 1;
const CODE_SIZES: readonly CodeSize[] = [64, 32, 16];

const decode = (hex: string, codeSize: CodeSize = 64) =>
  decodeWithIced(Uint8Array.from(Buffer.from(hex.padEnd(32, '0'), 'hex')), codeSize);

describe('the decoder oracle', () => {
  it('reads registers, immediates and addresses from iced-x86', () => {
    expect(decode('4883c0ff')).to.deep.include({
      length: 4,
      mnemonic: 'add',
      operands: [
        { kind: 'register', name: 'rax' },
        { kind: 'immediate', value: 0xffff_ffff_ffff_ffffn, bits: 64 },
      ],
    });
    const [, address] = decode('8b4c88fc')!.operands;
    expect(address).to.deep.equal({
      kind: 'memory',
      segment: '',
      base: 'rax',
      index: 'rcx',
      scale: 4,
      displacement: -4n,
      bits: 64,
      bytes: 4,
    });
  });

  it('gives RIP-relative addresses and branches relative to the next instruction', () => {
    expect(decode('8b0510000000')!.operands[1]).to.include({ base: 'rip', displacement: 0x10n });
    expect(decode('ebfe')!.operands).to.deep.equal([{ kind: 'relative', value: -2n, bits: 64 }]);
  });

  it('finds a decoder that gets one length wrong', () => {
    const wrong: DecodeFunction = (bytes, codeSize) => {
      const decoded = decodeWithIced(bytes, codeSize) as Decoded | null;
      return decoded?.mnemonic === 'add' ? { ...decoded, length: decoded.length + 1 } : decoded;
    };
    const { mismatches } = compareCode(wrong, 64, readMachineCode(0x1_0000), 1000);
    expect(mismatches[0]?.iced?.mnemonic).to.equal('add');
  });

  it('agrees with itself on random bytes', () => {
    for (const codeSize of CODE_SIZES) {
      const { compared, mismatches } = compareRandomBytes(decodeWithIced, codeSize, 1000, SEED);
      expect(compared).to.be.above(400);
      expect(mismatches).to.deep.equal([]);
    }
  });
});

describe('rookery decodes as iced-x86 does', function () {
  this.timeout(300_000);
  const tested = rookeryDecoder();

  const expectAgreement = ({ compared, mismatches }: DecodeResult) => {
    expect(compared).to.be.above(0);
    expect(mismatches.map(describeMismatch).join('\n')).to.equal('');
  };

  for (const codeSize of CODE_SIZES) {
    it(`${RANDOM_CASES} random byte sequences in ${codeSize}-bit code`, () => {
      expectAgreement(compareRandomBytes(tested, codeSize, RANDOM_CASES, SEED, agrees));
    });
    it(`${CODE_CASES} instructions of a real program, read as ${codeSize}-bit code`, () => {
      expectAgreement(compareCode(tested, codeSize, readMachineCode(CODE_BYTES), CODE_CASES, agrees));
    });
  }
});
