import { ACCESS } from '../mmu/access.ts';
import { GUEST_PAGE } from '../state/map.ts';
import type { Cpu } from './cpu.ts';
import { stackBytes } from './segments-push.ts';

const UNKNOWN = -1;

/** Pops from the current stack without committing: RSP moves only when the instruction says so. */
export class PopStack {
  readonly #cpu: Cpu;
  /** What RSP becomes. */
  pointer: bigint;
  /** The physical address of the next quadword, or UNKNOWN. */
  #next = UNKNOWN;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.pointer = cpu.state.gpr.get(4);
  }

  /** The next `width` bits (16, 32, 64). @throws GuestException #SS(0), #PF */
  pop(width: number): bigint {
    return (width === 64 ? this.#popQuadword() : null) ?? this.#popAny(width);
  }

  /** 64-bit mode has no limits to check. @returns null if the stack is not plain RAM */
  #popQuadword(): bigint | null {
    const { mmu } = this.#cpu;
    if (this.#next < 0) this.#next = mmu.stackQuadword(this.pointer, ACCESS.read);
    if (this.#next < 0) return null;
    const value = mmu.physical.u64[this.#next / 8]!;
    this.#next += 8;
    if (this.#next % GUEST_PAGE === 0) this.#next = UNKNOWN;
    this.pointer = BigInt.asUintN(64, this.pointer + 8n);
    return value;
  }

  #popAny(width: number): bigint {
    const { stackMask } = this.#cpu.state;
    const { pointer } = this;
    const value = this.#cpu.readStack(pointer & stackMask, width);
    this.pointer = (pointer & ~stackMask) | ((pointer + stackBytes(width)) & stackMask);
    return value;
  }

  /** A selector, which fills `width` bits. */
  popSelector(width: number): number {
    return Number(this.pop(width) & 0xffffn);
  }

  /** Drops bytes unread. */
  release(bytes: number): void {
    this.#next = UNKNOWN;
    const { stackMask } = this.#cpu.state;
    this.pointer = (this.pointer & ~stackMask) | ((this.pointer + BigInt(bytes)) & stackMask);
  }
}
