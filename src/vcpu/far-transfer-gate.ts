// Far calls and jumps through call gates: SDM 3A 5.8.3 to 5.8.5, and 5.8.3.1 for those of long mode.
import { generalProtection, VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import {
  completeDescriptor,
  type Descriptor,
  isNull,
  markAccessed,
  readDescriptor,
  selectorFault,
} from './descriptors.ts';
import { checkOffset, enterCode } from './far-transfer-code.ts';
import { openInnerStack } from './interrupts-protected.ts';
import { installNull, installSegment } from './segments.ts';
import { CurrentStack, LongStack, type PushStack } from './segments-push.ts';
import { readRsp } from './task-switch-stacks.ts';

/** A checked gate with what it leads to. */
interface Passage {
  readonly gate: Descriptor;
  readonly code: Descriptor;
  readonly offset: bigint;
  /** The privilege level of the called code. */
  readonly cpl: number;
}

/** Every transfer through a gate, also through a task gate: the gate must be usable from here and present. */
export function checkGate(cpu: Cpu, gate: Descriptor): void {
  const { selector } = gate;
  if (Math.max(cpu.state.cpl, selector & 3) > gate.dpl) throw selectorFault(VECTOR.GP, selector);
  if (!gate.present) throw selectorFault(VECTOR.NP, selector);
}

/** @throws GuestException #GP, #NP */
function openGate(cpu: Cpu, first: Descriptor, call: boolean): Passage {
  const gate = completeDescriptor(cpu, first);
  checkGate(cpu, gate);
  const selector = gate.gateSelector;
  if (isNull(selector)) throw generalProtection();
  const code = readDescriptor(cpu, selector);
  const { cpl } = cpu.state;
  // A jump keeps CPL: SDM 3A 5.8.4, table 5-2.
  const reachable = code.isConforming || call ? code.dpl <= cpl : code.dpl === cpl;
  if (!code.isCode || !reachable) throw selectorFault(VECTOR.GP, selector);
  if (cpu.longMode && (!code.long || code.big)) throw selectorFault(VECTOR.GP, selector);
  if (!code.present) throw selectorFault(VECTOR.NP, selector);
  const offset = gate.isGate16 ? gate.gateOffset & 0xffffn : gate.gateOffset;
  checkOffset(cpu, code, offset);
  markAccessed(cpu, code);
  return { gate, code, offset, cpl: code.isConforming ? cpl : code.dpl };
}

/** JMP through a call gate. */
export function jumpThroughGate(cpu: Cpu, first: Descriptor): void {
  const { gate, code, offset } = openGate(cpu, first, false);
  enterCode(cpu, gate.gateSelector, code, cpu.state.cpl, offset);
}

/** CALL through a call gate; `state.rip` is the return address. */
export function callThroughGate(cpu: Cpu, first: Descriptor): void {
  const passage = openGate(cpu, first, true);
  if (cpu.longMode) callLong(cpu, passage);
  else if (passage.cpl < cpu.state.cpl) callInner(cpu, passage);
  else callSame(cpu, passage);
}

function pushReturn(cpu: Cpu, stack: PushStack, width: number): void {
  stack.push(BigInt(cpu.segments.cs.selector), width);
  stack.push(cpu.state.rip, width);
}

function callSame(cpu: Cpu, { gate, code, offset, cpl }: Passage): void {
  const stack = new CurrentStack(cpu);
  pushReturn(cpu, stack, gate.isGate16 ? 16 : 32);
  enterCode(cpu, gate.gateSelector, code, cpl, offset);
  cpu.state.gpr.set(4, stack.pointer);
}

/** SDM 3A 5.8.5: the old SS:ESP, then the parameters, then the return address go onto the inner stack. */
function callInner(cpu: Cpu, { gate, code, offset, cpl }: Passage): void {
  const { state, segments } = cpu;
  const width = gate.isGate16 ? 16 : 32;
  const { segment, stack } = openInnerStack(cpu, cpl);
  const rsp = state.gpr.get(4);
  stack.push(BigInt(segments.ss.selector), width);
  stack.push(rsp, width);
  for (let index = gate.parameterCount - 1; index >= 0; index--) {
    const at = (rsp + BigInt((index * width) / 8)) & state.stackMask;
    stack.push(cpu.readStack(at, width), width);
  }
  pushReturn(cpu, stack, width);
  enterCode(cpu, gate.gateSelector, code, cpl, offset);
  installSegment(cpu, 'ss', segment.selector, segment);
  state.gpr.set(4, stack.pointer);
}

/** SDM 3A 5.8.5.1: no parameters, 8 bytes a push, and a null SS for the inner level. */
function callLong(cpu: Cpu, { gate, code, offset, cpl }: Passage): void {
  const { state, segments } = cpu;
  const inner = cpl < state.cpl;
  const rsp = state.gpr.get(4);
  const stack = new LongStack(cpu, inner ? readRsp(cpu, cpl) : rsp, inner);
  if (inner) {
    stack.push(BigInt(segments.ss.selector), 64);
    stack.push(rsp, 64);
  }
  pushReturn(cpu, stack, 64);
  enterCode(cpu, gate.gateSelector, code, cpl, offset);
  if (inner) installNull(cpu, 'ss', cpl);
  state.gpr.set(4, stack.pointer);
}
