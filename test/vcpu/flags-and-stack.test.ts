import { expect } from 'chai';
import { VECTOR } from '../../src/mmu/exception.ts';
import { BLOCKING, SEGMENT_INDEX } from '../../src/state/context.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { flagHelpers } from '../../src/vcpu/helpers/flags.ts';
import { stackHelpers } from '../../src/vcpu/helpers/stack.ts';
import {
  AT,
  instruction,
  longMachine,
  protectedMachine,
  realMachine,
  SEL,
  type SystemMachine,
  v86Machine,
} from './system-machine.ts';

const { IF, IOPL, VIF, VIP, VM, RF, TF, CF, AC } = RFLAGS;
const VME = 1n;
const PVI = 2n;

type Size = 16 | 32 | 64;

const flagHelper = (machine: SystemMachine, name: string, operandSize: Size = 32): void =>
  flagHelpers[name]!(machine.cpu, instruction({ operandSize }));

describe('CLI and STI (SDM 2 tables of both)', () => {
  const cases: [string, () => SystemMachine, { iopl: number; cr4: bigint }, number | 'gp'][] = [
    ['real-address mode', realMachine, { iopl: 0, cr4: 0n }, IF],
    ['CPL 0', protectedMachine, { iopl: 0, cr4: 0n }, IF],
    ['CPL 3, IOPL 3', () => protectedMachine(3), { iopl: 3, cr4: 0n }, IF],
    ['CPL 3, IOPL 2', () => protectedMachine(3), { iopl: 2, cr4: 0n }, 'gp'],
    ['CPL 3, IOPL 2, PVI', () => protectedMachine(3), { iopl: 2, cr4: PVI }, VIF],
    ['CPL 3, IOPL 2, VME only', () => protectedMachine(3), { iopl: 2, cr4: VME }, 'gp'],
    ['virtual-8086, IOPL 3', () => v86Machine(3), { iopl: 3, cr4: VME }, IF],
    ['virtual-8086, IOPL 0', () => v86Machine(0), { iopl: 0, cr4: 0n }, 'gp'],
    ['virtual-8086, IOPL 0, VME', () => v86Machine(0), { iopl: 0, cr4: VME }, VIF],
  ];
  for (const [name, make, { iopl, cr4 }, expected] of cases) {
    it(`${name}: ${expected === 'gp' ? '#GP(0)' : expected === IF ? 'IF' : 'VIF'}`, () => {
      const machine = make();
      const { cpu } = machine;
      cpu.state.cr4 = cr4;
      cpu.rflags = (cpu.rflags & VM) | (iopl << 12) | IF | VIF | 2;
      if (expected === 'gp') {
        for (const helper of ['cli', 'sti']) {
          expect(machine.faultOf(() => flagHelper(machine, helper))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
        }
        return;
      }
      flagHelper(machine, 'cli');
      expect(cpu.rflags & (IF | VIF)).to.equal((IF | VIF) & ~expected);
      flagHelper(machine, 'sti');
      expect(cpu.rflags & (IF | VIF)).to.equal(IF | VIF);
      expect(cpu.state.interruptibility).to.equal(expected === IF ? BLOCKING.sti : 0);
    });
  }

  it('STI opens no shadow if interrupts were enabled already', () => {
    const machine = protectedMachine();
    machine.cpu.rflags = IF | 2;
    flagHelper(machine, 'sti');
    expect(machine.cpu.state.interruptibility).to.equal(0);
  });

  it('STI of VIF is #GP(0) while VIP is set', () => {
    const machine = v86Machine(0);
    machine.cpu.state.cr4 = VME;
    machine.cpu.rflags |= VIP;
    expect(machine.faultOf(() => flagHelper(machine, 'sti')).vector).to.equal(VECTOR.GP);
  });
});

describe('PUSHF and POPF', () => {
  it('never show RF and VM', () => {
    const machine = v86Machine(3);
    machine.cpu.rflags |= RF;
    flagHelper(machine, 'pushFlags', 32);
    expect(machine.stack(1, 32)[0]! & BigInt(RF | VM)).to.equal(0n);
  });

  it('change what the privilege level may change', () => {
    const all = 0x3f_7fd7 & ~VM;
    const kept = RF | VIF | VIP;
    const cases: [string, 0 | 3, number, Size, number][] = [
      ['CPL 0', 0, 0, 32, all & ~kept],
      ['CPL 3, IOPL 3', 3, IOPL, 32, all & ~kept],
      ['CPL 3, IOPL 0', 3, 0, 32, all & ~(kept | IF | IOPL)],
      ['CPL 0, 16 bits', 0, 0, 16, all & 0xffff],
    ];
    for (const [name, cpl, before, width, after] of cases) {
      const machine = protectedMachine(cpl);
      machine.cpu.rflags = before | 2;
      machine.fillStack([0xffff_ffff], width as 16 | 32);
      flagHelper(machine, 'popFlags', width);
      expect(machine.cpu.rflags, name).to.equal(after);
    }
  });

  it('work on VIF in virtual-8086 mode with VME, as words only', () => {
    const machine = v86Machine(0);
    const { cpu } = machine;
    expect(machine.faultOf(() => flagHelper(machine, 'pushFlags', 16)).vector).to.equal(VECTOR.GP);
    cpu.state.cr4 = VME;
    cpu.rflags = (cpu.rflags & ~IF) | VIF;
    expect(machine.faultOf(() => flagHelper(machine, 'pushFlags', 32)).vector).to.equal(VECTOR.GP);
    flagHelper(machine, 'pushFlags', 16);
    expect(machine.stack(1, 16)).to.deep.equal([BigInt(IF | IOPL | 2)]);
    machine.fillStack([CF], 16);
    flagHelper(machine, 'popFlags', 16);
    expect(cpu.rflags & (VIF | CF | IOPL)).to.equal(CF);
    machine.fillStack([TF], 16);
    expect(machine.faultOf(() => flagHelper(machine, 'popFlags', 16)).vector).to.equal(VECTOR.GP);
  });

  it('POPF of 64 bits sets AC', () => {
    const machine = longMachine();
    machine.fillStack([AC], 64);
    flagHelper(machine, 'popFlags', 64);
    expect(machine.cpu.rflags).to.equal(AC | 2);
  });
});

describe('stack frames', () => {
  const stackHelper = (machine: SystemMachine, name: string, parts: Parameters<typeof instruction>[0]): void =>
    stackHelpers[name]!(machine.cpu, instruction(parts));
  const immediates = (...values: number[]) =>
    values.map((value) => ({ kind: 'immediate' as const, value: BigInt(value), width: 16 }));

  it('PUSHA pushes the old SP, and POPA skips it', () => {
    const machine = protectedMachine();
    const { gpr } = machine.cpu.state;
    for (const index of [0, 1, 2, 3, 5, 6, 7]) gpr.set(index, BigInt(0x10 + index));
    stackHelper(machine, 'pushAll', { operandSize: 32 });
    expect(machine.stack(8, 32)).to.deep.equal([
      0x17n,
      0x16n,
      0x15n,
      BigInt(AT.kernelStack),
      0x13n,
      0x12n,
      0x11n,
      0x10n,
    ]);
    for (const index of [0, 1, 2, 3, 5, 6, 7]) gpr.set(index, 0n);
    stackHelper(machine, 'popAll', { operandSize: 32 });
    expect([gpr.get(0), gpr.get(4), gpr.get(7)]).to.deep.equal([0x10n, BigInt(AT.kernelStack), 0x17n]);
  });

  it('PUSH of a segment register writes 16 bits with 32-bit operands, all 64 in 64-bit mode', () => {
    const fs = { kind: 'register', class: 'segment', index: SEGMENT_INDEX.fs, high: false, width: 16 } as const;
    const narrow = protectedMachine();
    narrow.poke(AT.kernelStack - 4, 32, 0xdead_beef);
    stackHelper(narrow, 'pushSegment', { operandSize: 32, operands: [fs] });
    expect(narrow.stack(1, 32)).to.deep.equal([0xdead_0000n | BigInt(SEL.data)]);
    const wide = longMachine();
    stackHelper(wide, 'pushSegment', { operandSize: 64, operands: [fs] });
    expect(wide.stack(1, 64)).to.deep.equal([BigInt(SEL.data)]);
    stackHelper(wide, 'popSegment', { operandSize: 64, operands: [fs] });
    expect(wide.cpu.state.gpr.get(4)).to.equal(BigInt(AT.kernelStack));
  });

  it('ENTER copies the display of outer frames (SDM 1 6.6.1)', () => {
    const machine = protectedMachine();
    const { gpr } = machine.cpu.state;
    gpr.set(5, 0x7000n);
    machine.poke(0x7000 - 4, 32, 0xaaaa);
    machine.poke(0x7000 - 8, 32, 0xbbbb);
    stackHelper(machine, 'enter', { operandSize: 32, operands: immediates(0x10, 3) });
    const frame = BigInt(AT.kernelStack - 4);
    expect(gpr.get(5)).to.equal(frame);
    expect(gpr.get(4)).to.equal(BigInt(AT.kernelStack - 4 - 12 - 0x10));
    expect([0, 4, 8, 12].map((down) => machine.peek(Number(frame) - down, 32))).to.deep.equal([
      0x7000n,
      0xaaaan,
      0xbbbbn,
      frame,
    ]);
  });

  it('ENTER of level 0 allocates, and faults where its frame could not be written', () => {
    const machine = longMachine();
    stackHelper(machine, 'enter', { operandSize: 64, operands: immediates(0x20, 0) });
    expect(machine.cpu.state.gpr.get(4)).to.equal(BigInt(AT.kernelStack - 8 - 0x20));
    machine.cpu.state.gpr.set(4, 0x1000n);
    const fault = machine.faultOf(() =>
      stackHelper(machine, 'enter', { operandSize: 64, operands: immediates(0x2000, 0) }),
    );
    expect(fault.vector).to.equal(VECTOR.PF);
    expect(machine.cpu.state.gpr.get(4)).to.equal(0x1000n);
  });
});
