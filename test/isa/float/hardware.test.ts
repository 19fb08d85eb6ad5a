import { expect } from 'chai';
import { Hardware, type Reply, type Request } from './hardware.ts';
import { model } from './model.ts';
import { Operands } from './operands.ts';
import { doubles, type Elements, singles, type Xmm } from './registers.ts';

const casesEach = 1_600;

/** RCPSS and RSQRTSS belong to approximate.test.ts, x87 and F16C instructions to formats.test.ts. */
const testedElsewhere = /^(rcp|rsqrt|f|vcvt)/;

const sourcesInt32OrInt64 = /^cvt(si|dq)/;
const sourcesDouble = /^cvtt?[sp]d2|^(?!cvt).*d$/;

/** Exclusive limits of the immediates that mean something. */
const immediates: readonly (readonly [pattern: RegExp, limit: number])[] = [
  [/^cmp/, 8],
  [/^round/, 16],
  [/^dp/, 256],
];

function operandPair<V>(operands: Operands, { format, read, write }: Elements<V>, name: string): [Xmm, Xmm] {
  const pairs = read([0n, 0n]).map(() => operands.pair(format));
  const narrow = (bits: bigint) => read([bits, 0n])[0];
  const a = write(pairs.map(([x]) => narrow(x)));
  if (sourcesInt32OrInt64.test(name)) return [a, [operands.integer(), operands.integer()]];
  return [a, write(pairs.map(([, y]) => narrow(y)))];
}

/** Every RC, DAZ and FTZ, flags sticky from before; a quarter of the requests with some exceptions unmasked. */
function mxcsr(operands: Operands): number {
  const masks = operands.below(4) === 0 ? operands.u32() & 0x1f80 : 0x1f80;
  const sticky = operands.below(2) === 0 ? operands.u32() & 0x3f : 0;
  return masks | sticky | (operands.u32() & 0xe040);
}

function requests(name: string, seed: number): Request[] {
  const operands = new Operands(seed);
  const limit = immediates.find(([pattern]) => pattern.test(name))?.[1] ?? 1;
  return Array.from({ length: casesEach }, () => {
    const [a, b] = sourcesDouble.test(name)
      ? operandPair(operands, doubles, name)
      : operandPair(operands, singles, name);
    return { name, mxcsr: mxcsr(operands), imm8: operands.below(limit), a, b };
  });
}

/** Text, so that a failure shows bits; a faulting instruction writes nothing worth comparing. */
function show({ mxcsr, faulted, xmm: [low, high], general }: Reply): string {
  const written = faulted ? 'fault' : [high, low, general].map((q) => q.toString(16)).join(' ');
  return `mxcsr ${mxcsr.toString(16)}: ${written}`;
}

function ask({ name, mxcsr, imm8, a, b }: Request): string {
  const register = ([low, high]: Xmm) => `${high.toString(16)}_${low.toString(16).padStart(16, '0')}`;
  return `${name} imm8 ${imm8} mxcsr ${mxcsr.toString(16)} a ${register(a)} b ${register(b)}`;
}

describe('floating point, against the processor these tests run on', () => {
  const hardware = new Hardware();
  const exact = hardware.names.filter((name) => !testedElsewhere.test(name));

  after(() => {
    hardware.dispose();
  });

  exact.forEach((name, i) => {
    it(`${name} leaves the same bits, flags and faults`, () => {
      const asked = requests(name, 1 + i);
      const answers = hardware.execute(asked);
      const differing = asked.flatMap((request, j) => {
        const [expected, actual] = [show(answers[j]), show(model(request))];
        return expected === actual ? [] : [`${ask(request)}\n  processor ${expected}\n  rookery   ${actual}`];
      });
      expect(differing.slice(0, 5), `${differing.length} of ${asked.length} differ`).to.deep.equal([]);
    });
  });

  it('compares at least 100,000 cases', () => {
    expect(exact.length * casesEach).to.be.at.least(100_000);
  });
});
