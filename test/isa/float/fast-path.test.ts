import { expect } from 'chai';
import { environmentOf, floatException, settle } from '../../../src/isa/float/environment.ts';
import {
  arithmeticMatches,
  comparisonMatches,
  smallestNormal,
  truncationMatches,
} from '../../../src/isa/float/fast-path.ts';
import { Operands } from './operands.ts';
import { doubles, type Elements, singles } from './registers.ts';

type Binary = 'add' | 'subtract' | 'multiply' | 'divide' | 'minimum' | 'maximum';

const arithmetic: readonly (readonly [Binary, (a: number, b: number) => number])[] = [
  ['add', (a, b) => a + b],
  ['subtract', (a, b) => a - b],
  ['multiply', (a, b) => a * b],
  ['divide', (a, b) => a / b],
];

const selection: readonly (readonly [Binary, (a: number, b: number) => number])[] = [
  // Math.min and Math.max order zeros and NaNs otherwise than MINSS and MAXSS: the second operand wins a tie.
  ['minimum', (a, b) => [b, a][Number(a < b)]!],
  ['maximum', (a, b) => [b, a][Number(a > b)]!],
];

/** A format's encodings as host numbers and back. */
interface Host<V> {
  readonly elements: Elements<V>;
  readonly smallest: number;
  /** Rounds to the format what host arithmetic computed in binary64. */
  round(value: number): number;
  value(bits: V): number;
  bits(value: number): V;
}

const single: Host<number> = {
  elements: singles,
  smallest: smallestNormal.single,
  round: Math.fround,
  value: (bits) => new Float32Array(Uint32Array.of(bits).buffer)[0],
  bits: (value) => new Uint32Array(Float32Array.of(value).buffer)[0],
};

const double: Host<bigint> = {
  elements: doubles,
  smallest: smallestNormal.double,
  round: (value) => value,
  value: (bits) => new Float64Array(BigUint64Array.of(bits).buffer)[0],
  bits: (value) => new BigUint64Array(Float64Array.of(value).buffer)[0],
};

function mxcsrs(operands: Operands): number {
  return operands.below(2) === 0 ? 0x1fa0 : operands.u32() & 0xffff;
}

function sameArithmetic<V>({ elements, smallest, round, value, bits }: Host<V>): void {
  const { operations, read, format } = elements;
  const operands = new Operands(17);
  let matched = 0;
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = operands.pair(format).map((encoding) => read([encoding, 0n])[0]);
    const [name, host] = operands.pick(arithmetic);
    const mxcsr = mxcsrs(operands);
    const result = round(host(value(a), value(b)));
    if (!arithmeticMatches(mxcsr, smallest, value(a), value(b), result)) continue;
    matched++;
    const env = environmentOf(mxcsr);
    expect(bits(result)).to.equal(operations[name](env, a, b), `${name} ${a} ${b}`);
    expect(settle(env).flags & ~floatException.PE).to.equal(0, `${name} ${a} ${b}`);
    expect(settle(env).fault).to.equal(false);
  }
  expect(matched).to.be.greaterThan(3_000);
}

function sameSelection<V>({ elements, smallest, value, bits }: Host<V>): void {
  const { operations, read, format } = elements;
  const operands = new Operands(23);
  let matched = 0;
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = operands.pair(format).map((encoding) => read([encoding, 0n])[0]);
    const [name, host] = operands.pick(selection);
    if (!comparisonMatches(smallest, value(a), value(b))) continue;
    matched++;
    const env = environmentOf(operands.u32() & 0xffff);
    expect(bits(host(value(a), value(b)))).to.equal(operations[name](env, a, b), `${name} ${a} ${b}`);
    expect(operations.compare(env, a, b, 1)).to.equal(value(a) < value(b));
    expect(env.flags).to.equal(0, `${name} ${a} ${b}`);
  }
  expect(matched).to.be.greaterThan(8_000);
}

function sameTruncation<V>({ elements, value }: Host<V>): void {
  const { operations, read, format } = elements;
  const operands = new Operands(29);
  let matched = 0;
  for (let i = 0; i < 20_000; i++) {
    const a = read([operands.pair(format)[0], 0n])[0];
    const mxcsr = mxcsrs(operands);
    for (const width of [32, 64] as const) {
      if (!truncationMatches(mxcsr, value(a), width)) continue;
      matched++;
      const env = environmentOf(mxcsr);
      const exact = width === 32 ? BigInt(operations.toInt32(env, a, true)) : operations.toInt64(env, a, true);
      expect(BigInt(Math.trunc(value(a)))).to.equal(exact);
      expect(settle(env).flags & ~mxcsr).to.equal(0);
      expect(settle(env).fault).to.equal(false);
    }
  }
  expect(matched).to.be.greaterThan(5_000);
}

describe('the host arithmetic that may stand in for an instruction', () => {
  it('computes the same binary32 sums, products and quotients where allowed', () => sameArithmetic(single));
  it('computes the same binary64 sums, products and quotients where allowed', () => sameArithmetic(double));
  it('selects the same binary32 minimum and maximum where allowed', () => sameSelection(single));
  it('selects the same binary64 minimum and maximum where allowed', () => sameSelection(double));
  it('truncates binary32 to the same integers where allowed', () => sameTruncation(single));
  it('truncates binary64 to the same integers where allowed', () => sameTruncation(double));

  it('is refused while inexactness is still to be recorded or would fault', () => {
    expect(arithmeticMatches(0x1f80, smallestNormal.double, 1, 3, 1 / 3)).to.equal(false);
    expect(arithmeticMatches(0x0fa0, smallestNormal.double, 1, 3, 1 / 3)).to.equal(false);
    expect(arithmeticMatches(0x1fa0, smallestNormal.double, 1, 3, 1 / 3)).to.equal(true);
  });

  it('is refused at the smallest normal number, which a tiny number may have rounded up to', () => {
    const env = environmentOf(0x1fa0);
    const nearlyOne = 0x3fef_ffff_ffff_ffffn;
    const result = doubles.operations.multiply(env, 0x0010_0000_0000_0000n, nearlyOne);
    expect(result).to.equal(0x0010_0000_0000_0000n);
    expect(env.flags & floatException.UE).to.equal(floatException.UE);
    expect(arithmeticMatches(0x1fa0, smallestNormal.double, 2 ** -1022, 1 - 2 ** -53, 2 ** -1022)).to.equal(false);
  });
});
