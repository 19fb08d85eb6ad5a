import { parseTemplates, type Template } from '../template.ts';

export const x87Control: readonly Template[] = parseTemplates(`
  FNINIT | DB E3
  FNCLEX | DB E2
  FNSTCW | D9 /7 | M16
  FLDCW | D9 /5 | M16
  FNSTSW | DD /7 | M16
  FNSTSW | DF E0
  FWAIT | 9B
`);

export const trap: readonly Template[] = parseTemplates(`
  INT3 | CC
  INTO | CE | i64
  INT1 | F1
  BOUND | 62 /r | M i64
`);

/** Instructions that CPL 3 with IOPL 0 may not execute: #GP(0), SDM 3A 5.9 "Privileged Instructions". */
export const privileged: readonly Template[] = parseTemplates(`
  HLT | F4 | plain
  CLI | FA | plain
  STI | FB | plain
  IN | E4 ib | plain
  IN | E5 ib | plain
  OUT | E6 ib | plain
  OUT | E7 ib | plain
  IN | EC | plain
  IN | ED | plain
  OUT | EE | plain
  OUT | EF | plain
  INS | 6C | plain
  INS | 6D | plain
  OUTS | 6E | plain
  OUTS | 6F | plain
  CLTS | 0F 06 | plain
  INVD | 0F 08 | plain
  WBINVD | NP 0F 09 | plain
  WRMSR | 0F 30 | plain
  RDMSR | 0F 32 | plain
  MOVCR | 0F 20 /0 | R plain
  MOVCR | 0F 20 /2 | R plain
  MOVCR | 0F 20 /3 | R plain
  MOVCR | 0F 20 /4 | R plain
  MOVCR | 0F 22 /0 | R plain
  MOVCR | 0F 22 /3 | R plain
  MOVDR | 0F 21 /0 | R plain
  MOVDR | 0F 21 /7 | R plain
  MOVDR | 0F 23 /0 | R plain
  MOVDR | 0F 23 /7 | R plain
  LGDT | NP 0F 01 /2 | M64 plain
  LIDT | NP 0F 01 /3 | M64 plain
  LMSW | NP 0F 01 /6 | E16 plain
  INVLPG | NP 0F 01 /7 | M8 plain
  LLDT | NP 0F 00 /2 | E16 plain
  LTR | NP 0F 00 /3 | E16 plain
`);

const digits = (mnemonic: string, opcode: string, list: string, options: string) =>
  [...list].map((digit) => `${mnemonic} | ${opcode} /${digit} | ${options}`).join('\n');

const opcodes = (list: string, options: string) =>
  list
    .trim()
    .split(' ')
    .map((opcode) => `(bad) | ${opcode} | ${options}`)
    .join('\n');

/** Encodings that are #UD on every CPU: SDM 2D A.2 leaves them empty, or their entry says so. */
export const undefinedOpcodes: readonly Template[] = parseTemplates(`
  ${opcodes('06 07 0E 16 17 1E 1F 27 2F 37 3F 60 61 9A CE D4 D5 D6 EA', 'o64')}
  ${opcodes('04 0A 0C 24 25 26 27 36 39 3B 3C 3D 3E 3F FF', '').replaceAll('(bad) | ', '(bad) | NP 0F ')}
  UD2 | 0F 0B
  UD1 | NP 0F B9 /r | E
  (bad) | NP 0F 38 11 /r | E
  (bad) | NP 0F 38 1F /r | E
  (bad) | 82 /r ib | E8 o64
  ${digits('(bad)', 'FE', '234567', 'E8')}
  ${digits('(bad)', 'FF', '7', 'E')}
  ${digits('(bad)', 'FF', '35', 'R')}
  ${digits('(bad)', 'C6', '123456', 'E8')}
  ${digits('(bad)', 'C7', '123456', 'E')}
  ${digits('(bad)', '0F BA', '0123', 'E')}
  ${digits('(bad)', 'NP 0F C7', '02', 'E64')}
  ${digits('(bad)', 'NP 0F C7', '1', 'R64')}
  ${digits('(bad)', '8C', '67', 'E16')}
  ${digits('(bad)', '8E', '167', 'E16')}
  ${digits('(bad)', 'NP 0F 71', '01357', 'R')}
  ${digits('(bad)', 'NP 0F 72', '01357', 'R')}
  ${digits('(bad)', 'NP 0F 73', '0145', 'R')}
  ${digits('(bad)', 'NP 0F 71', '246', 'M64')}
  LEA | 8D /r | R
  MOVNTI | NP 0F C3 /r | R
  MOVNTPS | NP 0F 2B /r | R
  MOVLPS | NP 0F 13 /r | R
  LDDQU | F2 0F F0 /r | R
  MOVMSKPS | NP 0F 50 /r | M
  PEXTRW | NP 0F C5 /r ib | M
`);
