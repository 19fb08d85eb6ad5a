// BMI1 and BMI2: SDM 1 5.1.16. VEX-encoded, for 32- and 64-bit operands only.
import type { Definition } from '../definition.ts';
import type { FlagValues, Semantics, Value } from '../semantics.ts';
import { isNonzero } from './flags.ts';

/** CF as given, OF 0, the rest from the result; AF and PF are undefined. */
const flagsOf = (x: Semantics, result: Value, CF: Value): FlagValues => ({ CF, OF: x.constant(0, 1), result });

const andNot: Definition = {
  mnemonic: 'andn',
  encodings: ['VEX.LZ.0F38 F2 Gy,By,Ey'],
  feature: 'bmi1',
  execute(x, target, inverted, source) {
    const b = x.load(source!);
    const result = x.and(x.not(x.load(inverted!)), b);
    x.store(target!, result);
    x.setFlags(flagsOf(x, result, x.constant(0, 1)));
  },
};

/** Byte `at` of a control operand, as 32 bits. */
const controlByte = (x: Semantics, value: Value, at: number): Value =>
  x.and(x.lowHalf(x.shr(value, at)), x.constant(0xff, 32));

/** The low `count` bits of a value; all of it from its width on. */
function lowBits(x: Semantics, value: Value, count: Value): Value {
  const { width } = value;
  const whole = x.leu(x.constant(width, 32), count);
  const mask = x.not(x.shl(x.constant(-1, width), count));
  return x.select(whole, value, x.and(value, mask));
}

/** Control: start in bits 7:0, length in 15:8. */
const extract: Definition = {
  mnemonic: 'bextr',
  encodings: ['VEX.LZ.0F38 F7 Gy,Ey,By'],
  feature: 'bmi1',
  execute(x, target, source, control) {
    const value = x.load(source!);
    const fields = x.load(control!);
    const start = controlByte(x, fields, 0);
    const inside = x.ltu(start, x.constant(value.width, 32));
    const shifted = x.select(inside, x.shr(value, start), x.constant(0, value.width));
    const result = lowBits(x, shifted, controlByte(x, fields, 8));
    const clear = x.constant(0, 1);
    x.store(target!, result);
    x.setFlags({ CF: clear, OF: clear, AF: clear, result });
  },
};

/** BLSI, BLSMSK and BLSR: their destination is VEX.vvvv. */
function lowestBit(
  mnemonic: string,
  digit: number,
  compute: (x: Semantics, value: Value) => Value,
  carry: (x: Semantics, value: Value) => Value,
): Definition {
  return {
    mnemonic,
    encodings: [`VEX.LZ.0F38 F3 /${digit} By,Ey`],
    feature: 'bmi1',
    execute(x, target, source) {
      const value = x.load(source!);
      const result = compute(x, value);
      x.store(target!, result);
      x.setFlags(flagsOf(x, result, carry(x, value)));
    },
  };
}

const lessOne = (x: Semantics, value: Value): Value => x.sub(value, x.constant(1, value.width));
const isZero = (x: Semantics, value: Value): Value => x.isZero(value);

/** CF tells that the index is beyond the operand. */
const zeroHigh: Definition = {
  mnemonic: 'bzhi',
  encodings: ['VEX.LZ.0F38 F5 Gy,Ey,By'],
  feature: 'bmi2',
  execute(x, target, source, index) {
    const value = x.load(source!);
    const count = controlByte(x, x.load(index!), 0);
    const result = lowBits(x, value, count);
    x.store(target!, result);
    x.setFlags(flagsOf(x, result, x.ltu(x.constant(value.width - 1, 32), count)));
  },
};

/** Visits the set bits of a mask from the lowest on, with the bit of the packed operand that belongs to each. */
function forEachBit(x: Semantics, mask: Value, visit: (inMask: Value, inPacked: Value) => void): void {
  const rest = x.variable(mask);
  const packed = x.variable(x.constant(1, mask.width));
  x.if(isNonzero(x, mask), () => {
    x.repeatWhile(() => {
      const bits = x.read(rest);
      const position = x.read(packed);
      visit(x.and(bits, x.neg(bits)), position);
      x.assign(packed, x.shl(position, 1));
      x.assign(rest, x.and(bits, lessOne(x, bits)));
      return isNonzero(x, x.read(rest));
    });
  });
}

/** PDEP scatters the low bits of its first source over the mask; PEXT gathers them. */
function bitPermutation(mnemonic: string, prefix: string, scatters: boolean): Definition {
  return {
    mnemonic,
    encodings: [`VEX.LZ.${prefix}.0F38 F5 Gy,By,Ey`],
    feature: 'bmi2',
    execute(x, target, source, selector) {
      const mask = x.load(selector!);
      const value = x.load(source!);
      const zero = x.constant(0, value.width);
      const result = x.variable(zero);
      forEachBit(x, mask, (inMask, inPacked) => {
        const [from, to] = scatters ? [inPacked, inMask] : [inMask, inPacked];
        const present = isNonzero(x, x.and(value, from));
        x.assign(result, x.or(x.read(result), x.select(present, to, zero)));
      });
      x.store(target!, x.read(result));
    },
  };
}

const maskCount = (x: Semantics, count: Value, width: number): Value =>
  x.and(x.lowHalf(count), x.constant(width - 1, 32));

/** RORX, SARX, SHLX and SHRX: shifts that leave the flags alone. */
function flagless(
  mnemonic: string,
  encoding: string,
  operation: (x: Semantics, value: Value, count: Value) => Value,
): Definition {
  return {
    mnemonic,
    encodings: [encoding],
    feature: 'bmi2',
    execute(x, target, source, count) {
      const value = x.load(source!);
      x.store(target!, operation(x, value, maskCount(x, x.load(count!), value.width)));
    },
  };
}

export const bmiDefinitions: readonly Definition[] = [
  andNot,
  extract,
  lowestBit('blsi', 3, (x, value) => x.and(value, x.neg(value)), isNonzero),
  lowestBit('blsmsk', 2, (x, value) => x.xor(value, lessOne(x, value)), isZero),
  lowestBit('blsr', 1, (x, value) => x.and(value, lessOne(x, value)), isZero),
  zeroHigh,
  bitPermutation('pdep', 'F2', true),
  bitPermutation('pext', 'F3', false),
  flagless('rorx', 'VEX.LZ.F2.0F3A F0 Gy,Ey,Ib', (x, value, count) => x.rotr(value, count)),
  flagless('sarx', 'VEX.LZ.F3.0F38 F7 Gy,Ey,By', (x, value, count) => x.sar(value, count)),
  flagless('shlx', 'VEX.LZ.66.0F38 F7 Gy,Ey,By', (x, value, count) => x.shl(value, count)),
  flagless('shrx', 'VEX.LZ.F2.0F38 F7 Gy,Ey,By', (x, value, count) => x.shr(value, count)),
];
