import { expect } from 'chai';
import { Decoder } from '../../../src/decode/decoder.ts';
import { MODE } from '../../../src/decode/mode.ts';
import { HandlerSet } from '../../../src/engine/handlers.ts';
import { buildTier0 } from '../../../src/engine/tier0-module.ts';
import { sseDefinitions } from '../../../src/isa/sse/index.ts';
import { VECTOR } from '../../../src/mmu/exception.ts';
import { FEATURES } from '../../../src/vcpu/cpuid-features.ts';
import { sseHelpers } from '../../../src/vcpu/helpers/sse.ts';
import { DATA, definitionsWith, encode, OneInstruction } from './one-instruction.ts';

const CR0 = { EM: 4n, TS: 8n } as const;
const CR4 = { OSFXSR: 0x200n, OSXMMEXCPT: 0x400n } as const;
const RBX = 3;

const MMX_PADDB = [0x0f, 0xfc, 0xca];

describe('the helpers of SSE and MMX instructions', () => {
  it('are all there, and none is without a definition that names it, directly or for its rare cases', () => {
    const named = new Set(sseDefinitions.flatMap(({ helper }) => helper ?? []));
    buildTier0(new HandlerSet(sseDefinitions), (name) => named.add(name).size);
    expect(sseHelpers).to.have.all.keys(...named);
  });
});

describe('the CPUID features of SSE and MMX instructions', () => {
  it('are names that the model knows', () => {
    for (const { feature, mnemonic } of sseDefinitions) expect(FEATURES.has(feature!), mnemonic).to.equal(true);
  });

  it('gate every instruction: SDM 1 5.4 to 5.10', () => {
    const without = new Decoder(sseDefinitions, (name) => name !== 'sse4.1');
    for (const { mnemonic } of definitionsWith('sse4.1')) {
      const bytes = encode(mnemonic, { memory: mnemonic === 'movntdqa' });
      const result = without.decode(Uint8Array.from(bytes), 0, bytes.length, MODE.code64);
      expect('failure' in result && result.failure, mnemonic).to.equal('undefined');
    }
  });
});

describe('SSE and MMX instructions that the system has not enabled (SDM 3A 13.1)', () => {
  it('run with CR4.OSFXSR, and CR0.EM and CR0.TS clear', () => {
    const vcpu = new OneInstruction();
    expect(vcpu.execute(encode('paddb'))).to.equal(null);
    expect(vcpu.execute(MMX_PADDB)).to.equal(null);
  });

  it('are #UD with CR0.EM', () => {
    const vcpu = new OneInstruction();
    vcpu.cpu.state.cr0 |= CR0.EM;
    expect(vcpu.execute(encode('paddb'))).to.equal(VECTOR.UD);
    expect(vcpu.execute(MMX_PADDB)).to.equal(VECTOR.UD);
  });

  it('are #NM with CR0.TS', () => {
    const vcpu = new OneInstruction();
    vcpu.cpu.state.cr0 |= CR0.TS;
    expect(vcpu.execute(encode('paddb'))).to.equal(VECTOR.NM);
    expect(vcpu.execute(MMX_PADDB)).to.equal(VECTOR.NM);
  });

  it('are #UD without CR4.OSFXSR, but for MMX', () => {
    const vcpu = new OneInstruction();
    vcpu.cpu.state.cr4 &= ~CR4.OSFXSR;
    expect(vcpu.execute(encode('paddb'))).to.equal(VECTOR.UD);
    expect(vcpu.execute(MMX_PADDB)).to.equal(null);
  });

  it('raise #UD in place of #XM without CR4.OSXMMEXCPT (SDM 3A 2.5)', () => {
    const vcpu = new OneInstruction();
    const { state } = vcpu.cpu;
    state.mxcsr = 0;
    vcpu.setXmm(1, [0x3f80_0000n, 0n]);
    vcpu.setXmm(2, [0n, 0n]);
    expect(vcpu.execute(encode('divss'))).to.equal(VECTOR.XM);
    state.cr4 &= ~CR4.OSXMMEXCPT;
    expect(vcpu.execute(encode('divss'))).to.equal(VECTOR.UD);
    expect(vcpu.xmm(1)).to.deep.equal([0x3f80_0000n, 0n]);
  });
});

describe('memory operands of 16 bytes (SDM 2A 2.4)', () => {
  const faultAt = (mnemonic: string, offset: number): number | null => {
    const vcpu = new OneInstruction();
    vcpu.cpu.state.gpr.set(RBX, BigInt(DATA + offset));
    return vcpu.execute(encode(mnemonic, { memory: true }));
  };

  for (const mnemonic of ['movaps', 'movdqa', 'paddb', 'addps', 'dpps', 'pshufd', 'movntdqa', 'rcpps']) {
    it(`must be aligned for ${mnemonic.toUpperCase()}`, () => {
      expect(faultAt(mnemonic, 0)).to.equal(null);
      expect(faultAt(mnemonic, 8)).to.equal(VECTOR.GP);
    });
  }

  for (const mnemonic of ['movups', 'movdqu', 'lddqu', 'pcmpistri', 'pcmpestrm']) {
    it(`need no alignment for ${mnemonic.toUpperCase()}`, () => {
      expect(faultAt(mnemonic, 1)).to.equal(null);
    });
  }
});
