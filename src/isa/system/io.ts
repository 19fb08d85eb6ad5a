// Port input and output: SDM 1 chapter 19.
import type { Definition } from '../definition.ts';

/** Register forms of IN and OUT take 8, 16 or 32 bits: REX.W is ignored. INS and OUTS are with the strings. */
export const ioDefinitions: readonly Definition[] = [
  { mnemonic: 'in', encodings: ['E4 AL,Ib', 'EC AL,DX'], helper: 'inByte' },
  { mnemonic: 'in', encodings: ['E5 rAX,Ib', 'ED rAX,DX'], helper: 'inWord' },
  { mnemonic: 'out', encodings: ['E6 Ib,AL', 'EE DX,AL'], helper: 'outByte' },
  { mnemonic: 'out', encodings: ['E7 Ib,rAX', 'EF DX,rAX'], helper: 'outWord' },
];
