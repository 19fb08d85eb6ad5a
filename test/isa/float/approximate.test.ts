import { expect } from 'chai';
import { reciprocal, reciprocalSquareRoot } from '../../../src/isa/float/approximate.ts';
import { Hardware } from './hardware.ts';
import { Operands } from './operands.ts';
import { singles } from './registers.ts';

/** SDM 2B, RCPPS and RSQRTPS: |relative error| <= 1.5 * 2^-12. */
const bound = 1.5 * 2 ** -12;

const smallestNormal = 0x0080_0000;

function toValue(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}

function relativeError(approximate: number, exact: number): number {
  return Math.abs(toValue(approximate) / exact - 1);
}

/** A positive normal number below `limit`, any exponent as likely as any other. */
function positiveNormals(count: number, limit: number): number[] {
  const operands = new Operands(31);
  return Array.from({ length: count }, () => smallestNormal + operands.below(limit - smallestNormal));
}

/** Encodings whose answer the manual gives exactly: zeros, denormals, infinities, NaNs, with either sign. */
const specials = [0, 1, 0x007f_ffff, 0x7f80_0000, 0x7f80_0001, 0x7fa0_0005, 0x7fc0_0000, 0x7fff_ffff].flatMap(
  (bits) => [bits, bits + 0x8000_0000],
);

describe('RCPSS and RSQRTSS elements', () => {
  const hardware = new Hardware();

  after(() => {
    hardware.dispose();
  });

  function processor(name: string, inputs: readonly number[]): number[] {
    // Everything unmasked, DAZ and FTZ clear: these instructions must not care.
    const requests = inputs.map((bits) => ({
      name,
      mxcsr: 0,
      imm8: 0,
      a: singles.write([]),
      b: singles.write([bits]),
    }));
    return hardware.execute(requests).map(({ xmm, mxcsr, faulted }) => {
      expect([mxcsr, faulted]).to.deep.equal([0, false]);
      return singles.read(xmm)[0];
    });
  }

  it('take reciprocals within the error bound, as the processor does', () => {
    // Beyond this operand the manual allows a tiny, flushed result.
    const inputs = positiveNormals(20_000, 0x7e80_0000);
    const theirs = processor('rcpss', inputs);
    inputs.forEach((bits, i) => {
      const exact = 1 / toValue(bits);
      expect(relativeError(theirs[i], exact)).to.be.at.most(bound);
      expect(relativeError(reciprocal(bits), exact)).to.be.at.most(bound);
      expect(reciprocal(bits + 0x8000_0000)).to.equal(reciprocal(bits) + 0x8000_0000);
    });
  });

  it('take reciprocal square roots within the error bound, as the processor does', () => {
    const inputs = positiveNormals(20_000, 0x7f80_0000);
    const theirs = processor('rsqrtss', inputs);
    inputs.forEach((bits, i) => {
      const exact = 1 / Math.sqrt(toValue(bits));
      expect(relativeError(theirs[i], exact)).to.be.at.most(bound);
      expect(relativeError(reciprocalSquareRoot(bits), exact)).to.be.at.most(bound);
    });
  });

  it('flush reciprocals that would be tiny', () => {
    expect(reciprocal(0x7e80_0c01)).to.equal(0);
    expect(reciprocal(0xfe80_0c01)).to.equal(0x8000_0000);
  });

  it('answer zeros, denormals, infinities and NaNs as the processor does', () => {
    expect(specials.map(reciprocal)).to.deep.equal(processor('rcpss', specials));
    expect(specials.map(reciprocalSquareRoot)).to.deep.equal(processor('rsqrtss', specials));
  });
});
