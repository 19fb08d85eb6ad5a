import { expect } from 'chai';
import { model } from '../float/model.ts';
import { Operands } from '../float/operands.ts';
import { doubles, singles, type Xmm } from '../float/registers.ts';
import { encode, OneInstruction, REG, RM } from './one-instruction.ts';

const CASES = 250;
const XM = 19;
/** Masked and recorded inexactness, to nearest: where wasm may compute. */
const COMMON_MXCSR = 0x1fa0;

const SHARED = ['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt', 'round', 'cmp'];
const NAMES = [
  ...SHARED.flatMap((name) => ['ps', 'pd', 'ss', 'sd'].map((suffix) => name + suffix)),
  ...['hadd', 'hsub', 'addsub', 'dp'].flatMap((name) => [`${name}ps`, `${name}pd`]),
  ...['cvtss2sd', 'cvtsd2ss', 'cvtps2pd', 'cvtpd2ps', 'cvtps2dq', 'cvttps2dq', 'cvtpd2dq', 'cvttpd2dq', 'cvtdq2ps'],
  'cvtdq2pd',
];
const COMPARISONS = ['comiss', 'comisd', 'ucomiss', 'ucomisd'];
const TO_GENERAL = ['cvtss2si', 'cvtsd2si', 'cvttss2si', 'cvttsd2si'];
const FROM_GENERAL = ['cvtsi2ss', 'cvtsi2sd'];

/** The format of the source: first letter behind the conversion's 2, or the last of the name. */
const isSingle = (name: string): boolean => /^cvtt?[sp]s2|^(?!cvt).*s$/.test(name);

function registers(operands: Operands, name: string): [Xmm, Xmm] {
  const { format } = isSingle(name) ? singles : doubles;
  if (/^cvt(dq|si)/.test(name)) {
    const [x, y] = [operands.integer(), operands.integer()];
    return [[operands.u64(), operands.u64()], name.includes('dq') ? [x & 0xff_ffff_00ff_ffffn, y] : [x, y]];
  }
  const pairs = Array.from({ length: 128 / (format.signPosition + 1) }, () => operands.pair(format));
  const write = (index: 0 | 1): Xmm =>
    isSingle(name)
      ? singles.write(pairs.map((pair) => Number(pair[index])))
      : doubles.write(pairs.map((p) => p[index]));
  return [write(0), write(1)];
}

const chooseMxcsr = (operands: Operands): number =>
  operands.below(3) > 0 ? COMMON_MXCSR : operands.below(2) === 0 ? 0x1f80 : operands.u32() & 0xffff;

const describeCase = (name: string, mxcsr: number, a: Xmm, b: Xmm): string =>
  `${name} mxcsr ${mxcsr.toString(16)} of ${[...a, ...b].map((half) => half.toString(16))}`;

/** What each case of an instruction must agree with: the exact library, put together by `model`. */
function sameAsModel(
  vcpu: OneInstruction,
  name: string,
  wide: boolean,
  check: (expected: ReturnType<typeof model>) => void,
) {
  const { state } = vcpu.cpu;
  const operands = new Operands(name.length * 131 + name.charCodeAt(1));
  const modelName = /si/.test(name) && !name.startsWith('comi') ? `${name}/${wide ? 64 : 32}` : name;
  for (let i = 0; i < CASES; i++) {
    const [a, b] = registers(operands, name);
    const mxcsr = chooseMxcsr(operands);
    const imm8 = operands.below(8) + 16 * operands.below(16);
    const expected = model({ name: modelName, mxcsr, imm8, a, b });
    vcpu.setXmm(REG, a);
    vcpu.setXmm(RM, b);
    state.gpr.set(RM, b[0]);
    state.mxcsr = mxcsr;
    const vector = vcpu.execute(encode(name, { imm8, wide }));
    const text = describeCase(modelName, mxcsr, a, b);
    expect(vector, text).to.equal(expected.faulted ? XM : null);
    expect(state.mxcsr.toString(16), text).to.equal(expected.mxcsr.toString(16));
    if (!expected.faulted) check(expected);
    else expect(vcpu.xmm(REG), text).to.deep.equal(a);
  }
}

const hex = (register: Xmm): string[] => register.map((half) => half.toString(16));

describe('SSE float instructions, by wasm and by helper', () => {
  const vcpu = new OneInstruction();

  for (const name of NAMES) {
    it(`compute ${name.toUpperCase()} as the exact library does`, () => {
      sameAsModel(vcpu, name, false, ({ xmm }) => {
        expect(hex(vcpu.xmm(REG)), name).to.deep.equal(hex(xmm));
      });
    });
  }

  for (const name of COMPARISONS) {
    it(`set ZF, PF and CF by ${name.toUpperCase()} and clear the others`, () => {
      sameAsModel(vcpu, name, false, ({ general }) => {
        expect(vcpu.cpu.rflags & 0x8d5).to.equal(Number(general));
        vcpu.cpu.rflags |= 0x8d5;
      });
    });
  }

  for (const name of TO_GENERAL) {
    for (const wide of [false, true]) {
      it(`convert to ${wide ? 64 : 32} bits by ${name.toUpperCase()}`, () => {
        sameAsModel(vcpu, name, wide, ({ general }) => {
          expect(vcpu.cpu.gpr(REG).toString(16)).to.equal(general.toString(16));
        });
      });
    }
  }

  for (const name of FROM_GENERAL) {
    for (const wide of [false, true]) {
      it(`convert from ${wide ? 64 : 32} bits by ${name.toUpperCase()}`, () => {
        sameAsModel(vcpu, name, wide, ({ xmm }) => {
          expect(hex(vcpu.xmm(REG))).to.deep.equal(hex(xmm));
        });
      });
    }
  }
});
