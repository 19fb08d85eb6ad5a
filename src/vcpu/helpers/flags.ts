// RFLAGS as a whole, and the interrupt flag with its virtual stand-ins.
import type { Instruction } from '../../decode/instruction.ts';
import { generalProtection } from '../../mmu/exception.ts';
import { BLOCKING } from '../../state/context.ts';
import type { Cpu } from '../cpu.ts';
import { RFLAGS, STATUS_FLAGS } from '../flags.ts';
import type { HelperTable } from '../helper-table.ts';
import { virtualFlags } from '../interrupts-real.ts';
import { loadVirtualFlags } from '../iret.ts';
import { PopStack } from '../segments-pop.ts';

const CR4_VME = 1n;
const CR4_PVI = 2n;
const { TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID } = RFLAGS;

const iopl = (cpu: Cpu): number => (cpu.state.systemFlags & IOPL) >> 12;

/** Virtual-8086 code that IOPL does not trust with the interrupt flag: SDM 3B 20.2.7. */
const isUntrusted8086 = (cpu: Cpu): boolean => cpu.virtual8086 && iopl(cpu) < 3;

/** PUSHF and POPF of untrusted virtual-8086 code: 16-bit ones work on VIF if CR4.VME is set, others are #GP(0). */
function requireVirtualFlags(cpu: Cpu, insn: Instruction): void {
  if (insn.operandSize !== 16 || (cpu.state.cr4 & CR4_VME) === 0n) throw generalProtection();
}

function pushFlags(cpu: Cpu, insn: Instruction): void {
  const untrusted = isUntrusted8086(cpu);
  if (untrusted) requireVirtualFlags(cpu, insn);
  const flags = untrusted ? virtualFlags(cpu) : cpu.rflags;
  cpu.push(BigInt(flags & ~(RF | VM)), insn.operandSize);
}

const LOW_FLAGS = STATUS_FLAGS | TF | DF | NT;

/** What POPF may change: SDM 2B "POPF", table 4-15. VIF and VIP stay; RF is cleared. */
function popMask(cpu: Cpu, width: number): number {
  const { cpl } = cpu.state;
  const wide = width === 16 ? 0 : AC | ID;
  return LOW_FLAGS | wide | (cpl <= iopl(cpu) ? IF : 0) | (cpl === 0 ? IOPL : 0);
}

function popFlags(cpu: Cpu, insn: Instruction): void {
  const untrusted = isUntrusted8086(cpu);
  if (untrusted) requireVirtualFlags(cpu, insn);
  const stack = new PopStack(cpu);
  const image = Number(stack.pop(insn.operandSize) & 0xffff_ffffn);
  if (untrusted) loadVirtualFlags(cpu, image);
  else {
    const mask = popMask(cpu, insn.operandSize);
    cpu.rflags = (cpu.rflags & ~(mask | RF)) | (image & mask);
  }
  cpu.state.gpr.set(4, stack.pointer);
}

/**
 * Which flag CLI and STI work on: IF, or VIF for virtual-8086 code with CR4.VME and for CPL 3 with CR4.PVI.
 * @throws GuestException #GP(0) if neither
 */
function interruptFlag(cpu: Cpu): number {
  const { state } = cpu;
  if (!cpu.protectedMode || state.cpl <= iopl(cpu)) return IF;
  const extension = cpu.virtual8086 ? CR4_VME : CR4_PVI;
  if (state.cpl === 3 && (state.cr4 & extension) !== 0n) return VIF;
  throw generalProtection();
}

function cli(cpu: Cpu): void {
  cpu.state.systemFlags &= ~interruptFlag(cpu);
}

/** STI opens a shadow of one instruction, if interrupts were disabled: SDM 2B "STI". */
function sti(cpu: Cpu): void {
  const { state } = cpu;
  const flag = interruptFlag(cpu);
  if (flag === VIF && state.systemFlags & VIP) throw generalProtection();
  if (flag === IF && !(state.systemFlags & IF)) state.interruptibility |= BLOCKING.sti;
  state.systemFlags |= flag;
}

export const flagHelpers: HelperTable = { pushFlags, popFlags, cli, sti };
