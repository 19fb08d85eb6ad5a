import { expect } from 'chai';
import { findMsr, MSRS } from '../../src/vcpu/msr-table.ts';
import { GP, modelWith, RAX, RCX, RDX, SystemVcpu } from './system-vcpu.ts';

const WRMSR = [0x0f, 0x30] as const;
const RDMSR = [0x0f, 0x32] as const;
const NON_CANONICAL = 0xaaaa_aaaa_aaaa_aaaan;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

class MsrVcpu extends SystemVcpu {
  write(index: number, value: bigint): void {
    this.#load(index, value);
    this.run(...WRMSR);
  }

  refused(index: number, value: bigint) {
    this.#load(index, value);
    return this.fault(...WRMSR);
  }

  #load(index: number, value: bigint): void {
    this.set(RCX, BigInt(index) | (0xdead_beefn << 32n));
    this.set(RAX, value & 0xffff_ffffn);
    this.set(RDX, value >> 32n);
  }

  read(index: number): bigint {
    this.set(RCX, index);
    this.run(...RDMSR);
    return (this.get(RDX) << 32n) | this.get(RAX);
  }

  readRefused(index: number) {
    this.set(RCX, index);
    return this.fault(...RDMSR);
  }
}

const intel = (switches = {}) => new MsrVcpu(modelWith(switches)).longMode() as MsrVcpu;
const amd = (switches = {}) => new MsrVcpu(modelWith(switches, 'amd')).longMode() as MsrVcpu;

describe('the MSR table', () => {
  for (const model of [modelWith({}), modelWith({}, 'amd')]) {
    it(`has one register at each index of ${model.model}`, () => {
      const seen = new Map<number, string>();
      for (const msr of MSRS.filter(({ available }) => available?.(model) ?? true)) {
        for (let i = 0; i < (msr.count ?? 1); i++) {
          expect(seen.get(msr.index + i), msr.name).to.equal(undefined);
          seen.set(msr.index + i, msr.name);
        }
      }
    });
  }

  it('follows the features of the model', () => {
    expect(findMsr(modelWith({}), 0x6e1)?.name).to.equal('IA32_PKRS');
    expect(findMsr(modelWith({ pks: false }), 0x6e1)).to.equal(undefined);
    expect(findMsr(modelWith({}), 0x48)).to.equal(undefined);
    expect(findMsr(modelWith({ 'spec-ctrl': true }), 0x48)?.name).to.equal('IA32_SPEC_CTRL');
  });
});

describe('RDMSR and WRMSR', () => {
  it('are for CPL 0', () => {
    const vcpu = new MsrVcpu().longMode(3);
    vcpu.set(RCX, 0x10);
    expect(vcpu.fault(...RDMSR)).to.deep.equal(GP);
    expect(vcpu.fault(...WRMSR)).to.deep.equal(GP);
  });

  it('raise #GP(0) for registers that do not exist', () => {
    const vcpu = intel();
    for (const index of [0x2, 0x428, 0x47f, 0x480, 0x122, 0xc0010000, 0xc0000105]) {
      expect(vcpu.readRefused(index)).to.deep.equal(GP);
      expect(vcpu.refused(index, 0n)).to.deep.equal(GP);
    }
  });

  it('keep what is written where every value is good', () => {
    const vcpu = intel();
    for (const index of [0x174, 0x8b, 0xc0000081]) {
      vcpu.write(index, 0x1234_5678_9abc_def0n);
      expect(vcpu.read(index)).to.equal(0x1234_5678_9abc_def0n);
    }
  });

  const addresses = [0x175, 0x176, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102];
  for (const index of addresses) {
    it(`take canonical addresses only: ${index.toString(16)}`, () => {
      const vcpu = intel({ la57: false });
      vcpu.write(index, 0xffff_8000_0000_0000n);
      expect(vcpu.refused(index, NON_CANONICAL)).to.deep.equal(GP);
      expect(vcpu.refused(index, 0x00ff_0000_0000_0000n)).to.deep.equal(GP);
      expect(vcpu.read(index)).to.equal(0xffff_8000_0000_0000n);
    });
  }

  it('take 57-bit addresses where the processor has LA57, in 4-level paging too', () => {
    const vcpu = intel();
    vcpu.write(0xc0000102, 0x00ff_0000_0000_0000n);
    expect(vcpu.refused(0xc0000102, NON_CANONICAL)).to.deep.equal(GP);
  });

  it('change FS.base and GS.base', () => {
    const vcpu = intel();
    vcpu.write(0xc0000100, 0x1234n);
    expect(vcpu.cpu.segments.fs.base).to.equal(0x1234n);
    vcpu.cpu.segments.gs.base = 0x77n;
    expect(vcpu.read(0xc0000101)).to.equal(0x77n);
  });

  it('treat the upper half of 32-bit registers as the vendor does', () => {
    expect(intel().refused(0xc0000084, 1n << 32n)).to.deep.equal(GP);
    const vcpu = amd();
    vcpu.write(0xc0000103, (1n << 32n) | 5n);
    expect(vcpu.read(0xc0000103)).to.equal(5n);
  });
});

describe('IA32_EFER', () => {
  it('refuses reserved bits, and features that are off', () => {
    expect(intel().refused(0xc0000080, 0xd00n | (1n << 12n))).to.deep.equal(GP);
    expect(intel({ nx: false }).refused(0xc0000080, 0xd00n)).to.deep.equal(GP);
  });
  it('refuses a change of LME while paging is on', () => expect(intel().refused(0xc0000080, 0xc00n)).to.deep.equal(GP));
  it('keeps LMA whatever is written there', () => {
    const vcpu = intel();
    vcpu.write(0xc0000080, 0x901n);
    expect(vcpu.read(0xc0000080)).to.equal(0xd01n);
  });
});

describe('memory-type registers', () => {
  it('PAT takes the six memory types only', () => {
    const vcpu = intel();
    vcpu.write(0x277, 0x0001_0405_0607_0001n);
    for (const value of [2n, 3n, 8n]) expect(vcpu.refused(0x277, value << 40n)).to.deep.equal(GP);
  });
  it('there are eight variable ranges, whose reserved bits are refused', () => {
    const vcpu = intel();
    expect(vcpu.read(0xfe) & 0xffn).to.equal(8n);
    vcpu.write(0x200, 0xff_ffff_f006n);
    vcpu.write(0x201, 0xff_f000_0800n);
    expect(vcpu.refused(0x200, 1n << 40n)).to.deep.equal(GP);
    expect(vcpu.refused(0x200, 2n)).to.deep.equal(GP);
    expect(vcpu.refused(0x201, 0x400n)).to.deep.equal(GP);
    expect(vcpu.readRefused(0x210)).to.deep.equal(GP);
    expect(vcpu.refused(0x2ff, 0x100n)).to.deep.equal(GP);
    expect(vcpu.refused(0xfe, 0n)).to.deep.equal(GP);
  });
});

describe('machine-check registers', () => {
  it('take in each bank what its register allows, and end with the last bank', () => {
    const vcpu = intel();
    const banks = Number(vcpu.read(0x179) & 0xffn);
    for (let bank = 0; bank < 28; bank++) {
      const at = 0x400 + 4 * bank;
      if (bank >= banks) {
        for (let i = 0; i < 4; i++) expect(vcpu.readRefused(at + i)).to.deep.equal(GP);
        continue;
      }
      vcpu.write(at, 0n);
      vcpu.write(at, ALL_ONES);
      expect(vcpu.refused(at, NON_CANONICAL)).to.deep.equal(GP);
      vcpu.write(at + 1, 0n);
      expect(vcpu.refused(at + 1, 1n)).to.deep.equal(GP);
      vcpu.write(at + 2, NON_CANONICAL);
      vcpu.write(at + 3, NON_CANONICAL);
      expect(vcpu.read(at + 3)).to.equal(NON_CANONICAL);
    }
  });
});

describe('the TSC (SDM 3B 17.17)', () => {
  it('moves with IA32_TSC_ADJUST, and IA32_TSC_ADJUST with it', () => {
    const vcpu = intel();
    vcpu.services.time = 1000n;
    vcpu.write(0x3b, 500n);
    expect(vcpu.read(0x10)).to.equal(1500n);
    vcpu.write(0x10, 100n);
    expect(vcpu.read(0x3b)).to.equal(BigInt.asUintN(64, -900n));
    vcpu.services.time = 1001n;
    expect(vcpu.read(0x10)).to.equal(101n);
    vcpu.run(0x0f, 0x31);
    expect(vcpu.get(RAX)).to.equal(101n);
  });
  it('takes an armed deadline along', () => {
    const vcpu = intel();
    vcpu.write(0x10, 5n);
    expect(vcpu.services.rearmed).to.equal(0);
    vcpu.write(0x6e0, 100n);
    vcpu.write(0x10, 50n);
    expect(vcpu.services.rearmed).to.equal(2);
    expect(vcpu.read(0x6e0)).to.equal(100n);
  });
});

describe('vendor registers', () => {
  it("IA32_MISC_ENABLE keeps the bits that report what is missing, as kvm-unit-tests' msr expects", () => {
    const vcpu = intel();
    const before = vcpu.read(0x1a0);
    vcpu.write(0x1a0, 0x4_00c5_0809n);
    expect(vcpu.read(0x1a0)).to.equal(0x4_00c5_0809n | (before & 0x1880n));
  });
  it('IA32_FEATURE_CONTROL is locked', () => {
    const vcpu = intel();
    expect(vcpu.read(0x3a)).to.equal(1n);
    expect(vcpu.refused(0x3a, 5n)).to.deep.equal(GP);
  });
  it('AMD has its legacy performance counters, idle', () => {
    const vcpu = amd();
    for (let i = 0; i < 8; i++) {
      vcpu.write(0xc0010000 + i, 0x43_0076n);
      expect(vcpu.read(0xc0010000 + i)).to.equal(0n);
    }
  });
  it('commands cannot be read', () => {
    const vcpu = intel({ 'spec-ctrl': true, 'flush-l1d': true });
    vcpu.write(0x49, 1n);
    vcpu.write(0x10b, 1n);
    expect(vcpu.readRefused(0x49)).to.deep.equal(GP);
    expect(vcpu.refused(0x49, 2n)).to.deep.equal(GP);
    expect(vcpu.refused(0x48, 2n)).to.deep.equal(GP);
  });
  it('IA32_PKRS has 32 bits', () => {
    const vcpu = intel();
    vcpu.write(0x6e1, 0xffff_ffffn);
    expect(vcpu.refused(0x6e1, 1n << 32n)).to.deep.equal(GP);
  });
});
