// Delivery through the IDT of protected mode, from virtual-8086 mode too: SDM 3A 6.11 and 6.12, SDM 3B 20.3.
import { GuestException, generalProtection, VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { Descriptor, markAccessed, SYSTEM_TYPE, selectorFault, systemAddress } from './descriptors.ts';
import { resumeFlag } from './exceptions-classes.ts';
import { RFLAGS } from './flags.ts';
import { isRequested, type VcpuEvent } from './interrupts-event.ts';
import { HANDLER_CLEARS, idtError, readHandlerSegment } from './interrupts-long.ts';
import { checkStackSegment, installNull, installSegment } from './segments.ts';
import { CurrentStack, InnerStack, type PushStack } from './segments-push.ts';
import { pushTaskErrorCode, switchTask } from './task-switch.ts';
import { readTssStack } from './task-switch-stacks.ts';

const GATES: ReadonlySet<number> = new Set([
  SYSTEM_TYPE.taskGate,
  SYSTEM_TYPE.interruptGate16,
  SYSTEM_TYPE.trapGate16,
  SYSTEM_TYPE.interruptGate,
  SYSTEM_TYPE.trapGate,
]);

const SAVED_BY_V86 = ['gs', 'fs', 'ds', 'es'] as const;

/** Enters a handler. @throws GuestException, with error codes that lack EXT */
export function deliverProtected(cpu: Cpu, event: VcpuEvent, returnRip: bigint): void {
  const gate = readGate(cpu, event);
  if (gate.type !== SYSTEM_TYPE.taskGate) {
    enterHandler(cpu, event, gate, returnRip);
    return;
  }
  // SDM 3A 6.12.2: the task returns to what follows, and its error code goes onto the new task's stack.
  switchTask(cpu, gate.gateSelector, { cause: 'interrupt', returnRip, resumeFlag: resumeFlag(event) });
  if (event.errorCode !== undefined) pushTaskErrorCode(cpu, event.errorCode);
}

function readGate(cpu: Cpu, event: VcpuEvent): Descriptor {
  const { state } = cpu;
  const offset = event.vector * 8;
  const error = idtError(event.vector);
  if (offset + 7 > state.idtrLimit) throw generalProtection(error);
  const address = systemAddress(cpu, state.idtrBase, offset);
  const gate = new Descriptor(0, address, cpu.mmu.readSystem(address, 64));
  if (!gate.isSystem || !GATES.has(gate.type)) throw generalProtection(error);
  if (isRequested(event) && gate.dpl < state.cpl) throw generalProtection(error);
  if (!gate.present) throw new GuestException(VECTOR.NP, error);
  return gate;
}

function enterHandler(cpu: Cpu, event: VcpuEvent, gate: Descriptor, returnRip: bigint): void {
  const { state } = cpu;
  const selector = gate.gateSelector;
  const code = readHandlerSegment(cpu, selector);
  const cpl = code.isConforming ? state.cpl : code.dpl;
  if (cpu.virtual8086 && cpl !== 0) throw selectorFault(VECTOR.GP, selector);
  const target = gate.isGate16 ? gate.gateOffset & 0xffffn : gate.gateOffset;
  if (target > BigInt(code.limit)) throw generalProtection();

  const width = gate.isGate16 ? 16 : 32;
  const inner = cpl < state.cpl ? openInnerStack(cpu, cpl) : undefined;
  const stack = inner?.stack ?? new CurrentStack(cpu);
  if (inner) pushOuterStack(cpu, stack, width);
  stack.push(BigInt(cpu.rflags | resumeFlag(event)), width);
  stack.push(BigInt(cpu.segments.cs.selector), width);
  stack.push(returnRip, width);
  if (event.errorCode !== undefined) stack.push(BigInt(event.errorCode), width);
  markAccessed(cpu, code);

  const interruptGate = gate.type === SYSTEM_TYPE.interruptGate || gate.type === SYSTEM_TYPE.interruptGate16;
  const wasV86 = cpu.virtual8086;
  state.cpl = cpl;
  state.systemFlags &= ~(HANDLER_CLEARS | (interruptGate ? RFLAGS.IF : 0));
  installSegment(cpu, 'cs', (selector & ~3) | cpl, code);
  if (inner) installSegment(cpu, 'ss', inner.segment.selector, inner.segment);
  if (wasV86) for (const name of SAVED_BY_V86) installNull(cpu, name, 0);
  state.gpr.set(4, stack.pointer);
  state.rip = target;
}

/**
 * Opens the stack that the TSS names for an inner level.
 * @throws GuestException #TS(TR), #TS(SS), #SS(SS)
 */
export function openInnerStack(cpu: Cpu, cpl: number): { segment: Descriptor; stack: InnerStack } {
  const { selector, pointer } = readTssStack(cpu, cpl);
  const segment = checkStackSegment(cpu, selector, cpl, VECTOR.TS);
  return { segment, stack: new InnerStack(cpu, segment, pointer) };
}

/** SDM 3B 20.3.1.1: a handler of virtual-8086 code finds the data segments too, and they are nulled for it. */
function pushOuterStack(cpu: Cpu, stack: PushStack, width: number): void {
  const { segments, state } = cpu;
  if (cpu.virtual8086) for (const name of SAVED_BY_V86) stack.push(BigInt(segments[name].selector), width);
  stack.push(BigInt(segments.ss.selector), width);
  stack.push(state.gpr.get(4), width);
}
