import type { SegmentName } from '../state/context.ts';

/** The longest instruction in bytes: SDM 2A 2.3.11. */
export const MAXIMUM_LENGTH = 15;

/**
 * What is known of the instruction being decoded. One object a decoder, reset for each instruction: the steps
 * (prefixes, ModRM, address, operands) fill it in and read it.
 */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  /** The next byte to read; beyond `limit` once more was wanted than there is. */
  position = 0;
  /** The end of the bytes or of the longest instruction, whichever comes first. */
  limit = 0;

  codeSize: 16 | 32 | 64 = 16;
  operandSize: 16 | 32 | 64 = 16;
  addressSize: 16 | 32 | 64 = 16;

  operandPrefix = false;
  lock = false;
  repeat: 0 | 0xf3 | 0xf2 = 0;
  /** A segment override that counts, or null. */
  override: SegmentName | null = null;
  /** Where DS-relative accesses go. */
  dataSegment: SegmentName = 'ds';
  /** The REX byte directly before the opcode, or 0. A VEX prefix leaves the REX that has its W, R, X and B. */
  rex = 0;
  /** VEX.vvvv, not inverted. */
  vvvv = 0;
  opcode = 0;

  modrm = -1;
  /** Register numbers of ModRM, extended by REX.R and REX.B. */
  reg = 0;
  rm = 0;

  /** The address that ModRM gave; see MemoryOperand. */
  base = -1;
  index = -1;
  scale: 0 | 1 | 2 | 3 = 0;
  displacement = 0n;
  segment: SegmentName = 'ds';

  /** An operand does not exist: #UD. */
  invalid = false;

  /** Begins an instruction at `bytes[at]`; there are no bytes from `end` on. */
  reset(bytes: Uint8Array, at: number, end: number, codeSize: 16 | 32 | 64): void {
    this.bytes = bytes;
    this.start = at;
    this.position = at;
    this.limit = Math.min(end, at + MAXIMUM_LENGTH);
    this.codeSize = codeSize;
    this.addressSize = codeSize;
    this.operandPrefix = false;
    this.lock = false;
    this.repeat = 0;
    this.override = null;
    this.rex = 0;
    this.modrm = -1;
    this.invalid = false;
  }

  /** True when more bytes were read than there are. */
  get exhausted(): boolean {
    return this.position > this.limit;
  }

  /** The next byte. Past the limit 0: whoever ends the decoding asks `exhausted` before it believes anything. */
  u8(): number {
    if (this.position < this.limit) return this.bytes[this.position++]!;
    this.position = this.limit + 1;
    return 0;
  }

  /** The byte that u8 would read, or -1. */
  peek(): number {
    return this.position < this.limit ? this.bytes[this.position]! : -1;
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  i32(): number {
    return this.u16() | (this.u16() << 16);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  i64(): bigint {
    const low = this.u32();
    return (BigInt(this.i32()) << 32n) | BigInt(low);
  }
}
