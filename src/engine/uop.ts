// The micro-op: what tier 0 executes. One record of 64 bytes for each instruction of a block, in `state`.
import { struct } from '../state/struct.ts';

export const UOP = struct({
  /** Index in the handler table. */
  handler: 'u32',
  /** Context offsets of the first two register operands. */
  r0: 'u32',
  r1: 'u32',
  /** Context offset of the base register; in jumps the uop of the taken target: LINK. */
  base: 'u32',
  /** Context offset of the index register; in jumps the uop of the fall-through: LINK. */
  index: 'u32',
  scale: 'u8',
  /** 64 less the address size in bits. */
  addressShift: 'u8',
  displacement: 'u64',
  /** The immediate; in jumps the target relative to the block's start. */
  immediate: 'u64',
  /** Context offset of the memory operand's segment. */
  segment: 'u32',
  /** Context offset of the third register operand. */
  r2: 'u32',
  /** Index of the decoded instruction, for helpers. */
  detail: 'u32',
  helper: 'u32',
  /** Offsets of this instruction and the next from the block's start. */
  start: 'u16',
  next: 'u16',
  /** Instructions from the block's start up to and including this one. */
  count: 'u16',
});

if (UOP.size !== 64) throw new RangeError(`a micro-op has ${UOP.size} bytes instead of 64`);

/** Values of a link slot that are no micro-op address. */
export const LINK = {
  /** Not looked up yet: leave wasm with EXIT.lookup. */
  unknown: 0,
  /** Crosses a page or cannot be linked: probe the jump cache. */
  dynamic: 1,
} as const;

/** Why the wasm side returned to the run loop. */
export const EXIT = {
  /** Helpers and slow paths only: go on. */
  none: 0,
  /** Budget spent or kicked, at the start of a block. */
  slice: 1,
  /** No block known for RIP; CONTEXT.linkSlot wants it. */
  lookup: 2,
  /** RIP, mode or pending events changed: a helper ended the block or an exception was delivered. */
  event: 3,
  /** Run the instruction at RIP with the world stopped: split lock, locked MMIO. */
  exclusive: 4,
  /** Run the instruction at RIP as a block of one: it writes to its own code page. */
  single: 5,
} as const;
