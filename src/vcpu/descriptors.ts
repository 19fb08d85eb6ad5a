// Segment and gate descriptors as they lie in the GDT, the LDT and the IDT: SDM 3A 3.4.5, 3.5, 6.11, 6.14.1.
import { GuestException, VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';

/** Types of system descriptors: SDM 3A 3.5, table 3-2. In long mode only ldt, tss, tssBusy and 32-bit gates exist. */
export const SYSTEM_TYPE = {
  tss16: 1,
  ldt: 2,
  tss16Busy: 3,
  callGate16: 4,
  taskGate: 5,
  interruptGate16: 6,
  trapGate16: 7,
  tss: 9,
  tssBusy: 11,
  callGate: 12,
  interruptGate: 14,
  trapGate: 15,
} as const;

/** Bits of a segment's attributes, in the VMX access-rights format: SDM 3C 24.4.1, table 24-2. */
export const ATTRIBUTE = {
  accessed: 1,
  /** Readable for code, writable for data. */
  readWrite: 1 << 1,
  /** Conforming for code, expand-down for data. */
  conforming: 1 << 2,
  code: 1 << 3,
  notSystem: 1 << 4,
  dplShift: 5,
  present: 1 << 7,
  long: 1 << 13,
  big: 1 << 14,
  granularity: 1 << 15,
  unusable: 1 << 16,
} as const;

const BUSY = 1 << 9;
const ACCESSED = 1 << 8;

/** RPL bits aside, does the selector name entry 0 of the GDT? */
export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;
/** What an error code shows of a selector: SDM 3A 6.13. */
export const selectorError = (selector: number): number => selector & 0xfffc;

/** One descriptor, raw, with its fields under their manual names. */
export class Descriptor {
  readonly selector: number;
  /** The linear address that it was read from. */
  readonly address: bigint;
  readonly low: number;
  readonly high: number;
  /** Bits 95:64 of a 16-byte descriptor, else 0. */
  readonly upper: number;

  constructor(selector: number, address: bigint, raw: bigint, upper = 0) {
    this.selector = selector;
    this.address = address;
    this.low = Number(raw & 0xffff_ffffn);
    this.high = Number(raw >> 32n);
    this.upper = upper;
  }

  get type(): number {
    return (this.high >>> 8) & 15;
  }

  /** S = 0: a gate, a TSS or an LDT. */
  get isSystem(): boolean {
    return (this.high & 0x1000) === 0;
  }

  get dpl(): number {
    return (this.high >>> 13) & 3;
  }

  get present(): boolean {
    return (this.high & 0x8000) !== 0;
  }

  get isCode(): boolean {
    return (this.high & 0x1800) === 0x1800;
  }

  get isConforming(): boolean {
    return (this.high & 0x1c00) === 0x1c00;
  }

  get isWritableData(): boolean {
    return (this.high & 0x1a00) === 0x1200;
  }

  /** A data segment, or a code segment that may be read. */
  get isReadable(): boolean {
    return (this.high & 0x1800) === 0x1000 || (this.high & 0x1a00) === 0x1a00;
  }

  /** L of a code segment. */
  get long(): boolean {
    return (this.high & 0x20_0000) !== 0;
  }

  /** D or B. */
  get big(): boolean {
    return (this.high & 0x40_0000) !== 0;
  }

  get base(): bigint {
    const low = ((this.low >>> 16) | ((this.high & 0xff) << 16) | (this.high & 0xff00_0000)) >>> 0;
    return this.upper === 0 ? BigInt(low) : (BigInt(this.upper) << 32n) | BigInt(low);
  }

  /** In bytes, scaled by G. */
  get limit(): number {
    const raw = (this.low & 0xffff) | (this.high & 0xf_0000);
    return this.high & 0x80_0000 ? ((raw << 12) | 0xfff) >>> 0 : raw;
  }

  /** In the format of SegmentView.attributes. */
  get attributes(): number {
    return (this.high >>> 8) & 0xf0ff;
  }

  get gateSelector(): number {
    return this.low >>> 16;
  }

  /** A gate's entry point, all 64 bits of it. */
  get gateOffset(): bigint {
    const low = ((this.high & 0xffff_0000) | (this.low & 0xffff)) >>> 0;
    return this.upper === 0 ? BigInt(low) : (BigInt(this.upper) << 32n) | BigInt(low);
  }

  /** Parameters that a call gate copies, in units of its size. */
  get parameterCount(): number {
    return this.high & 31;
  }

  /** Interrupt-stack-table index of a long-mode interrupt gate, or 0. */
  get ist(): number {
    return this.high & 7;
  }

  /** Gates of 80286 format have a 16-bit offset, whatever their upper bytes say. */
  get isGate16(): boolean {
    return (this.type & 8) === 0;
  }
}

/** A linear address in a system table: 64 bits in long mode, compatibility mode included, else 32. */
export function systemAddress(cpu: Cpu, base: bigint, offset: number): bigint {
  return BigInt.asUintN(cpu.longMode ? 64 : 32, base + BigInt(offset));
}

const CR4_LA57 = 0x1000n;

/** A canonical address sign-extends bit 47, or bit 56 with CR4.LA57: SDM 1 3.3.7.1. */
export function isCanonical(cpu: Cpu, address: bigint): boolean {
  if ((cpu.state.cr4 & CR4_LA57) !== 0n) return address >> 56n === 0n || address >> 56n === 0xffn;
  return address >> 47n === 0n || address >> 47n === 0x1_ffffn;
}

/**
 * Whether a register of the system takes a linear address: LGDT, LIDT, LLDT, LTR and MSRs check against the widest
 * paging that the processor has, whatever CR4.LA57 says now (SDM 1 3.3.7.1).
 */
export function isCanonicalBase(cpu: Cpu, address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(cpu.features.linearBits, address)) === address;
}

const table = (cpu: Cpu, selector: number): { base: bigint; limit: number } => {
  if ((selector & 4) === 0) return { base: cpu.state.gdtrBase, limit: cpu.state.gdtrLimit };
  const { ldtr } = cpu.segments;
  return { base: ldtr.base, limit: ldtr.attributes & ATTRIBUTE.unusable ? -1 : ldtr.limit };
};

/**
 * The descriptor that a selector names, or undefined if that lies outside its table. A null selector gives the GDT's
 * entry 0: callers check for it first.
 * @throws GuestException #PF
 */
export function findDescriptor(cpu: Cpu, selector: number): Descriptor | undefined {
  const { base, limit } = table(cpu, selector);
  const offset = selector & 0xfff8;
  if (offset + 7 > limit) return undefined;
  const address = systemAddress(cpu, base, offset);
  return new Descriptor(selector, address, cpu.mmu.readSystem(address, 64));
}

/** As findDescriptor, with an exception instead of undefined: `vector` with the selector as error code. */
export function readDescriptor(cpu: Cpu, selector: number, vector: number = VECTOR.GP): Descriptor {
  const descriptor = findDescriptor(cpu, selector);
  if (!descriptor) throw selectorFault(vector, selector);
  return descriptor;
}

/**
 * Completes a system descriptor: in long mode those have 16 bytes, whose second type field must be 0 (SDM 3A 3.5,
 * 5.8.3.1). Elsewhere it is returned as it is.
 * @throws GuestException with the given vector and the selector as error code
 */
export function completeDescriptor(cpu: Cpu, descriptor: Descriptor, vector: number = VECTOR.GP): Descriptor {
  if (!cpu.longMode) return descriptor;
  const { selector } = descriptor;
  if ((selector & 0xfff8) + 15 > table(cpu, selector).limit) throw selectorFault(vector, selector);
  const second = cpu.mmu.readSystem(BigInt.asUintN(64, descriptor.address + 8n), 64);
  if ((second >> 40n) & 31n) throw selectorFault(vector, selector);
  const first = (BigInt(descriptor.high) << 32n) | BigInt(descriptor.low);
  return new Descriptor(selector, descriptor.address, first, Number(second & 0xffff_ffffn));
}

/** A fault whose error code is a selector: SDM 3A 6.13. */
export const selectorFault = (vector: number, selector: number): GuestException =>
  new GuestException(vector, selectorError(selector));

/** Sets the accessed bit of a code or data descriptor in memory, if it is clear: SDM 3A 3.4.5.1. */
export function markAccessed(cpu: Cpu, descriptor: Descriptor): void {
  if ((descriptor.high & ACCESSED) === 0) changeType(cpu, descriptor, 0, ACCESSED);
}

/** Sets or clears the busy bit of a TSS descriptor in memory: SDM 3A 7.2.2. */
export function markBusy(cpu: Cpu, descriptor: Descriptor, busy: boolean): void {
  changeType(cpu, descriptor, busy ? 0 : BUSY, busy ? BUSY : 0);
}

/** A locked read-modify-write of a descriptor's second dword: SDM 3A 8.1.2.1. */
function changeType(cpu: Cpu, descriptor: Descriptor, clear: number, set: number): void {
  const address = BigInt.asUintN(cpu.longMode ? 64 : 32, descriptor.address + 4n);
  for (;;) {
    const old = cpu.mmu.readSystem(address, 32);
    const value = BigInt((Number(old) & ~clear) | set) & 0xffff_ffffn;
    if (cpu.mmu.compareExchangeSystem(address, 32, old, value) === old) return;
  }
}
