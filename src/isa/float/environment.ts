/** Exception flags as MXCSR bits 0 to 5 hold them: SDM 1 10.2.3. The x87 status word uses the same bits. */
export const floatException = {
  IE: 1 << 0,
  DE: 1 << 1,
  ZE: 1 << 2,
  OE: 1 << 3,
  UE: 1 << 4,
  PE: 1 << 5,
} as const;

/** The fields of MXCSR above its flags: SDM 1 10.2.3, "MXCSR Control and Status Register". */
export const mxcsrField = {
  daz: 1 << 6,
  maskShift: 7,
  roundingShift: 13,
  ftz: 1 << 15,
  flags: 0x3f,
} as const;

export type Rounding = 'nearest' | 'down' | 'up' | 'zero';

/** Indexed by MXCSR.RC, the x87 RC field, and bits 1:0 of a rounding immediate: SDM 1 table 4-8. */
export const roundingModes: readonly Rounding[] = ['nearest', 'down', 'up', 'zero'];

/**
 * What one instruction computes under, and the exceptions it met.
 *
 * Use: make one environment per instruction, compute every element with it (their flags are ORed), then ask `settle`
 * once. If it says `fault`, OR its flags into MXCSR and raise #XM without writing any result; otherwise OR the flags
 * and write the results. Flags left in MXCSR by earlier instructions take no part: SDM 1 11.5.
 */
export interface FloatEnvironment {
  readonly rounding: Rounding;
  /** Denormal operands read as zeros of their sign, without DE: SDM 1 10.2.3.4. */
  readonly daz: boolean;
  /** Tiny results become zeros of their sign, but only while underflow is masked: SDM 1 10.2.3.3. */
  readonly ftz: boolean;
  /** Set bits are masked exceptions, in the positions of `floatException`. */
  readonly masks: number;
  /** Exceptions met so far, in the positions of `floatException`; in the present step, if there are several. */
  flags: number;
  /** Exceptions, all masked, of the finished steps of an instruction that computes in several (`finishStep`). */
  finished: number;
}

/** The environment that a value of MXCSR prescribes, with no exception met yet. */
export function environmentOf(mxcsr: number): FloatEnvironment {
  return {
    rounding: roundingModes[(mxcsr >>> mxcsrField.roundingShift) & 3],
    daz: (mxcsr & mxcsrField.daz) !== 0,
    ftz: (mxcsr & mxcsrField.ftz) !== 0,
    masks: (mxcsr >>> mxcsrField.maskShift) & mxcsrField.flags,
    flags: 0,
    finished: 0,
  };
}

/** How an instruction ends. */
export interface Settlement {
  /** What to OR into MXCSR, whether or not the instruction faults. */
  readonly flags: number;
  /** True when #XM (#UD if CR4.OSXMMEXCPT is 0) must be raised and no result written. */
  readonly fault: boolean;
}

const precomputation = floatException.IE | floatException.DE | floatException.ZE;

/**
 * Decides between completing and faulting: SDM 1 11.5.2, "SIMD Floating-Point Exception Conditions".
 * An unmasked exception known before the computation keeps the computation from happening, so the overflow,
 * underflow and inexactness that any element would have shown leave no flag.
 */
export function settle(env: FloatEnvironment): Settlement {
  const unmasked = env.flags & ~env.masks;
  const kept = (unmasked & precomputation) !== 0 ? env.flags & precomputation : env.flags;
  return { flags: env.finished | kept, fault: unmasked !== 0 };
}

/**
 * Ends one step of an instruction whose steps meet exceptions separately, as those of DPPS do. False when the step
 * faults, and with it the instruction. A later step's fault does not take back the flags of a finished one.
 */
export function finishStep(env: FloatEnvironment): boolean {
  if (settle(env).fault) return false;
  env.finished |= env.flags;
  env.flags = 0;
  return true;
}
