import { expect } from 'chai';
import { VECTOR } from '../../src/mmu/exception.ts';
import { BLOCKING } from '../../src/state/context.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { interruptReturn } from '../../src/vcpu/iret.ts';
import { refreshMode } from '../../src/vcpu/mode.ts';
import { AT, longMachine, protectedMachine, realMachine, SEL, v86Machine } from './system-machine.ts';

const TARGET = 0x1234n;
const { IF, IOPL, NT, RF, TF, VM, VIF, VIP, AC, ID, CF } = RFLAGS;

describe('IRET (SDM 2A "IRET")', () => {
  describe('in 64-bit mode', () => {
    it('always pops SS:RSP, and unblocks NMIs', () => {
      const machine = longMachine();
      const { state } = machine.cpu;
      state.interruptibility = BLOCKING.nmi;
      machine.fillStack([TARGET, SEL.code64, IF | RF | 2, 0x7000, SEL.data], 64);
      interruptReturn(machine.cpu, 64);
      expect([state.rip, state.gpr.get(4), state.interruptibility]).to.deep.equal([TARGET, 0x7000n, 0]);
      expect(machine.cpu.rflags).to.equal(IF | RF | 2);
    });

    it('goes to user code, nulls kernel data segments, and leaves their bases', () => {
      const machine = longMachine();
      const { cpu } = machine;
      cpu.segments.gs.base = 0x40_0000n;
      machine.fillStack([TARGET, SEL.userCode64, 2, AT.userStack, SEL.userData], 64);
      interruptReturn(cpu, 64);
      refreshMode(cpu);
      expect([cpu.state.cpl, cpu.segments.gs.selector, cpu.segments.gs.base]).to.deep.equal([3, 0, 0x40_0000n]);
      expect(cpu.linear('gs', 0x10n, 8, true)).to.equal(0x40_0010n);
    });

    it('goes to compatibility code with a 32-bit stack', () => {
      const machine = longMachine();
      machine.fillStack([TARGET, SEL.userCode, 2, AT.userStack, SEL.userData], 64);
      interruptReturn(machine.cpu, 64);
      refreshMode(machine.cpu);
      expect(machine.cpu.code64).to.equal(false);
      expect(machine.cpu.state.stackMask).to.equal(0xffff_ffffn);
    });

    it('takes a null SS for 64-bit code below CPL 3 only', () => {
      const machine = longMachine();
      machine.fillStack([TARGET, SEL.code64, 2, 0x7000, 0], 64);
      interruptReturn(machine.cpu, 64);
      expect(machine.cpu.segments.ss.selector).to.equal(0);
      for (const code of [SEL.userCode64, SEL.userCode]) {
        const other = longMachine();
        other.fillStack([TARGET, code, 2, 0x7000, 3], 64);
        expect(other.faultOf(() => interruptReturn(other.cpu, 64))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
      }
    });

    it('refuses NT and targets that are not canonical', () => {
      const nested = longMachine();
      nested.cpu.rflags = NT | 2;
      expect(nested.faultOf(() => interruptReturn(nested.cpu, 64))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
      const far = longMachine();
      far.fillStack([1n << 47n, SEL.code64, 2, 0x7000, SEL.data], 64);
      expect(far.faultOf(() => interruptReturn(far.cpu, 64))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
    });
  });

  describe('in protected mode', () => {
    it('pops no stack at the same level', () => {
      const machine = protectedMachine();
      machine.fillStack([TARGET, SEL.code, CF | 2], 32);
      interruptReturn(machine.cpu, 32);
      expect([machine.cpu.state.rip, machine.cpu.state.gpr.get(4)]).to.deep.equal([
        TARGET,
        BigInt(AT.kernelStack + 12),
      ]);
      expect(machine.cpu.rflags).to.equal(CF | 2);
    });

    it('pops SS:ESP for an outer level', () => {
      const machine = protectedMachine();
      machine.fillStack([TARGET, SEL.userCode, 2, AT.userStack, SEL.userData], 32);
      interruptReturn(machine.cpu, 32);
      expect([machine.cpu.state.cpl, machine.cpu.state.gpr.get(4)]).to.deep.equal([3, BigInt(AT.userStack)]);
    });

    it('restores only SP of a 16-bit stack', () => {
      const machine = protectedMachine();
      machine.setDescriptor(0xd0, 0x0000_f300_0000_ffffn);
      machine.cpu.state.gpr.set(4, 0x1_8000n);
      machine.fillStack([TARGET, SEL.userCode, 2, 0x7777_1234, 0xd3], 32);
      interruptReturn(machine.cpu, 32);
      expect(machine.cpu.state.gpr.get(4)).to.equal(0x1_1234n);
    });

    it('lets each level change only its own flags', () => {
      const all = 0x3f_7fd5 & ~VM & ~NT;
      const cases: [string, 0 | 3, number, number, number][] = [
        ['CPL 0', 0, 0, 32, all | 2],
        ['CPL 0, 16 bits', 0, 0, 16, (all & 0xffff) | 2],
        ['CPL 3, IOPL 0', 3, 0, 32, (all & ~(IF | IOPL | VIF | VIP)) | 2],
        ['CPL 3, IOPL 3', 3, IOPL, 32, (all & ~(VIF | VIP)) | 2],
      ];
      for (const [name, cpl, before, width, after] of cases) {
        const machine = protectedMachine(cpl);
        machine.cpu.rflags = before | 2;
        machine.fillStack([TARGET, cpl === 0 ? SEL.code : SEL.userCode, all], width as 16 | 32);
        interruptReturn(machine.cpu, width);
        expect(machine.cpu.rflags, name).to.equal(after);
      }
      expect(AC & ID).to.equal(0);
    });

    it('enters virtual-8086 mode from level 0 if the image has VM', () => {
      const machine = protectedMachine();
      const { cpu } = machine;
      machine.fillStack([TARGET, 0x600, VM | IF | 2, 0x1000, 0x700, 0x111, 0x222, 0x333, 0x444], 32);
      interruptReturn(cpu, 32);
      const { es, cs, ss, ds, fs, gs } = cpu.segments;
      expect([es, cs, ss, ds, fs, gs].map(({ selector }) => selector)).to.deep.equal([
        0x111, 0x600, 0x700, 0x222, 0x333, 0x444,
      ]);
      expect([cpu.virtual8086, cpu.state.cpl, cs.base, ds.limit]).to.deep.equal([true, 3, 0x6000n, 0xffff]);
    });

    it('ignores VM at outer levels', () => {
      const machine = protectedMachine(3);
      machine.fillStack([TARGET, SEL.userCode, VM | 2], 32);
      interruptReturn(machine.cpu, 32);
      expect(machine.cpu.virtual8086).to.equal(false);
    });
  });

  describe('in virtual-8086 mode', () => {
    it('is #GP(0) with IOPL below 3', () => {
      const machine = v86Machine(0);
      expect(machine.faultOf(() => interruptReturn(machine.cpu, 16))).to.deep.equal({
        vector: VECTOR.GP,
        errorCode: 0,
      });
    });

    it('with IOPL 3 loads IF, but neither IOPL nor VM', () => {
      const machine = v86Machine(3);
      machine.fillStack([0x99, 0x500, CF], 16);
      interruptReturn(machine.cpu, 16);
      expect([machine.cpu.segments.cs.selector, machine.cpu.state.rip]).to.deep.equal([0x500, 0x99n]);
      expect(machine.cpu.rflags).to.equal(VM | IOPL | CF | 2);
    });

    it('with VME loads VIF in the place of IF', () => {
      const machine = v86Machine(0);
      machine.cpu.state.cr4 = 1n;
      machine.fillStack([0x99, 0x500, IF | CF], 16);
      interruptReturn(machine.cpu, 16);
      expect(machine.cpu.rflags).to.equal(VM | VIF | IF | CF | 2);
    });

    it('with VME is #GP(0) if it would enable interrupts while one is pending, or set TF', () => {
      for (const [flags, image] of [
        [VIP, IF],
        [0, TF],
      ] as const) {
        const machine = v86Machine(0);
        machine.cpu.state.cr4 = 1n;
        machine.cpu.rflags |= flags;
        machine.fillStack([0x99, 0x500, image], 16);
        expect(machine.faultOf(() => interruptReturn(machine.cpu, 16)).vector).to.equal(VECTOR.GP);
      }
    });
  });

  it('in real-address mode loads all flags but VM, VIF and VIP', () => {
    const machine = realMachine();
    machine.fillStack([0x99, 0x500, 0xffff_ffff], 32);
    interruptReturn(machine.cpu, 32);
    expect(machine.cpu.rflags).to.equal(0x25_7fd7);
    expect(machine.cpu.segments.cs.base).to.equal(0x5000n);
  });
});
