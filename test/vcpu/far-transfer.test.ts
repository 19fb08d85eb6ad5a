import { expect } from 'chai';
import { VECTOR } from '../../src/mmu/exception.ts';
import { farCall, farJump, farReturn } from '../../src/vcpu/far-transfer.ts';
import {
  AT,
  gate,
  longMachine,
  protectedMachine,
  realMachine,
  SEL,
  type SystemMachine,
  segment,
} from './system-machine.ts';

const TARGET = 0x1234n;
const to = (selector: number, offset = TARGET, width = 32) => ({ selector, offset, width });

describe('far JMP and CALL to code segments (SDM 3A 5.8.1)', () => {
  it('jump without changing the privilege level', () => {
    const machine = protectedMachine();
    farJump(machine.cpu, to(SEL.code));
    expect([machine.cpu.state.rip, machine.cpu.segments.cs.selector]).to.deep.equal([TARGET, SEL.code]);
  });

  it('put CPL into the RPL of CS, also in conforming code', () => {
    const machine = protectedMachine(3);
    farJump(machine.cpu, to(SEL.conforming));
    expect(machine.cpu.segments.cs.selector).to.equal(SEL.conforming | 3);
  });

  it('push CS and the return address at the operand size', () => {
    for (const width of [16, 32] as const) {
      const machine = protectedMachine();
      farCall(machine.cpu, to(SEL.code, TARGET, width));
      expect(machine.stack(2, width)).to.deep.equal([0x5555n, BigInt(SEL.code)]);
    }
  });

  const faults: [string, () => SystemMachine, number, bigint, number, number][] = [
    ['a null selector', protectedMachine, 2, TARGET, VECTOR.GP, 0],
    ['a selector outside the GDT', protectedMachine, SEL.outside | 1, TARGET, VECTOR.GP, SEL.outside],
    ['an LDT selector without an LDT', protectedMachine, 0x0c, TARGET, VECTOR.GP, 0x0c],
    ['a data segment', protectedMachine, SEL.data, TARGET, VECTOR.GP, SEL.data],
    ['code of an outer level', protectedMachine, SEL.userCode, TARGET, VECTOR.GP, SEL.userCode & ~3],
    ['an RPL above CPL', protectedMachine, SEL.code | 1, TARGET, VECTOR.GP, SEL.code],
    ['code of an inner level', () => protectedMachine(3), SEL.code, TARGET, VECTOR.GP, SEL.code],
    ['absent code', protectedMachine, SEL.absentCode, TARGET, VECTOR.NP, SEL.absentCode],
    ['a target that is not canonical', longMachine, SEL.code64, 1n << 50n, VECTOR.GP, 0],
    ['a TSS in long mode', longMachine, SEL.otherTss, TARGET, VECTOR.GP, SEL.otherTss],
    ['a task gate in long mode', longMachine, SEL.taskGate, TARGET, VECTOR.GP, SEL.taskGate],
    ['a busy TSS', protectedMachine, SEL.tss, TARGET, VECTOR.GP, SEL.tss],
    ['an LDT', protectedMachine, SEL.ldt, TARGET, VECTOR.GP, SEL.ldt],
  ];
  for (const [name, make, selector, offset, vector, errorCode] of faults) {
    it(`${name} is exception ${vector} for both, and changes nothing`, () => {
      for (const transfer of [farJump, farCall]) {
        const machine = make();
        const rsp = machine.cpu.state.gpr.get(4);
        expect(machine.faultOf(() => transfer(machine.cpu, to(selector, offset)))).to.deep.equal({ vector, errorCode });
        expect([machine.cpu.state.gpr.get(4), machine.cpu.state.rip]).to.deep.equal([rsp, 0x5555n]);
      }
    });
  }

  it('check the limit of the target', () => {
    const machine = protectedMachine();
    machine.setDescriptor(0xd0, segment(0x9b, 4, 0n, 0xfffn));
    expect(machine.faultOf(() => farJump(machine.cpu, to(0xd0, 0x1000n)))).to.deep.equal({
      vector: VECTOR.GP,
      errorCode: 0,
    });
    farJump(machine.cpu, to(0xd0, 0xfffn));
  });

  it('refuse L and D together in long mode', () => {
    const machine = longMachine();
    machine.setDescriptor(0xd0, segment(0x9b, 6));
    expect(machine.faultOf(() => farJump(machine.cpu, to(0xd0)))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0xd0 });
  });

  it('in real-address mode load a base of 16 times the selector, and keep the limit', () => {
    const machine = realMachine();
    farCall(machine.cpu, to(0x2000, 0x10n, 16));
    expect([machine.cpu.segments.cs.base, machine.cpu.state.rip]).to.deep.equal([0x20000n, 0x10n]);
    expect(machine.stack(2, 16)).to.deep.equal([0n, 0x100n]);
    expect(machine.faultOf(() => farJump(machine.cpu, to(0, 0x1_0000n))).vector).to.equal(VECTOR.GP);
  });
});

describe('call gates (SDM 3A 5.8.3 to 5.8.5)', () => {
  const GATE_32 = 0xec;
  const GATE_16 = 0xe4;

  it('lead to more privileged code, with parameters copied to its stack', () => {
    const machine = protectedMachine(3);
    machine.setDescriptor(SEL.gate, gate(SEL.code, 0x8765_4321n, GATE_32, 2));
    machine.fillStack([0xaaaa, 0xbbbb], 32);
    farCall(machine.cpu, to(SEL.gate | 3));
    const frame = [0x5555n, BigInt(SEL.userCode), 0xaaaan, 0xbbbbn, BigInt(AT.userStack), BigInt(SEL.userData)];
    expect(machine.stack(6, 32)).to.deep.equal(frame);
    expect([machine.cpu.state.cpl, machine.cpu.state.rip]).to.deep.equal([0, 0x8765_4321n]);
    expect(machine.cpu.state.gpr.get(4)).to.equal(BigInt(AT.innerStack - 24));
  });

  it('push words through a 16-bit gate', () => {
    const machine = protectedMachine();
    machine.setDescriptor(SEL.gate, gate(SEL.code, 0x8765_4321n, GATE_16));
    farCall(machine.cpu, to(SEL.gate));
    expect(machine.cpu.state.rip).to.equal(0x4321n);
    expect(machine.stack(2, 16)).to.deep.equal([0x5555n, BigInt(SEL.code)]);
  });

  it('let JMP through to its own level only', () => {
    const machine = protectedMachine(3);
    machine.setDescriptor(SEL.gate, gate(SEL.code, TARGET, GATE_32));
    expect(machine.faultOf(() => farJump(machine.cpu, to(SEL.gate)))).to.deep.equal({
      vector: VECTOR.GP,
      errorCode: SEL.code,
    });
    machine.setDescriptor(SEL.gate, gate(SEL.userCode, TARGET, GATE_32));
    farJump(machine.cpu, to(SEL.gate));
    expect(machine.cpu.state.rip).to.equal(TARGET);
  });

  const faults: [string, bigint, number, number][] = [
    ['a gate of an inner level', gate(SEL.code, TARGET, 0x8c), VECTOR.GP, SEL.gate],
    ['an absent gate', gate(SEL.code, TARGET, 0x6c), VECTOR.NP, SEL.gate],
    ['a gate with a null selector', gate(0, TARGET, GATE_32), VECTOR.GP, 0],
    ['a gate to data', gate(SEL.data, TARGET, GATE_32), VECTOR.GP, SEL.data],
    ['a gate to absent code', gate(SEL.absentCode, TARGET, GATE_32), VECTOR.NP, SEL.absentCode],
  ];
  for (const [name, raw, vector, errorCode] of faults) {
    it(`${name} is exception ${vector}`, () => {
      const machine = protectedMachine(3);
      machine.setDescriptor(SEL.gate, raw);
      expect(machine.faultOf(() => farCall(machine.cpu, to(SEL.gate | 3)))).to.deep.equal({ vector, errorCode });
    });
  }

  it('have 16 bytes in long mode, and null SS for the inner level', () => {
    const machine = longMachine(3);
    machine.setDescriptor(SEL.gate, gate(SEL.code64, 0x8000_0000n, GATE_32, 5));
    machine.setDescriptor(SEL.gate + 8, 0xffff_8000n);
    farCall(machine.cpu, to(SEL.gate));
    expect(machine.cpu.state.rip).to.equal(0xffff_8000_8000_0000n);
    expect(machine.cpu.segments.ss.selector).to.equal(0);
    expect(machine.stack(4, 64)).to.deep.equal([
      0x5555n,
      BigInt(SEL.userCode64),
      BigInt(AT.userStack),
      BigInt(SEL.userData),
    ]);
  });

  it('must lead to 64-bit code in long mode, with a clear second type field', () => {
    const machine = longMachine();
    machine.setDescriptor(SEL.gate, gate(SEL.code, TARGET, 0x8c));
    const fault = () => machine.faultOf(() => farCall(machine.cpu, to(SEL.gate)));
    machine.setDescriptor(SEL.gate + 8, 0n);
    expect(fault()).to.deep.equal({ vector: VECTOR.GP, errorCode: SEL.code });
    machine.setDescriptor(SEL.gate + 8, 1n << 40n);
    expect(fault()).to.deep.equal({ vector: VECTOR.GP, errorCode: SEL.gate });
  });
});

describe('far RET (SDM 2B "RET")', () => {
  it('returns to the same level and drops parameters', () => {
    const machine = protectedMachine();
    machine.fillStack([TARGET, SEL.code], 32);
    farReturn(machine.cpu, 32, 12);
    expect(machine.cpu.state.gpr.get(4)).to.equal(BigInt(AT.kernelStack + 20));
    expect(machine.cpu.state.rip).to.equal(TARGET);
  });

  it('returns to an outer level, drops parameters of both stacks, and nulls inner data segments', () => {
    const machine = protectedMachine();
    const { cpu } = machine;
    machine.force('es', SEL.userData);
    machine.fillStack([TARGET, SEL.userCode, 1, 2, AT.userStack, SEL.userData], 32);
    farReturn(cpu, 32, 8);
    expect([cpu.state.cpl, cpu.state.gpr.get(4)]).to.deep.equal([3, BigInt(AT.userStack + 8)]);
    expect([cpu.segments.es.selector, cpu.segments.ds.selector]).to.deep.equal([SEL.userData, 0]);
    expect(machine.faultOf(() => cpu.read('ds', 0n, 8)).vector).to.equal(VECTOR.GP);
  });

  const faults: [string, readonly number[], number, number][] = [
    ['a null CS', [0, 0], VECTOR.GP, 0],
    ['data', [0, SEL.data], VECTOR.GP, SEL.data],
    ['absent code', [0, SEL.absentCode], VECTOR.NP, SEL.absentCode],
    ['RPL apart from DPL', [0, SEL.code | 1], VECTOR.GP, SEL.code],
    ['a null SS', [0, SEL.userCode, 0, 0], VECTOR.GP, 0],
    ['an SS of another level', [0, SEL.userCode, 0, SEL.data], VECTOR.GP, SEL.data],
  ];
  for (const [name, frame, vector, errorCode] of faults) {
    it(`${name} is exception ${vector}`, () => {
      const machine = protectedMachine();
      machine.fillStack(frame, 32);
      expect(machine.faultOf(() => farReturn(machine.cpu, 32, 0))).to.deep.equal({ vector, errorCode });
    });
  }

  it('never returns to an inner level', () => {
    const machine = protectedMachine(3);
    machine.fillStack([TARGET, SEL.code], 32);
    expect(machine.faultOf(() => farReturn(machine.cpu, 32, 0))).to.deep.equal({
      vector: VECTOR.GP,
      errorCode: SEL.code,
    });
  });
});
