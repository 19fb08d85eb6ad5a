import type { CodeSize } from './machine.ts';
import type { LaneKind } from './values.ts';

/** What the r/m operand may be. */
export type OperandForm = 'either' | 'memory' | 'register';

/** Size of the memory operand in bytes; `v` is the operand size, `y` 4 or 8, `n` the stack's natural size. */
export type OperandSize = number | 'v' | 'y' | 'n';

/** Kinds of bytes after the opcode and ModRM: immediates as the SDM writes them, branch offsets, absolute offsets. */
export type Trailer = 'ib' | 'iw' | 'iz' | 'iv' | 'cb' | 'cz' | 'mo';

/** A VEX prefix's fixed fields: SDM 2A 2.3.5. */
export interface VexFields {
  pp: number;
  map: number;
}

/** One row of the tables in templates/: an encoding from which the generator makes instructions. */
export interface Template {
  mnemonic: string;
  /** The mandatory prefix; 0 where there must be none (NP); null where 66, F2 and F3 keep their general meaning. */
  prefix: 0 | 0x66 | 0xf2 | 0xf3 | null;
  rexW: boolean | null;
  vex: VexFields | null;
  /** Escape bytes and opcode. */
  opcode: readonly number[];
  /** The opcode's low three bits name a register. */
  plusRegister: boolean;
  /** ModRM's reg field: a fixed digit, 'r' for any register, null where there is no ModRM byte. */
  reg: number | 'r' | null;
  form: OperandForm;
  size: OperandSize;
  /** Misaligned memory operands raise #GP, so that most should be aligned. */
  aligned: boolean;
  trailers: readonly Trailer[];
  lockable: boolean;
  /** 66 selects 16-bit operands beside the mandatory F2 or F3. */
  allows66: boolean;
  /** F2 and F3 are REP prefixes. */
  repeats: boolean;
  /** Noise (unneeded prefixes, LOCK) would make another instruction of it or is not comparable. */
  plain: boolean;
  codeSizes: readonly CodeSize[];
  feature: string | null;
  lanes: LaneKind;
}

/** A row that cannot be read: an error in the tables. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const PREFIXES: Readonly<Record<string, 0 | 0x66 | 0xf2 | 0xf3>> = { NP: 0, 66: 0x66, F2: 0xf2, F3: 0xf3 };
const VEX_PP: Readonly<Record<string, number>> = { NP: 0, 66: 1, F3: 2, F2: 3 };
const VEX_MAP: Readonly<Record<string, number>> = { '0F': 1, '0F38': 2, '0F3A': 3 };
const TRAILERS: ReadonlySet<string> = new Set(['ib', 'iw', 'iz', 'iv', 'cb', 'cz', 'mo']);
const FORMS: Readonly<Record<string, OperandForm>> = { E: 'either', M: 'memory', R: 'register' };
const ALL_SIZES: readonly CodeSize[] = [64, 32, 16];

/**
 * Reads a table of rows `MNEMONIC | encoding | operand and options`. The encoding is written as in SDM 2, "Opcode
 * Column in the Instruction Summary Table"; the operand is E, M or R and its size in bits, `a` if alignment matters.
 */
export function parseTemplates(table: string): Template[] {
  const rows = table.split('\n').map((row) => row.trim());
  return rows.filter((row) => row !== '').map(parseRow);
}

function parseRow(row: string): Template {
  const [mnemonic, encoding, options] = row.split('|').map((part) => part.trim());
  if (!mnemonic || !encoding) throw new TemplateError(`not a template: "${row}"`);
  const template = emptyTemplate(mnemonic);
  encoding.split(' ').forEach((token, i) => {
    if (!readEncodingToken(template, token, i === 0)) throw new TemplateError(`encoding token "${token}" in "${row}"`);
  });
  for (const token of (options ?? '').split(' ').filter(Boolean)) {
    if (!readOption(template, token)) throw new TemplateError(`option "${token}" in "${row}"`);
  }
  return template;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

function emptyTemplate(mnemonic: string): Mutable<Template> {
  return {
    mnemonic,
    prefix: null,
    rexW: null,
    vex: null,
    opcode: [],
    plusRegister: false,
    reg: null,
    form: 'either',
    size: 'v',
    aligned: false,
    trailers: [],
    lockable: false,
    allows66: false,
    repeats: false,
    plain: false,
    codeSizes: [...ALL_SIZES],
    feature: null,
    lanes: lanesOf(mnemonic),
  };
}

/** Floating-point instructions name their element type last; conversions name their source before the 2. */
function lanesOf(mnemonic: string): LaneKind {
  const source = /^CVTT?(PS|SS|PD|SD)2/.exec(mnemonic)?.[1] ?? /(PS|SS|PD|SD)$/.exec(mnemonic)?.[1];
  return source === undefined ? 'integer' : source.endsWith('S') ? 'f32' : 'f64';
}

function readEncodingToken(template: Mutable<Template>, token: string, first: boolean): boolean {
  const vex = /^VEX\.(NP|66|F3|F2)\.(0F|0F38|0F3A)$/.exec(token);
  if (vex) template.vex = { pp: VEX_PP[vex[1]!]!, map: VEX_MAP[vex[2]!]! };
  else if (first && token in PREFIXES) template.prefix = PREFIXES[token]!;
  else if (token === 'W1' || token === 'W0') template.rexW = token === 'W1';
  else if (TRAILERS.has(token)) template.trailers.push(token as Trailer);
  else if (token === '/r') template.reg = 'r';
  else if (/^\/[0-7]$/.test(token)) template.reg = Number(token[1]);
  else if (/^[0-9A-F]{2}(\+r)?$/.test(token)) {
    template.opcode.push(Number.parseInt(token, 16));
    template.plusRegister = token.endsWith('+r');
  } else return false;
  return true;
}

function readOption(template: Mutable<Template>, token: string): boolean {
  const operand = /^([EMR])(\d+|[vyn])?(a?)$/.exec(token);
  if (operand) {
    template.form = FORMS[operand[1]!]!;
    const size = operand[2] ?? 'v';
    template.size = /\d/.test(size) ? Number(size) / 8 : (size as OperandSize);
    template.aligned = operand[3] === 'a';
  } else if (token === 'lock') template.lockable = true;
  else if (token === 'rep') template.repeats = true;
  else if (token === 'allow66') template.allows66 = true;
  else if (token === 'plain') template.plain = true;
  else if (token === 'i64') template.codeSizes = [32, 16];
  else if (token === 'o64') template.codeSizes = [64];
  else if (token === 'n16') template.codeSizes = [64, 32];
  else if (/^\+[a-z0-9]+$/.test(token)) template.feature = token.slice(1);
  else return false;
  return true;
}
