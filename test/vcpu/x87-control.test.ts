import { expect } from 'chai';
import { UnimplementedError } from '../../src/vcpu/errors.ts';
import { GP, NM, RAX, RBX, SystemVcpu } from './system-vcpu.ts';

const AT = 0x4000;
const FNSTENV = [0xd9, 0x33];
const FNSAVE = [0xdd, 0x33];
const FRSTOR = [0xdd, 0x23];
const FLDCW = [0xd9, 0x2b];
const MF = { vector: 16, errorCode: undefined, payload: 0n };

function vcpu(): SystemVcpu {
  const machine = new SystemVcpu().protectedMode();
  machine.set(RBX, AT);
  machine.cpu.state.cr0 |= 0x20n;
  machine.run(0xdb, 0xe3);
  return machine;
}

/** ST(0) = 1.0, ST(1) = 0, ST(2) = infinity; the others empty. */
function push({ cpu: { state } }: SystemVcpu): void {
  state.fsw = 5 << 11;
  state.ftw = 0x03ff;
  for (const [register, low, high] of [
    [5, 1n << 63n, 0x3fffn],
    [6, 0n, 0n],
    [7, 1n << 63n, 0x7fffn],
  ] as const) {
    state.fpr.set(2 * register, low);
    state.fpr.set(2 * register + 1, high);
  }
}

const dwords = (machine: SystemVcpu, count: number) =>
  Array.from({ length: count }, (_, i) => machine.physical.read(AT + 4 * i, 4));

describe('x87 control instructions', () => {
  it('FNINIT, FNSTCW and FNSTSW show the initial state', () => {
    const machine = vcpu();
    machine.run(0xd9, 0x3b);
    expect(machine.bytes(AT, 2)).to.deep.equal([0x7f, 0x03]);
    machine.set(RAX, 0xaaaa_aaaa);
    machine.run(0xdf, 0xe0);
    expect(machine.get(RAX)).to.equal(0xaaaa_0000n);
  });

  it('FLDCW keeps the bits that exist, and unmasking a flagged exception makes it pending', () => {
    const machine = vcpu();
    machine.poke(AT, [0xff, 0xff]);
    machine.run(...FLDCW);
    expect(machine.cpu.state.fcw).to.equal(0x1f7f);
    machine.cpu.state.fsw = 1;
    machine.poke(AT, [0x7e, 0x03]);
    machine.run(...FLDCW);
    expect(machine.cpu.state.fsw).to.equal(0x8081);
    expect(machine.fault(0x9b)).to.deep.equal(MF);
    expect(machine.fault(...FLDCW)).to.deep.equal(MF);
    machine.run(0xdb, 0xe2);
    expect(machine.cpu.state.fsw).to.equal(0);
    machine.run(0x9b);
  });

  it('FWAIT is #NM with MP and TS together', () => {
    const machine = vcpu();
    machine.cpu.state.cr0 |= 8n;
    machine.run(0x9b);
    machine.cpu.state.cr0 |= 2n;
    expect(machine.fault(0x9b)).to.deep.equal(NM);
  });

  it('FNSTENV stores tags by content, pads with ones, and masks exceptions', () => {
    const machine = vcpu();
    push(machine);
    machine.cpu.state.fcw = 0x340;
    machine.run(...FNSTENV);
    expect(dwords(machine, 3)).to.deep.equal([0xffff_0340, 0xffff_2800, 0xffff_93ff]);
    expect(machine.cpu.state.fcw).to.equal(0x37f);
  });

  for (const [what, prefix] of [
    ['32', []],
    ['16', [0x66]],
  ] as const) {
    it(`FNSAVE and FRSTOR bring everything back, ${what}-bit format`, () => {
      const machine = vcpu();
      push(machine);
      Object.assign(machine.cpu.state, { fop: prefix.length ? 0 : 0x5aa, fip: 0x1234n, fdp: 0x4321n });
      const { fcw, fsw, fop, fip, fdp } = machine.cpu.state;
      machine.run(...prefix, ...FNSAVE);
      expect(machine.cpu.state.ftw).to.equal(0xffff);
      for (let i = 0; i < 16; i++) machine.cpu.state.fpr.set(i, 0n);
      machine.run(...prefix, ...FRSTOR);
      expect(machine.cpu.state).to.include({ fcw, fsw, fop, fip, fdp, ftw: 0x93ff });
      expect(machine.cpu.state.fpr.get(11)).to.equal(0x3fffn);
    });
  }

  it('FLDENV in real-address mode reads linear pointers', () => {
    const machine = new SystemVcpu();
    machine.set(RBX, 0);
    machine.poke(0, [0x7f, 3, 0, 0, 0xff, 0xff, 0x78, 0x56, 0x55, 0x15, 0x21, 0x43, 0, 0x60]);
    machine.run(0xd9, 0x27);
    expect(machine.cpu.state).to.include({ fip: 0x1_5678n, fop: 0x555, fdp: 0x6_4321n });
    machine.run(0xd9, 0x77, 0x20);
    expect(machine.bytes(0x20, 14)).to.deep.equal(machine.bytes(0, 14));
    machine.run(0x66, 0xd9, 0x77, 0x40);
    machine.run(0x66, 0xd9, 0x67, 0x40);
    expect(machine.cpu.state).to.include({ fip: 0x1_5678n, fop: 0x555, fdp: 0x6_4321n });
  });

  it('stops the machine, naming the bytes, for x87 arithmetic', () => {
    const error = (...bytes: number[]) => {
      try {
        vcpu().run(...bytes);
      } catch (thrown) {
        return thrown;
      }
      return null;
    };
    expect(error(0xd8, 0xc1)).to.be.instanceOf(UnimplementedError).with.property('what', 'x87 instruction D8 C1');
    expect(error(0xd9, 0x03)).to.be.instanceOf(UnimplementedError);
  });

  it('LDMXCSR refuses reserved bits', () => {
    const machine = vcpu();
    machine.poke(AT, [0xff, 0xff, 0, 0]);
    machine.run(0x0f, 0xae, 0x13);
    expect(machine.cpu.state.mxcsr).to.equal(0xffff);
    machine.poke(AT, [0, 0, 1, 0]);
    expect(machine.fault(0x0f, 0xae, 0x13)).to.deep.equal(GP);
  });
});
