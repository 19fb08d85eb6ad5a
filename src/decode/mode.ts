// The decoder's mode: what besides the bytes decides which micro-ops they become. One small integer (CONTEXT.mode).

/** Code size in the low bits; the rest are flags. */
export const MODE = {
  code16: 0,
  code32: 1,
  code64: 2,
  sizeMask: 3,
  /** SSE is #NM (CR0.TS) or #UD (CR0.EM, no CR4.OSFXSR): SDM 3A 13.1. */
  sseNotAvailable: 1 << 2,
  sseUndefined: 1 << 3,
  /** x87 and MMX: #NM for CR0.TS or, for x87, CR0.EM; MMX is #UD with CR0.EM. */
  fpuNotAvailable: 1 << 4,
  fpuEmulated: 1 << 5,
  /** CS is not flat (base 0, limit 4 GiB): blocks are checked against the limit one by one and not linked. */
  codeLimit: 1 << 6,
  /** Blocks of one instruction. */
  single: 1 << 7,
  /** LOCK is ignored, because the world is stopped. */
  unlocked: 1 << 8,
  /** VM86 or real mode: some opcodes are #UD (SDM 2: LAR, LSL, ARPL, ... "not recognized in real-address mode"). */
  realOrV86: 1 << 9,
  /** FWAIT is #NM: CR0.MP and CR0.TS. */
  waitNotAvailable: 1 << 10,
} as const;

/** Code size in bits of a mode. */
export const codeSizeOf = (mode: number): 16 | 32 | 64 => ([16, 32, 64] as const)[mode & MODE.sizeMask] as 16 | 32 | 64;
