// What reads the operands of a form from the bytes: one function an operand, made once when the tables are built.
import { type Form, type OperandSpec, widthOf } from '../isa/encoding.ts';
import type { Cursor } from './cursor.ts';
import type { DecodedOperand, RegisterOperand } from './instruction.ts';

export type OperandReader = (cursor: Cursor) => DecodedOperand;

type Bank = readonly RegisterOperand[];

const OPERAND_SIZES = [16, 32, 64] as const;
const CLASSES = ['gpr', 'xmm', 'mmx', 'segment', 'control', 'debug'] as const;
const WIDTHS = [0, 8, 16, 32, 64, 128] as const;

const register = (
  registerClass: RegisterOperand['class'],
  index: number,
  width: number,
  high = false,
): RegisterOperand => ({ kind: 'register', class: registerClass, index, high, width });

/** Register operands carry nothing of their instruction, so all instructions share them. */
const BANKS = Object.fromEntries(
  CLASSES.map((name) => [
    name,
    Object.fromEntries(WIDTHS.map((width) => [width, Array.from({ length: 16 }, (_, i) => register(name, i, width))])),
  ]),
) as unknown as Readonly<Record<RegisterOperand['class'], Readonly<Record<number, Bank>>>>;

/** Without REX, byte registers 4-7 are AH, CH, DH and BH: SDM 2A 2.2.1.2, "More on REX Prefix Fields". */
const BYTES_WITHOUT_REX: Bank = Array.from({ length: 8 }, (_, i) => register('gpr', i & 3, 8, i > 3));

/** CR0, CR2, CR3, CR4 and CR8; the others are #UD: SDM 2 "MOV-Move to/from Control Registers". */
const CONTROL_REGISTERS: ReadonlySet<number> = new Set([0, 2, 3, 4, 8]);

const SEGMENT_REGISTERS = 6;
const CS = 1;

type Numbering = (cursor: Cursor) => number;

const NUMBERINGS: Readonly<Partial<Record<OperandSpec['source'], Numbering>>> = {
  reg: (cursor) => cursor.reg,
  rm: (cursor) => cursor.rm,
  opcode: (cursor) => (cursor.opcode & 7) | ((cursor.rex & 1) << 3),
  vvvv: (cursor) => cursor.vvvv,
};

/** The bank of a size code at each operand size. */
const banksOf = (spec: OperandSpec): readonly Bank[] =>
  OPERAND_SIZES.map((size) => BANKS[spec.class][widthOf(spec.size, size)]!);

function generalReader(spec: OperandSpec, number: Numbering): OperandReader {
  const banks = banksOf(spec);
  const bytes = spec.size === 'b';
  return (cursor) => {
    const bank = bytes && cursor.rex === 0 ? BYTES_WITHOUT_REX : banks[cursor.operandSize >> 5]!;
    return bank[number(cursor)]!;
  };
}

function vectorReader(spec: OperandSpec, number: Numbering): OperandReader {
  const banks = banksOf(spec);
  // There are 8 MMX registers, whatever REX says: SDM 2A 2.2.1.2.
  const mask = spec.class === 'mmx' ? 7 : 15;
  return (cursor) => banks[cursor.operandSize >> 5]![number(cursor) & mask]!;
}

/** A register that exists only at some numbers; the others are #UD. */
function checkedReader(spec: OperandSpec, number: Numbering, exists: (index: number) => boolean): OperandReader {
  const banks = banksOf(spec);
  return (cursor) => {
    const index = number(cursor);
    if (!exists(index)) cursor.invalid = true;
    return banks[cursor.operandSize >> 5]![index]!;
  };
}

function registerReader(spec: OperandSpec, position: number): OperandReader {
  const number = NUMBERINGS[spec.source]!;
  switch (spec.class) {
    case 'gpr':
      return generalReader(spec, number);
    case 'control':
      return checkedReader(spec, number, (index) => CONTROL_REGISTERS.has(index));
    case 'debug':
      return checkedReader(spec, number, (index) => index < 8);
    case 'segment': {
      // REX.R does not extend it. CS is no destination: SDM 2 "MOV-Move".
      const exists = (index: number) => index < SEGMENT_REGISTERS && !(position === 0 && index === CS);
      return checkedReader(spec, (cursor) => number(cursor) & 7, exists);
    }
    default:
      return vectorReader(spec, number);
  }
}

function memoryReader(spec: OperandSpec): OperandReader {
  const widths = OPERAND_SIZES.map((size) => widthOf(spec.size, size));
  return ({ base, index, scale, displacement, segment, operandSize }) => ({
    kind: 'memory',
    base,
    index,
    scale,
    displacement,
    segment,
    width: widths[operandSize >> 5]!,
  });
}

function eitherReader(spec: OperandSpec, position: number): OperandReader {
  const ofRegister = registerReader(spec, position);
  const ofMemory = memoryReader(spec);
  return (cursor) => (cursor.modrm >= 0xc0 ? ofRegister(cursor) : ofMemory(cursor));
}

/** DS:rSI or ES:rDI. ES cannot be overridden: SDM 1 7.3.9.1, "String Instructions". */
function stringReader(spec: OperandSpec): OperandReader {
  const read = memoryReader(spec);
  const source = spec.source === 'rsi';
  return (cursor) => {
    cursor.base = source ? 6 : 7;
    cursor.index = -1;
    cursor.scale = 0;
    cursor.displacement = 0n;
    if (source) cursor.segment = cursor.dataSegment;
    else cursor.segment = cursor.codeSize === 64 ? 'flat' : 'es';
    return read(cursor);
  };
}

function readOffset(cursor: Cursor): bigint {
  if (cursor.addressSize === 64) return cursor.i64();
  return BigInt(cursor.addressSize === 32 ? cursor.i32() : cursor.i16());
}

/** MOV's absolute offset, as wide as the address size: SDM 2A 2.2.1.4, "Direct Memory-Offset MOVs". */
function offsetReader(spec: OperandSpec): OperandReader {
  const read = memoryReader(spec);
  return (cursor) => {
    cursor.base = -1;
    cursor.index = -1;
    cursor.scale = 0;
    cursor.displacement = readOffset(cursor);
    cursor.segment = cursor.dataSegment;
    return read(cursor);
  };
}

function readSigned(cursor: Cursor, width: number): bigint {
  switch (width) {
    case 8:
      return BigInt(cursor.i8());
    case 16:
      return BigInt(cursor.i16());
    case 32:
      return BigInt(cursor.i32());
    default:
      return cursor.i64();
  }
}

function readUnsigned(cursor: Cursor, width: number): bigint {
  switch (width) {
    case 8:
      return BigInt(cursor.u8());
    case 16:
      return BigInt(cursor.u16());
    case 32:
      return BigInt(cursor.u32());
    default:
      return BigInt.asUintN(64, cursor.i64());
  }
}

/** sI and Iz are sign-extended to the operand size (SDM 2A 2.2.1.5, "Immediates"), the others as wide as they are. */
function immediateReader(spec: OperandSpec): OperandReader {
  const extended = spec.signExtended || spec.size === 'z';
  const widths = OPERAND_SIZES.map((size) => widthOf(spec.size, size));
  return (cursor) => {
    const width = widths[cursor.operandSize >> 5]!;
    return extended
      ? { kind: 'immediate', value: readSigned(cursor, width), width: cursor.operandSize }
      : { kind: 'immediate', value: readUnsigned(cursor, width), width };
  };
}

function relativeReader(spec: OperandSpec): OperandReader {
  const widths = OPERAND_SIZES.map((size) => widthOf(spec.size, size));
  return (cursor) => {
    const width = widths[cursor.operandSize >> 5]!;
    return { kind: 'relative', value: readSigned(cursor, width), width };
  };
}

/** The offset, then the selector. */
function readFar(cursor: Cursor): DecodedOperand {
  const offset = cursor.operandSize === 16 ? cursor.u16() : cursor.u32();
  return { kind: 'far', offset, selector: cursor.u16(), width: cursor.operandSize + 16 };
}

function fixedReader(spec: OperandSpec): OperandReader {
  if (spec.kind === 'immediate') {
    const operand: DecodedOperand = { kind: 'immediate', value: BigInt(spec.fixed), width: widthOf(spec.size, 16) };
    return () => operand;
  }
  const operands = banksOf(spec).map((bank) => bank[spec.fixed]!);
  return (cursor) => operands[cursor.operandSize >> 5]!;
}

const READERS: Readonly<Record<OperandSpec['kind'], (spec: OperandSpec, position: number) => OperandReader>> = {
  register: registerReader,
  memory: memoryReader,
  either: eitherReader,
  immediate: immediateReader,
  relative: relativeReader,
  far: () => readFar,
};

function readerOf(spec: OperandSpec, position: number): OperandReader {
  if (spec.source === 'fixed') return fixedReader(spec);
  if (spec.source === 'moffs') return offsetReader(spec);
  if (spec.source === 'rsi' || spec.source === 'rdi') return stringReader(spec);
  return READERS[spec.kind](spec, position);
}

/**
 * The functions that read a form's operands, to be called in their order after ModRM, SIB and displacement are read,
 * since they take immediates as they come.
 */
export const operandReaders = (form: Form): readonly OperandReader[] => form.operands.map(readerOf);
