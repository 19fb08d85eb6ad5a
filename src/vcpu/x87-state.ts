// The x87 registers as instructions store and load them: SDM 1 8.1, "x87 FPU Execution Environment".
import type { Cpu } from './cpu.ts';

/** After FNINIT: SDM 1 table 8-1. FXSAVE's image and XSAVE's initial configuration agree with it (SDM 1 13.6). */
export const INITIAL_FCW = 0x37f;
export const ALL_EMPTY = 0xffff;

export const FSW = { exceptions: 0x3f, ES: 1 << 7, topShift: 11, B: 1 << 15 } as const;
/** Bits of the control word that hold something; bit 6 reads as 1: SDM 1 figure 8-6. */
const FCW_BITS = 0x1f3f;
const FCW_ONES = 0x40;

const EMPTY = 3;
const REGISTERS = 8;

/** FNINIT. */
export function initializeX87({ state }: Cpu): void {
  state.fcw = INITIAL_FCW;
  state.fsw = 0;
  state.ftw = ALL_EMPTY;
  state.fop = 0;
  state.fip = 0n;
  state.fdp = 0n;
  state.fcs = 0;
  state.fds = 0;
}

/** ES and B say whether an exception is flagged that is not masked: SDM 1 8.1.3.3. */
export function summarizeExceptions({ state }: Cpu): void {
  const pending = (state.fsw & ~state.fcw & FSW.exceptions) !== 0;
  state.fsw = pending ? state.fsw | FSW.ES | FSW.B : state.fsw & ~(FSW.ES | FSW.B);
}

export function setControlWord(cpu: Cpu, value: number): void {
  cpu.state.fcw = (value & FCW_BITS) | FCW_ONES;
  summarizeExceptions(cpu);
}

const top = ({ state }: Cpu): number => (state.fsw >> FSW.topShift) & 7;

const INTEGER_BIT = 1n << 63n;
const EXPONENT = 0x7fffn;
const TAG = { valid: 0, zero: 1, special: 2 } as const;

/** What a physical register that is not empty holds: SDM 1 8.1.7. */
function contentTag(cpu: Cpu, register: number): number {
  const significand = cpu.state.fpr.get(2 * register);
  const exponent = cpu.state.fpr.get(2 * register + 1) & EXPONENT;
  if (exponent === 0n && significand === 0n) return TAG.zero;
  return exponent === 0n || exponent === EXPONENT || (significand & INTEGER_BIT) === 0n ? TAG.special : TAG.valid;
}

const isEmpty = ({ state }: Cpu, register: number): boolean => ((state.ftw >> (2 * register)) & 3) === EMPTY;

/** The tag word as FNSTENV stores it, computed from what the registers hold. */
export function fullTags(cpu: Cpu): number {
  let tags = 0;
  for (let register = 0; register < REGISTERS; register++) {
    tags |= (isEmpty(cpu, register) ? EMPTY : contentTag(cpu, register)) << (2 * register);
  }
  return tags;
}

/** FLDENV and FRSTOR look only at which registers are empty; the rest follows from their contents. */
export function setFullTags(cpu: Cpu, tags: number): void {
  let effective = 0;
  for (let register = 0; register < REGISTERS; register++) {
    const given = (tags >> (2 * register)) & 3;
    effective |= (given === EMPTY ? EMPTY : contentTag(cpu, register)) << (2 * register);
  }
  cpu.state.ftw = effective;
}

/** FXSAVE's tag byte: a bit a physical register, set where it is not empty (SDM 1 10.5.1.1). */
export function abridgedTags(cpu: Cpu): number {
  let tags = 0;
  for (let register = 0; register < REGISTERS; register++) if (!isEmpty(cpu, register)) tags |= 1 << register;
  return tags;
}

export function setAbridgedTags(cpu: Cpu, abridged: number): void {
  let tags = 0;
  for (let register = 0; register < REGISTERS; register++) {
    tags |= (abridged & (1 << register) ? 0 : EMPTY) << (2 * register);
  }
  setFullTags(cpu, tags);
}

/** Index in ContextView.fpr of ST(i)'s low half. */
const stackRegister = (cpu: Cpu, i: number): number => 2 * ((top(cpu) + i) & 7);

/** Writes ST(i)'s 10 bytes. */
export function storeStackRegister(cpu: Cpu, i: number, view: DataView, at: number): void {
  const register = stackRegister(cpu, i);
  view.setBigUint64(at, cpu.state.fpr.get(register), true);
  view.setUint16(at + 8, Number(cpu.state.fpr.get(register + 1) & 0xffffn), true);
}

export function loadStackRegister(cpu: Cpu, i: number, view: DataView, at: number): void {
  const register = stackRegister(cpu, i);
  cpu.state.fpr.set(register, view.getBigUint64(at, true));
  cpu.state.fpr.set(register + 1, BigInt(view.getUint16(at + 8, true)));
}
