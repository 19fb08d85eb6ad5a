// Shifts, rotates and double shifts. Counts are masked to 5 bits, or 6 for 64-bit operands, and a masked count of 0
// leaves the flags alone: SDM 2 "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD". OF is defined for counts of 1
// only; what it becomes for others is the same formula, as Intel's processors do it.
import type { Definition } from '../definition.ts';
import type { FlagValues, Operand, Semantics, Value } from '../semantics.ts';
import { shiftEncodings } from './encodings.ts';
import { asNumber, isNonzero, sign } from './flags.ts';

/** The masked count as 32 bits. */
const maskedCount = (x: Semantics, source: Operand, width: number): Value =>
  x.and(x.zeroExtend(x.load(source), 32), x.constant(width === 64 ? 63 : 31, 32));

interface ShiftRule {
  /** The result for any masked count, 0 included. */
  readonly result: (x: Semantics, old: Value, count: Value) => Value;
  /** The flags for a count that is not 0. */
  readonly flags: (x: Semantics, old: Value, count: Value, result: Value) => FlagValues;
}

function shift(mnemonic: string, digits: readonly number[], rule: ShiftRule, hot = false): Definition {
  return {
    mnemonic,
    encodings: digits.flatMap(shiftEncodings),
    hot,
    execute(x, target, source) {
      const count = maskedCount(x, source!, target!.width);
      const { old, value } = x.update(target!, (before) => rule.result(x, before, count));
      x.if(isNonzero(x, count), () => x.setFlags(rule.flags(x, old, count, value)));
    },
  };
}

const lessOne = (x: Semantics, count: Value): Value => x.sub(count, x.constant(1, 32));
const clear = (x: Semantics): Value => x.constant(0, 1);

/** The last bit to leave is the top of what one shift less gives. */
const shiftLeft: ShiftRule = {
  result: (x, old, count) => x.shl(old, count),
  flags: (x, old, count, result) => {
    const CF = sign(x, x.shl(old, lessOne(x, count)));
    return { CF, OF: x.xor(sign(x, result), CF), AF: clear(x), result };
  },
};

const shiftRight: ShiftRule = {
  result: (x, old, count) => x.shr(old, count),
  flags: (x, old, count, result) => ({
    CF: x.bit(x.shr(old, lessOne(x, count)), 0),
    // The old sign after one shift, which lies in the second bit now; 0 after more.
    OF: x.bit(result, result.width - 2),
    AF: clear(x),
    result,
  }),
};

const shiftArithmetic: ShiftRule = {
  result: (x, old, count) => x.sar(old, count),
  flags: (x, old, count, result) => ({
    CF: x.bit(x.sar(old, lessOne(x, count)), 0),
    OF: clear(x),
    AF: clear(x),
    result,
  }),
};

/** Narrow operands are repeated over 32 bits, which then rotate in their place. */
function repeated(x: Semantics, old: Value): Value {
  if (old.width >= 32) return old;
  return x.mul(x.zeroExtend(old, 32), x.constant(old.width === 8 ? 0x01010101 : 0x00010001, 32));
}

const rotateLeft: ShiftRule = {
  result: (x, old, count) => x.truncate(x.rotl(repeated(x, old), count), old.width),
  flags: (x, _old, _count, result) => {
    const CF = x.bit(result, 0);
    return { CF, OF: x.xor(sign(x, result), CF) };
  },
};

const topTwoDiffer = (x: Semantics, value: Value): Value => x.xor(sign(x, value), x.bit(value, value.width - 2));

const rotateRight: ShiftRule = {
  result: (x, old, count) => x.truncate(x.rotr(repeated(x, old), count), old.width),
  flags: (x, _old, _count, result) => ({ CF: sign(x, result), OF: topTwoDiffer(x, result) }),
};

/** A rotation through CF: the operand and CF above it are one number of an odd width. */
interface CarryRotation {
  readonly result: Value;
  readonly CF: Value;
}

/** Rotations by 9 and 17 bits change nothing: SDM 2 "RCL/RCR/ROL/ROR", operation. */
function carryCount(x: Semantics, source: Operand, width: number): Value {
  const count = maskedCount(x, source, width);
  return width >= 32 ? count : x.remainderUnsigned(count, x.constant(width + 1, 32));
}

/** Up to 33 bits rotate in 64. */
function rotateNarrow(x: Semantics, old: Value, carry: Value, left: Value): CarryRotation {
  const { width } = old;
  const whole = x.or(x.zeroExtend(old, 64), x.shl(asNumber(x, carry, 64), width));
  const right = x.sub(x.constant(width + 1, 32), left);
  const rotated = x.or(x.shl(whole, left), x.shr(whole, right));
  return { result: x.truncate(rotated, width), CF: x.bit(rotated, width) };
}

/** 65 bits do not fit. Shifts by 64 are made in two steps, because wasm masks counts to 6 bits. */
function rotateLeftWide(x: Semantics, old: Value, carry: Value, count: Value): CarryRotation {
  const rest = x.sub(x.constant(63, 32), count);
  const wrapped = x.shr(x.shr(old, 2), rest);
  const inserted = x.shr(x.shl(asNumber(x, carry, 64), count), 1);
  const result = x.or(x.or(x.shl(old, count), inserted), wrapped);
  return { result, CF: x.bit(x.shr(x.shr(old, 1), rest), 0) };
}

function rotateRightWide(x: Semantics, old: Value, carry: Value, count: Value): CarryRotation {
  const rest = x.sub(x.constant(63, 32), count);
  const wrapped = x.shl(x.shl(old, 2), rest);
  const inserted = x.shl(x.shl(asNumber(x, carry, 64), 1), rest);
  const result = x.or(x.or(x.shr(old, count), inserted), wrapped);
  return { result, CF: x.bit(x.shr(old, lessOne(x, count)), 0) };
}

function rotateThroughCarry(x: Semantics, old: Value, carry: Value, count: Value, left: boolean): CarryRotation {
  if (old.width === 64) return (left ? rotateLeftWide : rotateRightWide)(x, old, carry, count);
  return rotateNarrow(x, old, carry, left ? count : x.sub(x.constant(old.width + 1, 32), count));
}

function carryRotate(mnemonic: string, digit: number, left: boolean): Definition {
  return {
    mnemonic,
    encodings: shiftEncodings(digit),
    execute(x, target, source) {
      const count = carryCount(x, source!, target!.width);
      const carry = x.flag('CF');
      const { old, value } = x.update(target!, (before) => rotateThroughCarry(x, before, carry, count, left).result);
      x.if(isNonzero(x, count), () => {
        const { CF } = rotateThroughCarry(x, old, carry, count, left);
        x.setFlags({ CF, OF: left ? x.xor(sign(x, value), CF) : topTwoDiffer(x, value) });
      });
    },
  };
}

/**
 * SHLD of 16 bits by more than 16 is undefined; the destination's bits follow the source's, as on processors.
 * @param left SHLD; else SHRD
 */
function doubleShift(x: Semantics, old: Value, source: Value, count: Value, left: boolean): Value {
  if (old.width === 16) {
    const wide = (value: Value, at: number) => x.shl(x.zeroExtend(value, 64), at);
    const chain = x.or(x.or(wide(old, 32), wide(source, 16)), wide(old, 0));
    return x.truncate(left ? x.shr(x.shl(chain, count), 32) : x.shr(chain, count), 16);
  }
  const rest = x.sub(x.constant(old.width - 1, 32), count);
  return left
    ? x.or(x.shl(old, count), x.shr(x.shr(source, 1), rest))
    : x.or(x.shr(old, count), x.shl(x.shl(source, 1), rest));
}

function doubleShiftDefinition(mnemonic: string, encodings: string[], left: boolean): Definition {
  return {
    mnemonic,
    encodings,
    execute(x, target, source, amount) {
      const count = maskedCount(x, amount!, target!.width);
      const filler = x.load(source!);
      const { old, value } = x.update(target!, (before) => doubleShift(x, before, filler, count, left));
      x.if(isNonzero(x, count), () => {
        const previous = doubleShift(x, old, filler, lessOne(x, count), left);
        const OF = sign(x, x.xor(old, value));
        x.setFlags({ CF: left ? sign(x, previous) : x.bit(previous, 0), OF, AF: clear(x), result: value });
      });
    },
  };
}

export const shiftDefinitions: readonly Definition[] = [
  shift('rol', [0], rotateLeft),
  shift('ror', [1], rotateRight),
  carryRotate('rcl', 2, true),
  carryRotate('rcr', 3, false),
  // /6 is an alias of SHL that the manual's tables leave out.
  shift('shl', [4, 6], shiftLeft, true),
  shift('shr', [5], shiftRight, true),
  shift('sar', [7], shiftArithmetic, true),
  doubleShiftDefinition('shld', ['0F A4 Ev,Gv,Ib', '0F A5 Ev,Gv,CL'], true),
  doubleShiftDefinition('shrd', ['0F AC Ev,Gv,Ib', '0F AD Ev,Gv,CL'], false),
];
