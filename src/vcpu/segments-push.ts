// Pushes onto the current stack or onto the one of an inner privilege level, before anything is committed.
import { ACCESS, PRIVILEGE, type Privilege } from '../mmu/access.ts';
import { VECTOR } from '../mmu/exception.ts';
import { GUEST_PAGE } from '../state/map.ts';
import type { Cpu } from './cpu.ts';
import { ATTRIBUTE, type Descriptor, isCanonical, selectorFault } from './descriptors.ts';
import { type Bounds, limitBounds } from './segments-bounds.ts';

/** A stack in the making: memory is written, RSP is not. */
export interface PushStack {
  /** Pushes the low `width` bits (16, 32 or 64) of a value. @throws GuestException #SS, #PF */
  push(value: bigint, width: number): void;
  /** What RSP becomes. */
  readonly pointer: bigint;
}

const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** The bytes of a stack element of `width` bits, without making a bigint anew. */
export const stackBytes = (width: number): bigint => (width === 64 ? 8n : width === 32 ? 4n : 2n);

/** The stack that SS:rSP names, with the privilege of the current code. Limit faults are #SS(0). */
export class CurrentStack implements PushStack {
  readonly #cpu: Cpu;
  pointer: bigint;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.pointer = cpu.state.gpr.get(4);
  }

  push(value: bigint, width: number): void {
    const { stackMask } = this.#cpu.state;
    const top = (this.pointer - stackBytes(width)) & stackMask;
    this.#cpu.writeStack(top, width, BigInt.asUintN(width, value));
    this.pointer = (this.pointer & ~stackMask) | top;
  }
}

/** A stack of 64-bit mode, written as supervisor if it is one of an `inner` level. */
export class LongStack implements PushStack {
  readonly #cpu: Cpu;
  readonly #privilege: Privilege;
  pointer: bigint;

  constructor(cpu: Cpu, pointer: bigint, inner: boolean) {
    if (!isCanonical(cpu, pointer)) throw selectorFault(VECTOR.SS, 0);
    this.#cpu = cpu;
    this.#privilege = inner ? PRIVILEGE.supervisor : PRIVILEGE.current;
    this.pointer = pointer;
  }

  push(value: bigint, width: number): void {
    const top = (this.pointer - stackBytes(width)) & ALL_ONES;
    this.#cpu.mmu.write(top, width, value, true, this.#privilege);
    this.pointer = top;
  }

  /** Pushes quadwords in the order given: in one go if they lie in one page of RAM. */
  pushAll(values: readonly bigint[]): void {
    const { mmu } = this.#cpu;
    const first = mmu.stackQuadword((this.pointer - 8n) & ALL_ONES, ACCESS.write, this.#privilege);
    const bytes = 8 * values.length;
    if (first < 0 || (first % GUEST_PAGE) + 8 < bytes) {
      for (const value of values) this.push(value, 64);
      return;
    }
    let at = first / 8;
    for (const value of values) mmu.physical.u64[at--] = value;
    mmu.wrote(first + 8 - bytes, bytes);
    this.pointer = (this.pointer - BigInt(bytes)) & ALL_ONES;
  }
}

/** The stack of an inner level in legacy modes: its segment is checked but not loaded. Limit faults are #SS(SS). */
export class InnerStack implements PushStack {
  readonly #cpu: Cpu;
  readonly #segment: Descriptor;
  readonly #bounds: Bounds;
  readonly #mask: bigint;
  pointer: bigint;

  constructor(cpu: Cpu, segment: Descriptor, pointer: bigint) {
    this.#cpu = cpu;
    this.#segment = segment;
    this.#bounds = limitBounds(segment.attributes, segment.limit);
    this.#mask = segment.attributes & ATTRIBUTE.big ? 0xffff_ffffn : 0xffffn;
    this.pointer = pointer;
  }

  push(value: bigint, width: number): void {
    const bytes = stackBytes(width);
    const top = (this.pointer - bytes) & this.#mask;
    const from = BigInt.asUintN(64, top - this.#bounds.low);
    if (from + bytes - 1n > this.#bounds.span) throw selectorFault(VECTOR.SS, this.#segment.selector);
    const linear = BigInt.asUintN(32, this.#segment.base + top);
    this.#cpu.mmu.write(linear, width, BigInt.asUintN(width, value), true, PRIVILEGE.supervisor);
    this.pointer = (this.pointer & ~this.#mask) | top;
  }
}
