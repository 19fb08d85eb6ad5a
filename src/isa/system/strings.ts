// String instructions: SDM 1 7.3.9. One helper does an instruction's forms with and without REP; those that only read
// memory and do not repeat let the block go on.
import type { Definition } from '../definition.ts';

/** An instruction's encodings by element, and those with a repeat prefix in front. */
function string(
  mnemonic: string,
  encodings: readonly string[],
  options: { readonly onlyReads?: boolean } = {},
): Definition[] {
  const repeated = encodings.flatMap((encoding) => [`F3 ${encoding}`, `F2 ${encoding}`]);
  return [
    { mnemonic, encodings, helper: mnemonic, ...(options.onlyReads ? { continues: true } : {}) },
    { mnemonic: `rep ${mnemonic}`, encodings: repeated, helper: `${mnemonic}Repeated` },
  ];
}

export const stringDefinitions: readonly Definition[] = [
  ...string('movs', ['A4 Yb,Xb', 'A5 Yv,Xv']),
  ...string('cmps', ['A6 Xb,Yb', 'A7 Xv,Yv'], { onlyReads: true }),
  ...string('stos', ['AA Yb,AL', 'AB Yv,rAX']),
  ...string('lods', ['AC AL,Xb', 'AD rAX,Xv'], { onlyReads: true }),
  ...string('scas', ['AE AL,Yb', 'AF rAX,Yv'], { onlyReads: true }),
  ...string('ins', ['6C Yb,DX', '6D Yz,DX']),
  ...string('outs', ['6E DX,Xb', '6F DX,Xz']),
];
