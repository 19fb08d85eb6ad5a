// How helpers of SSE and MMX instructions read and write their operands.
import type { DecodedOperand, Instruction, MemoryOperand, RegisterOperand } from '../../decode/instruction.ts';
import { GuestException, generalProtection, VECTOR } from '../../mmu/exception.ts';
import { CR0 } from '../control-registers.ts';
import type { Cpu } from '../cpu.ts';
import { UnimplementedError } from '../errors.ts';
import { FSW } from '../x87-state.ts';

const TOP = 7 << FSW.topShift;
const XMM_BYTES = 16;

const isStack = ({ segment }: MemoryOperand): boolean => segment === 'ss' || segment === 'flatStack';

/**
 * Reads memory; operands of 16 bytes must be aligned if `aligned`: SDM 2 2.4.
 * @throws GuestException #GP(0) for misalignment, which goes before the segment's limit; #SS(0), #PF
 */
function readMemory(cpu: Cpu, insn: Instruction, operand: MemoryOperand, bytes: number, aligned: boolean): Uint8Array {
  const { segment } = operand;
  const offset = cpu.effectiveAddress(operand, insn.addressSize);
  const misaligned = ((cpu.segments[segment].base + offset) & 15n) !== 0n;
  if (aligned && bytes === XMM_BYTES && misaligned) throw generalProtection();
  const into = new Uint8Array(bytes);
  cpu.mmu.readBytes(cpu.linear(segment, offset, bytes, false), into, isStack(operand));
  return into;
}

/** The live bytes of an XMM or MMX register. */
export function registerBytes(cpu: Cpu, { class: registerClass, index }: RegisterOperand): Uint8Array {
  if (registerClass === 'xmm') return cpu.xmm(index);
  const at = cpu.mmxIndex(index) * 8;
  return cpu.memory.u8.subarray(at, at + 8);
}

/** The first `bytes` bytes of a register or memory operand: a copy. */
export function sourceBytes(
  cpu: Cpu,
  insn: Instruction,
  operand: DecodedOperand,
  bytes: number,
  aligned = true,
): DataView {
  if (operand.kind === 'memory') return new DataView(readMemory(cpu, insn, operand, bytes, aligned).buffer);
  if (operand.kind !== 'register') throw new TypeError(`a vector in a ${operand.kind} operand`);
  return new DataView(new Uint8Array(registerBytes(cpu, operand).subarray(0, bytes)).buffer);
}

/** The operand as a register. */
export function registerOperand(operand: DecodedOperand | undefined): RegisterOperand {
  if (operand?.kind !== 'register') throw new TypeError('a register operand was expected');
  return operand;
}

/** An immediate byte. */
export function immediateByte(operand: DecodedOperand | undefined): number {
  if (operand?.kind !== 'immediate') throw new TypeError('an immediate was expected');
  return Number(operand.value);
}

/**
 * A pending x87 exception goes before anything that an instruction with MMX operands does: SDM 3A 12.1.
 * @throws UnimplementedError where it would go out by FERR# (CR0.NE = 0)
 */
export function checkPendingX87({ state }: Cpu): void {
  if ((state.fsw & FSW.ES) === 0) return;
  if (state.cr0 & CR0.NE) throw new GuestException(VECTOR.MF);
  throw new UnimplementedError('x87 exceptions by FERR# and IRQ 13 (CR0.NE = 0)');
}

/** All MMX instructions but EMMS set TOP to 0 and every tag to valid: SDM 1 9.6.1. */
export function enterMmx({ state }: Cpu): void {
  state.fsw &= ~TOP;
  state.ftw = 0;
}

/** Writes an MMX register; the exponent above it becomes ones: SDM 1 9.6.2. */
export function writeMmx(cpu: Cpu, { index }: RegisterOperand, value: bigint): void {
  const at = cpu.mmxIndex(index);
  cpu.memory.u64[at] = value;
  cpu.memory.u16[(at + 1) * 4] = 0xffff;
}

/** A register's live bytes as a view. */
export function registerView(cpu: Cpu, operand: RegisterOperand): DataView {
  const bytes = registerBytes(cpu, operand);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
