import { expect } from 'chai';
import { environmentOf, type FloatEnvironment, floatException, settle } from '../../../src/isa/float/environment.ts';
import { doubleToSingle, f32, f64, singleToDouble } from '../../../src/isa/float/operations.ts';

const { IE, DE, ZE, OE, UE, PE } = floatException;

// MXCSR after reset masks everything; each bit taken from it unmasks one exception.
const allMasked = 0x1f80;
const unmask = (exceptions: number) => allMasked & ~(exceptions << 7);
const DAZ = 0x40;
const FTZ = 0x8000;
const roundUp = 0x4000;

const one = 0x3f80_0000;
const three = 0x4040_0000;
const infinity = 0x7f80_0000;
const smallestNormal = 0x0080_0000;
const denormal = 0x0000_0001;
const defaultNan = 0xffc0_0000;
const signaling = 0x7f80_0001;
const quiet = 0x7fc0_0123;
const negativeZero = 0x8000_0000;

/** The result and the flags of one operation. */
function under<V>(
  mxcsr: number,
  operation: (env: FloatEnvironment) => V,
): { result: V; flags: number; fault: boolean } {
  const env = environmentOf(mxcsr);
  const result = operation(env);
  return { result, ...settle(env) };
}

describe('SSE floating-point elements', () => {
  it('round as MXCSR.RC says and flag inexactness', () => {
    const third = (mxcsr: number) => under(mxcsr, (env) => f32.divide(env, one, three));
    expect(third(allMasked | roundUp)).to.deep.equal({ result: 0x3eaa_aaab, flags: PE, fault: false });
    expect(third(allMasked | 0x2000)).to.deep.equal({ result: 0x3eaa_aaaa, flags: PE, fault: false });
  });

  it('answer a masked invalid operation with the negative quiet NaN', () => {
    const { result, flags } = under(allMasked, (env) => f32.subtract(env, infinity, infinity));
    expect([result, flags]).to.deep.equal([defaultNan, IE]);
  });

  it('prefer the first NaN, quieted, and flag a signaling one in either place', () => {
    expect(under(allMasked, (env) => f32.add(env, quiet, signaling))).to.include({ result: quiet, flags: IE });
    expect(under(allMasked, (env) => f32.add(env, signaling, quiet))).to.include({ result: 0x7fc0_0001, flags: IE });
    expect(under(allMasked, (env) => f32.add(env, one, quiet))).to.include({ result: quiet, flags: 0 });
  });

  it('rank a NaN above a denormal operand, which then leaves no DE', () => {
    expect(under(allMasked, (env) => f32.add(env, quiet, denormal)).flags).to.equal(0);
    expect(under(allMasked, (env) => f32.add(env, one, denormal)).flags).to.equal(DE | PE);
  });

  it('flag a division by zero, but not of infinity', () => {
    expect(under(allMasked, (env) => f32.divide(env, one, negativeZero))).to.include({
      result: 0xff80_0000,
      flags: ZE,
    });
    expect(under(allMasked, (env) => f32.divide(env, infinity, 0))).to.include({ result: infinity, flags: 0 });
  });

  it('overflow to infinity or to the largest number, by rounding mode', () => {
    const square = (mxcsr: number) => under(mxcsr, (env) => f32.multiply(env, 0xff7f_ffff, 0x7f7f_ffff));
    expect(square(allMasked)).to.include({ result: 0xff80_0000, flags: OE | PE });
    expect(square(allMasked | roundUp)).to.include({ result: 0xff7f_ffff, flags: OE | PE });
  });

  it('flag masked underflow only with inexactness, unmasked underflow for tininess alone', () => {
    const half = 0x3f00_0000;
    const exact = (mxcsr: number) => under(mxcsr, (env) => f32.multiply(env, smallestNormal, half));
    expect(exact(allMasked)).to.deep.equal({ result: 0x0040_0000, flags: 0, fault: false });
    expect(exact(unmask(UE))).to.include({ flags: UE, fault: true });
  });

  it('flush a tiny result to zero under FTZ, unless underflow is unmasked', () => {
    const tiny = (mxcsr: number) => under(mxcsr, (env) => f32.multiply(env, smallestNormal, 0xbf00_0000));
    expect(tiny(allMasked | FTZ)).to.include({ result: negativeZero, flags: UE | PE });
    expect(tiny(unmask(UE) | FTZ)).to.include({ flags: UE, fault: true });
  });

  it('read denormals as zeros under DAZ, without DE', () => {
    expect(under(allMasked | DAZ, (env) => f32.add(env, denormal, denormal))).to.include({ result: 0, flags: 0 });
    expect(under(allMasked | DAZ, (env) => f32.maximum(env, 0, 0x8000_0001)).result).to.equal(negativeZero);
  });

  it('select the second operand of MIN and MAX for NaNs, unchanged, and for two zeros', () => {
    expect(under(allMasked, (env) => f32.minimum(env, one, signaling))).to.include({ result: signaling, flags: IE });
    expect(under(allMasked, (env) => f32.minimum(env, quiet, one))).to.include({ result: one, flags: IE });
    expect(under(allMasked, (env) => f32.maximum(env, 0, negativeZero)).result).to.equal(negativeZero);
  });

  it('compare into ZF, PF and CF, a quiet NaN being invalid to COMISS alone', () => {
    expect(under(allMasked, (env) => f32.compareOrdered(env, one, quiet))).to.include({ result: 0x45, flags: IE });
    expect(under(allMasked, (env) => f32.compareUnordered(env, one, quiet))).to.include({ result: 0x45, flags: 0 });
    expect(under(allMasked, (env) => f32.compareUnordered(env, one, three)).result).to.equal(0x01);
  });

  it('convert what no integer can hold to the most negative one', () => {
    expect(under(allMasked, (env) => f32.toInt32(env, quiet, false))).to.include({ result: -(2 ** 31), flags: IE });
    expect(under(allMasked, (env) => f64.toInt64(env, 0x43e0_0000_0000_0000n, true)).result).to.equal(-(2n ** 63n));
  });

  it('round to integral values by immediate or by MXCSR, with PE suppressed on demand', () => {
    const half = 0x3ff8_0000_0000_0000n;
    const round = (imm8: number) => under(allMasked | roundUp, (env) => f64.roundToIntegral(env, half, imm8));
    expect(round(3)).to.include({ result: 0x3ff0_0000_0000_0000n, flags: PE });
    expect(round(4)).to.include({ result: 0x4000_0000_0000_0000n, flags: PE });
    expect(round(12)).to.include({ result: 0x4000_0000_0000_0000n, flags: 0 });
  });

  it('carry the high end of a NaN payload between formats', () => {
    expect(under(allMasked, (env) => singleToDouble(env, quiet)).result).to.equal(0x7ff8_0024_6000_0000n);
    expect(under(allMasked, (env) => doubleToSingle(env, 0x7ff8_0024_6000_0001n)).result).to.equal(quiet);
  });
});

describe('an instruction with several elements', () => {
  const inexact = (env: FloatEnvironment) => f32.divide(env, one, three);
  const invalid = (env: FloatEnvironment) => f32.divide(env, 0, 0);

  it('collects the flags of all of them', () => {
    expect(under(allMasked, (env) => [inexact(env), invalid(env)])).to.include({ flags: IE | PE, fault: false });
  });

  it('leaves only flags from before the computation when one of those faults', () => {
    expect(under(unmask(IE), (env) => [inexact(env), invalid(env)])).to.include({ flags: IE, fault: true });
    expect(under(unmask(PE), (env) => [inexact(env), invalid(env)])).to.include({ flags: IE | PE, fault: true });
  });

  it('does not fault for flags that MXCSR already held', () => {
    expect(under(unmask(ZE) | ZE, inexact)).to.include({ flags: PE, fault: false });
  });

  it('adds the products of DPPS by neighbours, into the elements that the immediate names', () => {
    const big = 0x4b80_0000; // 2^24, which absorbs a single 1 but not two.
    const sum = under(allMasked, (env) => f32.dotProduct(env, [one, one, one, one], [one, one, big, 0], 0xf5));
    expect(sum.result).to.deep.equal([big + 1, 0, big + 1, 0]);
  });

  it('keeps the flags of finished steps of DPPS when a later one faults', () => {
    // The products overflow, inexactly; infinity minus infinity is then invalid.
    const [large, negative] = [0x7f00_0000, 0xff00_0000];
    const sum = under(unmask(IE), (env) => f32.dotProduct(env, [large, large, 0, 0], [large, negative, 0, 0], 0xff));
    expect(sum).to.include({ flags: IE | OE | PE, fault: true });
  });
});
