// One vCPU over a small RAM with hand-made descriptor tables, for tests of segmentation and event delivery.
import { expect } from 'chai';
import type { Instruction } from '../../src/decode/instruction.ts';
import { GuestException } from '../../src/mmu/exception.ts';
import { Mmu } from '../../src/mmu/mmu.ts';
import { PhysicalMemory } from '../../src/mmu/physical.ts';
import { GUEST_PAGE, stateMap, VCPU_AREA, WASM_PAGE } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';
import { Cpu } from '../../src/vcpu/cpu.ts';
import { Descriptor } from '../../src/vcpu/descriptors.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';
import { refreshMode } from '../../src/vcpu/mode.ts';
import { installSegment, installUnprotected } from '../../src/vcpu/segments.ts';
import { initializeBounds } from '../../src/vcpu/segments-bounds.ts';
import type { VcpuServices } from '../../src/vcpu/services.ts';

const RAM_BYTES = 0x20_0000;

/** Where things lie in RAM. */
export const AT = {
  gdt: 0x1000,
  idt: 0x2000,
  tss: 0x3000,
  otherTss: 0x3800,
  ldt: 0x4000,
  kernelStack: 0x8000,
  innerStack: 0x9000,
  istStack: 0xa008,
  userStack: 0xb000,
  tables: 0x10_0000,
  /** Not mapped in long mode, nor in paged protected mode. */
  unmapped: 0x40_0000,
} as const;

/** Selectors of the test GDT. */
export const SEL = {
  code: 0x08,
  data: 0x10,
  userCode: 0x18 | 3,
  userData: 0x20 | 3,
  tss: 0x28,
  code64: 0x38,
  userCode64: 0x40 | 3,
  conforming: 0x48,
  absentCode: 0x50,
  absentData: 0x58,
  gate: 0x60,
  otherTss: 0x70,
  ldt: 0x80,
  level1Code: 0x90 | 1,
  level1Data: 0x98 | 1,
  readOnly: 0xa0,
  executeOnly: 0xa8,
  expandDown: 0xb0,
  data16: 0xb8,
  taskGate: 0xc0,
  /** Beyond the limit of the GDT. */
  outside: 0x200,
} as const;

const GDT_LIMIT = 0xff;

/** A segment descriptor from its access byte and its flags nibble (G D/B L AVL): SDM 3A figure 3-8. */
export function segment(access: number, flags: number, base = 0n, limit = 0xfffffn): bigint {
  return (
    (limit & 0xffffn) |
    ((base & 0xff_ffffn) << 16n) |
    (BigInt(access) << 40n) |
    ((limit >> 16n) << 48n) |
    (BigInt(flags) << 52n) |
    ((base >> 24n) << 56n)
  );
}

/** The low 8 bytes of a gate: SDM 3A figure 6-2. @param extra IST or parameter count */
export function gate(selector: number, offset: bigint, access: number, extra = 0): bigint {
  return (
    (offset & 0xffffn) |
    (BigInt(selector) << 16n) |
    (BigInt(extra) << 32n) |
    (BigInt(access) << 40n) |
    (((offset >> 16n) & 0xffffn) << 48n)
  );
}

const FLAT32 = 0xc;
const CODE64 = 0xa;

const GDT: readonly (readonly [number, bigint])[] = [
  [SEL.code, segment(0x9b, FLAT32)],
  [SEL.data, segment(0x93, FLAT32)],
  [SEL.userCode, segment(0xfb, FLAT32)],
  [SEL.userData, segment(0xf3, FLAT32)],
  [SEL.tss, segment(0x8b, 0, BigInt(AT.tss), 0x7ffn)],
  [SEL.code64, segment(0x9b, CODE64)],
  [SEL.userCode64, segment(0xfb, CODE64)],
  [SEL.conforming, segment(0x9f, FLAT32)],
  [SEL.absentCode, segment(0x1b, FLAT32)],
  [SEL.absentData, segment(0x13, FLAT32)],
  [SEL.otherTss, segment(0x89, 0, BigInt(AT.otherTss), 0x67n)],
  [SEL.ldt, segment(0x82, 0, BigInt(AT.ldt), 0xffn)],
  [SEL.level1Code, segment(0xbb, FLAT32)],
  [SEL.level1Data, segment(0xb3, FLAT32)],
  [SEL.readOnly, segment(0x91, FLAT32)],
  [SEL.executeOnly, segment(0x99, FLAT32)],
  [SEL.expandDown, segment(0x97, 0x4, 0n, 0xfffn)],
  [SEL.data16, segment(0x93, 0, 0n, 0xffffn)],
  [SEL.taskGate, gate(SEL.otherTss, 0n, 0x85)],
];

const FEATURES = { model: 'intel', linearBits: 48, has: () => true } as unknown as CpuFeatures;

export class SystemMachine {
  readonly cpu: Cpu;
  readonly physical: PhysicalMemory;

  constructor(features: Partial<CpuFeatures> = {}) {
    const map = stateMap(1, RAM_BYTES);
    const memory = new StateMemory(new SharedArrayBuffer(map.wasmPages * WASM_PAGE));
    this.physical = new PhysicalMemory(new SharedArrayBuffer(RAM_BYTES), {
      readMmio: () => 0xffff_ffff,
      writeMmio: () => undefined,
    });
    const events = { codeChanged: () => undefined, watchedWrite: () => undefined };
    const { physical } = this;
    const sizes = { maxPhysicalBits: 39, gigabytePages: true };
    const mmu = new Mmu({ memory, map, vcpuIndex: 0, physical, events, ...sizes });
    this.cpu = new Cpu({
      memory,
      address: map.vcpu(0) + VCPU_AREA.context,
      mmu,
      ports: { readPort: () => 0xffff_ffff, writePort: () => undefined },
      features: { ...FEATURES, ...features },
      services: {} as VcpuServices,
    });
    for (const [selector, raw] of GDT) this.setDescriptor(selector, raw);
    const { state } = this.cpu;
    state.gdtrBase = BigInt(AT.gdt);
    state.gdtrLimit = GDT_LIMIT;
    this.cpu.rflags = 2;
  }

  setDescriptor(selector: number, raw: bigint): void {
    this.physical.write64(AT.gdt + (selector & 0xfff8), raw);
  }

  descriptor(selector: number): bigint {
    return this.physical.read64(AT.gdt + (selector & 0xfff8));
  }

  /** Puts a selector's descriptor into a segment register, unchecked. */
  force(name: 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'tr' | 'ldtr', selector: number): void {
    installSegment(this.cpu, name, selector, new Descriptor(selector, 0n, this.descriptor(selector)));
  }

  /** Runs at a privilege level with fitting CS and SS, and the other data segments alike. */
  runAt(cpl: 0 | 3, code: number, data: number): void {
    const { state } = this.cpu;
    state.cpl = cpl;
    this.force('cs', code);
    for (const name of ['ss', 'ds', 'es', 'fs', 'gs'] as const) this.force(name, data);
    state.gpr.set(4, BigInt(cpl === 0 ? AT.kernelStack : AT.userStack));
    state.rip = 0x5555n;
    this.cpu.instructionRip = 0x5555n;
    refreshMode(this.cpu);
  }

  /** The values at the top of the stack, `width` bits each. */
  stack(count: number, width: 16 | 32 | 64): bigint[] {
    const { cpu } = this;
    const top = cpu.segments.ss.base * BigInt(width === 64 ? 0 : 1) + (cpu.state.gpr.get(4) & cpu.state.stackMask);
    return Array.from({ length: count }, (_, index) => this.peek(Number(top) + (index * width) / 8, width));
  }

  peek(address: number, width: number): bigint {
    if (width === 64) return this.physical.read64(address);
    return BigInt(this.physical.read(address, (width / 8) as 2 | 4));
  }

  poke(address: number, width: number, value: bigint | number): void {
    if (width === 64) this.physical.write64(address, BigInt(value));
    else this.physical.write(address, (width / 8) as 1 | 2 | 4, Number(value));
  }

  /** Puts values at the stack pointer, lowest first. */
  fillStack(values: readonly (bigint | number)[], width: 16 | 32 | 64): void {
    const { state, segments } = this.cpu;
    const base = width === 64 ? 0n : segments.ss.base;
    const top = Number(base + (state.gpr.get(4) & state.stackMask));
    for (const [index, value] of values.entries()) this.poke(top + (index * width) / 8, width, value);
  }

  /** What an exception handler would be told: vector and error code; fails if none is thrown. */
  faultOf(action: () => void): { vector: number; errorCode: number | undefined } {
    try {
      action();
    } catch (error) {
      if (!(error instanceof GuestException)) throw error;
      return { vector: error.vector, errorCode: error.errorCode };
    }
    return expect.fail('no exception');
  }
}

const CR0_PE = 1n;
const CR0_PG = 1n << 31n;
const CR4_PAE = 1n << 5n;
const EFER_LONG = 0x501n;

/** Real-address mode with the vector table at 0 and a stack at 0x7000:0x1000. */
export function realMachine(): SystemMachine {
  const machine = new SystemMachine();
  const { cpu } = machine;
  for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const) {
    cpu.segments[name].limit = 0xffff;
    installUnprotected(cpu, name, name === 'ss' ? 0x700 : 0x100);
  }
  initializeBounds(cpu);
  cpu.state.idtrLimit = 0x3ff;
  cpu.state.gpr.set(4, 0x1000n);
  refreshMode(cpu);
  return machine;
}

/** Protected mode without paging: IDT of 8-byte gates, 32-bit TSS with a stack for level 0. */
export function protectedMachine(cpl: 0 | 3 = 0): SystemMachine {
  const machine = new SystemMachine();
  const { cpu } = machine;
  cpu.state.cr0 = CR0_PE;
  initializeBounds(cpu);
  cpu.state.idtrBase = BigInt(AT.idt);
  cpu.state.idtrLimit = 0x7ff;
  machine.force('tr', SEL.tss);
  machine.poke(AT.tss + 4, 32, AT.innerStack);
  machine.poke(AT.tss + 8, 32, SEL.data);
  machine.poke(AT.tss + 12, 32, AT.istStack);
  machine.poke(AT.tss + 16, 32, SEL.level1Data);
  machine.runAt(cpl, cpl === 0 ? SEL.code : SEL.userCode, cpl === 0 ? SEL.data : SEL.userData);
  return machine;
}

/** 64-bit mode; the first 2 MBytes are identity-mapped for all. */
export function longMachine(cpl: 0 | 3 = 0, features: Partial<CpuFeatures> = {}): SystemMachine {
  const machine = new SystemMachine(features);
  const { cpu } = machine;
  const { state } = cpu;
  machine.poke(AT.tables, 64, AT.tables + GUEST_PAGE + 7);
  machine.poke(AT.tables + GUEST_PAGE, 64, AT.tables + 2 * GUEST_PAGE + 7);
  machine.poke(AT.tables + 2 * GUEST_PAGE, 64, 0x87);
  state.cr0 = CR0_PE | CR0_PG;
  state.cr3 = BigInt(AT.tables);
  state.cr4 = CR4_PAE;
  state.efer = EFER_LONG;
  initializeBounds(cpu);
  state.idtrBase = BigInt(AT.idt);
  state.idtrLimit = 0xfff;
  machine.force('tr', SEL.tss);
  machine.poke(AT.tss + 4, 64, AT.innerStack);
  machine.poke(AT.tss + 36, 64, AT.istStack);
  machine.runAt(cpl, cpl === 0 ? SEL.code64 : SEL.userCode64, cpl === 0 ? SEL.data : SEL.userData);
  return machine;
}

/** Virtual-8086 mode under protectedMachine's tables. */
export function v86Machine(iopl = 0): SystemMachine {
  const machine = protectedMachine(3);
  const { cpu } = machine;
  cpu.rflags = 0x2_0202 | (iopl << 12);
  for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const) {
    installUnprotected(cpu, name, { es: 0x111, cs: 0x600, ss: 0x700, ds: 0x222, fs: 0x333, gs: 0x444 }[name]);
  }
  cpu.state.gpr.set(4, 0x1000n);
  cpu.state.rip = 0x55n;
  cpu.instructionRip = 0x55n;
  refreshMode(cpu);
  return machine;
}

/** An instruction as the decoder would give it to a helper. */
export function instruction(parts: Partial<Instruction>): Instruction {
  return {
    length: 2,
    operandSize: 32,
    addressSize: 32,
    lock: false,
    repeat: 0,
    rex: 0,
    operands: [],
    modrm: -1,
    dataSegment: 'ds',
    ...parts,
  } as Instruction;
}

/** Sets an IDT gate of 8 bytes. */
export function setGate8(machine: SystemMachine, vector: number, raw: bigint): void {
  machine.poke(AT.idt + vector * 8, 64, raw);
}

/** Sets an IDT gate of 16 bytes. */
export function setGate16(machine: SystemMachine, vector: number, raw: bigint, upper = 0n): void {
  machine.poke(AT.idt + vector * 16, 64, raw);
  machine.poke(AT.idt + vector * 16 + 8, 64, upper);
}

export function limitIdt(machine: SystemMachine, limit: number): void {
  machine.cpu.state.idtrLimit = limit;
}
