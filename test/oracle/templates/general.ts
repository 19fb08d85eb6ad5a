import { parseTemplates, type Template } from '../template.ts';

const CONDITIONS = ['O', 'NO', 'B', 'NB', 'E', 'NE', 'BE', 'A', 'S', 'NS', 'P', 'NP', 'L', 'GE', 'LE', 'G'] as const;

/** One row a condition: `first` is the opcode of condition O, `before` its escape bytes. */
function conditionRows(stem: string, before: string, first: number, rest: string): string {
  const opcode = (i: number) => (first + i).toString(16).toUpperCase();
  return CONDITIONS.map((condition, i) =>
    `${stem}${condition} | ${before} ${opcode(i)} ${rest}`.replace('|  ', '| '),
  ).join('\n');
}

export const move: readonly Template[] = parseTemplates(`
  MOV | 88 /r | E8
  MOV | 89 /r | Ev
  MOV | 8A /r | E8
  MOV | 8B /r | Ev
  MOV | B0+r ib
  MOV | B8+r iv
  MOV | C6 /0 ib | E8
  MOV | C7 /0 iz | Ev
  MOV | A0 mo
  MOV | A1 mo
  MOV | A2 mo
  MOV | A3 mo
  MOV | 8C /0 | E16
  MOV | 8C /1 | E16
  MOV | 8C /2 | E16
  MOV | 8C /3 | E16
  LEA | 8D /r | M
  MOVZX | 0F B6 /r | E8
  MOVZX | 0F B7 /r | E16
  MOVSX | 0F BE /r | E8
  MOVSX | 0F BF /r | E16
  MOVSXD | 63 /r | E32 o64
  ARPL | 63 /r | E16 i64
  BSWAP | NP 0F C8+r | n16
  MOVBE | 0F 38 F0 /r | M +movbe
  MOVBE | 0F 38 F1 /r | M +movbe
  MOVNTI | NP 0F C3 /r | My
  XLAT | D7
  CBW | 98
  CWD | 99
  NOP | 90
  NOP | 0F 1F /0 | E
  PREFETCH | 0F 18 /0 | M8
  PREFETCH | 0F 18 /1 | M8
  PREFETCH | 0F 18 /2 | M8
  PREFETCH | 0F 18 /3 | M8
  PREFETCHW | 0F 0D /1 | M8
  CLFLUSH | NP 0F AE /7 | M8
  CLFLUSHOPT | 66 0F AE /7 | M8 +clflushopt
  CLWB | 66 0F AE /6 | M8 +clwb
  LFENCE | NP 0F AE E8
  MFENCE | NP 0F AE F0
  SFENCE | NP 0F AE F8
  RDFSBASE | F3 0F AE /0 | Ry o64 plain
  RDGSBASE | F3 0F AE /1 | Ry o64 plain
  WRFSBASE | F3 0F AE /2 | Ry o64 plain
  WRGSBASE | F3 0F AE /3 | Ry o64 plain
`);

export const flags: readonly Template[] = parseTemplates(`
  CLC | F8
  STC | F9
  CMC | F5
  CLD | FC
  STD | FD
  LAHF | 9F
  SAHF | 9E
`);

export const conditional: readonly Template[] = parseTemplates(`
  ${conditionRows('SET', '0F', 0x90, '/0 | E8')}
  ${conditionRows('CMOV', '0F', 0x40, '/r | E')}
`);

export const branch: readonly Template[] = parseTemplates(`
  ${conditionRows('J', '', 0x70, 'cb')}
  ${conditionRows('J', '0F', 0x80, 'cz')}
  JMP | EB cb
  JMP | E9 cz
  CALL | E8 cz
  LOOPNE | E0 cb
  LOOPE | E1 cb
  LOOP | E2 cb
  JRCXZ | E3 cb
  JMP | FF /4 | En
  CALL | FF /2 | En
  RET | C3
  RET | C2 iw
`);

export const stack: readonly Template[] = parseTemplates(`
  PUSH | 50+r
  POP | 58+r
  PUSH | 68 iz
  PUSH | 6A ib
  PUSH | FF /6 | En
  POP | 8F /0 | En
  PUSHF | 9C
  POPF | 9D
  PUSHA | 60 | i64
  POPA | 61 | i64
  LEAVE | C9
  ENTER | C8 iw ib
  PUSHSREG | 0F A0
  PUSHSREG | 0F A8
  PUSHSREG | 06 | i64
  PUSHSREG | 0E | i64
  PUSHSREG | 16 | i64
  PUSHSREG | 1E | i64
`);

export const string: readonly Template[] = parseTemplates(
  [0xa4, 0xa6, 0xaa, 0xac, 0xae]
    .flatMap((opcode, i) => {
      const mnemonic = ['MOVS', 'CMPS', 'STOS', 'LODS', 'SCAS'][i];
      return [0, 1].map((wide) => `${mnemonic} | ${(opcode + wide).toString(16).toUpperCase()} | rep`);
    })
    .join('\n'),
);
