import { expect } from 'chai';
import { type CpuidState, CRYSTAL_HZ, cpuid } from '../../src/vcpu/cpuid.ts';
import { FEATURES } from '../../src/vcpu/cpuid-features.ts';
import { CpuFeatureError, resolveCpu } from '../../src/vcpu/cpuid-model.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';
import { modelWith, RAX, RBX, RCX, RDX, SystemVcpu } from './system-vcpu.ts';

const STATE: CpuidState = {
  cr4: 0n,
  apicBase: 0xfee0_0900n,
  apicId: 0,
  xcr0: 1n,
  xss: 0n,
  miscEnable: 1n << 18n,
  code64: true,
  tscKhz: 2_500_000,
};
const INTEL = modelWith({});
const AMD = modelWith({}, 'amd');
const REGISTERS = ['eax', 'ebx', 'ecx', 'edx'] as const;

const leaf = (model: CpuFeatures, number: number, subleaf = 0, state: Partial<CpuidState> = {}) =>
  cpuid(model, { ...STATE, ...state }, number, subleaf);
const text = (...words: number[]) => Buffer.from(Uint32Array.from(words).buffer).toString('latin1').replace(/\0+$/, '');
const bit = (value: number, index: number) => (value >>> index) & 1;

function problem(features: Record<string, boolean | string>): CpuFeatureError {
  try {
    modelWith(features);
  } catch (error) {
    if (error instanceof CpuFeatureError) return error;
    throw error;
  }
  return expect.fail('the model was accepted');
}

describe('the CPUID feature table', () => {
  it('gives every bit of a register to one feature', () => {
    const places = [...FEATURES.values()].map(
      ({ leaf, subleaf, register, bit }) => `${leaf}.${subleaf}.${register}.${bit}`,
    );
    expect(new Set(places).size).to.equal(places.length);
  });

  it('names only features that exist as prerequisites', () => {
    for (const { name, requires } of FEATURES.values()) {
      if (requires !== undefined) expect(FEATURES.get(requires), name).to.have.property('built', true);
    }
  });

  for (const model of [INTEL, AMD]) {
    it(`shows in CPUID of ${model.model} exactly the features that has() names`, () => {
      for (const { name, leaf: number, subleaf, register, bit: index } of FEATURES.values()) {
        const value = leaf(model, number, subleaf)[REGISTERS.indexOf(register)]!;
        const mirrored = model.model === 'amd' && number === 0x80000001 && register === 'edx' && index < 20;
        if (!mirrored) expect(bit(value, index) === 1, name).to.equal(model.has(name));
      }
    });
  }
});

describe('choosing CPU features', () => {
  it('takes QEMU names, and the aliases of both manuals', () => {
    expect(modelWith({ x2apic: false }).has('x2apic')).to.equal(false);
    expect(modelWith({ sse4_2: false }).has('sse4.2')).to.equal(false);
    expect(INTEL.has('sse3')).to.equal(true);
    expect(INTEL.has('lzcnt')).to.equal(true);
  });

  it('refuses unknown names', () =>
    expect(problem({ warp: true })).to.include({ feature: 'warp', problem: 'unknown' }));
  it('refuses what is not built, by name', () => {
    for (const name of ['avx', 'vmx', 'aes', 'fma']) expect(problem({ [name]: true }).problem).to.equal('not built');
    expect(problem({ avx: true }).message).to.equal("CPU feature 'avx' is not built");
  });
  it('lets what is not built be switched off', () =>
    expect(modelWith({ svm: false, avx: false }).has('avx')).to.equal(false));
  it('takes dependent features along', () => {
    const model = modelWith({ xsave: false, lm: false });
    for (const name of ['xsaveopt', 'xsavec', 'xsaves', 'pcid', 'la57', 'syscall'])
      expect(model.has(name)).to.equal(false);
  });
  it('refuses a feature whose prerequisite is off', () =>
    expect(problem({ xsave: false, xsavec: true })).to.include({ feature: 'xsavec', problem: 'needs' }));
  it('refuses a value where a switch is meant', () => expect(problem({ pku: '7' }).problem).to.equal('value'));
  it('has 40 physical address bits, or as many as asked for', () => {
    expect(leaf(INTEL, 0x80000008)[0]).to.equal(40 | (57 << 8));
    expect(leaf(modelWith({ 'phys-bits': '36', la57: false }), 0x80000008)[0]).to.equal(36 | (48 << 8));
    expect(problem({ 'phys-bits': '64' }).problem).to.equal('value');
  });
});

describe('CPUID', () => {
  it('names vendor, brand and hypervisor', () => {
    const [, b, c, d] = leaf(INTEL, 0);
    expect(text(b, d, c)).to.equal('GenuineIntel');
    const [, ab, ac, ad] = leaf(AMD, 0x80000000);
    expect(text(ab, ad, ac)).to.equal('AuthenticAMD');
    const brand = [2, 3, 4].flatMap((part) => [...leaf(INTEL, 0x80000000 + part)]);
    expect(text(...brand)).to.match(/^rookery /);
    const [max, hb, hc, hd] = leaf(INTEL, 0x40000000);
    expect(max).to.equal(0x40000000);
    expect(text(hb, hc, hd)).to.equal('rookery');
    expect(leaf(INTEL, 0x40000001)).to.deep.equal([0, 0, 0, 0]);
  });

  it('answers leaves beyond the last as the vendor does', () => {
    expect(leaf(INTEL, 0x20, 1)).to.deep.equal(leaf(INTEL, 0x1f, 1));
    expect(leaf(AMD, 0x20)).to.deep.equal([0, 0, 0, 0]);
    expect(leaf(AMD, 0xa)).to.deep.equal([0, 0, 0, 0]);
  });

  it('shows APIC as IA32_APIC_BASE.EN, OSXSAVE and OSPKE as CR4 has them', () => {
    expect(bit(leaf(INTEL, 1)[3], 9)).to.equal(1);
    expect(bit(leaf(INTEL, 1, 0, { apicBase: 0n })[3], 9)).to.equal(0);
    const cr4 = (1n << 18n) | (1n << 22n);
    expect(bit(leaf(INTEL, 1)[2], 27)).to.equal(0);
    expect(bit(leaf(INTEL, 1, 0, { cr4 })[2], 27)).to.equal(1);
    expect(bit(leaf(INTEL, 7)[2], 4)).to.equal(0);
    expect(bit(leaf(INTEL, 7, 0, { cr4 })[2], 4)).to.equal(1);
  });

  it('offers SYSCALL on Intel to 64-bit code only', () => {
    expect(bit(leaf(INTEL, 0x80000001)[3], 11)).to.equal(1);
    expect(bit(leaf(INTEL, 0x80000001, 0, { code64: false })[3], 11)).to.equal(0);
    expect(bit(leaf(AMD, 0x80000001, 0, { code64: false })[3], 11)).to.equal(1);
  });

  it('has no performance monitoring unit', () => expect(leaf(INTEL, 0xa)).to.deep.equal([0, 0, 0, 0]));

  it('tells the TSC frequency by the crystal', () => {
    const [denominator, numerator, crystal] = leaf(INTEL, 0x15);
    expect(crystal).to.equal(CRYSTAL_HZ);
    expect((crystal * numerator) / denominator).to.equal(2_500_000_000);
  });

  it('arranges threads, cores and dies in APIC IDs', () => {
    const topology = { sockets: 2, dies: 2, cores: 4, threads: 2 };
    const model = resolveCpu({ model: 'intel', features: new Map() }, topology);
    const state = { apicId: 21 };
    expect(leaf(model, 0xb, 0, state)).to.deep.equal([1, 2, 0x100, 21]);
    expect(leaf(model, 0xb, 1, state)).to.deep.equal([4, 16, 0x201, 21]);
    expect(leaf(model, 0xb, 2, state)).to.deep.equal([0, 0, 2, 21]);
    expect(leaf(model, 0x1f, 1, state)).to.deep.equal([3, 8, 0x201, 21]);
    expect(leaf(model, 0x1f, 2, state)).to.deep.equal([4, 16, 0x502, 21]);
    const [, ebx, , edx] = leaf(model, 1, 0, state);
    expect(ebx >>> 24).to.equal(21);
    expect((ebx >>> 16) & 0xff).to.equal(16);
    expect(bit(edx, 28)).to.equal(1);
    expect(leaf(model, 4, 3)[0] >>> 26).to.equal(7);
  });

  it('describes XSAVE areas that hold what XCR0 enables', () => {
    const xcr0 = 0x203n;
    expect(leaf(INTEL, 0xd)).to.deep.equal([0x203, 576, 0xa88, 0]);
    expect(leaf(INTEL, 0xd, 0, { xcr0 })[1]).to.equal(0xa88);
    expect(leaf(INTEL, 0xd, 1, { xcr0 })).to.deep.equal([0xf, 584, 0, 0]);
    expect(leaf(INTEL, 0xd, 9)).to.deep.equal([8, 0xa80, 0, 0]);
    expect(leaf(INTEL, 0xd, 2)).to.deep.equal([0, 0, 0, 0]);
    expect(leaf(modelWith({ pku: false }), 0xd)).to.deep.equal([3, 576, 576, 0]);
    expect(leaf(modelWith({ xsave: false }), 0xd)).to.deep.equal([0, 0, 0, 0]);
  });

  it('clears the upper halves, and loads the microcode revision with leaf 1', () => {
    const vcpu = new SystemVcpu().longMode();
    for (const register of [RAX, RBX, RCX, RDX]) vcpu.set(register, -1);
    vcpu.set(RAX, 0xffff_ffff_0000_0001n);
    vcpu.cpu.state.biosSignId = 0n;
    vcpu.run(0x0f, 0xa2);
    for (const register of [RAX, RBX, RCX, RDX]) expect(vcpu.get(register) >> 32n).to.equal(0n);
    expect(vcpu.cpu.state.biosSignId).to.equal(0x1_0000_0000n);
  });
});
