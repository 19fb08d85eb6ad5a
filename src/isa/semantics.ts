import { Arithmetic, type Value } from './arithmetic.ts';

export type { Value, Variable } from './arithmetic.ts';

export type RegisterClass = 'gpr' | 'xmm' | 'mmx' | 'segment' | 'control' | 'debug';

/** An operand as a definition sees it: kind and width are known, the rest is the builder's. */
export interface Operand {
  readonly kind: 'register' | 'memory' | 'immediate' | 'relative' | 'far';
  readonly class: RegisterClass;
  /** Bits. */
  readonly width: number;
  /** 0, 1 or 2: which operand of the instruction it is. */
  readonly position: number;
}

/** The status flags that a definition computes. Those absent stay as they are. */
export interface FlagValues {
  /** Truth values. */
  readonly CF?: Value;
  readonly OF?: Value;
  readonly AF?: Value;
  /** ZF, SF and PF from a result of any width. Excludes ZF, SF, PF below. */
  readonly result?: Value;
  readonly ZF?: Value;
  /** SF and PF are set together. */
  readonly SF?: Value;
  readonly PF?: Value;
}

export type FlagName = 'CF' | 'PF' | 'AF' | 'ZF' | 'SF' | 'OF';

/** The words that hold the status flags between instructions: CONTEXT.flagZ and so on. */
export type FlagWord = 'Z' | 'S' | 'C' | 'O' | 'A';

export type AddressOperand = Operand;

/**
 * What a definition is written against. Tier 0 finds operands through the micro-op at run time; tier 1 knows them.
 *
 * Two rules keep faults precise: all memory accesses of a definition come before its first register or flag write
 * (`store` to memory counts as an access), and a definition makes at most one memory write.
 */
export abstract class Semantics extends Arithmetic {
  /** Operand size of this form in bits. */
  abstract readonly operandSize: number;
  /** True for the LOCK form: `update` is atomic. */
  abstract readonly locked: boolean;

  /** The operand's value at its width; memory is read at its address. */
  abstract load(operand: Operand): Value;
  /** Writes the operand; a 32-bit register write clears the upper half, narrower ones keep the rest. */
  abstract store(operand: Operand, value: Value): void;
  /**
   * Reads, computes and writes one operand. `compute` must be pure: LOCK retries it. The values it makes stay valid
   * afterwards.
   */
  abstract update(operand: Operand, compute: (old: Value) => Value): { old: Value; value: Value };
  /** The offset of a memory operand, without its segment, truncated to the address size: 64 bits. */
  abstract effectiveAddress(operand: Operand): Value;
  /**
   * Reads memory at the operand's address plus `offset` bytes (64-bit value): for BT with a register bit offset. The
   * sum is truncated to the address size.
   */
  abstract loadAt(operand: Operand, offset: Value, width: number): Value;
  abstract updateAt(
    operand: Operand,
    offset: Value,
    width: number,
    compute: (old: Value) => Value,
  ): { old: Value; value: Value };
  /** Reads or writes part of a 128-bit or 64-bit vector operand: `width` bits at byte `at`. Register or memory. */
  abstract loadPart(operand: Operand, width: number, at: number): Value;
  abstract storePart(operand: Operand, value: Value, at: number): void;
  /** A 128-bit memory operand of legacy SSE must be 16-byte aligned (#GP(0)): SDM 2 2.4. Registers pass. */
  abstract loadAligned(operand: Operand): Value;
  abstract storeAligned(operand: Operand, value: Value): void;

  /** A general register by its architectural index, at any width (8: the low byte). */
  abstract register(index: number, width: number): Value;
  abstract setRegister(index: number, value: Value): void;
  /** A word of the vCPU's context (src/state/context.ts), at its width: 16 or 32. */
  abstract contextWord(field: ContextWord): Value;
  abstract setContextWord(field: ContextWord, value: Value): void;

  abstract flagWord(word: FlagWord): Value;
  abstract setFlagWord(word: FlagWord, value: Value): void;

  /** Pushes at the operand size (of the value). The stack pointer changes after the store succeeded. */
  abstract pushStack(value: Value): void;
  /** Pops `width` bits; the stack pointer changes at once, so this must be the last memory access. */
  abstract popStack(width: number): Value;

  /** Reads 64 bits of a 64-bit stack at an address; the stack pointer stays. */
  abstract loadStack(address: Value): Value;

  /** Continues at the next instruction's address plus a relative operand. Ends the block. */
  abstract jump(target: Operand): void;
  /** As jump, if the condition holds; else goes on after this instruction. Ends the block. */
  abstract branch(condition: Value, target: Operand): void;
  /** Continues at an address held in a value, truncated to the operand size. Ends the block. */
  abstract jumpTo(target: Value): void;
  /** The address of the next instruction at the operand size. */
  abstract nextRip(): Value;

  /** Performs the instruction by a helper instead, as a whole; nothing may have been written before. */
  abstract helper(name: string): void;
  /** Raises an exception without error code at this instruction; ends the path. */
  abstract raise(vector: number): void;

  setFlags(flags: FlagValues): void {
    if (flags.CF) this.setFlagWord('C', flags.CF);
    if (flags.OF) this.setFlagWord('O', flags.OF);
    if (flags.AF) this.setFlagWord('A', flags.AF);
    if (flags.result) {
      const extended = this.signExtend(flags.result, 64);
      this.setFlagWord('Z', extended);
      this.setFlagWord('S', extended);
      return;
    }
    if (flags.ZF) this.setFlagWord('Z', this.zeroExtend(this.isFalse(flags.ZF), 64));
    if (flags.SF && flags.PF) this.setFlagWord('S', this.signAndParity(flags.SF, flags.PF));
  }

  /** A word whose bit 63 is SF and whose low byte has the parity PF. */
  signAndParity(SF: Value, PF: Value): Value {
    const sign = this.shl(this.zeroExtend(SF, 64), 63);
    return this.or(sign, this.zeroExtend(this.isFalse(PF), 64));
  }

  flag(name: FlagName): Value {
    switch (name) {
      case 'CF':
        return this.flagWord('C');
      case 'OF':
        return this.flagWord('O');
      case 'AF':
        return this.flagWord('A');
      case 'ZF':
        return this.isZero(this.flagWord('Z'));
      case 'SF':
        return this.top(this.flagWord('S'));
      case 'PF':
        return this.evenParity(this.flagWord('S'));
    }
  }

  /** A condition code (0-15) as a truth value: SDM 1 appendix B. */
  condition(code: number): Value {
    const positive = this.#evenCondition(code & ~1);
    return code & 1 ? this.isFalse(positive) : positive;
  }

  #evenCondition(code: number): Value {
    const less = () => this.xor(this.flag('SF'), this.flag('OF'));
    const conditions: (() => Value)[] = [
      () => this.flag('OF'),
      () => this.flag('CF'),
      () => this.flag('ZF'),
      () => this.or(this.flag('CF'), this.flag('ZF')),
      () => this.flag('SF'),
      () => this.flag('PF'),
      less,
      () => this.or(less(), this.flag('ZF')),
    ];
    return conditions[code >> 1]!();
  }
}

/** Context words that definitions may use directly. */
export type ContextWord = 'mxcsr' | 'systemFlags' | 'fsw' | 'ftw' | 'cpl';
