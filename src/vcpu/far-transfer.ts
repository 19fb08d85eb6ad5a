// Far JMP, CALL and RET: SDM 2A "JMP-Jump", "CALL-Call Procedure"; SDM 2B "RET-Return from Procedure".
import { generalProtection, VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { type Descriptor, isNull, markAccessed, readDescriptor, SYSTEM_TYPE, selectorFault } from './descriptors.ts';
import {
  checkOffset,
  checkReturnCode,
  checkReturnStack,
  dropInnerSegments,
  enterCode,
  enterReturnStack,
  hasLongConflict,
} from './far-transfer-code.ts';
import { callThroughGate, checkGate, jumpThroughGate } from './far-transfer-gate.ts';
import { installUnprotected, isUnprotected } from './segments.ts';
import { PopStack } from './segments-pop.ts';
import { CurrentStack } from './segments-push.ts';
import { switchTask } from './task-switch.ts';

export interface FarTarget {
  readonly selector: number;
  readonly offset: bigint;
  /** Operand size in bits: what a call pushes. */
  readonly width: number;
}

/** Far JMP. @throws GuestException #GP, #NP, #TS, #SS, #PF */
export function farJump(cpu: Cpu, target: FarTarget): void {
  if (isUnprotected(cpu)) {
    enterUnprotected(cpu, target.selector, target.offset);
    return;
  }
  const descriptor = findTarget(cpu, target.selector);
  if (!descriptor.isSystem) {
    checkDirect(cpu, descriptor, target.offset);
    enterCode(cpu, target.selector, descriptor, cpu.state.cpl, target.offset);
    return;
  }
  transferBySystem(cpu, descriptor, 'jump');
}

/** Far CALL. @throws GuestException #GP, #NP, #TS, #SS, #PF */
export function farCall(cpu: Cpu, target: FarTarget): void {
  const { selector, offset, width } = target;
  const unprotected = isUnprotected(cpu);
  const descriptor = unprotected ? undefined : findTarget(cpu, selector);
  if (descriptor?.isSystem) {
    transferBySystem(cpu, descriptor, 'call');
    return;
  }
  if (descriptor) checkDirect(cpu, descriptor, offset);
  else checkUnprotected(cpu, offset);
  const stack = new CurrentStack(cpu);
  stack.push(BigInt(cpu.segments.cs.selector), width);
  stack.push(cpu.state.rip, width);
  if (descriptor) enterCode(cpu, selector, descriptor, cpu.state.cpl, offset);
  else enterUnprotected(cpu, selector, offset);
  cpu.state.gpr.set(4, stack.pointer);
}

/** The limit of CS outlives real-mode loads, so the old one counts. */
function checkUnprotected(cpu: Cpu, offset: bigint): void {
  const limit = cpu.virtual8086 ? 0xffff : cpu.segments.cs.limit;
  if (offset > BigInt(limit)) throw generalProtection();
}

function enterUnprotected(cpu: Cpu, selector: number, offset: bigint): void {
  checkUnprotected(cpu, offset);
  installUnprotected(cpu, 'cs', selector);
  cpu.state.rip = offset;
}

function findTarget(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  return readDescriptor(cpu, selector);
}

/** A code segment named directly: SDM 3A 5.8.1. CPL does not change, not even for conforming ones. */
function checkDirect(cpu: Cpu, code: Descriptor, offset: bigint): void {
  const { selector } = code;
  const { cpl } = cpu.state;
  const reachable = code.isConforming ? code.dpl <= cpl : code.dpl === cpl && (selector & 3) <= cpl;
  if (!code.isCode || !reachable || hasLongConflict(cpu, code)) throw selectorFault(VECTOR.GP, selector);
  if (!code.present) throw selectorFault(VECTOR.NP, selector);
  checkOffset(cpu, code, offset);
  markAccessed(cpu, code);
}

type Cause = 'jump' | 'call';
type SystemTransfer = (cpu: Cpu, descriptor: Descriptor, cause: Cause) => void;

const byCallGate: SystemTransfer = (cpu, gate, cause) =>
  cause === 'call' ? callThroughGate(cpu, gate) : jumpThroughGate(cpu, gate);

const byTaskGate: SystemTransfer = (cpu, gate, cause) => {
  checkGate(cpu, gate);
  switchTask(cpu, gate.gateSelector, { cause, returnRip: cpu.state.rip, resumeFlag: 0 });
};

/** The privilege to use a TSS is checked as for data: SDM 3A 7.3. */
const byTss: SystemTransfer = (cpu, tss, cause) => {
  checkGate(cpu, tss);
  switchTask(cpu, tss.selector, { cause, returnRip: cpu.state.rip, resumeFlag: 0 });
};

const LEGACY: ReadonlyMap<number, SystemTransfer> = new Map([
  [SYSTEM_TYPE.callGate16, byCallGate],
  [SYSTEM_TYPE.callGate, byCallGate],
  [SYSTEM_TYPE.taskGate, byTaskGate],
  [SYSTEM_TYPE.tss16, byTss],
  [SYSTEM_TYPE.tss, byTss],
]);
/** Long mode has no task switches: SDM 3A 7.7. */
const LONG: ReadonlyMap<number, SystemTransfer> = new Map([[SYSTEM_TYPE.callGate, byCallGate]]);

function transferBySystem(cpu: Cpu, descriptor: Descriptor, cause: Cause): void {
  const transfer = (cpu.longMode ? LONG : LEGACY).get(descriptor.type);
  if (!transfer) throw selectorFault(VECTOR.GP, descriptor.selector);
  transfer(cpu, descriptor, cause);
}

/**
 * Far RET.
 * @param width operand size in bits
 * @param release bytes of parameters to drop, from both stacks
 */
export function farReturn(cpu: Cpu, width: number, release: number): void {
  const { state } = cpu;
  const frame = new PopStack(cpu);
  const offset = frame.pop(width);
  const selector = frame.popSelector(width);
  frame.release(release);
  if (isUnprotected(cpu)) {
    enterUnprotected(cpu, selector, offset);
    state.gpr.set(4, frame.pointer);
    return;
  }
  const code = checkReturnCode(cpu, selector);
  const cpl = selector & 3;
  if (cpl === state.cpl) {
    checkOffset(cpu, code, offset);
    enterCode(cpu, selector, code, cpl, offset);
    state.gpr.set(4, frame.pointer);
    return;
  }
  const pointer = frame.pop(width);
  const stackSelector = frame.popSelector(width);
  const stack = checkReturnStack(cpu, stackSelector, code, cpl);
  checkOffset(cpu, code, offset);
  enterCode(cpu, selector, code, cpl, offset);
  enterReturnStack(cpu, stackSelector, stack, pointer + BigInt(release));
  dropInnerSegments(cpu);
}
