import { expect } from 'chai';
import * as arithmetic from '../../../src/isa/float/arithmetic.ts';
import { type Relation, relate } from '../../../src/isa/float/compare.ts';
import { convertFormat, roundToIntegral, toInteger } from '../../../src/isa/float/convert.ts';
import { environmentOf, type FloatEnvironment, floatException } from '../../../src/isa/float/environment.ts';
import { binary16, binary32, binary64, extended80, type FloatFormat } from '../../../src/isa/float/format.ts';
import { decode, isNan } from '../../../src/isa/float/operand.ts';
import { Hardware, type Request } from './hardware.ts';
import { Operands } from './operands.ts';
import { singles, type Xmm } from './registers.ts';

// The core is written for any format. Here it meets the two that SSE does not have: the double extended precision of
// x87, and the binary16 of F16C.

type Evaluate = (env: FloatEnvironment, a: bigint, b: bigint) => bigint;

/** x87 instructions that raise DE where the SSE instruction of the same purpose does not, or the reverse. */
const differsInDenormal: readonly string[] = ['frndint', 'fsts', 'fstl'];

const relationFlags: Readonly<Record<Relation, bigint>> = { unordered: 0x45n, less: 1n, equal: 0x40n, greater: 0n };

/** Results in the low bits of XMM, or flags for comparisons. FST and its kin take `a`, which FLD put on top. */
const x87: Readonly<Record<string, Evaluate>> = {
  fadd: (env, a, b) => arithmetic.add(env, extended80, a, b),
  fsub: (env, a, b) => arithmetic.subtract(env, extended80, a, b),
  fmul: (env, a, b) => arithmetic.multiply(env, extended80, a, b),
  fdiv: (env, a, b) => arithmetic.divide(env, extended80, a, b),
  fsqrt: (env, a) => arithmetic.squareRoot(env, extended80, a),
  frndint: (env, a) => roundToIntegral(env, extended80, a, 4),
  fsts: (env, a) => convertFormat(env, extended80, binary32, a),
  fstl: (env, a) => convertFormat(env, extended80, binary64, a),
  fistl: (env, a) => BigInt.asUintN(32, toInteger(env, extended80, a, 32)),
  fistll: (env, a) => BigInt.asUintN(64, toInteger(env, extended80, a, 64)),
  fcomi: (env, a, b) => relationFlags[relate(env, extended80, a, b, true)],
  fucomi: (env, a, b) => relationFlags[relate(env, extended80, a, b, false)],
};

function quadwords(bits: bigint): Xmm {
  return [BigInt.asUintN(64, bits), bits >> 64n];
}

/** x87 picks the NaN with the larger significand (SDM 1 table 4-7); the core knows only the rule of SSE. */
function bothNan(a: bigint, b: bigint): boolean {
  return isNan(decode(extended80, a)) && isNan(decode(extended80, b));
}

function extendedRequests(name: string, seed: number): Request[] {
  const operands = new Operands(seed);
  return Array.from({ length: 1_500 }, () => {
    const [a, b] = operands.pair(extended80);
    return { name, mxcsr: 0x1f80 | (operands.below(4) << 13), imm8: 0, a: quadwords(a), b: quadwords(b) };
  }).filter(({ a, b }) => !bothNan(a[0] | (a[1] << 64n), b[0] | (b[1] << 64n)));
}

function evaluate(name: string, { mxcsr, a, b }: Request): string {
  const env = environmentOf(mxcsr);
  const result = x87[name](env, a[0] | (a[1] << 64n), b[0] | (b[1] << 64n));
  return show(name, result, env.flags);
}

function show(name: string, result: bigint, flags: number): string {
  const compared = differsInDenormal.includes(name) ? flags & ~floatException.DE : flags;
  return `${result.toString(16)} flags ${(compared & 0x3f).toString(16)}`;
}

describe('the core in other formats, against the processor these tests run on', () => {
  const hardware = new Hardware();

  after(() => {
    hardware.dispose();
  });

  Object.keys(x87).forEach((name, i) => {
    it(`${name} on double extended precision`, () => {
      const asked = extendedRequests(name, 101 + i);
      const answers = hardware.execute(asked);
      const differing = asked.flatMap((request, j) => {
        const { xmm, general, mxcsr } = answers[j];
        const result = name.endsWith('comi') ? general : xmm[0] | (xmm[1] << 64n);
        const [expected, actual] = [show(name, result, mxcsr), evaluate(name, request)];
        const [a, b] = [request.a, request.b].map(([low, high]) => (low | (high << 64n)).toString(16));
        return expected === actual ? [] : [`${request.mxcsr.toString(16)} ${a} ${b}: ${expected}, not ${actual}`];
      });
      expect(differing.slice(0, 5), `${differing.length} differ`).to.deep.equal([]);
    });
  });

  it('widens every binary16 to binary32', () => {
    const asked = Array.from({ length: 0x4000 }, (_, i): Request => {
      const b = [0, 1, 2, 3].map((j) => BigInt(4 * i + j) << BigInt(16 * j)).reduce((x, y) => x | y);
      return { name: 'vcvtph2ps', mxcsr: 0x1f80, imm8: 0, a: [0n, 0n], b: [b, 0n] };
    });
    const widened = hardware.execute(asked).flatMap(({ xmm }) => singles.read(xmm));
    const convert = (bits: number) => Number(widen(BigInt(bits), binary16, binary32));
    expect(widened.map((_, bits) => convert(bits))).to.deep.equal(widened);
  });

  it('narrows binary32 to binary16 in every rounding mode', () => {
    const operands = new Operands(211);
    const asked = Array.from({ length: 6_000 }, (): Request => {
      const exponent = BigInt(operands.pick([100, 101, 102, 103, 112, 113, 120, 127, 141, 142, 143, 255]));
      const fraction = BigInt((operands.u32() >>> 9) & operands.pick([0, 0x7f_ffff, 0x7f_f000, 0x7f_e000]));
      const bits = (exponent << 23n) | fraction | (BigInt(operands.below(2)) << 31n);
      // imm8 4 takes the rounding from MXCSR. F16C pays no heed to FTZ.
      return { name: 'vcvtps2ph', mxcsr: 0x1f80 | (operands.below(4) << 13), imm8: 4, a: [0n, 0n], b: [bits, 0n] };
    });
    hardware.execute(asked).forEach(({ xmm, mxcsr }, i) => {
      const env = environmentOf(asked[i].mxcsr);
      const narrowed = convertFormat(env, binary32, binary16, asked[i].b[0]);
      expect([narrowed, asked[i].mxcsr | env.flags]).to.deep.equal([BigInt.asUintN(16, xmm[0]), mxcsr]);
    });
  });
});

function widen(bits: bigint, from: FloatFormat, to: FloatFormat): bigint {
  return convertFormat(environmentOf(0x1f80), from, to, bits);
}
