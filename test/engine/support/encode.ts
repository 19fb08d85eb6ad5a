// Random encodings of a form: what the decoder will read as that form, most of the time.

import type { Form, OperandSpec } from '../../../src/isa/encoding.ts';
import { widthOf } from '../../../src/isa/encoding.ts';
import type { Prng } from '../../oracle/prng.ts';
import { ESCAPES, PREFIX_BYTES } from '../../support/opcode-bytes.ts';

/** Which registers a generated program uses for what, so that addresses outlast some instructions. */
export const POINTERS = [3, 5, 6, 7, 9, 12, 13] as const;
export const INDEXES = [1, 14] as const;
const VALUES = [0, 1, 2, 8, 10, 11, 14, 15] as const;

const VEX_PP: Readonly<Record<Form['prefix'], number>> = { none: 0, NP: 0, 66: 1, F3: 2, F2: 3 };
const FS_GS = [0x64, 0x65] as const;
const SEGMENT_OVERRIDES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;

export interface Encoded {
  readonly bytes: number[];
  /** Where a RIP-relative displacement lies in the bytes, or -1. */
  readonly relativeAt: number;
}

interface Parts {
  readonly form: Form;
  readonly codeSize: 16 | 32 | 64;
  readonly operandSize: number;
  readonly addressSize: number;
  readonly prefixes: number[];
  rex: number;
}

const register = (prng: Prng, usual: readonly number[], limit: number): number => {
  const chosen = prng.chance(85) ? prng.pick(usual) : prng.below(16);
  return chosen % limit;
};

/** Makes bytes of a form. They may still be refused by the decoder, or be read as another form. */
export function encodeForm(prng: Prng, form: Form, codeSize: 16 | 32 | 64): Encoded {
  const parts = chooseSizes(prng, form, codeSize);
  const limit = codeSize === 64 ? 16 : 8;
  const reg = form.digit ?? register(prng, VALUES, limit);
  const memory = form.hasModrm && wantsMemory(prng, form);
  parts.rex |= reg > 7 ? 4 : 0;
  const tail: number[] = [];
  let relativeAt = -1;
  if (form.modrm !== null) tail.push(form.modrm);
  else if (form.hasModrm) {
    const modrm = memory ? memoryBytes(prng, parts) : registerBytes(prng, parts, limit);
    modrm.bytes[0] = modrm.bytes[0]! | ((reg & 7) << 3);
    relativeAt = modrm.relativeAt;
    tail.push(...modrm.bytes);
  }
  const plus = form.opcodeHasRegister ? register(prng, VALUES, limit) : 0;
  parts.rex |= plus > 7 ? 1 : 0;
  const head = headBytes(prng, parts, form.opcode + (plus & 7), memory);
  if (relativeAt >= 0) relativeAt += head.length;
  return {
    bytes: [...head, ...tail, ...form.operands.flatMap((operand) => immediate(prng, operand, parts))],
    relativeAt,
  };
}

function chooseSizes(prng: Prng, form: Form, codeSize: 16 | 32 | 64): Parts {
  const wide = codeSize === 64 && !form.attributes.has('w0') && (form.attributes.has('w1') || prng.chance(40));
  const narrowing = form.prefix === 'none' && form.vex === null && prng.chance(25);
  const has67 = prng.chance(10);
  const prefixes: number[] = [];
  if (narrowing) prefixes.push(0x66);
  if (has67) prefixes.push(0x67);
  if (prng.chance(6)) prefixes.push(prng.pick(codeSize === 64 ? FS_GS : SEGMENT_OVERRIDES));
  const near = form.attributes.has('f64') || (form.attributes.has('d64') && !narrowing);
  const plain = codeSize === 64 ? (narrowing ? 16 : 32) : (codeSize === 16) === narrowing ? 32 : 16;
  return {
    form,
    codeSize,
    operandSize: codeSize === 64 && (wide || near) ? 64 : plain,
    addressSize: codeSize === 64 ? (has67 ? 32 : 64) : (codeSize === 16) === has67 ? 32 : 16,
    prefixes,
    rex: wide ? 0x48 : codeSize === 64 && prng.chance(10) ? 0x40 : 0,
  };
}

function wantsMemory(prng: Prng, { operands }: Form): boolean {
  const rm = operands.find(({ source }) => source === 'rm');
  if (rm?.kind === 'memory') return true;
  return rm?.kind === 'either' && prng.chance(40);
}

interface ModRm {
  readonly bytes: number[];
  /** Offset of a RIP-relative displacement from the ModRM byte, or -1. */
  readonly relativeAt: number;
}

function registerBytes(prng: Prng, parts: Parts, limit: number): ModRm {
  const rm = register(prng, VALUES, limit);
  parts.rex |= rm > 7 ? 1 : 0;
  return { bytes: [0xc0 | (rm & 7)], relativeAt: -1 };
}

function displacement(prng: Prng, size: number): number[] {
  // Often a multiple of 16, for the operands that must be aligned.
  const alignment = prng.chance(80) ? ~15 : ~0;
  const value = size === 1 ? prng.between(-128, 127) & alignment : prng.between(-300, 300) & alignment;
  return Array.from({ length: size }, (_, i) => (value >> (8 * i)) & 0xff);
}

/** SDM 2A tables 2-1 to 2-3. */
function memoryBytes(prng: Prng, parts: Parts): ModRm {
  let mod = prng.below(3);
  if (parts.addressSize === 16) {
    const rm = prng.below(8);
    const size = mod === 0 && rm === 6 ? 2 : mod;
    return { bytes: [(mod << 6) | rm, ...(size === 0 ? [] : displacement(prng, size))], relativeAt: -1 };
  }
  const limit = parts.codeSize === 64 ? 16 : 8;
  if (mod === 0 && parts.codeSize === 64 && prng.chance(25)) return { bytes: [5, 0, 0, 0, 0], relativeAt: 1 };
  const base = prng.chance(95) ? prng.pick(POINTERS) % limit : prng.below(limit);
  // Without a base, an address seldom lies in the window.
  if (mod === 0 && (base & 7) === 5 && prng.chance(80)) mod = 1;
  const size = mod === 0 ? ((base & 7) === 5 ? 4 : 0) : mod === 1 ? 1 : 4;
  const tail = size === 0 ? [] : displacement(prng, size);
  parts.rex |= base > 7 ? 1 : 0;
  // A base whose number ends in 100 is only reached by SIB; 101 without displacement is RIP or none.
  if ((base & 7) !== 4 && !(mod === 0 && (base & 7) === 5) && prng.chance(50)) {
    return { bytes: [(mod << 6) | (base & 7), ...tail], relativeAt: -1 };
  }
  const index = prng.chance(30) ? 4 : prng.chance(95) ? prng.pick(INDEXES) % limit : prng.below(limit);
  parts.rex |= index > 7 ? 2 : 0;
  return { bytes: [(mod << 6) | 4, (prng.below(4) << 6) | ((index & 7) << 3) | (base & 7), ...tail], relativeAt: -1 };
}

function headBytes(prng: Prng, { form, prefixes, rex, codeSize }: Parts, opcode: number, memory: boolean): number[] {
  if (form.vex) {
    const inverted = (~rex & 7) << 5;
    const w = (form.vex.w ?? (rex & 8) >> 3) << 7;
    const usesVvvv = form.operands.some(({ source }) => source === 'vvvv');
    const vvvv = usesVvvv ? prng.below(codeSize === 64 ? 16 : 8) : 0;
    const l = (form.vex.l ?? 0) << 2;
    const last = w | ((~vvvv & 15) << 3) | l | VEX_PP[form.prefix];
    return [...prefixes, 0xc4, (codeSize === 64 ? inverted : 0xe0) | form.map, last, opcode];
  }
  const lock = form.definition.lockable && memory && prng.chance(20) ? [0xf0] : [];
  const needed = rex !== 0 && codeSize === 64 ? [0x40 | rex] : [];
  return [...lock, ...prefixes, ...PREFIX_BYTES[form.prefix], ...needed, ...ESCAPES[form.map], opcode];
}

function immediate(prng: Prng, spec: OperandSpec, { operandSize, addressSize }: Parts): number[] {
  if (spec.source === 'moffs') return Array.from({ length: addressSize / 8 }, () => prng.below(256));
  if (spec.source !== 'immediate') return [];
  const size = spec.kind === 'far' ? operandSize / 8 + 2 : widthOf(spec.size, operandSize) / 8;
  if (spec.kind === 'relative' && size > 1) return displacement(prng, size);
  const small = prng.chance(30) ? prng.pick([0, 0xff]) : null;
  return Array.from({ length: size }, () => small ?? prng.below(256));
}
