import { expect } from 'chai';
import { Decoder } from '../../../src/decode/decoder.ts';
import { MODE } from '../../../src/decode/mode.ts';
import { integerDefinitions } from '../../../src/isa/integer/index.ts';

/** The mnemonic that bytes decode to in 64-bit code, or the failure. */
function decoded(bytes: number[], ...absent: string[]): string {
  const decoder = new Decoder(integerDefinitions, (feature) => !absent.includes(feature));
  const result = decoder.decode(Uint8Array.from(bytes), 0, bytes.length, MODE.code64);
  return 'failure' in result ? result.failure : result.form.definition.mnemonic;
}

describe('integer instructions that CPUID gates', () => {
  it('decodes TZCNT and LZCNT as BSF and BSR where they are absent (SDM 2 "TZCNT", "LZCNT")', () => {
    expect(decoded([0xf3, 0x0f, 0xbc, 0xc1])).to.equal('tzcnt');
    expect(decoded([0xf3, 0x0f, 0xbc, 0xc1], 'bmi1')).to.equal('bsf');
    expect(decoded([0xf3, 0x0f, 0xbd, 0xc1])).to.equal('lzcnt');
    expect(decoded([0xf3, 0x0f, 0xbd, 0xc1], 'lzcnt')).to.equal('bsr');
  });

  it('has no instruction where POPCNT, LAHF of 64-bit code or ANDN are absent', () => {
    expect(decoded([0xf3, 0x0f, 0xb8, 0xc1], 'popcnt')).to.equal('undefined');
    expect(decoded([0x9f], 'lahf-lm')).to.equal('undefined');
    expect(decoded([0xc4, 0xe2, 0x70, 0xf2, 0xc2], 'bmi1')).to.equal('undefined');
  });

  it('takes REX.W for the difference between CMPXCHG8B and CMPXCHG16B', () => {
    expect(decoded([0x0f, 0xc7, 0x0f])).to.equal('cmpxchg8b');
    expect(decoded([0x48, 0x0f, 0xc7, 0x0f])).to.equal('cmpxchg16b');
    expect(decoded([0x48, 0x0f, 0xc7, 0x0f], 'cx16')).to.equal('undefined');
  });

  it('tells NOP, PAUSE and XCHG R8 apart (SDM 2 "NOP")', () => {
    expect(decoded([0x90])).to.equal('nop');
    expect(decoded([0xf3, 0x90])).to.equal('pause');
    expect(decoded([0x41, 0x90])).to.equal('xchg');
    expect(decoded([0xf3, 0x0f, 0x1e, 0xfa])).to.equal('nop');
  });
});
