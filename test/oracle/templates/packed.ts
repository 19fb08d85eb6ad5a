import { parseTemplates, type Template } from '../template.ts';

/** Packed-integer operations of the 0F map that exist for MMX (no prefix) and for XMM registers (66). */
const SHARED = `
  60 PUNPCKLBW,61 PUNPCKLWD,62 PUNPCKLDQ,63 PACKSSWB,64 PCMPGTB,65 PCMPGTW,66 PCMPGTD,67 PACKUSWB,68 PUNPCKHBW,
  69 PUNPCKHWD,6A PUNPCKHDQ,6B PACKSSDW,74 PCMPEQB,75 PCMPEQW,76 PCMPEQD,D1 PSRLW,D2 PSRLD,D3 PSRLQ,D4 PADDQ,
  D5 PMULLW,D8 PSUBUSB,D9 PSUBUSW,DA PMINUB,DB PAND,DC PADDUSB,DD PADDUSW,DE PMAXUB,DF PANDN,E0 PAVGB,E1 PSRAW,
  E2 PSRAD,E3 PAVGW,E4 PMULHUW,E5 PMULHW,E8 PSUBSB,E9 PSUBSW,EA PMINSW,EB POR,EC PADDSB,ED PADDSW,EE PMAXSW,EF PXOR,
  F1 PSLLW,F2 PSLLD,F3 PSLLQ,F4 PMULUDQ,F5 PMADDWD,F6 PSADBW,F8 PSUBB,F9 PSUBW,FA PSUBD,FB PSUBQ,FC PADDB,FD PADDW,
  FE PADDD`;

/** SSSE3's operations of the 0F 38 map, for both kinds of register. */
const SHARED_38 = `
  00 PSHUFB,01 PHADDW,02 PHADDD,03 PHADDSW,04 PMADDUBSW,05 PHSUBW,06 PHSUBD,07 PHSUBSW,08 PSIGNB,09 PSIGNW,0A PSIGND,
  0B PMULHRSW,1C PABSB,1D PABSW,1E PABSD`;

/** SSE4.1's operations of the 0F 38 map on whole XMM operands. */
const XMM_38 = `
  10 PBLENDVB,17 PTEST,28 PMULDQ,29 PCMPEQQ,2B PACKUSDW,38 PMINSB,39 PMINSD,3A PMINUW,3B PMINUD,3C PMAXSB,3D PMAXSD,
  3E PMAXUW,3F PMAXUD,40 PMULLD,41 PHMINPOSUW`;

/** PMOVSX (2x) and PMOVZX (3x) by opcode's low digit: what is widened, and the bits of memory that are read. */
const WIDENINGS = ['BW 64', 'BD 32', 'BQ 16', 'WD 64', 'WQ 32', 'DQ 64'] as const;

const pairs = (list: string) => list.split(',').map((pair) => pair.trim().split(' ') as [string, string]);

/** MMX's PUNPCKL forms read only 32 bits of memory: SDM 2B PUNPCKLBW. */
const mmxMemory = (mnemonic: string) => (mnemonic.startsWith('PUNPCKL') ? 'E32' : 'E64');

export const mmx: readonly Template[] = parseTemplates(`
  ${pairs(SHARED)
    .map(([opcode, mnemonic]) => `${mnemonic} | NP 0F ${opcode} /r | ${mmxMemory(mnemonic)}`)
    .join('\n')}
  ${pairs(SHARED_38)
    .map(([opcode, mnemonic]) => `${mnemonic} | NP 0F 38 ${opcode} /r | E64 +ssse3`)
    .join('\n')}
  PALIGNR | NP 0F 3A 0F /r ib | E64 +ssse3
  PSHUFW | NP 0F 70 /r ib | E64
  PINSRW | NP 0F C4 /r ib | E16
  PEXTRW | NP 0F C5 /r ib | R
  PMOVMSKB | NP 0F D7 /r | R
  MASKMOVQ | NP 0F F7 /r | R
  MOVNTQ | NP 0F E7 /r | M64
  MOVD | NP 0F 6E /r | Ey
  MOVD | NP 0F 7E /r | Ey
  MOVQ | NP 0F 6F /r | E64
  MOVQ | NP 0F 7F /r | E64
  PSRLW | NP 0F 71 /2 ib | R
  PSRAW | NP 0F 71 /4 ib | R
  PSLLW | NP 0F 71 /6 ib | R
  PSRLD | NP 0F 72 /2 ib | R
  PSRAD | NP 0F 72 /4 ib | R
  PSLLD | NP 0F 72 /6 ib | R
  PSRLQ | NP 0F 73 /2 ib | R
  PSLLQ | NP 0F 73 /6 ib | R
  EMMS | NP 0F 77
`);

export const sseInteger: readonly Template[] = parseTemplates(`
  ${pairs(SHARED)
    .map(([opcode, mnemonic]) => `${mnemonic} | 66 0F ${opcode} /r | E128a`)
    .join('\n')}
  ${pairs(SHARED_38)
    .map(([opcode, mnemonic]) => `${mnemonic} | 66 0F 38 ${opcode} /r | E128a +ssse3`)
    .join('\n')}
  ${pairs(XMM_38)
    .map(([opcode, mnemonic]) => `${mnemonic} | 66 0F 38 ${opcode} /r | E128a +sse41`)
    .join('\n')}
  ${WIDENINGS.flatMap((row, i) => {
    const [suffix, bits] = row.split(' ');
    return [
      `PMOVSX${suffix} | 66 0F 38 2${i} /r | E${bits} +sse41`,
      `PMOVZX${suffix} | 66 0F 38 3${i} /r | E${bits} +sse41`,
    ];
  }).join('\n')}
  PUNPCKLQDQ | 66 0F 6C /r | E128a
  PUNPCKHQDQ | 66 0F 6D /r | E128a
  PSHUFD | 66 0F 70 /r ib | E128a
  PSHUFHW | F3 0F 70 /r ib | E128a
  PSHUFLW | F2 0F 70 /r ib | E128a
  PALIGNR | 66 0F 3A 0F /r ib | E128a +ssse3
  PINSRW | 66 0F C4 /r ib | E16
  PEXTRW | 66 0F C5 /r ib | R
  PSRLW | 66 0F 71 /2 ib | R
  PSRAW | 66 0F 71 /4 ib | R
  PSLLW | 66 0F 71 /6 ib | R
  PSRLD | 66 0F 72 /2 ib | R
  PSRAD | 66 0F 72 /4 ib | R
  PSLLD | 66 0F 72 /6 ib | R
  PSRLQ | 66 0F 73 /2 ib | R
  PSRLDQ | 66 0F 73 /3 ib | R
  PSLLQ | 66 0F 73 /6 ib | R
  PSLLDQ | 66 0F 73 /7 ib | R
  PBLENDW | 66 0F 3A 0E /r ib | E128a +sse41
  MPSADBW | 66 0F 3A 42 /r ib | E128a +sse41
  PEXTRB | 66 0F 3A 14 /r ib | E8 +sse41
  PEXTRW | 66 0F 3A 15 /r ib | E16 +sse41
  PEXTRD | 66 0F 3A 16 /r ib | Ey +sse41
  PINSRB | 66 0F 3A 20 /r ib | E8 +sse41
  PINSRD | 66 0F 3A 22 /r ib | Ey +sse41
  PCMPGTQ | 66 0F 38 37 /r | E128a +sse42
  PCMPESTRM | 66 0F 3A 60 /r ib | E128 +sse42
  PCMPESTRI | 66 0F 3A 61 /r ib | E128 +sse42
  PCMPISTRM | 66 0F 3A 62 /r ib | E128 +sse42
  PCMPISTRI | 66 0F 3A 63 /r ib | E128 +sse42
`);
