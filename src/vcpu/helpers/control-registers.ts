// MOV to and from CRn and DRn, LMSW, SMSW, CLTS, and the invalidation of translations.
import type { Instruction, MemoryOperand, RegisterOperand } from '../../decode/instruction.ts';
import { generalProtection } from '../../mmu/exception.ts';
import { CR0, CR4, loadMachineStatus, writeCr0, writeCr3, writeCr4, writeCr8 } from '../control-registers.ts';
import type { Cpu } from '../cpu.ts';
import { readDebugRegister, writeDebugRegister } from '../debug-registers.ts';
import type { HelperTable } from '../helper-table.ts';
import { requireCanonical } from '../msr.ts';

const registerAt = (insn: Instruction, position: number): RegisterOperand => insn.operands[position] as RegisterOperand;
const memoryAt = (insn: Instruction, position: number): MemoryOperand => insn.operands[position] as MemoryOperand;

/** The decoder lets only CR0, CR2, CR3, CR4 and CR8 through. */
const WRITERS: Readonly<Record<number, (cpu: Cpu, value: bigint) => void>> = {
  0: writeCr0,
  2: ({ state }, value) => {
    state.cr2 = value;
  },
  3: writeCr3,
  4: writeCr4,
  8: writeCr8,
};

const READERS: Readonly<Record<number, (cpu: Cpu) => bigint>> = {
  0: ({ state }) => state.cr0,
  2: ({ state }) => state.cr2,
  3: ({ state }) => state.cr3,
  4: ({ state }) => state.cr4,
  8: ({ services }) => BigInt(services.lapic.cr8),
};

/** SMSW is one of those that CR4.UMIP keeps from user code: SDM 3A 2.5. */
function requireNoUmip({ state }: Cpu): void {
  if (state.cpl !== 0 && state.cr4 & CR4.UMIP) throw generalProtection();
}

/** The linear address of an operand of which only the address counts: no limit and no type is checked. */
function linearAddress(cpu: Cpu, operand: MemoryOperand, addressSize: number): bigint {
  const { base } = cpu.segments[operand.segment];
  return (base + cpu.effectiveAddress(operand, addressSize)) & cpu.state.linearMask;
}

const INVPCID = { address: 0n, single: 1n, all: 2n, allNonGlobal: 3n } as const;
const PCID = 0xfffn;

/** SDM 2A "INVPCID". @throws GuestException #GP(0) for a bad type or descriptor */
function invalidatePcid(cpu: Cpu, type: bigint, descriptor: bigint, linear: bigint): void {
  if (type > INVPCID.allNonGlobal || descriptor & ~PCID) throw generalProtection();
  const named = type === INVPCID.address || type === INVPCID.single;
  if (named && descriptor !== 0n && (cpu.state.cr4 & CR4.PCIDE) === 0n) throw generalProtection();
  if (type === INVPCID.address) {
    requireCanonical(cpu, linear);
    cpu.mmu.invalidatePage(linear);
  } else if (type === INVPCID.single) cpu.mmu.flushPcid(Number(descriptor));
  else if (type === INVPCID.all) cpu.mmu.flushAll();
  else cpu.mmu.flushNonGlobal();
}

export const controlRegisterHelpers: HelperTable = {
  movFromControl(cpu, insn) {
    cpu.requirePrivilege();
    const target = registerAt(insn, 0);
    cpu.setGpr(target.index, target.width, READERS[registerAt(insn, 1).index]!(cpu));
  },

  movToControl(cpu, insn) {
    cpu.requirePrivilege();
    const source = registerAt(insn, 1);
    WRITERS[registerAt(insn, 0).index]!(cpu, cpu.gpr(source.index, source.width));
  },

  movFromDebug(cpu, insn) {
    const target = registerAt(insn, 0);
    cpu.setGpr(target.index, target.width, readDebugRegister(cpu, registerAt(insn, 1).index));
  },

  movToDebug(cpu, insn) {
    const source = registerAt(insn, 1);
    writeDebugRegister(cpu, registerAt(insn, 0).index, cpu.gpr(source.index, source.width));
  },

  smsw(cpu, insn) {
    requireNoUmip(cpu);
    cpu.store(insn.operands[0]!, insn.addressSize, cpu.state.cr0);
  },

  lmsw(cpu, insn) {
    cpu.requirePrivilege();
    loadMachineStatus(cpu, cpu.load(insn.operands[0]!, insn.addressSize));
  },

  clts(cpu) {
    cpu.requirePrivilege();
    cpu.state.cr0 &= ~CR0.TS;
  },

  /** An address that is not canonical is no error: SDM 2A "INVLPG". */
  invlpg(cpu, insn) {
    cpu.requirePrivilege();
    cpu.mmu.invalidatePage(linearAddress(cpu, memoryAt(insn, 0), insn.addressSize));
  },

  invpcid(cpu, insn) {
    cpu.requirePrivilege();
    const source = registerAt(insn, 0);
    const operand = memoryAt(insn, 1);
    const first = cpu.linear(operand.segment, cpu.effectiveAddress(operand, insn.addressSize), 16, false);
    const stack = operand.segment === 'ss' || operand.segment === 'flatStack';
    const descriptor = cpu.mmu.read(first, 64, stack);
    const linear = cpu.mmu.read((first + 8n) & cpu.state.linearMask, 64, stack);
    invalidatePcid(cpu, cpu.gpr(source.index, source.width), descriptor, linear);
  },
};
