import type { DecodedOperand, MemoryOperand } from '../decode/instruction.ts';
import type { PortBus } from '../mmu/bus.ts';
import { GuestException, generalProtection, VECTOR } from '../mmu/exception.ts';
import type { Mmu } from '../mmu/mmu.ts';
import {
  CONTEXT,
  ContextView,
  gprOffset,
  mmxOffset,
  type SegmentName,
  type SegmentView,
  segmentViews,
  xmmOffset,
} from '../state/context.ts';
import type { StateMemory } from '../state/struct.ts';
import { noteDataAccess } from './debug.ts';
import type { CpuFeatures } from './features.ts';
import { readFlags, writeFlags } from './flags.ts';
import type { VcpuServices } from './services.ts';

const RIP_BASE = 16;

/**
 * One vCPU as TypeScript sees it: views of its context, and access to its memory and ports. It owns nothing that a
 * guest could observe: every word lies in `state`.
 *
 * While a helper runs, `state.rip` is already the next instruction's address, and `instructionRip` is the current
 * one's. A helper that throws a GuestException must have changed nothing that is not restartable.
 */
export class Cpu {
  readonly memory: StateMemory;
  /** The context's address in `state`. */
  readonly address: number;
  readonly state: ContextView;
  readonly segments: Readonly<Record<SegmentName, SegmentView>>;
  readonly mmu: Mmu;
  readonly ports: PortBus;
  readonly features: CpuFeatures;
  readonly services: VcpuServices;
  /** Where the instruction that a helper performs begins. */
  get instructionRip(): bigint {
    return (BigInt(this.#instructionHigh) << 32n) | BigInt(this.#instructionLow);
  }

  set instructionRip(rip: bigint) {
    this.#instructionLow = Number(rip & 0xffff_ffffn);
    this.#instructionHigh = Number(rip >> 32n);
  }

  /** Sets instructionRip by its halves, unsigned. */
  beginInstruction(low: number, high: number): void {
    this.#instructionLow = low;
    this.#instructionHigh = high;
  }

  #instructionLow = 0;
  #instructionHigh = 0;

  constructor(parts: {
    memory: StateMemory;
    address: number;
    mmu: Mmu;
    ports: PortBus;
    features: CpuFeatures;
    services: VcpuServices;
  }) {
    this.memory = parts.memory;
    this.address = parts.address;
    this.state = new ContextView(parts.memory, parts.address);
    this.segments = segmentViews(parts.memory, parts.address);
    this.mmu = parts.mmu;
    this.ports = parts.ports;
    this.features = parts.features;
    this.services = parts.services;
    this.mmu.watchData((linear, bytes, write) => noteDataAccess(this, linear, bytes, write));
  }

  /** RFLAGS, all of it (bits 21:0 fit a number). */
  get rflags(): number {
    return readFlags(this.state);
  }

  set rflags(value: number) {
    writeFlags(this.state, value);
  }

  /** Bits 31:0 of a control register: what is looked at often should allocate no bigint. */
  lowHalf(register: 'cr0' | 'cr4' | 'efer'): number {
    return this.memory.u32[(this.address + CONTEXT.offset[register]) >>> 2]!;
  }

  get longMode(): boolean {
    return (this.lowHalf('efer') & 0x400) !== 0;
  }

  /** 64-bit mode: long mode with CS.L. */
  get code64(): boolean {
    return this.longMode && (this.segments.cs.attributes & 0x2000) !== 0;
  }

  get protectedMode(): boolean {
    return (this.lowHalf('cr0') & 1) !== 0;
  }

  get virtual8086(): boolean {
    return (this.state.systemFlags & 0x20000) !== 0;
  }

  /** A general register's low `width` bits. `high`: AH CH DH BH. */
  gpr(index: number, width = 64, high = false): bigint {
    const value = this.state.gpr.get(index);
    return BigInt.asUintN(width, high ? value >> 8n : value);
  }

  /** Bits 31:0 of a general register. */
  gpr32(index: number): number {
    return this.memory.u32[(this.address + gprOffset(index)) >>> 2]!;
  }

  /** Writes bits 31:0 of a general register, and clears the upper half. */
  setGpr32(index: number, value: number): void {
    const at = (this.address + gprOffset(index)) >>> 2;
    this.memory.u32[at] = value;
    this.memory.u32[at + 1] = 0;
  }

  /** Writes as instructions do: 32 bits clear the upper half, 8 and 16 keep the rest. */
  setGpr(index: number, width: number, value: bigint, high = false): void {
    const at = this.address + gprOffset(index);
    if (width === 64) this.memory.u64[at >>> 3] = value;
    else if (width === 32) this.memory.u64[at >>> 3] = BigInt.asUintN(32, value);
    else if (width === 16) this.memory.u16[at >>> 1] = Number(BigInt.asUintN(16, value));
    else this.memory.u8[at + (high ? 1 : 0)] = Number(BigInt.asUintN(8, value));
  }

  /** The bytes of an XMM register: a live view. */
  xmm(index: number): Uint8Array {
    const at = this.address + xmmOffset(index);
    return this.memory.u8.subarray(at, at + 16);
  }

  /** Index into memory.u64 of an XMM register's low half. */
  xmmIndex = (index: number): number => (this.address + xmmOffset(index)) >>> 3;
  /** Index into memory.u64 of an MMX register (physical register number). */
  mmxIndex = (index: number): number => (this.address + mmxOffset(index)) >>> 3;

  /** The offset that a memory operand names, truncated to the address size. */
  effectiveAddress(operand: MemoryOperand, addressSize: number): bigint {
    const base = operand.base < 0 ? 0n : operand.base === RIP_BASE ? this.state.rip : this.state.gpr.get(operand.base);
    const index = operand.index < 0 ? 0n : this.state.gpr.get(operand.index) << BigInt(operand.scale);
    return BigInt.asUintN(addressSize, base + index + operand.displacement);
  }

  /** Checks a segment access (SDM 3A 5.3-5.4) and returns its linear address. Faults: #GP(0), #SS(0) for SS. */
  linear(segment: SegmentName, offset: bigint, bytes: number, write: boolean): bigint {
    const view = this.segments[segment];
    const low = write ? view.writeLow : view.readLow;
    const span = write ? view.writeSpan : view.readSpan;
    const from = BigInt.asUintN(64, offset - low);
    // The sum wraps at the top of a flat segment, which spans 2^64 bytes and allows that.
    if (from > span || BigInt.asUintN(64, from + BigInt(bytes - 1)) > span) {
      throw new GuestException(isStack(segment) ? VECTOR.SS : VECTOR.GP, 0);
    }
    return (view.base + offset) & this.state.linearMask;
  }

  /** Reads memory in a segment with the privilege of the current code. Bits: 8, 16, 32, 64. */
  read(segment: SegmentName, offset: bigint, width: number): bigint {
    return this.mmu.read(this.linear(segment, offset, width / 8, false), width, isStack(segment));
  }

  write(segment: SegmentName, offset: bigint, width: number, value: bigint): void {
    this.mmu.write(this.linear(segment, offset, width / 8, true), width, value, isStack(segment));
  }

  /** An operand's value, zero-extended from its width; immediates and displacements as two's complement of 64 bits. */
  load(operand: DecodedOperand, addressSize: number): bigint {
    switch (operand.kind) {
      case 'register':
        return this.#loadRegister(operand.class, operand.index, operand.width, operand.high);
      case 'memory':
        return this.read(operand.segment, this.effectiveAddress(operand, addressSize), operand.width);
      case 'far':
        return BigInt(operand.offset);
      default:
        return BigInt.asUintN(64, operand.value);
    }
  }

  #loadRegister(registerClass: string, index: number, width: number, high: boolean): bigint {
    if (registerClass === 'gpr') return this.gpr(index, width, high);
    if (registerClass === 'mmx') return this.memory.u64[this.mmxIndex(index)]!;
    throw new TypeError(`load of a ${registerClass} register`);
  }

  /** Writes a general register, an MMX register or memory. */
  store(operand: DecodedOperand, addressSize: number, value: bigint): void {
    if (operand.kind === 'memory') {
      this.write(operand.segment, this.effectiveAddress(operand, addressSize), operand.width, value);
    } else if (operand.kind === 'register' && operand.class === 'gpr') {
      this.setGpr(operand.index, operand.width, value, operand.high);
    } else if (operand.kind === 'register' && operand.class === 'mmx') {
      this.memory.u64[this.mmxIndex(operand.index)] = value;
    } else throw new TypeError(`store to a ${operand.kind} operand`);
  }

  /** SS, or in 64-bit mode its flat stand-in. */
  get stackSegment(): SegmentName {
    return this.code64 ? 'flatStack' : 'ss';
  }

  /** Pushes `width` bits (16, 32, 64). RSP changes after the store succeeded. */
  push(value: bigint, width: number): void {
    const { state } = this;
    const rsp = state.gpr.get(4);
    const top = (rsp - BigInt(width / 8)) & state.stackMask;
    this.writeStack(top, width, BigInt.asUintN(width, value));
    state.gpr.set(4, (rsp & ~state.stackMask) | top);
  }

  /** Pops; RSP changes after the load succeeded. */
  pop(width: number): bigint {
    const { state } = this;
    const rsp = state.gpr.get(4);
    const value = this.readStack(rsp & state.stackMask, width);
    state.gpr.set(4, (rsp & ~state.stackMask) | ((rsp + BigInt(width / 8)) & state.stackMask));
    return value;
  }

  /** Stack memory at an offset; limit faults are #SS. */
  readStack(offset: bigint, width: number): bigint {
    const segment = this.stackSegment;
    return this.mmu.read(this.linear(segment, offset, width / 8, false), width, true);
  }

  writeStack(offset: bigint, width: number, value: bigint): void {
    const segment = this.stackSegment;
    this.mmu.write(this.linear(segment, offset, width / 8, true), width, value, true);
  }

  /** Most system instructions: #GP(0) unless CPL is 0. */
  requirePrivilege(): void {
    if (this.state.cpl !== 0) throw generalProtection();
  }
}

const isStack = (segment: SegmentName): boolean => segment === 'ss' || segment === 'flatStack';
