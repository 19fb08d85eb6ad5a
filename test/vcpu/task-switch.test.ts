import { expect } from 'chai';
import { GuestException, VECTOR } from '../../src/mmu/exception.ts';
import { deliverException, deliverInterrupt } from '../../src/vcpu/exceptions.ts';
import { farCall, farJump } from '../../src/vcpu/far-transfer.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { interruptReturn } from '../../src/vcpu/iret.ts';
import { AT, gate, protectedMachine, SEL, type SystemMachine, segment, setGate8 } from './system-machine.ts';

const EIP = 0x4_2424;
const BUSY = 1n << 41n;
const NEW_SP = 0xc000;

/** A machine whose other TSS holds a task of level 0: offsets as in SDM 3A figure 7-2. */
function machineWithTask(changes: Readonly<Record<number, number>> = {}): SystemMachine {
  const machine = protectedMachine();
  const task: Readonly<Record<number, number>> = {
    32: EIP,
    36: 0x202,
    40: 0xa0,
    44: 0xa1,
    48: 0xa2,
    52: 0xa3,
    56: NEW_SP,
    60: 0xa5,
    64: 0xa6,
    68: 0xa7,
    72: SEL.data,
    76: SEL.code,
    80: SEL.data,
    84: SEL.data,
    88: 0,
    92: 0,
    96: 0,
    100: 0,
    ...changes,
  };
  for (const [offset, value] of Object.entries(task)) machine.poke(AT.otherTss + Number(offset), 32, value);
  machine.cpu.rflags = 2;
  return machine;
}

const jumpTo = (machine: SystemMachine, selector: number): void =>
  farJump(machine.cpu, { selector, offset: 0n, width: 32 });
const callTo = (machine: SystemMachine, selector: number): void =>
  farCall(machine.cpu, { selector, offset: 0n, width: 32 });

describe('task switches (SDM 3A 7.3)', () => {
  it('a jump saves the old task, loads the new one, and moves the busy bit', () => {
    const machine = machineWithTask();
    const { state, segments } = machine.cpu;
    state.gpr.set(0, 0x1111n);
    jumpTo(machine, SEL.otherTss);
    expect(machine.peek(AT.tss + 0x20, 32)).to.equal(0x5555n);
    expect(machine.peek(AT.tss + 0x28, 32)).to.equal(0x1111n);
    expect(machine.peek(AT.tss + 0x38, 32)).to.equal(BigInt(AT.kernelStack));
    expect(machine.peek(AT.tss + 0x4c, 16)).to.equal(BigInt(SEL.code));
    expect(Array.from({ length: 4 }, (_, index) => state.gpr.get(index))).to.deep.equal([0xa0n, 0xa1n, 0xa2n, 0xa3n]);
    expect([state.rip, state.gpr.get(4), segments.tr.selector]).to.deep.equal([
      BigInt(EIP),
      BigInt(NEW_SP),
      SEL.otherTss,
    ]);
    expect(machine.cpu.rflags).to.equal(0x202);
    expect(state.cr0 & 8n, 'CR0.TS').to.equal(8n);
    expect(machine.descriptor(SEL.tss) & BUSY).to.equal(0n);
    expect(machine.descriptor(SEL.otherTss) & BUSY).to.equal(BUSY);
  });

  it('a call links the old task, sets NT, and keeps both busy; IRET goes back', () => {
    const machine = machineWithTask();
    const { cpu } = machine;
    callTo(machine, SEL.otherTss);
    expect(machine.peek(AT.otherTss, 16)).to.equal(BigInt(SEL.tss));
    expect(cpu.rflags & RFLAGS.NT).to.equal(RFLAGS.NT);
    expect(machine.descriptor(SEL.tss) & machine.descriptor(SEL.otherTss) & BUSY).to.equal(BUSY);
    interruptReturn(cpu, 32);
    expect([cpu.state.rip, cpu.segments.tr.selector]).to.deep.equal([0x5555n, SEL.tss]);
    expect(machine.descriptor(SEL.otherTss) & BUSY).to.equal(0n);
    expect(machine.peek(AT.otherTss + 0x24, 32) & BigInt(RFLAGS.NT), 'NT saved clear').to.equal(0n);
  });

  it('a task gate leads there too', () => {
    const machine = machineWithTask();
    jumpTo(machine, SEL.taskGate);
    expect(machine.cpu.segments.tr.selector).to.equal(SEL.otherTss);
  });

  it('an exception through a task gate pushes its error code onto the new stack', () => {
    const machine = machineWithTask();
    setGate8(machine, VECTOR.GP, gate(SEL.otherTss, 0n, 0x85));
    deliverException(machine.cpu, new GuestException(VECTOR.GP, 0x18));
    expect(machine.cpu.state.gpr.get(4)).to.equal(BigInt(NEW_SP - 4));
    expect(machine.stack(1, 32)).to.deep.equal([0x18n]);
    expect(machine.peek(AT.tss + 0x24, 32) & BigInt(RFLAGS.RF)).to.equal(BigInt(RFLAGS.RF));
    expect(machine.peek(AT.tss + 0x20, 32)).to.equal(0x5555n);
  });

  it('a task of virtual-8086 mode gets its segments without descriptors', () => {
    const machine = machineWithTask({ 36: 0x2_0202, 76: 0x600, 80: 0x700, 84: 0x1234, 32: 0x99 });
    const { cpu } = machine;
    jumpTo(machine, SEL.otherTss);
    expect([cpu.state.cpl, cpu.segments.cs.base, cpu.segments.ds.base]).to.deep.equal([3, 0x6000n, 0x1_2340n]);
  });

  it('CPL becomes the RPL of the new CS, also of conforming code', () => {
    const machine = machineWithTask({
      76: SEL.conforming | 3,
      80: SEL.userData,
      72: SEL.userData,
      84: SEL.userData,
    });
    jumpTo(machine, SEL.otherTss);
    expect(machine.cpu.state.cpl).to.equal(3);
  });

  it('the T flag of the new TSS makes a debug trap due', () => {
    const machine = machineWithTask({ 100: 1 });
    jumpTo(machine, SEL.otherTss);
    expect(machine.cpu.state.pendingDebug).to.equal(1n << 15n);
  });

  it('a 16-bit TSS holds words, and no FS, GS or CR3 (SDM 3A 7.6)', () => {
    const machine = machineWithTask();
    machine.setDescriptor(0xd0, segment(0x81, 0, BigInt(AT.otherTss), 0x2bn));
    const words = [
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0x4242,
      0x202,
      1,
      2,
      3,
      4,
      0x9000,
      5,
      6,
      7,
      SEL.data,
      SEL.code,
      SEL.data,
      SEL.data,
      0,
    ];
    for (const [index, value] of words.entries()) machine.poke(AT.otherTss + index * 2, 16, value);
    jumpTo(machine, 0xd0);
    const { state, segments } = machine.cpu;
    expect([state.rip, state.gpr.get(0), state.gpr.get(4)]).to.deep.equal([0x4242n, 1n, 0x9000n]);
    expect([segments.ds.selector, segments.fs.selector]).to.deep.equal([SEL.data, 0]);
  });

  describe('faults before the switch leave the old task', () => {
    const cases: [string, (machine: SystemMachine) => void, number, number, number][] = [
      [
        'a TSS that is too short',
        (m) => m.setDescriptor(0xd0, segment(0x89, 0, BigInt(AT.otherTss), 0x66n)),
        0xd0,
        VECTOR.TS,
        0xd0,
      ],
      [
        'an absent TSS',
        (m) => m.setDescriptor(0xd0, segment(0x09, 0, BigInt(AT.otherTss), 0x67n)),
        0xd0,
        VECTOR.NP,
        0xd0,
      ],
      ['a TSS of an inner level', (m) => m.runAt(3, SEL.userCode, SEL.userData), SEL.otherTss, VECTOR.GP, SEL.otherTss],
    ];
    for (const [name, prepare, selector, vector, errorCode] of cases) {
      it(`${name}: exception ${vector}`, () => {
        const machine = machineWithTask();
        prepare(machine);
        expect(machine.faultOf(() => jumpTo(machine, selector))).to.deep.equal({ vector, errorCode });
        expect([machine.cpu.state.rip, machine.cpu.segments.tr.selector]).to.deep.equal([0x5555n, SEL.tss]);
        expect(machine.descriptor(SEL.tss) & BUSY).to.equal(BUSY);
      });
    }

    it('IRET to a task that is not busy: #TS', () => {
      const machine = machineWithTask();
      machine.cpu.rflags = RFLAGS.NT | 2;
      machine.poke(AT.tss, 16, SEL.otherTss);
      const fault = machine.faultOf(() => interruptReturn(machine.cpu, 32));
      expect(fault).to.deep.equal({ vector: VECTOR.TS, errorCode: SEL.otherTss });
    });
  });

  describe('faults after it belong to the new task', () => {
    const cases: [string, Record<number, number>, number, number][] = [
      ['a null CS', { 76: 0 }, VECTOR.TS, 0],
      ['CS that is data', { 76: SEL.data }, VECTOR.TS, SEL.data],
      ['an absent CS', { 76: SEL.absentCode }, VECTOR.NP, SEL.absentCode],
      ['SS of another level', { 80: SEL.userData }, VECTOR.TS, SEL.userData & ~3],
      ['an absent SS', { 80: SEL.absentData }, VECTOR.SS, SEL.absentData],
      ['DS that may not be read', { 84: SEL.executeOnly }, VECTOR.TS, SEL.executeOnly],
      ['an absent DS', { 84: SEL.absentData }, VECTOR.NP, SEL.absentData],
      ['an LDT selector that is none', { 96: SEL.data }, VECTOR.TS, SEL.data],
    ];
    for (const [name, changes, vector, errorCode] of cases) {
      it(`${name}: exception ${vector}`, () => {
        const machine = machineWithTask(changes);
        expect(machine.faultOf(() => jumpTo(machine, SEL.otherTss))).to.deep.equal({ vector, errorCode });
        const { cpu } = machine;
        expect([cpu.instructionRip, cpu.segments.tr.selector]).to.deep.equal([BigInt(EIP), SEL.otherTss]);
      });
    }

    it('an interrupt reports them with EXT, returning to the new task', () => {
      const machine = machineWithTask({ 84: SEL.absentData });
      setGate8(machine, 40, gate(SEL.otherTss, 0n, 0x85));
      setGate8(machine, VECTOR.NP, gate(SEL.code, 0x9999n, 0x8e));
      deliverInterrupt(machine.cpu, 40);
      expect(machine.cpu.state.rip).to.equal(0x9999n);
      expect(machine.stack(2, 32)).to.deep.equal([BigInt(SEL.absentData | 1), BigInt(EIP)]);
    });
  });
});
