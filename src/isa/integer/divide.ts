// DIV and IDIV. A zero divisor and a quotient that does not fit are both #DE: SDM 3A 6.15, "Interrupt 0". The
// flags are undefined and stay as they were.
import type { Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import { unaryEncodings } from './encodings.ts';

const RAX = 0;
const RDX = 2;
const DIVIDE_ERROR = 0;

/** The dividend of 8 to 32 bits' division: AX, DX:AX or EDX:EAX, as 32 bits of AX or 64 of the others. */
function dividend(x: Semantics, width: number): Value {
  if (width === 8) return x.register(RAX, 16);
  const wide = (value: Value, at: number) => x.shl(x.zeroExtend(value, width * 2), at);
  return x.or(wide(x.register(RDX, width), width), wide(x.register(RAX, width), 0));
}

function setResults(x: Semantics, quotient: Value, remainder: Value, width: number): void {
  if (width === 8) {
    const high = x.shl(x.zeroExtend(x.truncate(remainder, 8), 16), 8);
    x.setRegister(RAX, x.or(high, x.zeroExtend(x.truncate(quotient, 8), 16)));
    return;
  }
  x.setRegister(RAX, x.truncate(quotient, width));
  x.setRegister(RDX, x.truncate(remainder, width));
}

const raiseIf = (x: Semantics, condition: Value): void => x.if(condition, () => x.raise(DIVIDE_ERROR));

/** The quotient fits if the high half is below the divisor; that covers the divisor 0. */
function divideUnsigned(x: Semantics, divisor: Value): void {
  const { width } = divisor;
  const whole = dividend(x, width);
  const wide = x.zeroExtend(divisor, whole.width);
  raiseIf(x, x.leu(wide, x.shr(whole, width)));
  setResults(x, x.divideUnsigned(whole, wide), x.remainderUnsigned(whole, wide), width);
}

/** 128 by 64 bits: the high half is 0 nearly always. Else a helper divides, or raises #DE. */
function divideUnsignedWide(x: Semantics, divisor: Value): void {
  const low = x.register(RAX, 64);
  const inOne = x.isZero(x.register(RDX, 64));
  x.if(x.isFalse(inOne), () => x.helper('divide128'));
  raiseIf(x, x.isZero(divisor));
  setResults(x, x.divideUnsigned(low, divisor), x.remainderUnsigned(low, divisor), 64);
}

/** Wasm traps on the smallest number by -1, whose quotient fits no width. */
function raiseIfUndividable(x: Semantics, whole: Value, divisor: Value): void {
  const smallest = x.constant(1n << BigInt(whole.width - 1), whole.width);
  const overflows = x.and(x.eq(whole, smallest), x.eq(divisor, x.constant(-1, whole.width)));
  raiseIf(x, x.or(x.isZero(divisor), overflows));
}

function divideSigned(x: Semantics, divisor: Value): void {
  const { width } = divisor;
  const size = width === 32 ? 64 : 32;
  const whole = x.signExtend(dividend(x, width), size);
  const wide = x.signExtend(divisor, size);
  raiseIfUndividable(x, whole, wide);
  const quotient = x.divideSigned(whole, wide);
  raiseIf(x, x.ne(x.signExtend(x.truncate(quotient, width), size), quotient));
  setResults(x, quotient, x.remainderSigned(whole, wide), width);
}

function divideSignedWide(x: Semantics, divisor: Value): void {
  const low = x.register(RAX, 64);
  const inOne = x.eq(x.register(RDX, 64), x.sar(low, 63));
  x.if(x.isFalse(inOne), () => x.helper('divideSigned128'));
  raiseIfUndividable(x, low, divisor);
  setResults(x, x.divideSigned(low, divisor), x.remainderSigned(low, divisor), 64);
}

type Division = (x: Semantics, divisor: Value) => void;

function division(mnemonic: string, digit: number, narrow: Division, wide: Division): Definition {
  return {
    mnemonic,
    encodings: unaryEncodings('F6', 'F7', digit),
    mayCallHelper: true,
    continues: true,
    execute(x, source) {
      const divisor = x.load(source!);
      (divisor.width === 64 ? wide : narrow)(x, divisor);
    },
  };
}

export const divideDefinitions: readonly Definition[] = [
  division('div', 6, divideUnsigned, divideUnsignedWide),
  division('idiv', 7, divideSigned, divideSignedWide),
];
