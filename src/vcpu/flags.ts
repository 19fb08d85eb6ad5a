import type { ContextView } from '../state/context.ts';

/** RFLAGS bits: SDM 1 3.4.3. */
export const RFLAGS = {
  CF: 1 << 0,
  fixed: 1 << 1,
  PF: 1 << 2,
  AF: 1 << 4,
  ZF: 1 << 6,
  SF: 1 << 7,
  TF: 1 << 8,
  IF: 1 << 9,
  DF: 1 << 10,
  OF: 1 << 11,
  IOPL: 3 << 12,
  NT: 1 << 14,
  RF: 1 << 16,
  VM: 1 << 17,
  AC: 1 << 18,
  VIF: 1 << 19,
  VIP: 1 << 20,
  ID: 1 << 21,
} as const;

export const STATUS_FLAGS = RFLAGS.CF | RFLAGS.PF | RFLAGS.AF | RFLAGS.ZF | RFLAGS.SF | RFLAGS.OF;
const SYSTEM_FLAGS = 0x3fffff & ~STATUS_FLAGS & ~((1 << 3) | (1 << 5) | (1 << 15));

const evenParity = (byte: number): boolean => {
  const folded = byte ^ (byte >> 4);
  return ((0x6996 >> (folded & 15)) & 1) === 0;
};

/** Collects RFLAGS from the words that hold them. */
export function readFlags(state: ContextView): number {
  const sign = state.flagS;
  return (
    state.systemFlags |
    (state.flagC ? RFLAGS.CF : 0) |
    (state.flagO ? RFLAGS.OF : 0) |
    (state.flagA ? RFLAGS.AF : 0) |
    (state.flagZ === 0n ? RFLAGS.ZF : 0) |
    (sign >> 63n !== 0n ? RFLAGS.SF : 0) |
    (evenParity(Number(sign & 0xffn)) ? RFLAGS.PF : 0)
  );
}

/** Spreads RFLAGS over the words that hold them. Reserved bits are dropped, bit 1 is set. */
export function writeFlags(state: ContextView, value: number): void {
  state.flagC = value & RFLAGS.CF ? 1 : 0;
  state.flagO = value & RFLAGS.OF ? 1 : 0;
  state.flagA = value & RFLAGS.AF ? 1 : 0;
  state.flagZ = value & RFLAGS.ZF ? 0n : 1n;
  state.flagS = (value & RFLAGS.SF ? 1n << 63n : 0n) | (value & RFLAGS.PF ? 0n : 1n);
  state.systemFlags = (value & SYSTEM_FLAGS) | RFLAGS.fixed;
}
