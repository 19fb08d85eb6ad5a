// VEX prefixes: SDM 2A 2.3, "Intel Advanced Vector Extensions (Intel AVX)".
import type { Cursor } from './cursor.ts';
import { MODE } from './mode.ts';

const REX_W = 8;

/**
 * Is C4 or C5, just read as an opcode, a VEX prefix? Outside 64-bit mode it is LES or LDS unless the next byte could
 * only be their register form, which they do not have: SDM 2A 2.3.5.
 */
export function isVex(cursor: Cursor, first: number): boolean {
  if (first !== 0xc4 && first !== 0xc5) return false;
  return cursor.codeSize === 64 || cursor.peek() >= 0xc0;
}

/** VEX is #UD after LOCK, 66, F2, F3 or REX (SDM 2A 2.3.2, 2.3.3) and in real-address and virtual-8086 mode. */
export const vexRefused = (cursor: Cursor, mode: number): boolean =>
  (mode & MODE.realOrV86) !== 0 || cursor.lock || cursor.repeat !== 0 || cursor.operandPrefix || cursor.rex !== 0;

/** What VEX says besides the registers, which go to the cursor. */
export interface Vex {
  readonly map: number;
  readonly pp: number;
  readonly l: number;
  readonly w: number;
}

/** Reads the rest of a VEX prefix. R, X, B and vvvv are stored inverted. */
export function readVex(cursor: Cursor, first: number): Vex {
  const code64 = cursor.codeSize === 64;
  const rxb = cursor.u8();
  // The 2-byte form has R only, and W, vvvv, L and pp where the 3-byte form has R, X, B and the map.
  const last = first === 0xc5 ? rxb : cursor.u8();
  const inverted = first === 0xc5 ? ~rxb & 0x80 : ~rxb & 0xe0;
  const w = first === 0xc5 ? 0 : last >> 7;
  // Outside 64-bit mode there are 8 registers and the bits beyond are ignored.
  cursor.rex = code64 ? 0x40 | (inverted >> 5) | (w ? REX_W : 0) : 0;
  cursor.vvvv = (~last >> 3) & 15;
  return { map: first === 0xc5 ? 1 : rxb & 31, pp: last & 3, l: (last >> 2) & 1, w };
}
