// x87 control instructions, FXSAVE and the XSAVE family, MXCSR: SDM 1 8.1, 10.5, 13. x87 arithmetic is not built.
import type { Definition } from './definition.ts';

const x87 = (mnemonic: string, encoding: string, helper: string): Definition => ({
  mnemonic,
  encodings: encoding.split(' | '),
  helper,
  unit: 'x87',
  continues: true,
});

const control: readonly Definition[] = [
  x87('fninit', 'DB =E3', 'fninit'),
  x87('fnclex', 'DB =E2', 'fnclex'),
  // FENI, FDISI and FSETPM of the 8087 and 80287 do nothing: SDM 3B 22.18.9.
  x87('fnop', 'DB =E0 | DB =E1 | DB =E4', 'fsetpm'),
  x87('fnstcw', 'D9 /7 Mw', 'fnstcw'),
  x87('fldcw', 'D9 /5 Mw', 'fldcw'),
  x87('fnstsw', 'DD /7 Mw | DF =E0 AX', 'fnstsw'),
  x87('fnstenv', 'D9 /6 M', 'fnstenv'),
  x87('fldenv', 'D9 /4 M', 'fldenv'),
  x87('fnsave', 'DD /6 M', 'fnsave'),
  x87('frstor', 'DD /4 M', 'frstor'),
  // Its #NM depends on CR0.MP, which no other instruction looks at: SDM 3A 2.5.
  { mnemonic: 'fwait', encodings: ['9B'], helper: 'fwait', continues: true },
];

/** Every other x87 encoding. */
const unbuilt: Definition = {
  mnemonic: 'x87',
  encodings: ['D8 E', 'D9 E', 'DA E', 'DB E', 'DC E', 'DD E', 'DE E', 'DF E'],
  helper: 'x87Unimplemented',
  unit: 'x87',
};

const image = (mnemonic: string, encoding: string, feature: string): Definition => ({
  mnemonic,
  encodings: [encoding],
  helper: mnemonic,
  feature,
});

/**
 * FXSAVE and FXRSTOR are #UD with CR0.EM and #NM with CR0.TS, as MMX instructions are. The XSAVE family ignores EM;
 * its helpers check CR4.OSXSAVE before CR0.TS.
 */
const state: readonly Definition[] = [
  { ...image('fxsave', 'NP 0F AE /0 M', 'fxsr'), unit: 'mmx' },
  { ...image('fxrstor', 'NP 0F AE /1 M', 'fxsr'), unit: 'mmx' },
  image('xsave', 'NP 0F AE /4 M', 'xsave'),
  image('xrstor', 'NP 0F AE /5 M', 'xsave'),
  image('xsaveopt', 'NP 0F AE /6 M', 'xsaveopt'),
  image('xsavec', 'NP 0F C7 /4 M', 'xsavec'),
  image('xsaves', 'NP 0F C7 /5 M', 'xsaves'),
  image('xrstors', 'NP 0F C7 /3 M', 'xsaves'),
];

const vector: readonly Definition[] = [
  {
    mnemonic: 'ldmxcsr',
    encodings: ['NP 0F AE /2 Md'],
    helper: 'ldmxcsr',
    unit: 'sse',
    feature: 'sse',
    continues: true,
  },
  {
    mnemonic: 'stmxcsr',
    encodings: ['NP 0F AE /3 Md'],
    helper: 'stmxcsr',
    unit: 'sse',
    feature: 'sse',
    continues: true,
  },
  { mnemonic: 'emms', encodings: ['NP 0F 77'], helper: 'emms', unit: 'mmx', feature: 'mmx', continues: true },
];

export const x87Definitions: readonly Definition[] = [...control, unbuilt, ...state, ...vector];
