import type { Cpu } from './cpu.ts';
import { stackBytes } from './segments-push.ts';

/** Pops from the current stack without committing: RSP moves only when the instruction says so. */
export class PopStack {
  readonly #cpu: Cpu;
  /** What RSP becomes. */
  pointer: bigint;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.pointer = cpu.state.gpr.get(4);
  }

  /** The next `width` bits (16, 32, 64). @throws GuestException #SS(0), #PF */
  pop(width: number): bigint {
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
    const { stackMask } = this.#cpu.state;
    this.pointer = (this.pointer & ~stackMask) | ((this.pointer + BigInt(bytes)) & stackMask);
  }
}
