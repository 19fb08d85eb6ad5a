import { CODE_START } from './layout.ts';
import type { CodeSize } from './machine.ts';
import type { Prng } from './prng.ts';
import type { Template, Trailer } from './template.ts';
import { integer32 } from './values.ts';

/** A memory operand before its displacement is known: SDM 2A 2.1.5. Register numbers, or -1 for none. */
export interface MemoryOperand {
  base: number;
  index: number;
  scale: number;
  displacementSize: 0 | 1 | 2 | 4 | 8;
  displacement: bigint;
  ripRelative: boolean;
}

/** An instruction under construction; `encode` turns it into bytes. */
export interface Instruction {
  template: Template;
  codeSize: CodeSize;
  operandSize: 16 | 32 | 64;
  addressSize: 16 | 32 | 64;
  /** Legacy prefixes in the order that they are written. */
  prefixes: number[];
  /** A REX prefix that is ignored because another prefix follows it: SDM 2A 2.2.1. */
  strayRex: number | null;
  /** The effective REX prefix; for VEX, its W, R, X and B bits. */
  rex: number | null;
  lock: boolean;
  repeat: boolean;
  mod: number;
  reg: number;
  rm: number;
  sib: number | null;
  memory: MemoryOperand | null;
  vexRegister: number;
  vexL: boolean;
  /** Values of the template's trailers in their order. */
  trailers: bigint[];
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
const LOCK = 0xf0;
const OPERAND_SIZE = 0x66;
const ADDRESS_SIZE = 0x67;

/** 16-bit addressing's bases and indexes by r/m: SDM 2A table 2-1. */
const PAIRS_16 = [
  [3, 6],
  [3, 7],
  [5, 6],
  [5, 7],
  [6, -1],
  [7, -1],
  [5, -1],
  [3, -1],
] as const;

/** Near branches: Intel ignores 66 on them in 64-bit code. */
export function isNearBranch({ template }: Pick<Instruction, 'template'>): boolean {
  const { opcode, reg, trailers } = template;
  if (trailers.includes('cb') || trailers.includes('cz')) return true;
  return opcode.length === 1 && ([0xc2, 0xc3].includes(opcode[0]!) || (opcode[0] === 0xff && (reg === 2 || reg === 4)));
}

/** Makes an instruction of a template with random prefixes, registers and immediates. */
export function makeInstruction(prng: Prng, template: Template, codeSize: CodeSize, locked: boolean): Instruction {
  const usesMemory =
    template.reg !== null && (template.form === 'memory' || (template.form === 'either' && prng.chance(55)));
  const rex = codeSize === 64 ? pickRex(prng, template) : null;
  const has66 = pick66(prng, template, codeSize);
  const has67 = !template.plain && prng.chance(codeSize === 16 ? 25 : codeSize === 64 ? 8 : 2);
  const addressSize = codeSize === 64 ? (has67 ? 32 : 64) : (codeSize === 16) === has67 ? 32 : 16;
  const wide = rex !== null && (rex & 8) !== 0;
  const operandSize = wide ? 64 : (codeSize === 16) === has66 ? 32 : 16;
  const lock = locked || (!template.plain && prng.chance(template.lockable && usesMemory ? 30 : 1.5));
  const repeat = template.repeats && prng.chance(60);
  const instruction: Instruction = {
    template,
    codeSize,
    operandSize,
    addressSize,
    prefixes: pickPrefixes(prng, template, { has66, has67, lock, repeat }),
    strayRex: null,
    rex,
    lock,
    repeat,
    mod: 3,
    reg: template.reg === 'r' || template.reg === null ? prng.below(8) : template.reg,
    rm: prng.below(8),
    sib: null,
    memory: null,
    vexRegister: template.mnemonic === 'RORX' ? 0 : prng.below(codeSize === 64 ? 16 : 8),
    vexL: template.vex !== null && prng.chance(2),
    trailers: [],
  };
  if (usesMemory) pickMemory(prng, instruction);
  if (codeSize === 64 && prng.chance(3) && (rex !== null || instruction.prefixes.length > 0) && !template.vex) {
    instruction.strayRex = 0x40 | prng.below(16);
  }
  instruction.trailers = template.trailers.map((trailer) => pickTrailer(prng, trailer));
  return instruction;
}

function pickRex(prng: Prng, template: Template): number | null {
  if (template.rexW === null && prng.chance(45)) return null;
  const bits = prng.below(16);
  const w = template.rexW === null ? bits & 8 : template.rexW ? 8 : 0;
  return 0x40 | (bits & 7) | w;
}

function pick66(prng: Prng, template: Template, codeSize: CodeSize): boolean {
  if (template.vex || template.plain || (template.prefix !== null && !template.allows66)) return false;
  if (codeSize === 64 && isNearBranch({ template })) return false;
  return prng.chance(codeSize === 16 ? 45 : 25);
}

interface PrefixChoice {
  has66: boolean;
  has67: boolean;
  lock: boolean;
  repeat: boolean;
}

/** The legacy prefixes in random order; any order means the same. */
function pickPrefixes(prng: Prng, template: Template, choice: PrefixChoice): number[] {
  const prefixes: number[] = [];
  if (choice.has66) prefixes.push(OPERAND_SIZE);
  if (choice.has67) prefixes.push(ADDRESS_SIZE);
  if (choice.lock) prefixes.push(LOCK);
  if (choice.repeat) prefixes.push(prng.pick([0xf2, 0xf3]));
  if (template.prefix) prefixes.push(template.prefix);
  if (!template.plain && prng.chance(10)) prefixes.push(prng.pick(SEGMENT_PREFIXES));
  // F2 and F3 mean nothing to other one-byte opcodes (XACQUIRE and BND hints aside); to VEX they are #UD.
  const ignoresRepeat =
    template.opcode.length === 1 && template.prefix === null && !template.repeats && !template.plain;
  if (ignoresRepeat && template.opcode[0] !== 0x90 && prng.chance(2)) prefixes.push(prng.pick([0xf2, 0xf3]));
  for (let i = prefixes.length - 1; i > 0; i--) {
    const other = prng.below(i + 1);
    [prefixes[i], prefixes[other]] = [prefixes[other]!, prefixes[i]!];
  }
  return prefixes;
}

/** Chooses among all forms of ModRM and SIB, each about as often as its encodings. */
function pickMemory(prng: Prng, instruction: Instruction): void {
  instruction.mod = prng.below(3);
  if (instruction.addressSize === 16) pickMemory16(instruction);
  else pickMemory32(prng, instruction);
  const { displacementSize } = instruction.memory!;
  const wild = displacementSize === 4 && prng.chance(25);
  const value = wild ? prng.u32() | 0 : prng.between(-128, 127);
  instruction.memory!.displacement = displacementSize === 0 ? 0n : BigInt(value);
}

function pickMemory16(instruction: Instruction): void {
  const direct = instruction.mod === 0 && instruction.rm === 6;
  const [base, index] = direct ? [-1, -1] : PAIRS_16[instruction.rm]!;
  const displacementSize = direct ? 2 : ([0, 1, 2] as const)[instruction.mod]!;
  instruction.memory = { base, index, scale: 1, displacementSize, displacement: 0n, ripRelative: false };
}

function pickMemory32(prng: Prng, instruction: Instruction): void {
  const { mod, rm, codeSize } = instruction;
  const rex = instruction.rex ?? 0;
  const memory: MemoryOperand = {
    base: rm | ((rex & 1) << 3),
    index: -1,
    scale: 1,
    displacementSize: ([0, 1, 4] as const)[mod]!,
    displacement: 0n,
    ripRelative: false,
  };
  let baseField = rm;
  if (rm === 4) {
    instruction.sib = prng.below(256);
    baseField = instruction.sib & 7;
    const index = ((instruction.sib >> 3) & 7) | ((rex & 2) << 2);
    memory.base = baseField | ((rex & 1) << 3);
    memory.index = index === 4 ? -1 : index; // RSP cannot be an index; R12 can.
    memory.scale = 1 << (instruction.sib >> 6);
  }
  if (mod === 0 && baseField === 5) {
    memory.base = -1;
    memory.displacementSize = 4;
    memory.ripRelative = rm === 5 && codeSize === 64;
  }
  instruction.memory = memory;
}

function pickTrailer(prng: Prng, trailer: Trailer): bigint {
  if (trailer === 'ib' || trailer === 'cb') return BigInt(integer32(prng) & 0xff);
  const low = BigInt(integer32(prng));
  return trailer === 'iv' ? (BigInt(integer32(prng)) << 32n) | low : low;
}

/** The number of bytes that a trailer takes in this instruction. */
export function trailerSize(instruction: Instruction, trailer: Trailer): number {
  if (trailer === 'ib' || trailer === 'cb') return 1;
  if (trailer === 'iw') return 2;
  if (trailer === 'iv') return instruction.operandSize / 8;
  if (trailer === 'mo') return instruction.addressSize / 8;
  return instruction.operandSize === 16 ? 2 : 4;
}

/** Size of the memory operand in bytes; 1 where it has none. */
export function memorySize({ template, operandSize, codeSize }: Instruction): number {
  if (template.size === 'y') return operandSize === 64 ? 8 : 4;
  if (template.size === 'n') return codeSize === 64 && operandSize !== 16 ? 8 : operandSize / 8;
  // MOV's moffs and BOUND read one and two operands.
  return template.size === 'v' ? operandSize / 8 : template.size;
}

/** The instruction's bytes; RIP-relative displacements are computed to reach `target` if that is given. */
export function encode(instruction: Instruction, target: bigint | null): Uint8Array {
  const bytes = [...(instruction.strayRex === null ? [] : [instruction.strayRex]), ...instruction.prefixes];
  if (instruction.template.vex) bytes.push(...vexBytes(instruction));
  else if (instruction.rex !== null) bytes.push(instruction.rex);
  const opcode = [...instruction.template.opcode];
  if (instruction.template.plusRegister) opcode[opcode.length - 1]! |= instruction.reg;
  bytes.push(...opcode);
  const { memory, template } = instruction;
  if (template.reg !== null) bytes.push((instruction.mod << 6) | (instruction.reg << 3) | instruction.rm);
  if (instruction.sib !== null) bytes.push(instruction.sib);
  const trailers = template.trailers.flatMap((trailer, i) =>
    littleEndian(instruction.trailers[i]!, trailerSize(instruction, trailer)),
  );
  if (memory) {
    const length = bytes.length + memory.displacementSize + trailers.length;
    if (memory.ripRelative && target !== null) memory.displacement = target - BigInt(CODE_START + length);
    bytes.push(...littleEndian(memory.displacement, memory.displacementSize));
  }
  return Uint8Array.from([...bytes, ...trailers]);
}

/** The three-byte VEX prefix: SDM 2A figure 2-9. R, X, B and vvvv are stored inverted. */
function vexBytes(instruction: Instruction): number[] {
  const { pp, map } = instruction.template.vex!;
  const rex = instruction.rex ?? 0;
  const inverted = (~rex & 7) << 5;
  const vvvv = (~instruction.vexRegister & 15) << 3;
  return [0xc4, (inverted & 0x80) | (inverted & 0x60) | map, ((rex & 8) << 4) | vvvv | (instruction.vexL ? 4 : 0) | pp];
}

function littleEndian(value: bigint, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Number((value >> BigInt(i * 8)) & 0xffn));
}
