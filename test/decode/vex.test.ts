import { expect } from 'chai';
import { MODE } from '../../src/decode/mode.ts';
import { assembly, code16, code32, code64, failure } from './decoding.ts';

describe('VEX prefixes (SDM 2A 2.3)', () => {
  it('name three operands, with R, X, B and vvvv inverted', () => {
    expect(assembly('C4 E2 70 F2 C2', code64)).to.equal('andn r0:32, r1:32, r2:32');
    expect(assembly('C4 42 30 F2 C2', code64)).to.equal('andn r8:32, r9:32, r10:32');
    expect(assembly('C4 A2 70 F2 04 03', code64)).to.equal('andn r0:32, r1:32, m32 flat:r3+r8*1+0');
  });

  it('take the operand size from W in 64-bit mode only', () => {
    expect(assembly('C4 E2 F0 F2 C2', code64)).to.equal('andn r0:64, r1:64, r2:64');
    expect(assembly('C4 E2 F0 F2 C2', code32)).to.equal('andn r0:32, r1:32, r2:32');
    expect(assembly('C4 E2 F0 F3 C9', code64)).to.equal('blsr r1:64, r1:64');
    expect(assembly('C4 E2 70 F3 C9', code16)).to.equal('blsr r1:32, r1:32');
  });

  it('have 8 registers outside 64-bit mode', () => {
    expect(assembly('C4 C2 30 F2 C2', code32)).to.equal('andn r0:32, r1:32, r2:32');
  });

  it('hold the mandatory prefix, the map and L', () => {
    expect(assembly('C4 E3 7B F0 C1 07', code64)).to.equal('rorx r0:32, r1:32, imm8 7');
    expect(failure('C4 E3 7A F0 C1 07', code64)).to.equal('undefined');
    expect(failure('C4 E2 74 F2 C2', code64)).to.equal('undefined');
    expect(failure('C4 E1 70 F2 C2', code64)).to.equal('undefined');
    expect(failure('C4 E0 70 F2 C2', code64)).to.equal('undefined');
    expect(failure('C5 F0 F2 C2', code64)).to.equal('undefined');
  });

  it('need vvvv 1111 where it names no operand', () => {
    expect(failure('C4 E3 73 F0 C1 07', code64)).to.equal('undefined');
    expect(failure('C4 E3 3B F0 C1 07', code32)).to.equal('undefined');
  });

  it('are #UD after 66, F2, F3, LOCK and REX, but not after other prefixes', () => {
    for (const prefix of ['66', 'F2', 'F3', 'F0', '40']) {
      expect(failure(`${prefix} C4 E2 70 F2 C2`, code64)).to.equal('undefined');
    }
    expect(assembly('64 C4 E2 70 F2 02', code64)).to.equal('andn r0:32, r1:32, m32 fs:r2+0');
    expect(assembly('67 C4 E2 70 F2 02', code64)).to.equal('andn r0:32, r1:32, m32 flat:r2+0');
  });

  it('are LES and LDS outside 64-bit mode when the next byte names memory', () => {
    expect(assembly('C4 02', code32)).to.equal('les r0:32, m48 ds:r2+0');
    expect(assembly('C5 02', code16)).to.equal('lds r0:16, m32 ss:r5+r6*1+0');
    expect(failure('C4', code32)).to.equal('incomplete');
    expect(failure('C4 E2', code32)).to.equal('incomplete');
  });

  it('are #UD in real-address and virtual-8086 mode', () => {
    expect(failure('C4 E2 70 F2 C2', code16 | MODE.realOrV86)).to.equal('undefined');
    expect(assembly('C4 E2 70 F2 C2', code16)).to.equal('andn r0:32, r1:32, r2:32');
  });
});
