import { expect } from 'chai';
import { GP, modelWith, NM, RAX, RBX, RDX, SystemVcpu, UD } from './system-vcpu.ts';

const AREA = 0x4000;
/** [RBX] with a REX.W form where it matters. */
const XSAVE = [0x0f, 0xae, 0x23];
const XRSTOR = [0x0f, 0xae, 0x2b];
const XSAVEOPT = [0x0f, 0xae, 0x33];
const XSAVEC = [0x0f, 0xc7, 0x23];
const XSAVES = [0x0f, 0xc7, 0x2b];
const XRSTORS = [0x0f, 0xc7, 0x1b];
const FXSAVE = [0x0f, 0xae, 0x03];
const FXRSTOR = [0x0f, 0xae, 0x0b];
const HEADER = AREA + 512;
const PKRU = AREA + 0xa80;

function vcpu(cpl = 0): SystemVcpu {
  const machine = new SystemVcpu().longMode(cpl);
  const { state } = machine.cpu;
  state.cr4 |= 1n << 18n;
  state.xcr0 = 0x203n;
  machine.set(RBX, AREA);
  ask(machine, 0xffff_ffff);
  return machine;
}

/** Sets the requested-feature bitmap. */
function ask(machine: SystemVcpu, mask: number): void {
  machine.set(RAX, mask);
  machine.set(RDX, 0);
}

function fill({ cpu }: SystemVcpu): void {
  const { state } = cpu;
  for (let i = 0; i < 32; i++) state.xmm.set(i, BigInt(i) * 0x0101_0101n + 1n);
  for (let i = 0; i < 8; i++) {
    state.fpr.set(2 * i, (1n << 63n) | BigInt(i));
    state.fpr.set(2 * i + 1, 0x3fffn + BigInt(i));
  }
  Object.assign(state, { fcw: 0x27f, fsw: 3 << 11, ftw: 0, fop: 0x123, fip: 0x1_2345_6789n, fdp: 0x9_8765_4321n });
  Object.assign(state, { mxcsr: 0x1fa0, pkru: 0x5555_5554 });
}

const registers = ({ cpu }: SystemVcpu) => {
  const { state } = cpu;
  const { fcw, fsw, ftw, fop, fip, fdp, mxcsr, pkru } = state;
  const xmm = Array.from({ length: 32 }, (_, i) => state.xmm.get(i));
  const fpr = Array.from({ length: 16 }, (_, i) => state.fpr.get(i));
  return { fcw, fsw, ftw, fop, fip, fdp, mxcsr, pkru, xmm, fpr };
};

const word = (machine: SystemVcpu, address: number) => machine.physical.read64(address);

describe('FXSAVE and FXRSTOR (SDM 1 10.5)', () => {
  it('store x87, MXCSR and XMM where the format has them, ST(0) first', () => {
    const machine = vcpu();
    fill(machine);
    machine.run(...FXSAVE);
    expect(machine.bytes(AREA, 8)).to.deep.equal([0x7f, 0x02, 0x00, 0x18, 0xff, 0x00, 0x23, 0x01]);
    expect(word(machine, AREA + 8)).to.equal(0x2345_6789n);
    expect(word(machine, AREA + 24)).to.equal(0xffff_0000_1fa0n);
    expect(word(machine, AREA + 32)).to.equal((1n << 63n) | 3n);
    expect(word(machine, AREA + 160)).to.equal(1n);
    expect(word(machine, AREA + 160 + 8 * 31)).to.equal(31n * 0x0101_0101n + 1n);
  });

  it('restore with REX.W all that they stored', () => {
    const machine = vcpu();
    fill(machine);
    const before = registers(machine);
    machine.run(0x48, ...FXSAVE);
    machine.run(0x0f, 0x77);
    machine.cpu.state.xmm.set(0, 77n);
    machine.run(0x48, ...FXRSTOR);
    expect(registers(machine)).to.deep.equal(before);
  });

  it('leave XMM8 to XMM15 alone outside 64-bit mode', () => {
    const machine = new SystemVcpu().protectedMode();
    fill(machine);
    machine.set(RBX, AREA);
    machine.run(...FXSAVE);
    expect(word(machine, AREA + 288)).to.equal(0n);
  });

  it('refuse addresses that are not 16-byte aligned, and reserved MXCSR bits', () => {
    const machine = vcpu();
    machine.set(RBX, AREA + 8);
    expect(machine.fault(...FXSAVE)).to.deep.equal(GP);
    expect(machine.fault(...FXRSTOR)).to.deep.equal(GP);
    machine.set(RBX, AREA);
    machine.physical.write(AREA + 24, 4, 0x1_1f80);
    expect(machine.fault(...FXRSTOR)).to.deep.equal(GP);
  });
});

describe('the XSAVE family (SDM 1 13)', () => {
  it('is undefined without CR4.OSXSAVE, and not available with CR0.TS', () => {
    for (const code of [XSAVE, XRSTOR, XSAVEOPT, XSAVEC, XSAVES, XRSTORS]) {
      const machine = vcpu();
      machine.cpu.state.cr0 |= 8n;
      expect(machine.fault(...code)).to.deep.equal(NM);
      machine.cpu.state.cr4 = 0x20n;
      expect(machine.fault(...code)).to.deep.equal(UD);
    }
  });

  it('wants 64-byte alignment', () => {
    const machine = vcpu();
    machine.set(RBX, AREA + 32);
    for (const code of [XSAVE, XRSTOR, XSAVEOPT, XSAVEC, XSAVES, XRSTORS])
      expect(machine.fault(...code)).to.deep.equal(GP);
  });

  for (const [name, save, restore] of [
    ['XSAVE', XSAVE, XRSTOR],
    ['XSAVEOPT', XSAVEOPT, XRSTOR],
    ['XSAVEC', XSAVEC, XRSTOR],
    ['XSAVES', XSAVES, XRSTORS],
  ] as const) {
    it(`${name} stores what its counterpart restores`, () => {
      const machine = vcpu();
      fill(machine);
      const before = registers(machine);
      machine.run(0x48, ...save);
      expect(word(machine, HEADER)).to.equal(0x203n);
      fill(machine);
      for (let i = 0; i < 32; i++) machine.cpu.state.xmm.set(i, 0n);
      Object.assign(machine.cpu.state, { pkru: 1, mxcsr: 0x1f80, fcw: 0x37f });
      machine.run(0x48, ...restore);
      expect(registers(machine)).to.deep.equal(before);
    });
  }

  it('touches only the components asked for', () => {
    const machine = vcpu();
    fill(machine);
    machine.physical.write64(HEADER, 0x4n);
    ask(machine, 2);
    machine.run(...XSAVE);
    expect(word(machine, AREA)).to.equal(0n);
    expect(word(machine, AREA + 160)).to.equal(1n);
    expect(word(machine, HEADER), 'other bits stay').to.equal(0x6n);
    expect(word(machine, PKRU)).to.equal(0n);
  });

  it('XSAVE clears the bits of components in their initial state; XSAVEOPT does not write those', () => {
    const machine = vcpu();
    machine.physical.write64(AREA + 160, 7n);
    machine.physical.write64(HEADER, 3n);
    machine.run(...XSAVEOPT);
    expect([word(machine, HEADER), word(machine, AREA + 160)]).to.deep.equal([0n, 7n]);
    machine.run(...XSAVE);
    expect([word(machine, HEADER), word(machine, AREA + 160)]).to.deep.equal([0n, 0n]);
  });

  it('XSAVEC compacts, and says so in XCOMP_BV', () => {
    const machine = vcpu();
    fill(machine);
    ask(machine, 0x202);
    machine.run(...XSAVEC);
    expect(word(machine, HEADER)).to.equal(0x202n);
    expect(word(machine, HEADER + 8)).to.equal((1n << 63n) | 0x202n);
    expect(word(machine, AREA + 576)).to.equal(0x5555_5554n);
  });

  it('XRSTOR gives absent components their initial state', () => {
    const machine = vcpu();
    fill(machine);
    machine.physical.write64(AREA + 24, 0x1f80n);
    machine.run(...XRSTOR);
    const { fcw, ftw, pkru, xmm, fpr } = registers(machine);
    expect({ fcw, ftw, pkru }).to.deep.equal({ fcw: 0x37f, ftw: 0xffff, pkru: 0 });
    expect([...xmm, ...fpr].every((value) => value === 0n)).to.equal(true);
  });

  it('XRSTOR of the standard format takes MXCSR from memory even when SSE is absent; compacted it does not', () => {
    const machine = vcpu();
    machine.physical.write(AREA + 24, 4, 0x1fc0);
    ask(machine, 2);
    machine.run(...XRSTOR);
    expect(machine.cpu.state.mxcsr).to.equal(0x1fc0);
    machine.physical.write64(HEADER + 8, (1n << 63n) | 2n);
    machine.run(...XRSTOR);
    expect(machine.cpu.state.mxcsr).to.equal(0x1f80);
  });

  const badHeaders: [string, number, bigint][] = [
    ['a component that XCR0 lacks', 0, 4n],
    ['bytes 15:8 without compaction', 8, 2n],
    ['bytes 23:16', 16, 1n],
  ];
  for (const [what, offset, value] of badHeaders) {
    it(`XRSTOR refuses ${what}`, () => {
      const machine = vcpu();
      machine.physical.write64(HEADER + offset, value);
      expect(machine.fault(...XRSTOR)).to.deep.equal(GP);
    });
  }

  it('XRSTOR ignores the rest of the header in the standard format, not in the compacted one', () => {
    const machine = vcpu();
    machine.physical.write64(HEADER + 56, 1n);
    machine.run(...XRSTOR);
    machine.physical.write64(HEADER + 8, (1n << 63n) | 3n);
    expect(machine.fault(...XRSTOR)).to.deep.equal(GP);
    machine.physical.write64(HEADER + 56, 0n);
    machine.physical.write64(HEADER, 0x200n);
    expect(machine.fault(...XRSTOR)).to.deep.equal(GP);
  });

  it('XRSTORS takes the compacted format only; it and XSAVES are for CPL 0', () => {
    expect(vcpu().fault(...XRSTORS)).to.deep.equal(GP);
    expect(vcpu(3).fault(...XSAVES)).to.deep.equal(GP);
  });

  it('without XSAVEC no area is compacted', () => {
    const machine = new SystemVcpu(modelWith({ xsavec: false })).longMode();
    machine.cpu.state.cr4 |= 1n << 18n;
    machine.cpu.state.xcr0 = 3n;
    machine.set(RBX, AREA);
    ask(machine, 3);
    machine.physical.write64(HEADER + 8, (1n << 63n) | 3n);
    expect(machine.fault(...XRSTOR)).to.deep.equal(GP);
  });

  it('writes nothing when a page of the area faults', () => {
    const machine = vcpu();
    fill(machine);
    machine.set(RBX, AREA + 0x1000 - 64);
    machine.setEntry(AREA + 0x1000, 0n);
    expect(machine.fault(...XSAVE)).to.include({ vector: 14 });
    expect(word(machine, AREA + 0x1000 - 64)).to.equal(0n);
  });
});
