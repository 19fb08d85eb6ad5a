import type { Definition } from '../isa/definition.ts';
import type { Form } from '../isa/encoding.ts';
import { readAddress } from './address.ts';
import { Cursor, MAXIMUM_LENGTH } from './cursor.ts';
import type { DecodedOperand, DecodeFailure, Instruction } from './instruction.ts';
import { codeSizeOf, MODE } from './mode.ts';
import { type Entry, legacyVariant, modrmSlot, OpcodeTables, type Plan, vexVariant } from './opcode-tables.ts';
import { readPrefixes } from './prefixes.ts';
import { isVex, readVex, vexRefused } from './vex.ts';

const UNDEFINED: DecodeFailure = { failure: 'undefined' };
const TOO_LONG: DecodeFailure = { failure: 'too-long' };
const INCOMPLETE: DecodeFailure = { failure: 'incomplete' };

/** The escape bytes behind 0F, and the opcode maps they lead to. */
const ESCAPE = 0x0f;
const MAP_0F38 = 0x38;
const MAP_0F3A = 0x3a;

const REX_W = 8;

/** The mandatory prefix in force, as VEX.pp: F2 and F3 come before 66. SDM 2A 2.1.2. */
function mandatoryPrefix({ repeat, operandPrefix }: Cursor): number {
  if (repeat !== 0) return repeat === 0xf3 ? 2 : 3;
  return operandPrefix ? 1 : 0;
}

/** SDM 1 table 3-3 and 3-4, "Effective Operand- and Address-Size Attributes". */
function operandSizeOf(cursor: Cursor, plan: Plan): 16 | 32 | 64 {
  const narrowed = cursor.operandPrefix && !plan.takesOperandPrefix;
  if (cursor.codeSize !== 64) return (cursor.codeSize === 32) === narrowed ? 16 : 32;
  if (plan.always64 || (cursor.rex & REX_W) !== 0) return 64;
  if (narrowed) return 16;
  return plan.defaults64 ? 64 : 32;
}

function dataSegmentOf({ override, codeSize }: Cursor): Cursor['dataSegment'] {
  return override ?? (codeSize === 64 ? 'flat' : 'ds');
}

function readOperands(cursor: Cursor, plan: Plan): DecodedOperand[] {
  const { readers } = plan;
  const operands: DecodedOperand[] = [];
  for (let i = 0; i < readers.length; i++) operands.push(readers[i]!(cursor));
  return operands;
}

/**
 * Decodes the instructions of one vCPU model: SDM 2A chapter 2, "Instruction Format". An instance is for one thread
 * and keeps nothing from one instruction to the next.
 */
export class Decoder {
  readonly #tables: OpcodeTables;
  readonly #cursor = new Cursor();

  /**
   * @param hasFeature whether the vCPU has what Definition.feature names
   * @throws EncodingError for a mistake in the definitions
   */
  constructor(definitions: readonly Definition[], hasFeature: (name: string) => boolean) {
    this.#tables = new OpcodeTables(definitions, hasFeature);
  }

  /** The forms that decode() can deliver; Instruction.form is one of these objects. */
  get forms(): readonly Form[] {
    return this.#tables.forms;
  }

  /**
   * Decodes the instruction at `bytes[at]`.
   * @param end index of the first byte that must not be read
   * @param mode code size and flags: MODE
   */
  decode(bytes: Uint8Array, at: number, end: number, mode: number): Instruction | DecodeFailure {
    const cursor = this.#cursor;
    cursor.reset(bytes, at, end, codeSizeOf(mode));
    const first = readPrefixes(cursor);
    cursor.dataSegment = dataSegmentOf(cursor);
    const instruction = isVex(cursor, first) ? this.#decodeVex(first, mode) : this.#decodeLegacy(first, mode);
    // Bytes that are not there read as 0, so this goes before whatever was made of them.
    if (cursor.exhausted) return cursor.limit === at + MAXIMUM_LENGTH ? TOO_LONG : INCOMPLETE;
    return instruction ?? UNDEFINED;
  }

  #decodeLegacy(first: number, mode: number): Instruction | null {
    const cursor = this.#cursor;
    let map = 0;
    let opcode = first;
    if (first === ESCAPE) {
      map = 1;
      opcode = cursor.u8();
      if (opcode === MAP_0F38 || opcode === MAP_0F3A) {
        map = opcode === MAP_0F38 ? 2 : 3;
        opcode = cursor.u8();
      }
    }
    cursor.opcode = opcode;
    const variant = legacyVariant(mandatoryPrefix(cursor), cursor.codeSize === 64, cursor.rex);
    const plan = this.#select(this.#tables.legacy[map]!.entry(opcode, variant));
    if (plan === null) return null;
    cursor.operandSize = operandSizeOf(cursor, plan);
    return this.#complete(plan, mode);
  }

  #decodeVex(first: number, mode: number): Instruction | null {
    const cursor = this.#cursor;
    if (vexRefused(cursor, mode)) return null;
    const { map, pp, l, w } = readVex(cursor, first);
    cursor.opcode = cursor.u8();
    const code64 = cursor.codeSize === 64;
    const plan = this.#select(this.#tables.vex[map]?.entry(cursor.opcode, vexVariant(pp, code64, l, w)));
    // VEX.vvvv must be 1111 (not inverted: 0) where it names no operand: SDM 2A 2.3.5.6.
    if (plan === null || (cursor.vvvv !== 0 && !plan.usesVvvv)) return null;
    if (!code64) cursor.vvvv &= 7;
    cursor.operandSize = w && code64 ? 64 : 32;
    return this.#complete(plan, mode);
  }

  /** Reads ModRM, if the opcode has one, and chooses the form. */
  #select(entry: Entry | null | undefined): Plan | null {
    if (!entry) return null;
    if (entry.byModrm === null) return entry.only;
    const cursor = this.#cursor;
    const modrm = cursor.u8();
    cursor.modrm = modrm;
    cursor.reg = ((modrm >> 3) & 7) | ((cursor.rex & 4) << 1);
    cursor.rm = (modrm & 7) | ((cursor.rex & 1) << 3);
    return entry.byModrm[modrmSlot(modrm)]!;
  }

  /** Reads the operands of a chosen form. */
  #complete(plan: Plan, mode: number): Instruction | null {
    const cursor = this.#cursor;
    if (plan.hasModrm && cursor.modrm < 0xc0 && !plan.ignoresMod) readAddress(cursor);
    const operands = readOperands(cursor, plan);
    // LOCK is #UD but for a read-modify-write of memory: SDM 2 "LOCK".
    const lockable = plan.lockable && operands[0]?.kind === 'memory';
    if (cursor.invalid || (cursor.lock && !lockable)) return null;
    return {
      form: plan.form,
      length: cursor.position - cursor.start,
      operandSize: cursor.operandSize,
      addressSize: cursor.addressSize,
      lock: cursor.lock && (mode & MODE.unlocked) === 0,
      repeat: cursor.repeat,
      rex: cursor.rex,
      operands,
      modrm: cursor.modrm,
      dataSegment: cursor.dataSegment,
    };
  }
}
