// Delivery through the IDT of long mode: SDM 3A 6.14, "Exception and Interrupt Handling in 64-bit Mode".
import { GuestException, generalProtection, VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import {
  Descriptor,
  isCanonical,
  isNull,
  markAccessed,
  readDescriptor,
  SYSTEM_TYPE,
  selectorFault,
  systemAddress,
} from './descriptors.ts';
import { resumeFlag } from './exceptions-classes.ts';
import { RFLAGS } from './flags.ts';
import { isRequested, type VcpuEvent } from './interrupts-event.ts';
import { installNull, installSegment } from './segments.ts';
import { LongStack } from './segments-push.ts';
import { readIst, readRsp } from './task-switch-stacks.ts';

/** Flags that entering any handler clears: SDM 3A 6.12.1. */
export const HANDLER_CLEARS = RFLAGS.TF | RFLAGS.VM | RFLAGS.RF | RFLAGS.NT;

/** The error code of a fault at an IDT entry: its index, with the IDT bit (SDM 3A 6.13). EXT is added later. */
export const idtError = (vector: number): number => vector * 8 + 2;

/** Enters a handler. @throws GuestException, with error codes that lack EXT, before anything is committed */
export function deliverLong(cpu: Cpu, event: VcpuEvent, returnRip: bigint): void {
  const { state, segments } = cpu;
  const gate = readGate(cpu, event);
  const code = readHandlerSegment(cpu, gate.gateSelector);
  const cpl = code.isConforming ? state.cpl : code.dpl;
  if (!code.long || code.big) throw selectorFault(VECTOR.GP, gate.gateSelector);
  const target = gate.gateOffset;
  if (!isCanonical(cpu, target)) throw generalProtection();

  // SDM 3A 6.14.2: the frame is aligned to 16 bytes, and SS:RSP is part of it whatever the privilege.
  const rsp = state.gpr.get(4);
  const top = gate.ist ? readIst(cpu, gate.ist) : cpl < state.cpl ? readRsp(cpu, cpl) : rsp;
  const stack = new LongStack(cpu, top & ~15n, cpl < state.cpl);
  const flags = BigInt(cpu.rflags | resumeFlag(event));
  const frame = [BigInt(segments.ss.selector), rsp, flags, BigInt(segments.cs.selector), returnRip];
  if (event.errorCode !== undefined) frame.push(BigInt(event.errorCode));
  stack.pushAll(frame);
  markAccessed(cpu, code);

  const inner = cpl < state.cpl;
  state.cpl = cpl;
  installSegment(cpu, 'cs', (gate.gateSelector & ~3) | cpl, code);
  if (inner) installNull(cpu, 'ss', cpl);
  state.gpr.set(4, stack.pointer);
  state.rip = target;
  state.systemFlags &= ~(HANDLER_CLEARS | (gate.type === SYSTEM_TYPE.interruptGate ? RFLAGS.IF : 0));
}

/** SDM 3A 6.14.1: gates of 16 bytes, interrupt and trap gates only. */
function readGate(cpu: Cpu, event: VcpuEvent): Descriptor {
  const { state, mmu } = cpu;
  const offset = event.vector * 16;
  const error = idtError(event.vector);
  if (offset + 15 > state.idtrLimit) throw generalProtection(error);
  const address = systemAddress(cpu, state.idtrBase, offset);
  const first = mmu.readSystem(address, 64);
  const second = mmu.readSystem(systemAddress(cpu, address, 8), 64);
  const gate = new Descriptor(0, address, first, Number(second & 0xffff_ffffn));
  const known = gate.type === SYSTEM_TYPE.interruptGate || gate.type === SYSTEM_TYPE.trapGate;
  if (!gate.isSystem || !known) throw generalProtection(error);
  if (isRequested(event) && gate.dpl < state.cpl) throw generalProtection(error);
  if (!gate.present) throw new GuestException(VECTOR.NP, error);
  return gate;
}

/**
 * The code segment of a handler: present, and at most as outer as the interrupted code (SDM 3A 6.12.1.1).
 * @throws GuestException #GP(0), #GP(selector), #NP(selector)
 */
export function readHandlerSegment(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const code = readDescriptor(cpu, selector);
  if (!code.isCode || code.dpl > cpu.state.cpl) throw selectorFault(VECTOR.GP, selector);
  if (!code.present) throw selectorFault(VECTOR.NP, selector);
  return code;
}
