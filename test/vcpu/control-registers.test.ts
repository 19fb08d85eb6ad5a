import { expect } from 'chai';
import { GP, modelWith, RAX, RCX, RDX, SystemVcpu, UD } from './system-vcpu.ts';

const TO_CR = (register: number) => [0x0f, 0x22, 0xc0 | (register << 3)];
const FROM_CR = (register: number) => [0x0f, 0x20, 0xc0 | (register << 3)];
const TO_DR = (register: number) => [0x0f, 0x23, 0xc0 | (register << 3)];
const FROM_DR = (register: number) => [0x0f, 0x21, 0xc0 | (register << 3)];
const MOV_CR8_RAX = [0x44, 0x0f, 0x22, 0xc0];

const CR0 = { PE: 1n, MP: 2n, TS: 8n, ET: 0x10n, WP: 1n << 16n, NW: 1n << 29n, CD: 1n << 30n, PG: 1n << 31n };
const CR4 = {
  TSD: 4n,
  DE: 8n,
  PSE: 0x10n,
  PAE: 0x20n,
  UMIP: 1n << 11n,
  LA57: 1n << 12n,
  PCIDE: 1n << 17n,
  OSXSAVE: 1n << 18n,
};
const PROTECTED = CR0.PE | CR0.ET;
const LONG = 0x8001_0031n;

function write(vcpu: SystemVcpu, register: number, value: bigint): void {
  vcpu.set(RAX, value);
  vcpu.run(...TO_CR(register));
}

function refused(vcpu: SystemVcpu, register: number, value: bigint) {
  vcpu.set(RAX, value);
  return vcpu.fault(...TO_CR(register));
}

const protectedVcpu = (switches = {}) => new SystemVcpu(modelWith(switches)).protectedMode();
const longVcpu = (switches = {}) => new SystemVcpu(modelWith(switches)).longMode();

describe('MOV to CR0', () => {
  it('is for CPL 0', () => {
    const vcpu = new SystemVcpu().protectedMode(3);
    for (const code of [TO_CR(0), FROM_CR(0), TO_CR(3), FROM_CR(4), TO_DR(0), FROM_DR(7)]) {
      expect(vcpu.fault(...code)).to.deep.equal(GP);
    }
  });

  it('refuses PG without PE, and NW without CD', () => {
    expect(refused(protectedVcpu(), 0, CR0.PG)).to.deep.equal(GP);
    expect(refused(protectedVcpu(), 0, CR0.PE | CR0.NW)).to.deep.equal(GP);
  });

  it('ignores reserved bits of the low half and refuses those of the high half', () => {
    const vcpu = longVcpu();
    write(vcpu, 0, LONG | 0x1ff0_ffc0n);
    expect(vcpu.cpu.state.cr0 & 0x1ff0_ffc0n & ~(CR0.WP | (1n << 18n))).to.equal(0n);
    expect(refused(vcpu, 0, LONG | (1n << 32n))).to.deep.equal(GP);
  });

  it('has ET always set', () => {
    const vcpu = protectedVcpu();
    write(vcpu, 0, CR0.PE);
    expect(vcpu.cpu.state.cr0).to.equal(PROTECTED);
  });

  it('activates long mode with PG, when LME and PAE are set', () => {
    const vcpu = protectedVcpu();
    vcpu.cpu.state.efer = 0x100n;
    expect(refused(vcpu, 0, PROTECTED | CR0.PG)).to.deep.equal(GP);
    write(vcpu, 4, CR4.PAE);
    write(vcpu, 0, PROTECTED | CR0.PG);
    expect(vcpu.cpu.state.efer).to.equal(0x500n);
    write(vcpu, 0, PROTECTED);
    expect(vcpu.cpu.state.efer).to.equal(0x100n);
  });

  it('refuses to activate long mode with CS.L, or a 16-bit TSS', () => {
    for (const spoil of [
      ({ cpu }: SystemVcpu) => (cpu.segments.cs.attributes |= 0x2000),
      ({ cpu }: SystemVcpu) => (cpu.segments.tr.attributes = 0x83),
    ]) {
      const vcpu = protectedVcpu();
      vcpu.cpu.state.efer = 0x100n;
      write(vcpu, 4, CR4.PAE);
      spoil(vcpu);
      expect(refused(vcpu, 0, PROTECTED | CR0.PG)).to.deep.equal(GP);
    }
  });

  it('keeps paging on in 64-bit mode, and while PCIDE is set', () => {
    expect(refused(longVcpu(), 0, PROTECTED)).to.deep.equal(GP);
    const vcpu = longVcpu();
    write(vcpu, 4, CR4.PAE | CR4.PCIDE);
    vcpu.cpu.segments.cs.attributes = 0xc09b;
    expect(refused(vcpu, 0, PROTECTED)).to.deep.equal(GP);
  });

  it('loads the PDPTEs when it turns on PAE paging, and refuses reserved bits in them', () => {
    const vcpu = protectedVcpu();
    write(vcpu, 3, 0x2000n);
    write(vcpu, 4, CR4.PAE);
    vcpu.physical.write64(0x2008, 0x3001n);
    vcpu.physical.write64(0x2010, 0x3003n);
    expect(refused(vcpu, 0, PROTECTED | CR0.PG)).to.deep.equal(GP);
    expect(vcpu.cpu.state.cr0).to.equal(PROTECTED | (vcpu.cpu.state.cr0 & (CR0.CD | CR0.NW)));
    vcpu.physical.write64(0x2010, 0n);
    write(vcpu, 0, PROTECTED | CR0.PG);
    expect(vcpu.cpu.state.pdpte.get(1)).to.equal(0x3001n);
  });
});

describe('MOV to CR3', () => {
  it('refuses bits above MAXPHYADDR', () => {
    const vcpu = longVcpu();
    expect(refused(vcpu, 3, 1n << 40n)).to.deep.equal(GP);
    expect(refused(vcpu, 3, 1n << 63n)).to.deep.equal(GP);
  });

  it('with PCIDE takes bit 63 as a wish and does not store it', () => {
    const vcpu = longVcpu();
    const { cr3 } = vcpu.cpu.state;
    write(vcpu, 4, CR4.PAE | CR4.PCIDE);
    write(vcpu, 3, cr3 | 5n | (1n << 63n));
    expect(vcpu.cpu.state.cr3).to.equal(cr3 | 5n);
  });
});

describe('MOV to CR4', () => {
  it('refuses reserved bits, and those of features that are not there', () => {
    expect(refused(protectedVcpu(), 4, 0xffff_ffffn)).to.deep.equal(GP);
    const features = { umip: 11n, smep: 20n, smap: 21n, pku: 22n, pks: 24n, fsgsbase: 16n, xsave: 18n, pse: 4n };
    for (const [feature, bit] of Object.entries(features)) {
      write(protectedVcpu(), 4, 1n << bit);
      expect(refused(protectedVcpu({ [feature]: false }), 4, 1n << bit), feature).to.deep.equal(GP);
    }
  });

  it('keeps PAE in long mode, and LA57 as it is', () => {
    expect(refused(longVcpu(), 4, 0n)).to.deep.equal(GP);
    expect(refused(longVcpu(), 4, CR4.PAE | CR4.LA57)).to.deep.equal(GP);
    write(protectedVcpu(), 4, CR4.LA57);
    expect(refused(protectedVcpu({ la57: false }), 4, CR4.LA57)).to.deep.equal(GP);
  });

  it('sets PCIDE in long mode only, with PCID 0', () => {
    expect(refused(protectedVcpu(), 4, CR4.PCIDE)).to.deep.equal(GP);
    const vcpu = longVcpu();
    vcpu.cpu.state.cr3 |= 1n;
    expect(refused(vcpu, 4, CR4.PAE | CR4.PCIDE)).to.deep.equal(GP);
    expect(refused(longVcpu({ pcid: false }), 4, CR4.PAE | CR4.PCIDE)).to.deep.equal(GP);
  });
});

describe('CR8', () => {
  it('is the task priority of the LAPIC', () => {
    const vcpu = longVcpu();
    vcpu.set(RAX, 9);
    vcpu.run(...MOV_CR8_RAX);
    expect(vcpu.services.lapic.cr8).to.equal(9);
    vcpu.run(0x44, 0x0f, 0x20, 0xc1);
    expect(vcpu.get(RCX)).to.equal(9n);
    vcpu.set(RAX, 16);
    expect(vcpu.fault(...MOV_CR8_RAX)).to.deep.equal(GP);
  });
});

describe('LMSW, SMSW and CLTS', () => {
  it('LMSW sets PE and does not clear it', () => {
    const vcpu = protectedVcpu();
    vcpu.set(RAX, 0xfffe);
    vcpu.run(0x0f, 0x01, 0xf0);
    expect(vcpu.cpu.state.cr0 & 15n).to.equal(15n);
    vcpu.set(RAX, 0);
    vcpu.run(0x0f, 0x01, 0xf0);
    expect(vcpu.cpu.state.cr0 & 15n).to.equal(1n);
  });

  it('SMSW stores CR0 at the register width, and 16 bits in memory', () => {
    const vcpu = longVcpu();
    vcpu.set(RAX, -1);
    vcpu.run(0x66, 0x0f, 0x01, 0xe0);
    expect(vcpu.get(RAX)).to.equal(0xffff_ffff_ffff_0031n);
    vcpu.run(0x48, 0x0f, 0x01, 0xe0);
    expect(vcpu.get(RAX)).to.equal(LONG);
    vcpu.poke(0x1000, [0xff, 0xff, 0xff, 0xff]);
    vcpu.set(RAX, 0x1000);
    vcpu.run(0x0f, 0x01, 0x20);
    expect(vcpu.bytes(0x1000, 4)).to.deep.equal([0x31, 0x00, 0xff, 0xff]);
  });

  it('SMSW is refused to user code with UMIP', () => {
    const vcpu = new SystemVcpu().longMode(3);
    vcpu.run(0x0f, 0x01, 0xe0);
    vcpu.cpu.state.cr4 |= CR4.UMIP;
    expect(vcpu.fault(0x0f, 0x01, 0xe0)).to.deep.equal(GP);
  });

  it('CLTS clears TS alone', () => {
    const vcpu = protectedVcpu();
    vcpu.cpu.state.cr0 |= CR0.TS | CR0.MP;
    vcpu.run(0x0f, 0x06);
    expect(vcpu.cpu.state.cr0 & 15n).to.equal(CR0.PE | CR0.MP);
  });
});

describe('debug registers (SDM 3B 17.2)', () => {
  it('alias DR4 and DR5 to DR6 and DR7, unless CR4.DE makes them undefined', () => {
    const vcpu = protectedVcpu();
    vcpu.set(RAX, 0x2aa);
    vcpu.run(...TO_DR(5));
    expect(vcpu.cpu.state.dr7).to.equal(0x6aan);
    vcpu.cpu.state.cr4 |= CR4.DE;
    expect(vcpu.fault(...TO_DR(5))).to.deep.equal(UD);
    expect(vcpu.fault(...FROM_DR(4))).to.deep.equal(UD);
  });

  it('have their reserved bits fixed', () => {
    const vcpu = longVcpu();
    vcpu.set(RAX, 0xffff_ffffn);
    vcpu.run(...TO_DR(6));
    expect(vcpu.cpu.state.dr6).to.equal(0xffff_effen | 1n);
    vcpu.set(RAX, 0);
    vcpu.run(...TO_DR(6));
    expect(vcpu.cpu.state.dr6).to.equal(0xffff_0ff0n);
    vcpu.set(RAX, 0xffff_dfffn);
    vcpu.run(...TO_DR(7));
    expect(vcpu.cpu.state.dr7).to.equal(0xffff_07ffn);
  });

  it('refuse bits above 31 in DR6 and DR7', () => {
    const vcpu = longVcpu();
    vcpu.set(RAX, 1n << 32n);
    expect(vcpu.fault(...TO_DR(6))).to.deep.equal(GP);
    expect(vcpu.fault(...TO_DR(7))).to.deep.equal(GP);
    vcpu.run(...TO_DR(3));
    expect(vcpu.cpu.state.dr3).to.equal(1n << 32n);
  });

  it('raise #DB with BD on any access while DR7.GD is set', () => {
    const vcpu = protectedVcpu();
    vcpu.cpu.state.dr7 |= 1n << 13n;
    expect(vcpu.fault(...FROM_DR(0))).to.deep.equal({ vector: 1, errorCode: undefined, payload: 1n << 13n });
  });
});

describe('INVPCID', () => {
  const INVPCID_RCX_AT_RAX = [0x66, 0x0f, 0x38, 0x82, 0x08];
  const attempt = (vcpu: SystemVcpu, type: number, pcid: bigint, address = 0n) => {
    vcpu.set(RCX, type);
    vcpu.set(RAX, 0x1000);
    vcpu.physical.write64(0x1000, pcid);
    vcpu.physical.write64(0x1008, address);
    return INVPCID_RCX_AT_RAX;
  };

  it('refuses other types and reserved descriptor bits', () => {
    const vcpu = longVcpu();
    expect(vcpu.fault(...attempt(vcpu, 4, 0n))).to.deep.equal(GP);
    expect(vcpu.fault(...attempt(vcpu, 2, 0x1000n))).to.deep.equal(GP);
  });

  it('refuses a PCID for types 0 and 1 without CR4.PCIDE', () => {
    const vcpu = longVcpu();
    for (const type of [0, 1]) expect(vcpu.fault(...attempt(vcpu, type, 1n))).to.deep.equal(GP);
    for (const type of [2, 3]) vcpu.run(...attempt(vcpu, type, 1n));
    vcpu.cpu.state.cr4 |= CR4.PCIDE;
    for (const type of [0, 1]) vcpu.run(...attempt(vcpu, type, 1n));
  });

  it('refuses an address that is not canonical for type 0 only', () => {
    const vcpu = longVcpu();
    expect(vcpu.fault(...attempt(vcpu, 0, 0n, 0xaaaa_aaaa_aaaa_aaaan))).to.deep.equal(GP);
    vcpu.run(...attempt(vcpu, 1, 0n, 0xaaaa_aaaa_aaaa_aaaan));
  });
});

describe('TSC, random numbers, bases and keys', () => {
  it('RDTSC obeys CR4.TSD, and clears the upper halves', () => {
    const vcpu = new SystemVcpu().longMode(3);
    vcpu.services.time = 0x1_0000_0002n;
    vcpu.set(RAX, -1);
    vcpu.set(RDX, -1);
    vcpu.run(0x0f, 0x31);
    expect([vcpu.get(RDX), vcpu.get(RAX)]).to.deep.equal([1n, 2n]);
    vcpu.cpu.state.cr4 |= CR4.TSD;
    expect(vcpu.fault(0x0f, 0x31)).to.deep.equal(GP);
    expect(vcpu.fault(0x0f, 0x01, 0xf9)).to.deep.equal(GP);
  });

  it('RDRAND fills its register and sets CF alone', () => {
    const vcpu = longVcpu();
    vcpu.cpu.rflags = 0x8d6;
    vcpu.run(0x0f, 0xc7, 0xf0);
    expect(vcpu.get(RAX)).to.equal(0x9abc_def0n);
    expect(vcpu.cpu.rflags).to.equal(3);
  });

  it('WRFSBASE needs CR4.FSGSBASE and a canonical address', () => {
    const vcpu = longVcpu();
    const WRFSBASE_RAX = [0xf3, 0x48, 0x0f, 0xae, 0xd0];
    expect(vcpu.fault(...WRFSBASE_RAX)).to.deep.equal(UD);
    vcpu.cpu.state.cr4 |= 1n << 16n;
    vcpu.set(RAX, 0xffff_8000_1234_5678n);
    vcpu.run(...WRFSBASE_RAX);
    expect(vcpu.cpu.segments.fs.base).to.equal(0xffff_8000_1234_5678n);
    vcpu.set(RAX, 0xaaaa_aaaa_aaaa_aaaan);
    expect(vcpu.fault(...WRFSBASE_RAX)).to.deep.equal(GP);
  });

  it('WRPKRU wants ECX and EDX zero, and CR4.PKE', () => {
    const vcpu = new SystemVcpu().longMode(3);
    expect(vcpu.fault(0x0f, 0x01, 0xef)).to.deep.equal(UD);
    vcpu.cpu.state.cr4 |= 1n << 22n;
    vcpu.set(RDX, 1);
    expect(vcpu.fault(0x0f, 0x01, 0xef)).to.deep.equal(GP);
    vcpu.set(RDX, 1n << 32n);
    vcpu.set(RAX, 0x8000_0001n);
    vcpu.run(0x0f, 0x01, 0xef);
    expect(vcpu.cpu.state.pkru).to.equal(0x8000_0001);
  });

  it('CLAC and STAC are undefined to user code', () => {
    expect(new SystemVcpu().longMode(3).fault(0x0f, 0x01, 0xcb)).to.deep.equal(UD);
    const vcpu = longVcpu();
    vcpu.run(0x0f, 0x01, 0xcb);
    expect(vcpu.cpu.rflags & (1 << 18)).to.not.equal(0);
  });

  it('MWAIT rests, and both are undefined to user code or with MISC_ENABLE.18 clear', () => {
    const vcpu = longVcpu();
    vcpu.set(RAX, 0x1050);
    vcpu.run(0x0f, 0x01, 0xc8);
    expect(vcpu.cpu.state.monitorAddress).to.equal(0x1040n);
    vcpu.run(0x0f, 0x01, 0xc9);
    expect(vcpu.services.rests).to.equal(1);
    vcpu.set(RCX, 2);
    expect(vcpu.fault(0x0f, 0x01, 0xc9)).to.deep.equal(GP);
    vcpu.cpu.state.miscEnable = 0n;
    expect(vcpu.fault(0x0f, 0x01, 0xc8)).to.deep.equal(UD);
    expect(new SystemVcpu().longMode(3).fault(0x0f, 0x01, 0xc9)).to.deep.equal(UD);
  });

  it('HLT stops the vCPU, at CPL 0 only', () => {
    const vcpu = longVcpu();
    vcpu.run(0xf4);
    expect(vcpu.cpu.state.activity).to.equal(1);
    expect(new SystemVcpu().longMode(3).fault(0xf4)).to.deep.equal(GP);
  });
});

describe('XSETBV and XGETBV', () => {
  const XGETBV = [0x0f, 0x01, 0xd0];
  const XSETBV = [0x0f, 0x01, 0xd1];
  const enabled = (cpl = 0) => {
    const vcpu = new SystemVcpu().longMode(cpl);
    vcpu.cpu.state.cr4 |= CR4.OSXSAVE;
    return vcpu;
  };

  it('are undefined without CR4.OSXSAVE', () => {
    expect(longVcpu().fault(...XGETBV)).to.deep.equal(UD);
    expect(longVcpu().fault(...XSETBV)).to.deep.equal(UD);
  });

  it('keep x87 enabled and take only what CPUID leaf 0DH offers', () => {
    const vcpu = enabled();
    for (const value of [0n, 2n, 4n, 7n, 1n << 63n]) {
      vcpu.set(RAX, value & 0xffff_ffffn);
      vcpu.set(RDX, value >> 32n);
      expect(vcpu.fault(...XSETBV), String(value)).to.deep.equal(GP);
    }
    vcpu.set(RDX, 0);
    vcpu.set(RAX, 0x203);
    vcpu.run(...XSETBV);
    vcpu.set(RCX, 1n << 32n);
    vcpu.run(...XGETBV);
    expect(vcpu.get(RAX)).to.equal(0x203n);
    vcpu.set(RCX, 2);
    expect(vcpu.fault(...XGETBV)).to.deep.equal(GP);
  });

  it('show with ECX = 1 what is in use', () => {
    const vcpu = enabled();
    vcpu.cpu.state.xcr0 = 3n;
    vcpu.cpu.state.xmm.set(31, 1n);
    vcpu.set(RCX, 1);
    vcpu.run(...XGETBV);
    expect(vcpu.get(RAX)).to.equal(2n);
  });

  it('XSETBV is for CPL 0', () => expect(enabled(3).fault(...XSETBV)).to.deep.equal(GP));
});
