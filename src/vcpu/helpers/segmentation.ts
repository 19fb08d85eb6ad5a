// Segment registers, descriptor tables, and the instructions that look at descriptors.
import type { Instruction, MemoryOperand, RegisterOperand } from '../../decode/instruction.ts';
import { generalProtection, undefinedOpcode } from '../../mmu/exception.ts';
import { BLOCKING, SEGMENTS, type SegmentName } from '../../state/context.ts';
import type { Cpu } from '../cpu.ts';
import { isCanonicalBase } from '../descriptors.ts';
import type { HelperTable } from '../helper-table.ts';
import {
  type DataSegment,
  isUnprotected,
  loadLdtr,
  loadSegment,
  loadTaskRegister,
  prepareSegment,
} from '../segments.ts';
import { canRead, canWrite, readAccessRights, readLimit } from '../segments-inspect.ts';

const CR4_UMIP = 1n << 11n;
const CS = 1;
const LAST_SEGMENT = 5;

/** The segment register that ModRM.reg or the opcode names. There are six. @throws GuestException #UD */
export function segmentOperand(operand: Instruction['operands'][number] | undefined): SegmentName {
  const index = operand?.kind === 'register' ? operand.index & 7 : LAST_SEGMENT + 1;
  if (index > LAST_SEGMENT) throw undefinedOpcode();
  return SEGMENTS[index]!;
}

/** As segmentOperand, for one to be loaded: CS cannot be. */
export function loadableSegment(operand: Instruction['operands'][number] | undefined): DataSegment | 'ss' {
  if (operand?.kind === 'register' && (operand.index & 7) === CS) throw undefinedOpcode();
  return segmentOperand(operand) as DataSegment | 'ss';
}

/** MOV SS and POP SS hold back interrupts and debug traps until the next instruction is done: SDM 3A 6.8.3. */
export function shadowIfStack(cpu: Cpu, name: SegmentName): void {
  if (name === 'ss') cpu.state.interruptibility |= BLOCKING.movSs;
}

/** A 16-bit source, from memory or a register of any width. */
function loadSelector(cpu: Cpu, insn: Instruction, index: number): number {
  const operand = insn.operands[index]!;
  if (operand.kind !== 'memory') return Number(cpu.load(operand, insn.addressSize) & 0xffffn);
  return Number(cpu.read(operand.segment, cpu.effectiveAddress(operand, insn.addressSize), 16));
}

/** A 16-bit value: memory gets 16 bits, a register its whole width, zero-extended. */
function storeSelector(cpu: Cpu, insn: Instruction, selector: number): void {
  const operand = insn.operands[0]!;
  if (operand.kind !== 'memory') {
    cpu.store(operand, insn.addressSize, BigInt(selector));
    return;
  }
  cpu.write(operand.segment, cpu.effectiveAddress(operand, insn.addressSize), 16, BigInt(selector));
}

/** m16:16, m16:32 or m16:64: the offset comes first. */
export function readFarPointer(
  cpu: Cpu,
  insn: Instruction,
  operand: MemoryOperand,
): { selector: number; offset: bigint } {
  const { addressSize, operandSize } = insn;
  const at = cpu.effectiveAddress(operand, addressSize);
  const offset = cpu.read(operand.segment, at, operandSize);
  const selectorAt = BigInt.asUintN(addressSize, at + BigInt(operandSize / 8));
  return { offset, selector: Number(cpu.read(operand.segment, selectorAt, 16)) };
}

function loadFarPointer(cpu: Cpu, insn: Instruction, name: DataSegment | 'ss'): void {
  const [register, memory] = insn.operands as [RegisterOperand, MemoryOperand];
  const { selector, offset } = readFarPointer(cpu, insn, memory);
  // LSS opens no shadow: it loads the stack pointer itself (SDM 3A 6.8.3).
  loadSegment(cpu, name, selector);
  cpu.setGpr(register.index, insn.operandSize, offset);
}

/** CR4.UMIP: SDM 3A 2.5. */
function requireUmip(cpu: Cpu): void {
  if ((cpu.state.cr4 & CR4_UMIP) !== 0n) cpu.requirePrivilege();
}

/** "Not recognized in real-address mode" nor in virtual-8086 mode. */
function requireProtection(cpu: Cpu): void {
  if (isUnprotected(cpu)) throw undefinedOpcode();
}

const baseWidth = (cpu: Cpu): 32 | 64 => (cpu.code64 ? 64 : 32);

function storeTable(cpu: Cpu, insn: Instruction, limit: number, base: bigint): void {
  requireUmip(cpu);
  const operand = insn.operands[0] as MemoryOperand;
  const at = cpu.effectiveAddress(operand, insn.addressSize);
  const width = baseWidth(cpu);
  cpu.write(operand.segment, at, 16, BigInt(limit));
  cpu.write(operand.segment, BigInt.asUintN(insn.addressSize, at + 2n), width, BigInt.asUintN(width, base));
}

/** A descriptor-table register image. With 16-bit operands only 24 bits of the base are taken. */
function readTable(cpu: Cpu, insn: Instruction): { limit: number; base: bigint } {
  cpu.requirePrivilege();
  const operand = insn.operands[0] as MemoryOperand;
  const at = cpu.effectiveAddress(operand, insn.addressSize);
  const limit = Number(cpu.read(operand.segment, at, 16));
  const base = cpu.read(operand.segment, BigInt.asUintN(insn.addressSize, at + 2n), baseWidth(cpu));
  if (cpu.code64 && !isCanonicalBase(cpu, base)) throw generalProtection();
  return { limit, base: !cpu.code64 && insn.operandSize === 16 ? base & 0xff_ffffn : base };
}

function setZf(cpu: Cpu, set: boolean): void {
  // ZF alone: flagZ holds nothing else.
  cpu.state.flagZ = set ? 0n : 1n;
}

/** LAR and LSL: a register gets what a descriptor says, and ZF tells whether it did. */
function inspect(cpu: Cpu, insn: Instruction, found: number | null): void {
  setZf(cpu, found !== null);
  if (found !== null) cpu.setGpr((insn.operands[0] as RegisterOperand).index, insn.operandSize, BigInt(found));
}

/** ARPL: raises the RPL of a selector to that of another. SDM 2A "ARPL". */
function arpl(cpu: Cpu, insn: Instruction): void {
  requireProtection(cpu);
  const [target, source] = insn.operands as [Instruction['operands'][number], RegisterOperand];
  const selector = Number(cpu.load(target, insn.addressSize));
  const rpl = Number(cpu.gpr(source.index, 16)) & 3;
  const raised = (selector & 3) < rpl;
  if (raised) cpu.store(target, insn.addressSize, BigInt((selector & ~3) | rpl));
  setZf(cpu, raised);
}

export const segmentationHelpers: HelperTable = {
  movFromSegment: (cpu, insn) => storeSelector(cpu, insn, cpu.segments[segmentOperand(insn.operands[1])].selector),
  movToSegment(cpu, insn) {
    const name = loadableSegment(insn.operands[0]);
    prepareSegment(cpu, name, loadSelector(cpu, insn, 1))();
    shadowIfStack(cpu, name);
  },
  les: (cpu, insn) => loadFarPointer(cpu, insn, 'es'),
  lds: (cpu, insn) => loadFarPointer(cpu, insn, 'ds'),
  lss: (cpu, insn) => loadFarPointer(cpu, insn, 'ss'),
  lfs: (cpu, insn) => loadFarPointer(cpu, insn, 'fs'),
  lgs: (cpu, insn) => loadFarPointer(cpu, insn, 'gs'),
  sgdt: (cpu, insn) => storeTable(cpu, insn, cpu.state.gdtrLimit, cpu.state.gdtrBase),
  sidt: (cpu, insn) => storeTable(cpu, insn, cpu.state.idtrLimit, cpu.state.idtrBase),
  lgdt(cpu, insn) {
    const { limit, base } = readTable(cpu, insn);
    cpu.state.gdtrLimit = limit;
    cpu.state.gdtrBase = base;
  },
  lidt(cpu, insn) {
    const { limit, base } = readTable(cpu, insn);
    cpu.state.idtrLimit = limit;
    cpu.state.idtrBase = base;
  },
  sldt(cpu, insn) {
    requireProtection(cpu);
    requireUmip(cpu);
    storeSelector(cpu, insn, cpu.segments.ldtr.selector);
  },
  str(cpu, insn) {
    requireProtection(cpu);
    requireUmip(cpu);
    storeSelector(cpu, insn, cpu.segments.tr.selector);
  },
  lldt(cpu, insn) {
    requireProtection(cpu);
    cpu.requirePrivilege();
    loadLdtr(cpu, loadSelector(cpu, insn, 0));
  },
  ltr(cpu, insn) {
    requireProtection(cpu);
    cpu.requirePrivilege();
    loadTaskRegister(cpu, loadSelector(cpu, insn, 0));
  },
  lar(cpu, insn) {
    requireProtection(cpu);
    inspect(cpu, insn, readAccessRights(cpu, loadSelector(cpu, insn, 1)));
  },
  lsl(cpu, insn) {
    requireProtection(cpu);
    inspect(cpu, insn, readLimit(cpu, loadSelector(cpu, insn, 1)));
  },
  verr(cpu, insn) {
    requireProtection(cpu);
    setZf(cpu, canRead(cpu, loadSelector(cpu, insn, 0)));
  },
  verw(cpu, insn) {
    requireProtection(cpu);
    setZf(cpu, canWrite(cpu, loadSelector(cpu, insn, 0)));
  },
  arpl,
};
