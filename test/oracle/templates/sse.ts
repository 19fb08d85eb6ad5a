import { parseTemplates, type Template } from '../template.ts';

/** The four element types of the 0F 50-5F rows by the letters used below: mandatory prefix and memory operand. */
const TYPES: Readonly<Record<string, readonly [prefix: string, operand: string]>> = {
  PS: ['NP', 'E128a'],
  PD: ['66', 'E128a'],
  SS: ['F3', 'E32'],
  SD: ['F2', 'E64'],
};

/** Rows `STEM opcode TYPES [ib]` with an entry for each type. */
function typedRows(rows: string): string {
  return rows
    .trim()
    .split('\n')
    .flatMap((row) => {
      const [stem, opcode, types, trailer = ''] = row.trim().split(' ');
      return types!.split(',').map((type) => {
        const [prefix, operand] = TYPES[type]!;
        return `${stem}${type} | ${prefix} 0F ${opcode} /r ${trailer}`.trim().concat(` | ${operand}`);
      });
    })
    .join('\n');
}

export const sseFloat: readonly Template[] = parseTemplates(`
  ${typedRows(`
    SQRT 51 PS,PD,SS,SD
    RSQRT 52 PS,SS
    RCP 53 PS,SS
    AND 54 PS,PD
    ANDN 55 PS,PD
    OR 56 PS,PD
    XOR 57 PS,PD
    ADD 58 PS,PD,SS,SD
    MUL 59 PS,PD,SS,SD
    SUB 5C PS,PD,SS,SD
    MIN 5D PS,PD,SS,SD
    DIV 5E PS,PD,SS,SD
    MAX 5F PS,PD,SS,SD
    CMP C2 PS,PD,SS,SD ib
    UNPCKL 14 PS,PD
    UNPCKH 15 PS,PD
    SHUF C6 PS,PD ib
  `)}
  UCOMISS | NP 0F 2E /r | E32
  UCOMISD | 66 0F 2E /r | E64
  COMISS | NP 0F 2F /r | E32
  COMISD | 66 0F 2F /r | E64
  HADDPD | 66 0F 7C /r | E128a +sse3
  HADDPS | F2 0F 7C /r | E128a +sse3
  HSUBPD | 66 0F 7D /r | E128a +sse3
  HSUBPS | F2 0F 7D /r | E128a +sse3
  ADDSUBPD | 66 0F D0 /r | E128a +sse3
  ADDSUBPS | F2 0F D0 /r | E128a +sse3
  ROUNDPS | 66 0F 3A 08 /r ib | E128a +sse41
  ROUNDPD | 66 0F 3A 09 /r ib | E128a +sse41
  ROUNDSS | 66 0F 3A 0A /r ib | E32 +sse41
  ROUNDSD | 66 0F 3A 0B /r ib | E64 +sse41
  BLENDPS | 66 0F 3A 0C /r ib | E128a +sse41
  BLENDPD | 66 0F 3A 0D /r ib | E128a +sse41
  DPPS | 66 0F 3A 40 /r ib | E128a +sse41
  DPPD | 66 0F 3A 41 /r ib | E128a +sse41
  INSERTPS | 66 0F 3A 21 /r ib | E32 +sse41
  EXTRACTPS | 66 0F 3A 17 /r ib | E32 +sse41
  BLENDVPS | 66 0F 38 14 /r | E128a +sse41
  BLENDVPD | 66 0F 38 15 /r | E128a +sse41
  LDMXCSR | NP 0F AE /2 | M32
  STMXCSR | NP 0F AE /3 | M32
`);

export const sseConvert: readonly Template[] = parseTemplates(`
  CVTPI2PS | NP 0F 2A /r | E64
  CVTPI2PD | 66 0F 2A /r | E64
  CVTSI2SS | F3 0F 2A /r | Ey
  CVTSI2SD | F2 0F 2A /r | Ey
  CVTTPS2PI | NP 0F 2C /r | E64
  CVTTPD2PI | 66 0F 2C /r | E128a
  CVTTSS2SI | F3 0F 2C /r | E32
  CVTTSD2SI | F2 0F 2C /r | E64
  CVTPS2PI | NP 0F 2D /r | E64
  CVTPD2PI | 66 0F 2D /r | E128a
  CVTSS2SI | F3 0F 2D /r | E32
  CVTSD2SI | F2 0F 2D /r | E64
  CVTPS2PD | NP 0F 5A /r | E64
  CVTPD2PS | 66 0F 5A /r | E128a
  CVTSS2SD | F3 0F 5A /r | E32
  CVTSD2SS | F2 0F 5A /r | E64
  CVTDQ2PS | NP 0F 5B /r | E128a
  CVTPS2DQ | 66 0F 5B /r | E128a
  CVTTPS2DQ | F3 0F 5B /r | E128a
  CVTTPD2DQ | 66 0F E6 /r | E128a
  CVTDQ2PD | F3 0F E6 /r | E64
  CVTPD2DQ | F2 0F E6 /r | E128a
`);

export const sseMove: readonly Template[] = parseTemplates(`
  MOVUPS | NP 0F 10 /r | E128
  MOVUPD | 66 0F 10 /r | E128
  MOVSS | F3 0F 10 /r | E32
  MOVSD | F2 0F 10 /r | E64
  MOVUPS | NP 0F 11 /r | E128
  MOVUPD | 66 0F 11 /r | E128
  MOVSS | F3 0F 11 /r | E32
  MOVSD | F2 0F 11 /r | E64
  MOVLPS | NP 0F 12 /r | E64
  MOVLPD | 66 0F 12 /r | M64
  MOVSLDUP | F3 0F 12 /r | E128a +sse3
  MOVDDUP | F2 0F 12 /r | E64 +sse3
  MOVLPS | NP 0F 13 /r | M64
  MOVLPD | 66 0F 13 /r | M64
  MOVHPS | NP 0F 16 /r | E64
  MOVHPD | 66 0F 16 /r | M64
  MOVSHDUP | F3 0F 16 /r | E128a +sse3
  MOVHPS | NP 0F 17 /r | M64
  MOVHPD | 66 0F 17 /r | M64
  MOVAPS | NP 0F 28 /r | E128a
  MOVAPD | 66 0F 28 /r | E128a
  MOVAPS | NP 0F 29 /r | E128a
  MOVAPD | 66 0F 29 /r | E128a
  MOVNTPS | NP 0F 2B /r | M128a
  MOVNTPD | 66 0F 2B /r | M128a
  MOVMSKPS | NP 0F 50 /r | R
  MOVMSKPD | 66 0F 50 /r | R
  MOVD | 66 0F 6E /r | Ey
  MOVD | 66 0F 7E /r | Ey
  MOVQ | F3 0F 7E /r | E64
  MOVQ | 66 0F D6 /r | E64
  MOVQ2DQ | F3 0F D6 /r | R
  MOVDQ2Q | F2 0F D6 /r | R
  MOVDQA | 66 0F 6F /r | E128a
  MOVDQU | F3 0F 6F /r | E128
  MOVDQA | 66 0F 7F /r | E128a
  MOVDQU | F3 0F 7F /r | E128
  MOVNTDQ | 66 0F E7 /r | M128a
  LDDQU | F2 0F F0 /r | M128 +sse3
  MASKMOVDQU | 66 0F F7 /r | R
  PMOVMSKB | 66 0F D7 /r | R
  MOVNTDQA | 66 0F 38 2A /r | M128a +sse41
`);
