import { expect } from 'chai';
import { GuestException, VECTOR } from '../../src/mmu/exception.ts';
import { ACTIVITY } from '../../src/state/context.ts';
import { deliverException, deliverInterrupt } from '../../src/vcpu/exceptions.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { softwareInterrupt } from '../../src/vcpu/interrupts.ts';
import {
  AT,
  gate,
  limitIdt,
  protectedMachine,
  realMachine,
  SEL,
  type SystemMachine,
  setGate8,
  v86Machine,
} from './system-machine.ts';

const HANDLER = 0x1234_5600n;
const INTERRUPT_32 = 0x8e;
const INTERRUPT_32_USER = 0xee;
const INTERRUPT_16 = 0x86;
const V = 40;

function withGates(machine: SystemMachine): SystemMachine {
  for (let vector = 0; vector < 64; vector++) {
    setGate8(machine, vector, gate(SEL.code, HANDLER + BigInt(vector), INTERRUPT_32));
  }
  return machine;
}

const vectorEntered = (machine: SystemMachine): number => Number(machine.cpu.state.rip - HANDLER);

describe('event delivery in protected mode (SDM 3A 6.12)', () => {
  it('pushes EFLAGS, CS, EIP and the error code onto the same stack at the same privilege', () => {
    const machine = withGates(protectedMachine());
    machine.cpu.rflags = RFLAGS.IF | RFLAGS.NT | 2;
    deliverException(machine.cpu, new GuestException(VECTOR.GP, 0x18));
    expect(machine.cpu.state.gpr.get(4)).to.equal(BigInt(AT.kernelStack - 16));
    const flags = BigInt(RFLAGS.IF | RFLAGS.NT | RFLAGS.RF | 2);
    expect(machine.stack(4, 32)).to.deep.equal([0x18n, 0x5555n, BigInt(SEL.code), flags]);
    expect(machine.cpu.rflags).to.equal(2);
  });

  it('switches to the stack of the TSS for an inner level', () => {
    const machine = withGates(protectedMachine(3));
    const { cpu } = machine;
    deliverInterrupt(cpu, V);
    expect(cpu.state.cpl).to.equal(0);
    expect(cpu.segments.ss.selector).to.equal(SEL.data);
    expect(machine.stack(5, 32)).to.deep.equal([
      0x5555n,
      BigInt(SEL.userCode),
      2n,
      BigInt(AT.userStack),
      BigInt(SEL.userData),
    ]);
  });

  it('pushes words and goes to a 16-bit offset through a 16-bit gate', () => {
    const machine = withGates(protectedMachine());
    setGate8(machine, V, gate(SEL.code, 0xdead_1234n, INTERRUPT_16));
    deliverInterrupt(machine.cpu, V);
    expect(machine.cpu.state.rip).to.equal(0x1234n);
    expect(machine.stack(3, 16)).to.deep.equal([0x5555n, BigInt(SEL.code), 2n]);
  });

  it('stays at its level in conforming code', () => {
    const machine = withGates(protectedMachine(3));
    setGate8(machine, V, gate(SEL.conforming, HANDLER, INTERRUPT_32));
    deliverInterrupt(machine.cpu, V);
    expect(machine.cpu.state.cpl).to.equal(3);
    expect(machine.cpu.segments.cs.selector).to.equal(SEL.conforming | 3);
  });

  it('sets the accessed bit of the code descriptor', () => {
    const machine = withGates(protectedMachine());
    machine.setDescriptor(SEL.code, machine.descriptor(SEL.code) & ~(1n << 40n));
    deliverInterrupt(machine.cpu, V);
    expect((machine.descriptor(SEL.code) >> 40n) & 1n).to.equal(1n);
  });

  describe('faults on the way', () => {
    const error = V * 8 + 2;
    const ss = AT.tss + 8;
    const cases: [string, (m: SystemMachine) => void, number, number][] = [
      ['a vector beyond the IDT', (m) => limitIdt(m, V * 8 + 6), VECTOR.GP, error],
      ['a call gate', (m) => setGate8(m, V, gate(SEL.code, 0n, 0x8c)), VECTOR.GP, error],
      ['an absent gate', (m) => setGate8(m, V, gate(SEL.code, 0n, 0x0e)), VECTOR.NP, error],
      ['a null selector', (m) => setGate8(m, V, gate(3, 0n, INTERRUPT_32)), VECTOR.GP, 0],
      ['absent code', (m) => setGate8(m, V, gate(SEL.absentCode, 0n, INTERRUPT_32)), VECTOR.NP, SEL.absentCode],
      ['a null stack in the TSS', (m) => m.poke(ss, 32, 0), VECTOR.TS, 0],
      ['a stack outside the GDT', (m) => m.poke(ss, 32, SEL.outside), VECTOR.TS, SEL.outside],
      ['a stack of another level', (m) => m.poke(ss, 32, SEL.level1Data), VECTOR.TS, SEL.level1Data & ~3],
      ['a stack that is read-only', (m) => m.poke(ss, 32, SEL.readOnly), VECTOR.TS, SEL.readOnly],
      ['a stack that is absent', (m) => m.poke(ss, 32, SEL.absentData), VECTOR.SS, SEL.absentData],
      ['a task gate to no TSS', (m) => setGate8(m, V, gate(SEL.code, 0n, 0x85)), VECTOR.GP, SEL.code],
      ['a task gate to a busy TSS', (m) => setGate8(m, V, gate(SEL.tss, 0n, 0x85)), VECTOR.GP, SEL.tss],
    ];
    for (const [name, prepare, vector, code] of cases) {
      it(`${name}: exception ${vector}`, () => {
        const machine = withGates(protectedMachine(3));
        // The fault's own handler conforms, so that it needs no stack of the TSS.
        setGate8(machine, vector, gate(SEL.conforming, HANDLER + BigInt(vector), INTERRUPT_32));
        prepare(machine);
        deliverInterrupt(machine.cpu, V);
        expect(vectorEntered(machine)).to.equal(vector);
        expect(machine.stack(2, 32)).to.deep.equal([BigInt(code | 1), 0x5555n]);
      });
    }

    it('an inner stack without room is #SS with its selector', () => {
      const machine = withGates(protectedMachine(3));
      setGate8(machine, VECTOR.SS, gate(SEL.conforming, HANDLER + 12n, INTERRUPT_32));
      machine.poke(ss, 32, SEL.expandDown);
      machine.poke(AT.tss + 4, 32, 0x1010);
      deliverInterrupt(machine.cpu, V);
      expect(vectorEntered(machine)).to.equal(VECTOR.SS);
      expect(machine.stack(1, 32)).to.deep.equal([BigInt(SEL.expandDown | 1)]);
    });

    it('an entry point beyond the code segment is #GP(0)', () => {
      const machine = withGates(protectedMachine());
      machine.setDescriptor(0xd0, 0x0000_9b00_0000_0fffn);
      setGate8(machine, V, gate(0xd0, 0x1000n, INTERRUPT_32));
      deliverInterrupt(machine.cpu, V);
      expect(vectorEntered(machine)).to.equal(VECTOR.GP);
      expect(machine.stack(1, 32)).to.deep.equal([1n]);
    });
  });
});

describe('event delivery from virtual-8086 mode (SDM 3B 20.3)', () => {
  it('pushes the data segments, nulls them, and leaves virtual-8086 mode', () => {
    const machine = withGates(v86Machine());
    const { cpu } = machine;
    const flags = BigInt(cpu.rflags);
    deliverInterrupt(cpu, V);
    const frame = [0x55n, 0x600n, flags, 0x1000n, 0x700n, 0x111n, 0x222n, 0x333n, 0x444n];
    expect(machine.stack(9, 32)).to.deep.equal(frame);
    expect(cpu.virtual8086).to.equal(false);
    expect([cpu.state.cpl, cpu.segments.ds.selector, cpu.segments.gs.selector]).to.deep.equal([0, 0, 0]);
  });

  it('takes no handler but one of level 0', () => {
    const machine = withGates(v86Machine());
    setGate8(machine, V, gate(SEL.conforming, HANDLER, INTERRUPT_32));
    deliverInterrupt(machine.cpu, V);
    expect(vectorEntered(machine)).to.equal(VECTOR.GP);
    expect(machine.stack(1, 32)).to.deep.equal([BigInt(SEL.conforming | 1)]);
  });

  const VME = 1n;
  /** vector, whether its redirection bit is set, expected outcome. */
  const cases: [string, { iopl: number; vme: boolean; redirected: boolean }, 'monitor' | 'gp' | 'program'][] = [
    ['IOPL 3 without VME', { iopl: 3, vme: false, redirected: true }, 'monitor'],
    ['IOPL 0 without VME', { iopl: 0, vme: false, redirected: true }, 'gp'],
    ['IOPL 3 with VME, bit set', { iopl: 3, vme: true, redirected: false }, 'monitor'],
    ['IOPL 0 with VME, bit set', { iopl: 0, vme: true, redirected: false }, 'gp'],
    ['IOPL 3 with VME, bit clear', { iopl: 3, vme: true, redirected: true }, 'program'],
    ['IOPL 0 with VME, bit clear', { iopl: 0, vme: true, redirected: true }, 'program'],
  ];
  for (const [name, { iopl, vme, redirected }, outcome] of cases) {
    it(`INT n, ${name}: ${outcome}`, () => {
      const machine = withGates(v86Machine(iopl));
      const { cpu } = machine;
      if (vme) cpu.state.cr4 = VME;
      cpu.rflags |= RFLAGS.VIF;
      setGate8(machine, V, gate(SEL.code, HANDLER + BigInt(V), INTERRUPT_32_USER));
      machine.poke(AT.tss + 0x66, 16, 0x88);
      machine.poke(AT.tss + 0x68 + (V >> 3), 8, redirected ? 0 : 1 << (V & 7));
      machine.poke(V * 4, 32, 0x0300_1234);
      softwareInterrupt(cpu, V, 'softwareInterrupt', 2);
      if (outcome === 'program') {
        expect([cpu.segments.cs.selector, cpu.state.rip]).to.deep.equal([0x300, 0x1234n]);
        const image = machine.stack(3, 16)[2]!;
        expect(image & 0x3200n, 'IOPL 3, IF').to.equal(0x3200n);
        expect((cpu.rflags & (iopl === 3 ? RFLAGS.IF : RFLAGS.VIF)) === 0).to.equal(true);
        expect(machine.stack(2, 16)).to.deep.equal([0x57n, 0x600n]);
      } else {
        expect(vectorEntered(machine)).to.equal(outcome === 'gp' ? VECTOR.GP : V);
        const [top] = machine.stack(1, 32);
        expect(top).to.equal(outcome === 'gp' ? 0n : 0x57n);
      }
    });
  }

  it('INT3 asks no IOPL', () => {
    const machine = withGates(v86Machine(0));
    setGate8(machine, 3, gate(SEL.code, HANDLER + 3n, INTERRUPT_32_USER));
    softwareInterrupt(machine.cpu, 3, 'softwareException', 1);
    expect(vectorEntered(machine)).to.equal(3);
  });
});

describe('event delivery in real-address mode (SDM 3B 20.1.4)', () => {
  it('pushes FLAGS, CS and IP, and no error code', () => {
    const machine = realMachine();
    const { cpu } = machine;
    machine.poke(VECTOR.GP * 4, 32, 0xf000_1234);
    cpu.state.rip = 0x42n;
    cpu.rflags = RFLAGS.IF | RFLAGS.TF | 2;
    deliverException(cpu, new GuestException(VECTOR.GP, 0));
    expect(machine.stack(3, 16)).to.deep.equal([0x42n, 0x100n, 0x302n]);
    expect([cpu.segments.cs.selector, cpu.segments.cs.base, cpu.state.rip]).to.deep.equal([0xf000, 0xf0000n, 0x1234n]);
    expect(cpu.rflags).to.equal(2);
  });

  it('wraps the stack pointer at 64 KBytes, leaving its upper half', () => {
    const machine = realMachine();
    machine.cpu.state.gpr.set(4, 0x1234_0002n);
    deliverInterrupt(machine.cpu, 8);
    expect(machine.cpu.state.gpr.get(4)).to.equal(0x1234_fffcn);
  });

  it('honours the base and limit of IDTR', () => {
    const machine = realMachine();
    machine.cpu.state.idtrBase = 0x2000n;
    machine.poke(0x2000 + 8 * 4, 32, 0x0123_4567);
    deliverInterrupt(machine.cpu, 8);
    expect(machine.cpu.state.rip).to.equal(0x4567n);
    machine.cpu.state.idtrLimit = 8 * 4 + 2;
    deliverInterrupt(machine.cpu, 8);
    expect(machine.cpu.state.activity, 'no room for 8, 13 nor again 8').to.equal(ACTIVITY.shutdown);
  });
});
