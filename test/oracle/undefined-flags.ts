import type { Instruction } from './instruction.ts';
import { FLAG, STATUS_FLAGS } from './machine.ts';

const { CF, PF, AF, ZF, SF, OF } = FLAG;

/** What a rule may look at: the instruction and CL before it. */
export interface FlagContext {
  instruction: Instruction;
  cl: number;
}

type Rule = number | ((context: FlagContext) => number);

/** The shift count after masking: SDM 2B SAL/SAR/SHL/SHR, and as much for rotates and double shifts. */
export function shiftCount({ instruction, cl }: FlagContext): number {
  const { opcode, trailers } = instruction.template;
  const last = opcode[opcode.length - 1]!;
  const count = trailers.length > 0 ? Number(instruction.trailers[0]) : opcode.length === 1 && last <= 0xd1 ? 1 : cl;
  return count & (instruction.operandSize === 64 ? 63 : 31);
}

/** Operand size of a shift in bits: its opcode's bit 0 tells bytes from the rest. */
function shiftSize({ operandSize, template }: Instruction): number {
  return template.opcode.length === 1 && (template.opcode[0]! & 1) === 0 ? 8 : operandSize;
}

/** "The OF flag is affected only on 1-bit shifts"; AF is undefined; a zero count changes nothing. */
function afterShift(context: FlagContext): number {
  const count = shiftCount(context);
  if (count === 0) return 0;
  // SHL and SHR: "CF is undefined where the count is greater than or equal to the size of the destination".
  const lostCarry = context.instruction.template.mnemonic !== 'SAR' && count >= shiftSize(context.instruction) ? CF : 0;
  return AF | lostCarry | (count === 1 ? 0 : OF);
}

function afterRotate(context: FlagContext): number {
  return shiftCount(context) > 1 ? OF : 0;
}

function afterDoubleShift(context: FlagContext): number {
  const count = shiftCount(context);
  return count === 0 ? 0 : count === 1 ? AF : AF | OF;
}

/** Status flags that SDM 2 calls undefined after each instruction; whatever is not listed defines all six. */
const RULES: Readonly<Record<string, Rule>> = {
  AND: AF,
  OR: AF,
  XOR: AF,
  TEST: AF,
  ROL: afterRotate,
  ROR: afterRotate,
  RCL: afterRotate,
  RCR: afterRotate,
  SHL: afterShift,
  SHR: afterShift,
  SAR: afterShift,
  SHLD: afterDoubleShift,
  SHRD: afterDoubleShift,
  MUL: SF | ZF | AF | PF,
  IMUL: SF | ZF | AF | PF,
  DIV: STATUS_FLAGS,
  IDIV: STATUS_FLAGS,
  AAA: OF | SF | ZF | PF,
  AAS: OF | SF | ZF | PF,
  AAM: OF | AF | CF,
  AAD: OF | AF | CF,
  DAA: OF,
  DAS: OF,
  BT: OF | SF | AF | PF,
  BTS: OF | SF | AF | PF,
  BTR: OF | SF | AF | PF,
  BTC: OF | SF | AF | PF,
  BSF: STATUS_FLAGS & ~ZF,
  BSR: STATUS_FLAGS & ~ZF,
  LZCNT: OF | SF | PF | AF,
  TZCNT: OF | SF | PF | AF,
  ANDN: AF | PF,
  BEXTR: AF | SF | PF,
  BLSI: AF | PF,
  BLSMSK: AF | PF,
  BLSR: AF | PF,
  BZHI: AF | PF,
};

/** The status flags whose values after the instruction are not architectural. */
export function undefinedFlags(context: FlagContext): number {
  const rule = RULES[context.instruction.template.mnemonic] ?? 0;
  return typeof rule === 'number' ? rule : rule(context);
}
