import type { Form } from '../../src/isa/encoding.ts';

/** The bytes of each mandatory prefix. */
export const PREFIX_BYTES: Readonly<Record<Form['prefix'], readonly number[]>> = {
  none: [],
  NP: [],
  66: [0x66],
  F3: [0xf3],
  F2: [0xf2],
};

/** The escape bytes of each opcode map. */
export const ESCAPES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const;
