// Single elements in and out of registers: SDM 2B "PEXTRB/PEXTRD/PEXTRQ", "PINSRB/PINSRD/PINSRQ" and kin. Which element
// is known at run time only.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics, Value } from '../semantics.ts';
import { mmxDefinition, sse } from './forms.ts';
import {
  choose,
  field,
  fromHalves,
  highHalf,
  immediate,
  lanesByBits,
  lowHalf,
  replaced,
  shiftedBytes,
  splat64,
  zero,
} from './vector.ts';

type Execute = (x: Semantics, target: Operand, source: Operand, imm8: Operand) => void;

/** Bits of the immediate that number elements of 8, 16 and 32 bits. */
const NUMBER_BITS: Readonly<Record<number, number>> = { 8: 4, 16: 3, 32: 2 };

/** Element `imm8` of `width` bits, in 32 or 64. */
function element(x: Semantics, source: Value, imm8: Operand, width: number): Value {
  const selector = immediate(x, imm8);
  if (width === 64) return x.select(x.bit(selector, 0), highHalf(x, source), lowHalf(x, source));
  const offset = x.shl(field(x, selector, 0, NUMBER_BITS[width]), Math.log2(width / 8));
  const low = x.lane('i32x4.extract_lane', 32, 0, shiftedBytes(x, source, offset));
  return width === 32 ? low : x.and(low, x.constant(2 ** width - 1, 32));
}

/** To a register of 32 bits or more, zero-extended; to memory, as wide as the element. */
const extract =
  (width: 8 | 16): Execute =>
  (x, target, source, imm8) =>
    x.store(target, x.resize(element(x, x.load(source), imm8, width), target.width));

const extractWide: Execute = (x, target, source, imm8) =>
  x.store(target, element(x, x.load(source), imm8, target.width));

/** A copy of `a` with element `imm8` replaced by the low `width` bits of a value. */
function inserted(x: Semantics, a: Value, value: Value, imm8: Operand, width: number): Value {
  const selector = immediate(x, imm8);
  if (width === 64) {
    const upper = x.bit(selector, 0);
    return fromHalves(x, x.select(upper, lowHalf(x, a), value), x.select(upper, value, highHalf(x, a)));
  }
  const shape = `i${width}x${128 / width}`;
  return replaced(x, shape, a, x.zeroExtend(value, 32), field(x, selector, 0, NUMBER_BITS[width]));
}

const insert =
  (width: 8 | 16): Execute =>
  (x, target, source, imm8) => {
    const value = x.load(source);
    x.store(target, inserted(x, x.load(target), value, imm8, width));
  };

const insertWide: Execute = (x, target, source, imm8) => {
  const value = x.load(source);
  x.store(target, inserted(x, x.load(target), value, imm8, source.width));
};

/** INSERTPS: imm8 bits 7:6 choose the source's element (of a register), 5:4 the destination's, 3:0 clear elements. */
const insertSingle: Execute = (x, target, source, imm8) => {
  const control = immediate(x, imm8);
  const value =
    source.kind === 'memory'
      ? x.loadPart(source, 32, 0)
      : x.lane('i32x4.extract_lane', 32, 0, shiftedBytes(x, wholeRegister(x, source), fromTopBits(x, control)));
  const merged = replaced(x, 'i32x4', x.load(target), value, field(x, control, 4, 2));
  x.store(target, choose(x, lanesByBits(x, 'i32x4', control), zero(x), merged));
};

/** All of a register whose operand is narrower. */
const wholeRegister = (x: Semantics, source: Operand): Value => x.loadPart(source, 128, 0);
/** The byte offset of the element that bits 7:6 number. */
const fromTopBits = (x: Semantics, control: Value): Value => x.shl(field(x, control, 6, 2), 2);

const MMX_WORDS = 2;

const words: readonly Definition[] = [
  mmxDefinition('pextrw', 'NP 0F C5 Gd,Nq,Ib', 'sse', (x, _, source, imm8) => {
    const at = x.shl(field(x, immediate(x, imm8), 0, MMX_WORDS), 4);
    return x.and(x.lowHalf(x.shr(x.load(source), at)), x.constant(0xffff, 32));
  }),
  mmxDefinition('pinsrw', 'NP 0F C4 Pq,Rd,Ib', 'sse', insertMmx),
  mmxDefinition('pinsrw', 'NP 0F C4 Pq,Mw,Ib', 'sse', insertMmx),
];

function insertMmx(x: Semantics, target: Operand, source: Operand, imm8: Operand): Value {
  const value = x.zeroExtend(x.load(source), 32);
  const index = field(x, immediate(x, imm8), 0, MMX_WORDS);
  return lowHalf(x, replaced(x, 'i16x8', splat64(x, x.load(target)), value, index));
}

export const elementDefinitions: readonly Definition[] = [
  sse('pextrb', 'sse4.1', ['66 0F 3A 14 Rd,Vx,Ib', '66 0F 3A 14 Mb,Vx,Ib'], extract(8)),
  sse('pextrw', 'sse4.1', ['66 0F 3A 15 Rd,Vx,Ib', '66 0F 3A 15 Mw,Vx,Ib'], extract(16)),
  sse('pextrw', 'sse2', ['66 0F C5 Gd,Ux,Ib'], extract(16)),
  sse('pextrd', 'sse4.1', ['66 0F 3A 16 Ey,Vx,Ib'], extractWide),
  sse('extractps', 'sse4.1', ['66 0F 3A 17 Ed,Vx,Ib'], extractWide),
  sse('pinsrb', 'sse4.1', ['66 0F 3A 20 Vx,Rd,Ib', '66 0F 3A 20 Vx,Mb,Ib'], insert(8)),
  sse('pinsrw', 'sse2', ['66 0F C4 Vx,Rd,Ib', '66 0F C4 Vx,Mw,Ib'], insert(16)),
  sse('pinsrd', 'sse4.1', ['66 0F 3A 22 Vx,Ey,Ib'], insertWide),
  sse('insertps', 'sse4.1', ['66 0F 3A 21 Vx,Wd,Ib'], insertSingle),
  ...words,
];
