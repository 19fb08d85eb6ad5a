import { expect } from 'chai';
import { GuestException, VECTOR } from '../../src/mmu/exception.ts';
import { BLOCKING } from '../../src/state/context.ts';
import {
  armSingleStep,
  breakpointAt,
  breakpointsArmed,
  DR6,
  noteDataAccess,
  noteIoAccess,
} from '../../src/vcpu/debug.ts';
import { deliverException, deliverPendingDebug } from '../../src/vcpu/exceptions.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { softwareInterrupt } from '../../src/vcpu/interrupts.ts';
import { gate, longMachine, SEL, type SystemMachine, setGate16 } from './system-machine.ts';

const HANDLER = 0x9000n;
const ACTIVE_LOW = 0xffff_0ff0n;

function debugMachine(): SystemMachine {
  const machine = longMachine();
  for (let vector = 0; vector < 32; vector++)
    setGate16(machine, vector, gate(SEL.code64, HANDLER + BigInt(vector), 0x8e));
  machine.cpu.state.dr6 = ACTIVE_LOW;
  return machine;
}

describe('breakpoints (SDM 3B 17.2)', () => {
  it('on instructions match RIP exactly, unless RF or a MOV SS shadow forbids', () => {
    const { cpu } = debugMachine();
    const { state } = cpu;
    state.dr2 = 0x5555n;
    expect(breakpointsArmed(state)).to.equal(false);
    state.dr7 = 0x20n;
    expect([breakpointsArmed(state), breakpointAt(cpu)]).to.deep.equal([true, 4n]);
    state.systemFlags |= RFLAGS.RF;
    expect(breakpointAt(cpu)).to.equal(0n);
    state.systemFlags &= ~RFLAGS.RF;
    state.interruptibility = BLOCKING.movSs;
    expect(breakpointAt(cpu)).to.equal(0n);
    state.interruptibility = 0;
    state.rip = 0x5556n;
    expect(breakpointAt(cpu)).to.equal(0n);
  });

  /** R/W and LEN of breakpoint 0, the access, and whether it matches. */
  const WRITE = 1n;
  const ACCESS = 3n;
  const cases: [string, bigint, bigint, bigint, number, boolean, boolean][] = [
    ['a write of the byte', WRITE, 0n, 0x100n, 1, true, true],
    ['a read where writes are watched', WRITE, 0n, 0x100n, 1, false, false],
    ['a read where accesses are watched', ACCESS, 0n, 0x100n, 1, false, true],
    ['a wider access from below', WRITE, 0n, 0xfdn, 4, true, true],
    ['an access that ends before', WRITE, 0n, 0xfcn, 4, true, false],
    ['the last of 4 bytes', WRITE, 3n, 0x103n, 1, true, true],
    ['the byte behind 4', WRITE, 3n, 0x104n, 1, true, false],
    ['the last of 8 bytes', WRITE, 2n, 0x107n, 1, true, true],
  ];
  for (const [name, kind, length, at, bytes, write, hit] of cases) {
    it(`on data: ${name} ${hit ? 'matches' : 'does not'}`, () => {
      const { cpu } = debugMachine();
      cpu.state.dr0 = 0x100n;
      cpu.state.dr7 = 1n | (kind << 16n) | (length << 18n);
      noteDataAccess(cpu, at, bytes, write);
      expect(cpu.state.pendingDebug).to.equal(hit ? 1n : 0n);
    });
  }

  it('on I/O need CR4.DE', () => {
    const { cpu } = debugMachine();
    cpu.state.dr1 = 0x3f8n;
    cpu.state.dr7 = 4n | (2n << 20n);
    noteIoAccess(cpu, 0x3f8, 1);
    expect(cpu.state.pendingDebug).to.equal(0n);
    cpu.state.cr4 |= 8n;
    noteIoAccess(cpu, 0x3f8, 1);
    expect(cpu.state.pendingDebug).to.equal(2n);
  });
});

describe('#DB (SDM 3B 17.3)', () => {
  it('clears and sets B0-B3, adds to the rest of DR6, and clears DR7.GD and DEBUGCTL.BTF', () => {
    const { cpu } = debugMachine();
    const { state } = cpu;
    state.dr6 = ACTIVE_LOW | DR6.BS | 2n;
    state.dr7 = 0x2400n;
    state.debugctl = 3n;
    state.pendingDebug = 4n;
    deliverPendingDebug(cpu);
    expect([state.dr6, state.dr7, state.debugctl]).to.deep.equal([ACTIVE_LOW | DR6.BS | 4n, 0x400n, 0n]);
    expect([state.rip, state.pendingDebug]).to.deep.equal([HANDLER + 1n, 0n]);
  });

  it('keeps DR7.GD if its delivery fails', () => {
    const machine = debugMachine();
    setGate16(machine, VECTOR.DB, 0n);
    machine.cpu.state.dr7 = 0x2400n;
    deliverException(machine.cpu, new GuestException(VECTOR.DB, undefined, DR6.BD));
    expect(machine.cpu.state.dr7).to.equal(0x2400n);
  });

  it('is due after an instruction that began with TF', () => {
    const { cpu } = debugMachine();
    armSingleStep(cpu.state);
    expect(cpu.state.pendingDebug).to.equal(0n);
    cpu.rflags = RFLAGS.TF | 2;
    armSingleStep(cpu.state);
    expect(cpu.state.pendingDebug).to.equal(DR6.BS);
  });

  it('is not due any more after a fault or INT1; after INT n only the breakpoints that MOV SS held are', () => {
    const held = DR6.BS | 1n;
    const cases: [string, (machine: SystemMachine) => void, bigint][] = [
      ['#UD', ({ cpu }) => deliverException(cpu, new GuestException(VECTOR.UD)), 0n],
      ['INT1', ({ cpu }) => softwareInterrupt(cpu, 1, 'privilegedSoftwareException', 1), 0n],
      ['INT n', ({ cpu }) => softwareInterrupt(cpu, 1, 'softwareInterrupt', 2), 1n],
      ['INT3', ({ cpu }) => softwareInterrupt(cpu, 3, 'softwareException', 1), 1n],
    ];
    for (const [name, deliver, pending] of cases) {
      const machine = debugMachine();
      machine.cpu.state.pendingDebug = held;
      deliver(machine);
      expect(machine.cpu.state.pendingDebug, name).to.equal(pending);
      expect(machine.cpu.state.dr6, name).to.equal(ACTIVE_LOW);
    }
  });
});
