// IRET in all modes: SDM 2A "IRET/IRETD/IRETQ-Interrupt Return".
import { generalProtection } from '../mmu/exception.ts';
import { BLOCKING } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import {
  checkOffset,
  checkReturnCode,
  checkReturnStack,
  dropInnerSegments,
  enterCode,
  enterReturnStack,
} from './far-transfer-code.ts';
import { RFLAGS, STATUS_FLAGS } from './flags.ts';
import { installUnprotected } from './segments.ts';
import { PopStack } from './segments-pop.ts';
import { linkedTask, switchTask } from './task-switch.ts';

const CR4_VME = 1n;
const { TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID } = RFLAGS;
const LOW_16 = 0xffff;

interface Frame {
  readonly stack: PopStack;
  readonly offset: bigint;
  readonly selector: number;
  readonly flags: number;
}

/**
 * Returns from a handler.
 * @param width operand size in bits
 * @throws GuestException #GP, #NP, #SS, #TS, #PF; NMIs are unblocked even then (SDM 3A 6.7.1)
 */
export function interruptReturn(cpu: Cpu, width: number): void {
  const { state } = cpu;
  state.interruptibility &= ~BLOCKING.nmi;
  if (!cpu.protectedMode) {
    returnReal(cpu, width);
    return;
  }
  if (cpu.virtual8086) {
    returnV86(cpu, width);
    return;
  }
  if (state.systemFlags & NT) {
    returnTask(cpu);
    return;
  }
  const frame = popFrame(cpu, width);
  const toV86 = (frame.flags & VM) !== 0 && width === 32 && state.cpl === 0 && !cpu.longMode;
  if (toV86) {
    enterV86(cpu, frame);
    return;
  }
  returnProtected(cpu, frame, width);
}

function popFrame(cpu: Cpu, width: number): Frame {
  const stack = new PopStack(cpu);
  const offset = stack.pop(width);
  const selector = stack.popSelector(width);
  const flags = Number(stack.pop(width) & 0xffff_ffffn);
  return { stack, offset, selector, flags };
}

/** Takes the flags of `mask` from an image. */
function mergeFlags(cpu: Cpu, image: number, mask: number): void {
  cpu.rflags = (cpu.rflags & ~mask) | (image & mask);
}

const ANY_WIDTH = STATUS_FLAGS | TF | DF | NT;
const WIDE = RF | AC | ID;

function returnReal(cpu: Cpu, width: number): void {
  const { stack, offset, selector, flags } = popFrame(cpu, width);
  if (offset > BigInt(cpu.segments.cs.limit)) throw generalProtection();
  mergeFlags(cpu, flags, ANY_WIDTH | IF | IOPL | (width === 16 ? 0 : WIDE));
  installUnprotected(cpu, 'cs', selector);
  cpu.state.gpr.set(4, stack.pointer);
  cpu.state.rip = offset;
}

/** SDM 3B 20.2.7, 20.3.3: with IOPL below 3 the virtual interrupt flag stands in, or #GP(0) tells the monitor. */
function returnV86(cpu: Cpu, width: number): void {
  const { state } = cpu;
  const trusted = (state.systemFlags & IOPL) === IOPL;
  if (!trusted && ((state.cr4 & CR4_VME) === 0n || width !== 16)) throw generalProtection();
  const { stack, offset, selector, flags } = popFrame(cpu, width);
  if (offset > BigInt(LOW_16)) throw generalProtection();
  if (trusted) mergeFlags(cpu, flags, ANY_WIDTH | IF | (width === 16 ? 0 : WIDE));
  else loadVirtualFlags(cpu, flags);
  installUnprotected(cpu, 'cs', selector);
  state.gpr.set(4, stack.pointer);
  state.rip = offset;
}

/**
 * A 16-bit flags image goes to RFLAGS with VIF in the place of IF: SDM 3B 20.3.3.4. IRET and POPF do this in
 * virtual-8086 mode with CR4.VME.
 * @throws GuestException #GP(0) if it would set TF, or enable interrupts while one is pending (VIP)
 */
export function loadVirtualFlags(cpu: Cpu, image: number): void {
  const enables = (image & IF) !== 0;
  if (image & TF || (enables && (cpu.state.systemFlags & VIP) !== 0)) throw generalProtection();
  mergeFlags(cpu, (image & ~VIF) | (enables ? VIF : 0), ANY_WIDTH | VIF);
}

/** SDM 3A 7.4: NT says that a task called this one. Long mode has none, and makes it #GP(0). */
function returnTask(cpu: Cpu): void {
  if (cpu.longMode) throw generalProtection();
  switchTask(cpu, linkedTask(cpu), { cause: 'iret', returnRip: cpu.state.rip, resumeFlag: 0 });
}

const V86_SEGMENTS = ['es', 'ds', 'fs', 'gs'] as const;

/** SDM 3B 20.2.5: the frame holds all segment registers. */
function enterV86(cpu: Cpu, { stack, offset, selector, flags }: Frame): void {
  const { state } = cpu;
  const pointer = stack.pop(32);
  const stackSelector = stack.popSelector(32);
  const selectors = V86_SEGMENTS.map(() => stack.popSelector(32));
  if (offset > BigInt(LOW_16)) throw generalProtection();
  cpu.rflags = flags;
  state.cpl = 3;
  installUnprotected(cpu, 'cs', selector);
  installUnprotected(cpu, 'ss', stackSelector);
  for (const [index, name] of V86_SEGMENTS.entries()) installUnprotected(cpu, name, selectors[index]!);
  state.gpr.set(4, pointer);
  state.rip = offset;
}

/** Protected and long mode. 64-bit mode pops SS:RSP always, the others only for an outer level. */
function returnProtected(cpu: Cpu, { stack, offset, selector, flags }: Frame, width: number): void {
  const { state } = cpu;
  const code = checkReturnCode(cpu, selector);
  const cpl = selector & 3;
  const outer = cpl > state.cpl;
  checkOffset(cpu, code, offset);
  const mask = returnMask(cpu, width);
  if (!outer && !cpu.code64) {
    mergeFlags(cpu, flags, mask);
    enterCode(cpu, selector, code, cpl, offset);
    state.gpr.set(4, stack.pointer);
    return;
  }
  const pointer = stack.pop(width);
  const stackSelector = stack.popSelector(width);
  const segment = checkReturnStack(cpu, stackSelector, code, cpl);
  mergeFlags(cpu, flags, mask);
  enterCode(cpu, selector, code, cpl, offset);
  enterReturnStack(cpu, stackSelector, segment, pointer);
  if (outer) dropInnerSegments(cpu);
}

/** The flags that IRET may load at the privilege level that it runs at. */
function returnMask(cpu: Cpu, width: number): number {
  const { cpl, systemFlags } = cpu.state;
  const wide = width === 16 ? 0 : WIDE | (cpl === 0 ? VIF | VIP : 0);
  const interrupts = cpl <= (systemFlags & IOPL) >> 12 ? IF : 0;
  return ANY_WIDTH | wide | interrupts | (cpl === 0 ? IOPL : 0);
}
