// MUL, IMUL and MULX. SF, ZF, AF and PF are undefined after them and stay as they were.
import type { Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import { unaryEncodings } from './encodings.ts';
import { isNonzero } from './flags.ts';

const RAX = 0;
const RDX = 2;

interface Product {
  readonly low: Value;
  readonly high: Value;
}

type Extension = 'zeroExtend' | 'signExtend';

/** Bits 127:64 of an unsigned product of 64-bit values, from four products of halves. */
export function highProduct(x: Semantics, a: Value, b: Value): Value {
  const half = (value: Value) => ({ low: x.and(value, x.constant(0xffffffff, 64)), high: x.shr(value, 32) });
  const [p, q] = [half(a), half(b)];
  const cross = x.add(x.mul(p.high, q.low), x.shr(x.mul(p.low, q.low), 32));
  const middle = x.add(x.mul(p.low, q.high), x.and(cross, x.constant(0xffffffff, 64)));
  return x.add(x.add(x.mul(p.high, q.high), x.shr(cross, 32)), x.shr(middle, 32));
}

/** A negative factor counts 2^64 too much in the unsigned product: the other factor comes off the high half. */
function signedHighProduct(x: Semantics, a: Value, b: Value): Value {
  const corrected = x.sub(highProduct(x, a, b), x.and(x.sar(a, 63), b));
  return x.sub(corrected, x.and(x.sar(b, 63), a));
}

/** The whole product of two values of 8 to 64 bits, in two halves of their width. */
function product(x: Semantics, a: Value, b: Value, extension: Extension): Product {
  const { width } = a;
  if (width === 64) {
    const high = extension === 'signExtend' ? signedHighProduct(x, a, b) : highProduct(x, a, b);
    return { low: x.mul(a, b), high };
  }
  const wide = width === 32 ? 64 : 32;
  const whole = x.mul(x[extension](a, wide), x[extension](b, wide));
  return { low: x.truncate(whole, width), high: x.truncate(x.shr(whole, width), width) };
}

/** CF and OF tell that the high half holds more than zeros, or more than copies of the low half's sign. */
function significantHigh(x: Semantics, { low, high }: Product, extension: Extension): Value {
  return extension === 'zeroExtend' ? isNonzero(x, high) : x.ne(high, x.sar(low, low.width - 1));
}

/** rDX:rAX = rAX * source; of bytes, AX = AL * source. */
function accumulating(mnemonic: string, digit: number, extension: Extension): Definition {
  return {
    mnemonic,
    encodings: unaryEncodings('F6', 'F7', digit),
    execute(x, source) {
      const factor = x.load(source!);
      const halves = product(x, x.register(RAX, factor.width), factor, extension);
      const overflow = significantHigh(x, halves, extension);
      const { low, high } = halves;
      if (factor.width === 8) {
        x.setRegister(RAX, x.or(x.shl(x.zeroExtend(high, 16), 8), x.zeroExtend(low, 16)));
      } else {
        x.setRegister(RAX, low);
        x.setRegister(RDX, high);
      }
      x.setFlags({ CF: overflow, OF: overflow });
    },
  };
}

/** IMUL with two and three operands: the high half shows in the flags only. */
const multiplySigned: Definition = {
  mnemonic: 'imul',
  encodings: ['0F AF Gv,Ev', '69 Gv,Ev,Iz', '6B Gv,Ev,sIb'],
  hot: true,
  execute(x, target, source, immediate) {
    const b = x.load(source!);
    const a = x.load(immediate ?? target!);
    const halves = product(x, a, b, 'signExtend');
    const overflow = significantHigh(x, halves, 'signExtend');
    x.store(target!, halves.low);
    x.setFlags({ CF: overflow, OF: overflow });
  },
};

/** The low half goes first: if both destinations are one register, it has the high half (SDM 2 "MULX"). */
const multiplyFlagless: Definition = {
  mnemonic: 'mulx',
  encodings: ['VEX.LZ.F2.0F38 F6 Gy,By,Ey'],
  feature: 'bmi2',
  execute(x, high, low, source) {
    const factor = x.load(source!);
    const halves = product(x, x.register(RDX, factor.width), factor, 'zeroExtend');
    x.store(low!, halves.low);
    x.store(high!, halves.high);
  },
};

export const multiplyDefinitions: readonly Definition[] = [
  accumulating('mul', 4, 'zeroExtend'),
  accumulating('imul', 5, 'signExtend'),
  multiplySigned,
  multiplyFlagless,
];
