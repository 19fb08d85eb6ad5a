import { expect } from 'chai';
import { VECTOR } from '../../../src/mmu/exception.ts';
import { DATA, OneInstruction } from './one-instruction.ts';

const ES = 0x80;
const TOP_5 = 5 << 11;
const ALL_EMPTY = 0xffff;
const RBX = 3;
const RDX = 2;
/** MM1 and MM2, XMM1 and XMM2, RDX; or memory at RBX. */
const PADDB = [0x0f, 0xfc, 0xca];
const PADDB_FS_MEMORY = [0x64, 0x0f, 0xfc, 0x0b];
const MOVQ_STORE = [0x0f, 0x7f, 0x0b];
const MOVD_TO_RDX = [0x48, 0x0f, 0x7e, 0xca];
const MOVQ2DQ = [0xf3, 0x0f, 0xd6, 0xca];
const MOVDQ2Q = [0xf2, 0x0f, 0xd6, 0xca];
const CVTPI2PS = [0x0f, 0x2a, 0xca];
const CVTPI2PS_MEMORY = [0x0f, 0x2a, 0x0b];
const CVTPS2PI = [0x0f, 0x2d, 0xca];
const MASKMOVQ = [0x0f, 0xf7, 0xca];

function prepared(): OneInstruction {
  const vcpu = new OneInstruction();
  const { state } = vcpu.cpu;
  state.fsw = TOP_5;
  state.ftw = ALL_EMPTY;
  state.mxcsr = 0x1f80;
  state.gpr.set(RBX, BigInt(DATA));
  for (let index = 0; index < 8; index++) vcpu.setMmx(index, BigInt(index) * 0x0101n);
  return vcpu;
}

describe('MMX instructions and the x87 state (SDM 1 9.6)', () => {
  const cases = { PADDB, MOVQ_STORE, MOVD_TO_RDX, MOVQ2DQ, MOVDQ2Q, CVTPI2PS, CVTPS2PI, MASKMOVQ };
  for (const [name, bytes] of Object.entries(cases)) {
    it(`${name} sets TOP to 0 and every tag to valid`, () => {
      const vcpu = prepared();
      vcpu.cpu.state.gpr.set(7, BigInt(DATA));
      expect(vcpu.execute(bytes)).to.equal(null);
      expect(vcpu.cpu.state.fsw).to.equal(0);
      expect(vcpu.cpu.state.ftw).to.equal(0);
    });

    it(`${name} is #MF while an x87 exception is pending`, () => {
      const vcpu = prepared();
      vcpu.cpu.state.fsw |= ES;
      expect(vcpu.execute(bytes)).to.equal(VECTOR.MF);
      expect(vcpu.cpu.state.ftw).to.equal(ALL_EMPTY);
    });
  }

  it('set the exponent above what they write to ones, and no other', () => {
    const vcpu = prepared();
    vcpu.execute(PADDB);
    expect(vcpu.mmx(1)).to.deep.equal({ value: 0x0303n, exponent: 0xffff });
    expect(vcpu.mmx(2).exponent).to.equal(0x3fff);
  });

  it('use physical registers, whatever TOP was', () => {
    const vcpu = prepared();
    vcpu.execute(MOVD_TO_RDX);
    expect(vcpu.cpu.gpr(RDX)).to.equal(0x0101n);
  });

  it('leave the state alone if their memory operand faults', () => {
    const vcpu = prepared();
    vcpu.limitSegment('fs', DATA - 1);
    expect(vcpu.execute(PADDB_FS_MEMORY)).to.equal(VECTOR.GP);
    expect([vcpu.cpu.state.fsw, vcpu.cpu.state.ftw]).to.deep.equal([TOP_5, ALL_EMPTY]);
  });

  it('do not count CVTPI2PS with a memory operand', () => {
    const vcpu = prepared();
    vcpu.cpu.state.fsw |= ES;
    expect(vcpu.execute(CVTPI2PS_MEMORY)).to.equal(null);
    expect(vcpu.cpu.state.ftw).to.equal(ALL_EMPTY);
  });
});
