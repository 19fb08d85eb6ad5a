// The notation of Definition.encodings, after SDM 2A 3.1.1 and the operand codes of SDM 2D A.2:
//
//   [NP|66|F3|F2] opcode bytes [+r | /digit | =ModRM] [operands] [; attributes]
//   VEX.L0.66.0F38.W1 opcode ...
//
// NP: no 66, F2 or F3 may precede. A mandatory prefix selects the form; without one, 66 is the operand size and F2/F3
// are ignored or repeat. `+r`: the low 3 opcode bits name a register. `/digit`: ModRM.reg extends the opcode.
// `=C8`: the whole ModRM byte is fixed. Operands, separated by commas:
//   E r/m general    G general by ModRM.reg   Z general by opcode bits   R general by ModRM.rm only   B by VEX.vvvv
//   M memory only    O moffs   I immediate (sI: sign-extended to the operand size)   J relative   A far pointer
//   S segment, C control, D debug register by ModRM.reg
//   P/Q/N MMX by reg / r/m / rm register only         V/W/U XMM by reg / r/m / rm register only
//   X memory at DS:rSI, Y memory at ES:rDI
// with sizes b 8, w 16, d 32, q 64, x 128, v operand size, y 32 or 64, z 16 or 32, p far pointer in memory, s a
// descriptor-table register image, none: no access. Fixed registers: AL CL AX DX EAX rAX 1 ES CS SS DS FS GS.
// Attributes: i64 invalid in 64-bit mode; o64 only in 64-bit mode; d64 64-bit operand size by default there; f64 always; nf: neither F2 nor F3 may precede;
// w0 not with REX.W; w1 only with it (CMPXCHG16B).
import type { Definition } from './definition.ts';
import type { RegisterClass } from './semantics.ts';

export type MandatoryPrefix = 'none' | 'NP' | '66' | 'F3' | 'F2';
export type Source = 'rm' | 'reg' | 'opcode' | 'vvvv' | 'immediate' | 'fixed' | 'moffs' | 'rsi' | 'rdi';

/** One operand of a form. */
export interface OperandSpec {
  readonly source: Source;
  readonly kind: 'register' | 'memory' | 'immediate' | 'relative' | 'far' | 'either';
  readonly class: RegisterClass;
  /** Size code: b w d q x v y z p s, or '' for none. */
  readonly size: string;
  /** Of a fixed register, its index; of the fixed immediate 1, its value. */
  readonly fixed: number;
  /** An immediate that is sign-extended to the operand size. */
  readonly signExtended: boolean;
}

/** Opcode maps: 0 one-byte, 1 0F, 2 0F38, 3 0F3A. */
export type OpcodeMap = 0 | 1 | 2 | 3;

/** One encoding of a definition. */
export interface Form {
  readonly definition: Definition;
  readonly text: string;
  readonly vex: { readonly l: 0 | 1 | null; readonly w: 0 | 1 | null } | null;
  readonly prefix: MandatoryPrefix;
  readonly map: OpcodeMap;
  readonly opcode: number;
  readonly opcodeHasRegister: boolean;
  readonly digit: number | null;
  readonly modrm: number | null;
  readonly hasModrm: boolean;
  readonly operands: readonly OperandSpec[];
  readonly attributes: ReadonlySet<Attribute>;
}

export type Attribute = 'nf' | 'i64' | 'o64' | 'd64' | 'f64' | 'w0' | 'w1';

/** The encoding text of a definition is not in the notation: a mistake in src/isa. */
export class EncodingError extends Error {
  override name = 'EncodingError';
  constructor(text: string, reason: string) {
    super(`encoding "${text}": ${reason}`);
  }
}

const BY_LETTER: Readonly<Record<string, readonly [Source, OperandSpec['kind'], RegisterClass]>> = {
  E: ['rm', 'either', 'gpr'],
  G: ['reg', 'register', 'gpr'],
  Z: ['opcode', 'register', 'gpr'],
  R: ['rm', 'register', 'gpr'],
  B: ['vvvv', 'register', 'gpr'],
  M: ['rm', 'memory', 'gpr'],
  O: ['moffs', 'memory', 'gpr'],
  I: ['immediate', 'immediate', 'gpr'],
  J: ['immediate', 'relative', 'gpr'],
  A: ['immediate', 'far', 'gpr'],
  S: ['reg', 'register', 'segment'],
  C: ['reg', 'register', 'control'],
  D: ['reg', 'register', 'debug'],
  P: ['reg', 'register', 'mmx'],
  Q: ['rm', 'either', 'mmx'],
  N: ['rm', 'register', 'mmx'],
  V: ['reg', 'register', 'xmm'],
  W: ['rm', 'either', 'xmm'],
  U: ['rm', 'register', 'xmm'],
  X: ['rsi', 'memory', 'gpr'],
  Y: ['rdi', 'memory', 'gpr'],
};

const fixedRegister = (index: number, size: string, registerClass: RegisterClass = 'gpr'): OperandSpec => ({
  source: 'fixed',
  kind: 'register',
  class: registerClass,
  size,
  fixed: index,
  signExtended: false,
});

const FIXED: Readonly<Record<string, OperandSpec>> = {
  AL: fixedRegister(0, 'b'),
  CL: fixedRegister(1, 'b'),
  AX: fixedRegister(0, 'w'),
  DX: fixedRegister(2, 'w'),
  EAX: fixedRegister(0, 'd'),
  rAX: fixedRegister(0, 'v'),
  XMM0: fixedRegister(0, 'x', 'xmm'),
  ES: fixedRegister(0, 'w', 'segment'),
  CS: fixedRegister(1, 'w', 'segment'),
  SS: fixedRegister(2, 'w', 'segment'),
  DS: fixedRegister(3, 'w', 'segment'),
  FS: fixedRegister(4, 'w', 'segment'),
  GS: fixedRegister(5, 'w', 'segment'),
  '1': { source: 'fixed', kind: 'immediate', class: 'gpr', size: 'b', fixed: 1, signExtended: false },
};

const OPERAND = /^(s?)([A-Z])([bwdqxvyzps]?)$/;

function parseOperand(code: string, text: string): OperandSpec {
  const fixed = FIXED[code];
  if (fixed) return fixed;
  const match = OPERAND.exec(code);
  const letter = match && BY_LETTER[match[2]!];
  if (!match || !letter) throw new EncodingError(text, `no operand code ${code}`);
  const [source, kind, registerClass] = letter;
  return { source, kind, class: registerClass, size: match[3]!, fixed: 0, signExtended: match[1] === 's' };
}

const HEX = /^[0-9A-F]{2}$/;
const PREFIXES: ReadonlySet<string> = new Set(['NP', '66', 'F3', 'F2']);
const ESCAPES: readonly (readonly string[])[] = [[], ['0F'], ['0F', '38'], ['0F', '3A']];
const VEX_MAPS: Readonly<Record<string, OpcodeMap>> = { '0F': 1, '0F38': 2, '0F3A': 3 };

interface Opening {
  prefix: MandatoryPrefix;
  map: OpcodeMap;
  vex: Form['vex'];
}

function parseVex(token: string, text: string): Opening {
  const opening: Opening = { prefix: 'NP', map: 1, vex: { l: null, w: null } };
  let l: 0 | 1 | null = null;
  let w: 0 | 1 | null = null;
  for (const part of token.split('.').slice(1)) {
    if (part === 'L0' || part === 'LZ') l = 0;
    else if (part === 'L1') l = 1;
    else if (part === 'W0') w = 0;
    else if (part === 'W1') w = 1;
    else if (PREFIXES.has(part)) opening.prefix = part as MandatoryPrefix;
    else if (part in VEX_MAPS) opening.map = VEX_MAPS[part]!;
    else throw new EncodingError(text, `no VEX part ${part}`);
  }
  return { ...opening, vex: { l, w } };
}

/** Takes prefix and escape bytes from the front of the tokens. */
function takeOpening(tokens: string[], text: string): Opening {
  if (tokens[0]?.startsWith('VEX.')) return parseVex(tokens.shift()!, text);
  const followedByOpcode = tokens[1] !== undefined && HEX.test(tokens[1]);
  const prefix =
    tokens[0] !== undefined && PREFIXES.has(tokens[0]) && (tokens[0] === 'NP' || followedByOpcode)
      ? (tokens.shift() as MandatoryPrefix)
      : 'none';
  const map = ([3, 2, 1, 0] as const).find((candidate) => {
    const bytes = ESCAPES[candidate]!;
    return tokens.length > bytes.length && bytes.every((byte, index) => tokens[index] === byte);
  })!;
  tokens.splice(0, ESCAPES[map]!.length);
  return { prefix, map, vex: null };
}

const needsModrm = (operands: readonly OperandSpec[]): boolean =>
  operands.some(({ source }) => source === 'rm' || source === 'reg');

/** Parses one encoding of a definition. @throws EncodingError */
export function parseEncoding(definition: Definition, text: string): Form {
  const [body, attributeText = ''] = text.split(';');
  const tokens = body!.trim().split(/\s+/);
  const opening = takeOpening(tokens, text);
  const opcodeText = tokens.shift() ?? '';
  const opcodeHasRegister = opcodeText.endsWith('+r');
  const hex = opcodeText.replace('+r', '');
  if (!HEX.test(hex)) throw new EncodingError(text, `"${hex}" is no opcode byte`);
  const digit = tokens[0]?.startsWith('/') ? Number(tokens.shift()!.slice(1)) : null;
  const modrm = tokens[0]?.startsWith('=') ? Number.parseInt(tokens.shift()!.slice(1), 16) : null;
  if (tokens.length > 1) throw new EncodingError(text, `"${tokens[1]}" is too much`);
  const operands = tokens[0] ? tokens[0].split(',').map((code) => parseOperand(code, text)) : [];
  return {
    ...opening,
    definition,
    text,
    opcode: Number.parseInt(hex, 16),
    opcodeHasRegister,
    digit,
    modrm,
    hasModrm: digit !== null || modrm !== null || needsModrm(operands),
    operands,
    attributes: new Set(attributeText.split(/[\s,]+/).filter(Boolean) as Attribute[]),
  };
}

/** The width in bits of a size code at an operand size of 16, 32 or 64. */
export function widthOf(size: string, operandSize: number): number {
  switch (size) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
      return 32;
    case 'q':
      return 64;
    case 'x':
      return 128;
    case 'v':
      return operandSize;
    case 'y':
      return operandSize === 64 ? 64 : 32;
    case 'z':
      return operandSize === 16 ? 16 : 32;
    case 'p':
      return operandSize + 16;
    default:
      return 0;
  }
}

/**
 * Does the form's meaning depend on the operand size? It does as well where an immediate is extended to it, and where
 * the stack or RIP has a size of its own in 64-bit mode: PUSH imm8, RET imm16.
 */
export const dependsOnSize = ({ operands, attributes }: Form): boolean =>
  attributes.has('d64') ||
  attributes.has('f64') ||
  operands.some(({ size, signExtended }) => signExtended || (size !== '' && 'vyzp'.includes(size)));
