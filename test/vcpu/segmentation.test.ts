import { expect } from 'chai';
import type { DecodedOperand, MemoryOperand, RegisterOperand } from '../../src/decode/instruction.ts';
import { VECTOR } from '../../src/mmu/exception.ts';
import { BLOCKING, SEGMENT_INDEX, type SegmentName } from '../../src/state/context.ts';
import { segmentationHelpers } from '../../src/vcpu/helpers/segmentation.ts';
import { refreshMode } from '../../src/vcpu/mode.ts';
import { loadSegment } from '../../src/vcpu/segments.ts';
import {
  AT,
  instruction,
  longMachine,
  protectedMachine,
  realMachine,
  SEL,
  type SystemMachine,
  segment,
  v86Machine,
} from './system-machine.ts';

const RAX = 0;
const gpr = (index: number, width: number): RegisterOperand => ({
  kind: 'register',
  class: 'gpr',
  index,
  high: false,
  width,
});
const sreg = (name: SegmentName): RegisterOperand => ({ ...gpr(SEGMENT_INDEX[name], 16), class: 'segment' });
const memory = (displacement: number, segmentName: SegmentName = 'ds', width = 16): MemoryOperand => ({
  kind: 'memory',
  base: -1,
  index: -1,
  scale: 0,
  displacement: BigInt(displacement),
  segment: segmentName,
  width,
});

type Size = 16 | 32 | 64;

function perform(machine: SystemMachine, name: string, operands: DecodedOperand[], operandSize: Size = 32): void {
  const addressSize = machine.cpu.code64 ? 64 : 32;
  segmentationHelpers[name]!(machine.cpu, instruction({ operands, operandSize, addressSize }));
}

const allowed = (machine: SystemMachine, name: SegmentName, offset: bigint, bytes: number, write: boolean): boolean => {
  try {
    machine.cpu.linear(name, offset, bytes, write);
    return true;
  } catch {
    return false;
  }
};

describe('segment bounds (SDM 3A 5.3)', () => {
  it('end at the limit, in bytes or pages', () => {
    const machine = protectedMachine();
    machine.setDescriptor(0xd0, segment(0x93, 4, 0x1000n, 0x10n));
    machine.setDescriptor(0xd8, segment(0x93, 0xc, 0x1000n, 0x10n));
    loadSegment(machine.cpu, 'es', 0xd0);
    expect([allowed(machine, 'es', 0xdn, 4, true), allowed(machine, 'es', 0xen, 4, true)]).to.deep.equal([true, false]);
    expect(machine.cpu.linear('es', 4n, 4, false)).to.equal(0x1004n);
    loadSegment(machine.cpu, 'es', 0xd8);
    expect([allowed(machine, 'es', 0x10ffcn, 4, true), allowed(machine, 'es', 0x10ffdn, 4, true)]).to.deep.equal([
      true,
      false,
    ]);
  });

  it('begin above the limit of segments that expand down', () => {
    const machine = protectedMachine();
    loadSegment(machine.cpu, 'es', SEL.expandDown);
    const cases: [bigint, number, boolean][] = [
      [0xfffn, 1, false],
      [0x1000n, 4, true],
      [0xffff_fffcn, 4, true],
      [0xffff_fffdn, 4, false],
      [0n, 1, false],
    ];
    for (const [offset, bytes, expected] of cases) {
      expect(allowed(machine, 'es', offset, bytes, true), offset.toString(16)).to.equal(expected);
    }
  });

  it('tell reads from writes', () => {
    const machine = protectedMachine();
    loadSegment(machine.cpu, 'es', SEL.readOnly);
    expect([allowed(machine, 'es', 0n, 1, false), allowed(machine, 'es', 0n, 1, true)]).to.deep.equal([true, false]);
    loadSegment(machine.cpu, 'es', SEL.code);
    expect([allowed(machine, 'es', 0n, 1, false), allowed(machine, 'es', 0n, 1, true)]).to.deep.equal([true, false]);
    machine.force('cs', SEL.executeOnly);
    expect(allowed(machine, 'cs', 0n, 1, false)).to.equal(false);
  });

  it('allow nothing through a null selector, and raise #SS for SS', () => {
    const machine = protectedMachine();
    loadSegment(machine.cpu, 'es', 3);
    expect(allowed(machine, 'es', 0n, 1, false)).to.equal(false);
    machine.cpu.segments.ss.readSpan = 0n;
    expect(machine.faultOf(() => machine.cpu.linear('ss', 1n, 1, false))).to.deep.equal({
      vector: VECTOR.SS,
      errorCode: 0,
    });
  });

  it('lift the limits of FS and GS in 64-bit mode, and bring them back', () => {
    const machine = longMachine();
    machine.setDescriptor(0xd0, segment(0x93, 4, 0x1000n, 0x10n));
    loadSegment(machine.cpu, 'fs', 0xd0);
    expect(machine.cpu.linear('fs', 0x7fff_0000n, 8, true)).to.equal(0x7fff_1000n);
    machine.force('cs', SEL.code);
    refreshMode(machine.cpu);
    expect(allowed(machine, 'fs', 0x7fff_0000n, 8, true)).to.equal(false);
  });

  it('survive as "unreal" limits from protected to real-address mode', () => {
    const machine = protectedMachine();
    const { cpu } = machine;
    loadSegment(cpu, 'es', SEL.data);
    cpu.state.cr0 = 0n;
    refreshMode(cpu);
    loadSegment(cpu, 'es', 0x1000);
    expect(cpu.linear('es', 0x8000_0000n, 4, true)).to.equal(0x8001_0000n);
  });
});

describe('MOV to a segment register (SDM 2B "MOV")', () => {
  const faults: [string, SegmentName, number, number, number][] = [
    ['DS outside the GDT', 'ds', SEL.outside, VECTOR.GP, SEL.outside],
    ['DS from a missing LDT', 'ds', 4, VECTOR.GP, 4],
    ['DS with execute-only code', 'ds', SEL.executeOnly, VECTOR.GP, SEL.executeOnly],
    ['DS with a TSS', 'ds', SEL.tss, VECTOR.GP, SEL.tss],
    ['DS with an RPL above DPL', 'ds', SEL.data | 3, VECTOR.GP, SEL.data],
    ['an absent DS', 'ds', SEL.absentData, VECTOR.NP, SEL.absentData],
    ['a null SS', 'ss', 0, VECTOR.GP, 0],
    ['SS with an RPL above CPL', 'ss', SEL.data | 3, VECTOR.GP, SEL.data],
    ['SS of an outer level', 'ss', SEL.userData & ~3, VECTOR.GP, SEL.userData & ~3],
    ['a read-only SS', 'ss', SEL.readOnly, VECTOR.GP, SEL.readOnly],
    ['an absent SS', 'ss', SEL.absentData, VECTOR.SS, SEL.absentData],
  ];
  for (const [title, name, selector, vector, errorCode] of faults) {
    it(`${title} is exception ${vector}`, () => {
      const machine = protectedMachine();
      machine.cpu.state.gpr.set(RAX, BigInt(selector));
      const fault = machine.faultOf(() => perform(machine, 'movToSegment', [sreg(name), gpr(RAX, 16)]));
      expect(fault).to.deep.equal({ vector, errorCode });
    });
  }

  it('refuses CS and the two encodings without a register', () => {
    const machine = protectedMachine();
    for (const index of [1, 6, 7]) {
      const operand = { ...gpr(index, 16), class: 'segment' } as const;
      expect(machine.faultOf(() => perform(machine, 'movToSegment', [operand, gpr(RAX, 16)])).vector).to.equal(
        VECTOR.UD,
      );
    }
  });

  it('sets the accessed bit, and opens a shadow for SS only', () => {
    const machine = protectedMachine();
    machine.setDescriptor(SEL.data, machine.descriptor(SEL.data) & ~(1n << 40n));
    machine.cpu.state.gpr.set(RAX, BigInt(SEL.data));
    perform(machine, 'movToSegment', [sreg('ds'), gpr(RAX, 16)]);
    expect(machine.cpu.state.interruptibility).to.equal(0);
    expect((machine.descriptor(SEL.data) >> 40n) & 1n).to.equal(1n);
    perform(machine, 'movToSegment', [sreg('ss'), gpr(RAX, 16)]);
    expect(machine.cpu.state.interruptibility).to.equal(BLOCKING.movSs);
  });

  it('takes a null SS in 64-bit mode if its RPL is CPL', () => {
    const machine = longMachine();
    machine.cpu.state.gpr.set(RAX, 0n);
    perform(machine, 'movToSegment', [sreg('ss'), gpr(RAX, 16)]);
    expect(machine.cpu.segments.ss.selector).to.equal(0);
    machine.cpu.state.gpr.set(RAX, 3n);
    const fault = machine.faultOf(() => perform(machine, 'movToSegment', [sreg('ss'), gpr(RAX, 16)]));
    expect(fault).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
  });

  it('reads the LDT', () => {
    const machine = protectedMachine();
    machine.poke(AT.ldt + 8, 64, segment(0x93, 0xc, 0x7000n));
    machine.cpu.state.gpr.set(RAX, BigInt(SEL.ldt));
    perform(machine, 'lldt', [gpr(RAX, 16)]);
    loadSegment(machine.cpu, 'es', 0x0c);
    expect(machine.cpu.segments.es.base).to.equal(0x7000n);
    expect(machine.faultOf(() => loadSegment(machine.cpu, 'es', 0x104))).to.deep.equal({
      vector: VECTOR.GP,
      errorCode: 0x104,
    });
  });

  it('in virtual-8086 mode makes 64-KByte segments', () => {
    const machine = v86Machine();
    loadSegment(machine.cpu, 'ds', 0x1234);
    expect([machine.cpu.segments.ds.base, machine.cpu.segments.ds.limit]).to.deep.equal([0x12340n, 0xffff]);
  });
});

describe('LES and its like', () => {
  it('load offset and selector together, or nothing', () => {
    const machine = protectedMachine();
    machine.poke(0x6000, 32, 0x1234_5678);
    machine.poke(0x6004, 16, SEL.userData);
    perform(machine, 'les', [gpr(RAX, 32), memory(0x6000)]);
    expect([machine.cpu.gpr(RAX), machine.cpu.segments.es.selector]).to.deep.equal([0x1234_5678n, SEL.userData]);
    machine.poke(0x6000, 32, 0);
    machine.poke(0x6004, 16, SEL.absentData);
    expect(machine.faultOf(() => perform(machine, 'les', [gpr(RAX, 32), memory(0x6000)])).vector).to.equal(VECTOR.NP);
    expect(machine.cpu.gpr(RAX)).to.equal(0x1234_5678n);
  });
});

describe('descriptor-table registers', () => {
  it('are stored and loaded with 10 bytes in 64-bit mode', () => {
    const machine = longMachine();
    perform(machine, 'sgdt', [memory(0x6000, 'flat')], 64);
    expect([machine.peek(0x6000, 16), machine.peek(0x6002, 64)]).to.deep.equal([0xffn, BigInt(AT.gdt)]);
    machine.poke(0x6002, 64, 0xffff_8000_0000_0000n);
    perform(machine, 'lidt', [memory(0x6000, 'flat')], 64);
    expect([machine.cpu.state.idtrBase, machine.cpu.state.idtrLimit]).to.deep.equal([0xffff_8000_0000_0000n, 0xff]);
    machine.poke(0x6002, 64, 0x8000_0000_0000n);
    expect(machine.faultOf(() => perform(machine, 'lgdt', [memory(0x6000, 'flat')], 64)).vector).to.equal(VECTOR.GP);
  });

  it('take bases as wide as the processor has them, whatever CR4.LA57 says (SDM 1 3.3.7.1)', () => {
    const wide = 0xff80_0000_0000_0000n;
    for (const linearBits of [48, 57] as const) {
      const machine = longMachine(0, { linearBits });
      machine.poke(0x6002, 64, wide);
      machine.setDescriptor(SEL.otherTss + 8, wide >> 32n);
      machine.cpu.state.gpr.set(RAX, BigInt(SEL.otherTss));
      const loads = [
        () => perform(machine, 'lgdt', [memory(0x6000, 'flat')], 64),
        () => perform(machine, 'ltr', [gpr(RAX, 16)]),
      ];
      // LTR first: LGDT takes its table away.
      for (const load of loads.reverse()) {
        if (linearBits === 57) load();
        else expect(machine.faultOf(load).vector).to.equal(VECTOR.GP);
      }
    }
  });

  it('lose the top byte of their base with 16-bit operands', () => {
    const machine = realMachine();
    machine.poke(0x1600, 16, 0x3ff);
    machine.poke(0x1602, 32, 0x1234_5678);
    perform(machine, 'lidt', [memory(0x600)], 16);
    expect(machine.cpu.state.idtrBase).to.equal(0x34_5678n);
    perform(machine, 'lidt', [memory(0x600)], 32);
    expect(machine.cpu.state.idtrBase).to.equal(0x1234_5678n);
  });

  it('need CPL 0 to be loaded, and with CR4.UMIP to be stored', () => {
    const machine = longMachine(3);
    const stores = ['sgdt', 'sidt', 'sldt', 'str'] as const;
    for (const name of stores) perform(machine, name, [memory(0x6000, 'flat')], 64);
    machine.cpu.state.cr4 |= 1n << 11n;
    for (const name of [...stores, 'lgdt', 'lidt', 'lldt', 'ltr']) {
      const fault = machine.faultOf(() => perform(machine, name, [memory(0x6000, 'flat')], 64));
      expect(fault, name).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
    }
  });

  it('LTR marks the TSS busy, and refuses a busy one', () => {
    const machine = protectedMachine();
    machine.cpu.state.gpr.set(RAX, BigInt(SEL.otherTss));
    perform(machine, 'ltr', [gpr(RAX, 16)]);
    expect((machine.descriptor(SEL.otherTss) >> 41n) & 1n).to.equal(1n);
    expect(machine.cpu.segments.tr.attributes & 15).to.equal(11);
    const fault = machine.faultOf(() => perform(machine, 'ltr', [gpr(RAX, 16)]));
    expect(fault).to.deep.equal({ vector: VECTOR.GP, errorCode: SEL.otherTss });
  });

  it('LTR takes the upper half of a base in long mode', () => {
    const machine = longMachine();
    machine.setDescriptor(SEL.otherTss + 8, 0xffff_8880n);
    machine.cpu.state.gpr.set(RAX, BigInt(SEL.otherTss));
    perform(machine, 'ltr', [gpr(RAX, 16)]);
    expect(machine.cpu.segments.tr.base).to.equal(0xffff_8880_0000_0000n + BigInt(AT.otherTss));
  });

  const faults: [string, string, number, number, number][] = [
    ['LLDT of an LDT in the LDT', 'lldt', SEL.ldt | 4, VECTOR.GP, SEL.ldt | 4],
    ['LLDT of data', 'lldt', SEL.data, VECTOR.GP, SEL.data],
    ['LTR of a null selector', 'ltr', 0, VECTOR.GP, 0],
    ['LTR of an LDT', 'ltr', SEL.ldt, VECTOR.GP, SEL.ldt],
  ];
  for (const [title, name, selector, vector, errorCode] of faults) {
    it(`${title} is exception ${vector}`, () => {
      const machine = protectedMachine();
      machine.cpu.state.gpr.set(RAX, BigInt(selector));
      expect(machine.faultOf(() => perform(machine, name, [gpr(RAX, 16)]))).to.deep.equal({ vector, errorCode });
    });
  }
});

describe('LAR, LSL, VERR, VERW and ARPL (SDM 3A 5.10)', () => {
  const cases: [number, number | null, number | null, boolean, boolean][] = [
    // selector, LAR, LSL, VERR, VERW
    [SEL.data, 0x00cf_9300, 0xffff_ffff, true, true],
    [SEL.code, 0x00cf_9b00, 0xffff_ffff, true, false],
    [SEL.executeOnly, 0x00cf_9900, 0xffff_ffff, false, false],
    [SEL.readOnly, 0x00cf_9100, 0xffff_ffff, true, false],
    [SEL.otherTss, 0x0000_8900, 0x67, false, false],
    [SEL.taskGate, 0x0000_8500, null, false, false],
    [SEL.outside, null, null, false, false],
    [0, null, null, false, false],
    [SEL.data | 3, null, null, false, false],
  ];
  for (const [selector, rights, limit, readable, writable] of cases) {
    it(`selector 0x${selector.toString(16)}`, () => {
      const machine = protectedMachine();
      const { cpu } = machine;
      const result = (name: string): number | null => {
        cpu.state.gpr.set(RAX, BigInt(selector));
        perform(machine, name, [gpr(2, 32), gpr(RAX, 16)]);
        return cpu.rflags & 0x40 ? Number(cpu.gpr(2, 32)) : null;
      };
      const mask = 0x00f0_ff00;
      expect([result('lar'), result('lsl')]).to.deep.equal([rights === null ? null : rights & mask, limit]);
      const verify = (name: string): boolean => {
        perform(machine, name, [gpr(RAX, 16)]);
        return (cpu.rflags & 0x40) !== 0;
      };
      expect([verify('verr'), verify('verw')]).to.deep.equal([readable, writable]);
    });
  }

  it('LAR knows neither 16-bit TSSs nor task gates in long mode', () => {
    const machine = longMachine();
    machine.cpu.state.gpr.set(RAX, BigInt(SEL.taskGate));
    perform(machine, 'lar', [gpr(2, 32), gpr(RAX, 16)]);
    expect(machine.cpu.rflags & 0x40).to.equal(0);
  });

  it('ARPL raises an RPL', () => {
    const machine = protectedMachine();
    machine.cpu.state.gpr.set(RAX, 0x10n);
    machine.cpu.state.gpr.set(2, 0x1bn);
    perform(machine, 'arpl', [gpr(RAX, 16), gpr(2, 16)]);
    expect([machine.cpu.gpr(RAX), machine.cpu.rflags & 0x40]).to.deep.equal([0x13n, 0x40]);
    perform(machine, 'arpl', [gpr(RAX, 16), gpr(2, 16)]);
    expect(machine.cpu.rflags & 0x40).to.equal(0);
  });

  it('are all undefined in real-address and virtual-8086 mode', () => {
    for (const make of [realMachine, v86Machine]) {
      for (const name of ['lar', 'lsl', 'verr', 'verw', 'arpl', 'sldt', 'str', 'lldt', 'ltr']) {
        const machine = make();
        const fault = machine.faultOf(() => perform(machine, name, [gpr(RAX, 16), gpr(2, 16)]));
        expect(fault.vector, name).to.equal(VECTOR.UD);
      }
    }
  });
});
