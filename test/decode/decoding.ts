// What the decoder's specifications share: a vCPU that has a few instructions of every kind.
import { Decoder } from '../../src/decode/decoder.ts';
import type { DecodedOperand, DecodeFailure, Instruction } from '../../src/decode/instruction.ts';
import { MODE } from '../../src/decode/mode.ts';
import type { Definition } from '../../src/isa/definition.ts';

export const { code16, code32, code64 } = MODE;

const helper = 'none';

export const SAMPLES: readonly Definition[] = [
  { mnemonic: 'add', lockable: true, helper, encodings: ['00 Eb,Gb', '01 Ev,Gv', '03 Gv,Ev', '83 /0 Ev,sIb'] },
  { mnemonic: 'or', lockable: true, helper, encodings: ['81 /1 Ev,Iz'] },
  { mnemonic: 'inc', lockable: true, helper, encodings: ['40+r Zv ;i64', 'FF /0 Ev'] },
  { mnemonic: 'arpl', helper, encodings: ['63 Ew,Gw ;i64'] },
  { mnemonic: 'movsxd', helper, encodings: ['63 Gv,Ed ;o64'] },
  { mnemonic: 'push', helper, encodings: ['50+r Zv ;d64', '68 Iz ;d64', '06 ES ;i64'] },
  { mnemonic: 'je', helper, encodings: ['74 Jb ;f64', '0F 84 Jz ;f64'] },
  {
    mnemonic: 'mov',
    helper,
    encodings: [
      ...['88 Eb,Gb', '8B Gv,Ev', 'A0 AL,Ob', 'A1 rAX,Ov', 'B0+r Zb,Ib', 'B8+r Zv,Iv'],
      ...['8C Ev,Sw', '8E Sw,Ew', '0F 20 Ry,Cy ;f64', '0F 22 Cy,Ry ;f64', '0F 21 Ry,Dy ;f64'],
    ],
  },
  { mnemonic: 'lea', helper, encodings: ['8D Gv,M'] },
  { mnemonic: 'nop', helper, encodings: ['90'] },
  { mnemonic: 'pause', helper, encodings: ['F3 90'] },
  { mnemonic: 'xchg', helper, encodings: ['90+r Zv,rAX', '87 Ev,Gv'], lockable: true },
  { mnemonic: 'callf', helper, encodings: ['9A Ap ;i64', 'FF /3 Mp'] },
  { mnemonic: 'movs', helper, encodings: ['A4 Yb,Xb', 'A5 Yv,Xv'] },
  { mnemonic: 'les', helper, encodings: ['C4 Gv,Mp ;i64'] },
  { mnemonic: 'lds', helper, encodings: ['C5 Gv,Mp ;i64'] },
  { mnemonic: 'enter', helper, encodings: ['C8 Iw,Ib ;d64'] },
  { mnemonic: 'shl', helper, encodings: ['D1 /4 Ev,1', 'D3 /4 Ev,CL', 'C1 /4 Ev,Ib'] },
  { mnemonic: 'fpu', helper, encodings: ['D9 Ed'] },
  { mnemonic: 'fldcw', helper, encodings: ['D9 /5 Mw'] },
  { mnemonic: 'fld1', helper, encodings: ['D9 =E8'] },
  { mnemonic: 'sgdt', helper, encodings: ['0F 01 /0 Ms'] },
  { mnemonic: 'vmcall', helper, encodings: ['NP 0F 01 =C1'] },
  { mnemonic: 'movups', helper, encodings: ['NP 0F 10 Vx,Wx'] },
  { mnemonic: 'movupd', helper, encodings: ['66 0F 10 Vx,Wx'] },
  { mnemonic: 'movss', helper, encodings: ['F3 0F 10 Vx,Wd'] },
  { mnemonic: 'movd', helper, encodings: ['NP 0F 6E Pq,Ey', '66 0F 6E Vx,Ey'] },
  { mnemonic: 'bsf', helper, encodings: ['0F BC Gv,Ev'] },
  { mnemonic: 'tzcnt', helper, encodings: ['F3 0F BC Gv,Ev'], feature: 'bmi1' },
  { mnemonic: 'crc32', helper, encodings: ['F2 0F 38 F1 Gy,Ev'] },
  { mnemonic: 'movbe', helper, encodings: ['0F 38 F1 Mv,Gv'] },
  { mnemonic: 'cmpxchg8b', helper, encodings: ['0F C7 /1 Mq; w0'] },
  { mnemonic: 'cmpxchg16b', helper, encodings: ['0F C7 /1 Mx; o64 w1'] },
  { mnemonic: 'pextrw', helper, encodings: ['66 0F 3A 15 Rd,Vx,Ib', '66 0F 3A 15 Mw,Vx,Ib'] },
  { mnemonic: 'andn', helper, encodings: ['VEX.L0.0F38.W0 F2 Gd,Bd,Ed', 'VEX.L0.0F38.W1 F2 Gq,Bq,Eq ;o64'] },
  { mnemonic: 'blsr', helper, encodings: ['VEX.L0.0F38 F3 /1 By,Ey'] },
  { mnemonic: 'rorx', helper, encodings: ['VEX.L0.F2.0F3A F0 Gy,Ey,Ib'] },
];

const decoder = new Decoder(SAMPLES, () => true);

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16));

/** Decodes bytes written in hexadecimal with blanks. */
export function attempt(hex: string, mode: number, by: Decoder = decoder): Instruction | DecodeFailure {
  const bytes = bytesOf(hex);
  return by.decode(bytes, 0, bytes.length, mode);
}

/** The same, where an instruction is expected. */
export function decode(hex: string, mode: number, by: Decoder = decoder): Instruction {
  const result = attempt(hex, mode, by);
  if ('failure' in result) throw new RangeError(`${hex}: ${result.failure}`);
  return result;
}

/** Why the bytes are no instruction; undefined if they are one. */
export function failure(hex: string, mode: number): DecodeFailure['failure'] | undefined {
  const result = attempt(hex, mode);
  return 'failure' in result ? result.failure : undefined;
}

const GENERAL = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const LETTERS: Readonly<Record<string, string>> = { xmm: 'xmm', mmx: 'mm', segment: 'sr', control: 'cr', debug: 'dr' };

function addressText(operand: DecodedOperand & { kind: 'memory' }): string {
  const { base, index, scale, displacement, segment, width } = operand;
  const name = (register: number) => (register === 16 ? 'rip' : `r${register}`);
  const parts = [
    ...(base >= 0 ? [name(base)] : []),
    ...(index >= 0 ? [`${name(index)}*${1 << scale}`] : []),
    `${displacement}`,
  ];
  return `m${width} ${segment}:${parts.join('+')}`;
}

/** An operand in a notation for tests: `r3:32`, `ch`, `xmm1`, `m32 ds:r3+r6*2+8`, `imm8 1`, `rel8 -2`. */
export function text(operand: DecodedOperand): string {
  switch (operand.kind) {
    case 'register': {
      const { class: registerClass, index, high, width } = operand;
      if (high) return `${GENERAL[index]![0]}h`;
      return registerClass === 'gpr' ? `r${index}:${width}` : `${LETTERS[registerClass]}${index}`;
    }
    case 'memory':
      return addressText(operand);
    case 'far':
      return `far${operand.width} ${operand.selector}:${operand.offset}`;
    default:
      return `${operand.kind === 'relative' ? 'rel' : 'imm'}${operand.width} ${operand.value}`;
  }
}

/** Mnemonic and operands. */
export function assembly(hex: string, mode: number): string {
  const { form, operands } = decode(hex, mode);
  return [form.definition.mnemonic, operands.map(text).join(', ')].join(' ').trim();
}
