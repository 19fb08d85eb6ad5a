import type { Cursor } from './cursor.ts';

const RSP = 4;
const RBP = 5;
/** The base that stands for the next instruction's address. */
const RIP = 16;

/** Base and index by ModRM.rm: SDM 2A table 2-1, "16-Bit Addressing Forms with the ModR/M Byte". */
const BASES_16 = [3, 3, 5, 5, 6, 7, 5, 3] as const;
const INDEXES_16 = [6, 7, 6, 7, -1, -1, -1, -1] as const;

function setDisplacement(cursor: Cursor, displacement: number): void {
  cursor.displacement = displacement === 0 ? 0n : BigInt(displacement);
}

function readAddress16(cursor: Cursor): void {
  const mod = cursor.modrm >> 6;
  const rm = cursor.modrm & 7;
  if (mod === 0 && rm === 6) {
    setDisplacement(cursor, cursor.i16());
    return;
  }
  cursor.base = BASES_16[rm]!;
  cursor.index = INDEXES_16[rm]!;
  if (mod === 1) setDisplacement(cursor, cursor.i8());
  else if (mod === 2) setDisplacement(cursor, cursor.i16());
}

/** SDM 2A table 2-3, "32-Bit Addressing Forms with the SIB Byte". */
function readSib(cursor: Cursor, mod: number): void {
  const sib = cursor.u8();
  const index = ((sib >> 3) & 7) | ((cursor.rex & 2) << 2);
  if (index !== RSP) {
    cursor.index = index;
    cursor.scale = (sib >> 6) as 0 | 1 | 2 | 3;
  }
  // Without displacement by mod, base 5 is none: REX.B does not take part in that, SDM 2A table 2-5.
  if ((sib & 7) === RBP && mod === 0) setDisplacement(cursor, cursor.i32());
  else cursor.base = (sib & 7) | ((cursor.rex & 1) << 3);
}

/** SDM 2A table 2-2; 64-bit code has RIP-relative addresses in place of the bare displacement: 2.2.1.6. */
function readAddress32(cursor: Cursor): void {
  const mod = cursor.modrm >> 6;
  const rm = cursor.modrm & 7;
  if (rm === RSP) {
    readSib(cursor, mod);
  } else if (rm === RBP && mod === 0) {
    if (cursor.codeSize === 64) cursor.base = RIP;
    setDisplacement(cursor, cursor.i32());
    return;
  } else {
    cursor.base = cursor.rm;
  }
  if (mod === 1) setDisplacement(cursor, cursor.i8());
  else if (mod === 2) setDisplacement(cursor, cursor.i32());
}

/** Addresses based on rSP and rBP are in SS, others in DS: SDM 1 table 3-5, "Default Segment Selection Rules". */
function selectSegment(cursor: Cursor): void {
  const inStack = cursor.base === RSP || cursor.base === RBP;
  if (cursor.override !== null || !inStack) cursor.segment = cursor.dataSegment;
  else cursor.segment = cursor.codeSize === 64 ? 'flatStack' : 'ss';
}

/** Reads the SIB byte and displacement that ModRM asks for and leaves the address in the cursor. */
export function readAddress(cursor: Cursor): void {
  cursor.base = -1;
  cursor.index = -1;
  cursor.scale = 0;
  cursor.displacement = 0n;
  if (cursor.addressSize === 16) readAddress16(cursor);
  else readAddress32(cursor);
  selectSegment(cursor);
}
