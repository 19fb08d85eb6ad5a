// Instructions without a result: NOPs, prefetches, fences, cache-line operations and the undefined ones.
import type { Definition } from '../definition.ts';
import { opcode } from './encodings.ts';

const INVALID_OPCODE = 6;

/**
 * The hint space 0F 18-1F: prefetches, ENDBR and whatever later processors put there, all NOPs to one that does not
 * know them. None touches its memory operand. SDM 2D table A-3, "NOP".
 */
const noOperation: Definition = {
  mnemonic: 'nop',
  encodings: ['90', '0F 0D E', ...Array.from({ length: 8 }, (_, index) => `0F ${opcode(0x18, index)} E`)],
  execute: () => {},
};

/** A helper, because a spinning vCPU may hold the host's core that another one waits for. */
const pause: Definition = { mnemonic: 'pause', encodings: ['F3 90'], helper: 'pause', continues: true };

/** Store-load order needs a real fence; the other two order nothing that wasm on an x86 host could reorder. */
const fences: readonly Definition[] = [
  {
    mnemonic: 'mfence',
    encodings: ['NP 0F AE /6 Rd'],
    feature: 'sse2',
    execute: (x) => {
      x.code.fence();
    },
  },
  { mnemonic: 'lfence', encodings: ['NP 0F AE /5 Rd'], feature: 'sse2', execute: () => {} },
  { mnemonic: 'sfence', encodings: ['NP 0F AE /7 Rd'], feature: 'sse', execute: () => {} },
];

/** There are no caches, but the address faults as a load's does: SDM 2 "CLFLUSH". */
const flush = (mnemonic: string, encoding: string, feature: string): Definition => ({
  mnemonic,
  encodings: [encoding],
  feature,
  execute(x, line) {
    x.load(line!);
  },
});

/** UD0 and UD1 have a ModRM byte whose operands are not accessed: SDM 2 "UD". */
const undefinedInstruction = (mnemonic: string, encoding: string): Definition => ({
  mnemonic,
  encodings: [encoding],
  endsBlock: true,
  execute(x) {
    x.raise(INVALID_OPCODE);
  },
});

export const hintDefinitions: readonly Definition[] = [
  noOperation,
  pause,
  ...fences,
  flush('clflush', 'NP 0F AE /7 Mb', 'clflush'),
  flush('clflushopt', '66 0F AE /7 Mb', 'clflushopt'),
  flush('clwb', '66 0F AE /6 Mb', 'clwb'),
  undefinedInstruction('ud0', '0F FF G,E'),
  undefinedInstruction('ud1', '0F B9 G,E'),
  undefinedInstruction('ud2', '0F 0B'),
];
