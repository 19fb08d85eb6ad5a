// Integer instructions that definitions do not describe: their counters or addresses depend on the address size, they
// are rare, or wasm has nothing for them.
import type { Instruction, MemoryOperand } from '../../decode/instruction.ts';
import { GuestException, generalProtection, VECTOR } from '../../mmu/exception.ts';
import type { Cpu } from '../cpu.ts';
import { isCanonical } from '../descriptors.ts';
import type { HelperTable } from '../helper-table.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;

function memoryOperand({ operands: [operand] }: Instruction): MemoryOperand {
  if (operand?.kind !== 'memory') throw new TypeError('a memory operand was expected');
  return operand;
}

function immediate({ operands: [operand] }: Instruction): bigint {
  if (operand?.kind !== 'immediate' && operand?.kind !== 'relative') throw new TypeError('an immediate was expected');
  return operand.value;
}

// ---- control flow

const jumpRelative = (cpu: Cpu, insn: Instruction): void => {
  cpu.state.rip = BigInt.asUintN(insn.operandSize, cpu.state.rip + immediate(insn));
};

/** LOOPcc: counts down CX, ECX or RCX by the address size, without touching flags. */
const loopWhile =
  (condition: (cpu: Cpu) => boolean) =>
  (cpu: Cpu, insn: Instruction): void => {
    const { addressSize } = insn;
    const count = BigInt.asUintN(addressSize, cpu.gpr(RCX, addressSize) - 1n);
    cpu.setGpr(RCX, addressSize, count);
    if (count !== 0n && condition(cpu)) jumpRelative(cpu, insn);
  };

const isZeroFlagSet = (cpu: Cpu): boolean => cpu.state.flagZ === 0n;

function jcxz(cpu: Cpu, insn: Instruction): void {
  if (cpu.gpr(RCX, insn.addressSize) === 0n) jumpRelative(cpu, insn);
}

// ---- stack

/** Sets the part of RSP that the stack's address size covers. */
function setStackPointer({ state }: Cpu, offset: bigint): void {
  state.gpr.set(RSP, (state.gpr.get(RSP) & ~state.stackMask) | (offset & state.stackMask));
}

/** #GP(0) for a target that is not canonical or beyond the code segment's limit: SDM 2 "JMP", "CALL", "RET". */
function checkTarget(cpu: Cpu, target: bigint): void {
  const reachable = cpu.code64 ? isCanonical(cpu, target) : target <= BigInt(cpu.segments.cs.limit);
  if (!reachable) throw generalProtection();
}

/** RET, and RET imm16, which drops the arguments above the return address as well. */
function returnNear(cpu: Cpu, insn: Instruction): void {
  const { operandSize, operands } = insn;
  const top = cpu.gpr(RSP) & cpu.state.stackMask;
  const target = cpu.readStack(top, operandSize);
  checkTarget(cpu, target);
  const dropped = operands.length > 0 ? immediate(insn) : 0n;
  setStackPointer(cpu, top + BigInt(operandSize / 8) + dropped);
  cpu.state.rip = target;
}

/** Indirect JMP and CALL. */
function branchTo(cpu: Cpu, insn: Instruction): void {
  const target = cpu.load(insn.operands[0]!, insn.addressSize);
  checkTarget(cpu, target);
  if (insn.form.definition.mnemonic === 'call') cpu.push(cpu.state.rip, insn.operandSize);
  cpu.state.rip = target;
}

/** All near branches to absolute addresses, with all checks. */
const nearBranch = (cpu: Cpu, insn: Instruction): void =>
  insn.form.definition.mnemonic === 'ret' ? returnNear(cpu, insn) : branchTo(cpu, insn);

/** LEAVE: RSP takes RBP by the stack's address size, and RBP is popped by the operand size. */
function leave(cpu: Cpu, { operandSize }: Instruction): void {
  const frame = cpu.gpr(RBP) & cpu.state.stackMask;
  const value = cpu.readStack(frame, operandSize);
  setStackPointer(cpu, frame + BigInt(operandSize / 8));
  cpu.setGpr(RBP, operandSize, value);
}

/** POP to memory: an address with RSP uses the value after the pop (SDM 2 "POP"), but a fault must leave the old. */
function popMemory(cpu: Cpu, insn: Instruction): void {
  const operand = memoryOperand(insn);
  const before = cpu.gpr(RSP);
  const value = cpu.pop(operand.width);
  const after = cpu.gpr(RSP);
  const offset = cpu.effectiveAddress(operand, insn.addressSize);
  cpu.setGpr(RSP, 64, before);
  cpu.write(operand.segment, offset, operand.width, value);
  cpu.setGpr(RSP, 64, after);
}

// ---- data

/** XLAT: AL indexes a table at DS:rBX. */
function xlat(cpu: Cpu, { addressSize, dataSegment }: Instruction): void {
  const offset = BigInt.asUintN(addressSize, cpu.gpr(RBX) + cpu.gpr(RAX, 8));
  cpu.setGpr(RAX, 8, cpu.read(dataSegment, offset, 8));
}

const halves = (cpu: Cpu, high: number, low: number): bigint => (cpu.gpr(high) << 64n) | cpu.gpr(low);

function setQuotient(cpu: Cpu, quotient: bigint, remainder: bigint): void {
  cpu.setGpr(RAX, 64, BigInt.asUintN(64, quotient));
  cpu.setGpr(RDX, 64, BigInt.asUintN(64, remainder));
}

const divideError = (): GuestException => new GuestException(VECTOR.DE);

/** DIV of 128 bits by 64. */
function divide128(cpu: Cpu, insn: Instruction): void {
  const divisor = cpu.load(insn.operands[0]!, insn.addressSize);
  if (divisor <= cpu.gpr(RDX)) throw divideError();
  const dividend = halves(cpu, RDX, RAX);
  setQuotient(cpu, dividend / divisor, dividend % divisor);
}

/** IDIV of 128 bits by 64; bigints round towards zero as IDIV does. */
function divideSigned128(cpu: Cpu, insn: Instruction): void {
  const divisor = BigInt.asIntN(64, cpu.load(insn.operands[0]!, insn.addressSize));
  if (divisor === 0n) throw divideError();
  const dividend = BigInt.asIntN(128, halves(cpu, RDX, RAX));
  const quotient = dividend / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) throw divideError();
  setQuotient(cpu, quotient, dividend % divisor);
}

/** CMPXCHG16B: the destination is written in either case, and must be aligned (#GP(0)) with LOCK or without. */
function exchange16(cpu: Cpu, insn: Instruction): void {
  const operand = memoryOperand(insn);
  const { mmu, state } = cpu;
  const linear = cpu.linear(operand.segment, cpu.effectiveAddress(operand, insn.addressSize), 16, true);
  if ((linear & 15n) !== 0n) throw generalProtection();
  const isStack = operand.segment === 'ss' || operand.segment === 'flatStack';
  mmu.probeWrite(linear, 16, isStack);
  const low = mmu.read(linear, 64, isStack);
  const high = mmu.read(linear + 8n, 64, isStack);
  const equal = low === cpu.gpr(RAX) && high === cpu.gpr(RDX);
  mmu.write(linear, 64, equal ? cpu.gpr(RBX) : low, isStack);
  mmu.write(linear + 8n, 64, equal ? cpu.gpr(RCX) : high, isStack);
  if (!equal) {
    cpu.setGpr(RAX, 64, low);
    cpu.setGpr(RDX, 64, high);
  }
  state.flagZ = equal ? 0n : 1n;
}

function cmpxchg16b(cpu: Cpu, insn: Instruction): void {
  if (insn.lock) cpu.services.exclusive(() => exchange16(cpu, insn));
  else exchange16(cpu, insn);
}

// ---- decimal arithmetic: SDM 1 7.3.4. Flags that the manual leaves undefined stay as they are.

const accumulator = (cpu: Cpu, width: 8 | 16): number => Number(cpu.gpr(RAX, width));

/** ZF, SF and PF from AL. */
function setResultFlags({ state }: Cpu, al: number): void {
  const extended = BigInt.asUintN(64, BigInt.asIntN(8, BigInt(al)));
  state.flagZ = extended;
  state.flagS = extended;
}

/** Is the low digit of AL above 9, or did a carry leave it? */
const needsAdjustment = (cpu: Cpu, al: number): boolean => (al & 15) > 9 || cpu.state.flagA !== 0;

/** DAA with sign 1, DAS with sign -1. */
const decimalAdjust =
  (sign: 1 | -1) =>
  (cpu: Cpu): void => {
    const { state } = cpu;
    const old = accumulator(cpu, 8);
    const adjustsHigh = old > 0x99 || state.flagC !== 0;
    const adjustsLow = needsAdjustment(cpu, old);
    const afterLow = old + (adjustsLow ? 6 * sign : 0);
    const al = (afterLow + (adjustsHigh ? 0x60 * sign : 0)) & 0xff;
    // A borrow from the low digit alone sets CF in DAS. DAA's carry from it implies adjustsHigh.
    state.flagC = adjustsHigh || afterLow < 0 ? 1 : 0;
    state.flagA = adjustsLow ? 1 : 0;
    cpu.setGpr(RAX, 8, BigInt(al));
    setResultFlags(cpu, al);
  };

/** AAA with sign 1, AAS with sign -1. */
const asciiAdjust =
  (sign: 1 | -1) =>
  (cpu: Cpu): void => {
    const { state } = cpu;
    const adjusts = needsAdjustment(cpu, accumulator(cpu, 8));
    const ax = accumulator(cpu, 16) + (adjusts ? 0x106 * sign : 0);
    cpu.setGpr(RAX, 16, BigInt(ax & 0xff0f));
    state.flagC = state.flagA = adjusts ? 1 : 0;
  };

/** AAM: the base is an immediate, 10 as assemblers write it. */
function aam(cpu: Cpu, insn: Instruction): void {
  const base = Number(immediate(insn));
  if (base === 0) throw divideError();
  const al = accumulator(cpu, 8);
  cpu.setGpr(RAX, 16, BigInt((Math.floor(al / base) << 8) | (al % base)));
  setResultFlags(cpu, al % base);
}

function aad(cpu: Cpu, insn: Instruction): void {
  const ax = accumulator(cpu, 16);
  const al = ((ax & 0xff) + (ax >> 8) * Number(immediate(insn))) & 0xff;
  cpu.setGpr(RAX, 16, BigInt(al));
  setResultFlags(cpu, al);
}

/** By the names that src/isa/integer gives. */
export const integerHelpers: HelperTable = {
  loop: loopWhile(() => true),
  loope: loopWhile(isZeroFlagSet),
  loopne: loopWhile((cpu) => !isZeroFlagSet(cpu)),
  jcxz,
  nearBranch,
  leave,
  popMemory,
  xlat,
  divide128,
  divideSigned128,
  cmpxchg16b,
  daa: decimalAdjust(1),
  das: decimalAdjust(-1),
  aaa: asciiAdjust(1),
  aas: asciiAdjust(-1),
  aam,
  aad,
};
