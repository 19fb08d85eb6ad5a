// What a handler does to the status flags. A handler whose flags nobody will see has a quiet twin that computes none.
import type { FlagWord } from '../isa/semantics.ts';
import { Code } from '../wasm/code.ts';
import type { HandlerSpec } from './handlers.ts';
import { Tier0Semantics } from './tier0-semantics.ts';

const BITS: Readonly<Record<FlagWord, number>> = { Z: 1, S: 2, C: 4, O: 8, A: 16 };
/** All flag words. */
export const ALL_FLAGS = 31;

/** Flag words as bits of BITS. */
export interface FlagEffects {
  /** Written whatever happens. */
  readonly writes: number;
  /** Written on some path. */
  readonly mayWrite: number;
  readonly reads: number;
  /** May leave the block or fault, so that whoever looks then sees the flags from before. */
  readonly leaves: boolean;
}

/** One number for each handler: the form in which effects are posted. */
export const packEffects = ({ writes, mayWrite, reads, leaves }: FlagEffects): number =>
  writes | (mayWrite << 5) | (reads << 10) | (leaves ? 1 << 15 : 0);

export const unpackEffects = (packed: number): FlagEffects => ({
  writes: packed & ALL_FLAGS,
  mayWrite: (packed >> 5) & ALL_FLAGS,
  reads: (packed >> 10) & ALL_FLAGS,
  leaves: packed >> 15 !== 0,
});

/** Of what is no handler of a definition: helpers, exceptions, block ends. */
export const OPAQUE: FlagEffects = { writes: 0, mayWrite: 0, reads: ALL_FLAGS, leaves: true };

/** Nothing is called: only what the definition asks for counts. */
const NO_IMPORTS = {
  slowRead: 0,
  slowWrite: 0,
  slowReadForWrite: 0,
  slowLocked: 0,
  segmentFault: 0,
  helper: 0,
  raise: 0,
  dispatch: 0,
  handlerType: 0,
} as const;

/** Describes a definition once more, into nowhere, and watches. */
export function flagEffects({ definition, operandSize, locked, operands }: HandlerSpec): FlagEffects {
  const x = new Tier0Semantics(new Code(2), { operandSize, locked, imports: NO_IMPORTS, helperId: () => 0 });
  definition.execute!(x, ...operands);
  const mask = (words: ReadonlySet<FlagWord>) => [...words].reduce((sum, word) => sum | BITS[word], 0);
  const { written, maybeWritten, read, leaves } = x.flagUse;
  return { writes: mask(written), mayWrite: mask(maybeWritten), reads: mask(read), leaves };
}
