import type { SegmentName } from '../state/context.ts';
import type { Cursor } from './cursor.ts';

const LOCK = 1;
const REPEAT = 2;
const SEGMENT = 3;
const OPERAND_SIZE = 4;
const ADDRESS_SIZE = 5;
const REX = 6;

const OVERRIDES: Readonly<Record<number, SegmentName>> = {
  38: 'es',
  46: 'cs',
  54: 'ss',
  62: 'ds',
  100: 'fs',
  101: 'gs',
};

/** What each byte is as a prefix: SDM 2A 2.1.1, "Instruction Prefixes", and 2.2.1, "REX Prefixes". */
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0xf0) return LOCK;
  if (byte === 0xf2 || byte === 0xf3) return REPEAT;
  if (byte in OVERRIDES) return SEGMENT;
  if (byte === 0x66) return OPERAND_SIZE;
  if (byte === 0x67) return ADDRESS_SIZE;
  return (byte & 0xf0) === 0x40 ? REX : 0;
});

/** In 64-bit mode only FS and GS override: SDM 1 3.3.4, "Memory Organization in 64-Bit Mode". */
function overrideSegment(cursor: Cursor, byte: number): void {
  if (cursor.codeSize === 64 && byte < 0x64) return;
  cursor.override = OVERRIDES[byte]!;
}

function takePrefix(cursor: Cursor, kind: number, byte: number): void {
  switch (kind) {
    case LOCK:
      cursor.lock = true;
      break;
    case REPEAT:
      cursor.repeat = byte === 0xf3 ? 0xf3 : 0xf2;
      break;
    case SEGMENT:
      overrideSegment(cursor, byte);
      break;
    case OPERAND_SIZE:
      cursor.operandPrefix = true;
      break;
    default:
      cursor.addressSize = cursor.codeSize === 32 ? 16 : 32;
  }
}

/**
 * Reads prefixes, in any order and number, and returns the first byte that is none. Of a group the last counts. A REX
 * prefix counts only directly before the opcode: SDM 2A 2.2.1.
 */
export function readPrefixes(cursor: Cursor): number {
  for (;;) {
    const byte = cursor.u8();
    const kind = KINDS[byte]!;
    if (kind === 0) return byte;
    if (kind !== REX) {
      cursor.rex = 0;
      takePrefix(cursor, kind, byte);
    } else if (cursor.codeSize === 64) {
      cursor.rex = byte;
    } else {
      return byte;
    }
  }
}
