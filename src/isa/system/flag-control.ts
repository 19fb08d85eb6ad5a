// The interrupt flag, and RFLAGS as a whole: SDM 1 3.4.3.3. What they do is in src/vcpu/helpers/flags.ts.
import type { Definition } from '../definition.ts';

export const flagControlDefinitions: readonly Definition[] = [
  { mnemonic: 'cli', encodings: ['FA'], helper: 'cli', continues: true },
  // STI and POPF may let an interrupt in, or start single-stepping: the run loop must look.
  { mnemonic: 'sti', encodings: ['FB'], helper: 'sti' },
  { mnemonic: 'pushf', encodings: ['9C; d64'], helper: 'pushFlags', continues: true },
  { mnemonic: 'popf', encodings: ['9D; d64'], helper: 'popFlags' },
];
