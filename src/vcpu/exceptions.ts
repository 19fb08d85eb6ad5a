// The one way into a handler: exceptions, interrupts, NMIs and the software kinds all pass deliverEvent.
import { GuestException, VECTOR } from '../mmu/exception.ts';
import { ACTIVITY, BLOCKING, type ContextView } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { enterDebugHandler, recordDebugCause } from './debug.ts';
import { combineEvents, eventOf } from './exceptions-classes.ts';
import { RFLAGS } from './flags.ts';
import { EVENT_TYPE, eventFrom, interruptionInformation, isRequested, type VcpuEvent } from './interrupts-event.ts';
import { deliverLong } from './interrupts-long.ts';
import { deliverProtected } from './interrupts-protected.ts';
import { deliverReal, redirectInterrupt } from './interrupts-real.ts';

/** DR0-DR3 matches that a MOV SS shadow holds back: SDM 3C 24.4.2, table 24-4. */
const HELD_BREAKPOINTS = 15n;
const SHADOWS = BLOCKING.sti | BLOCKING.movSs;
/** Error codes of these are selectors, with EXT: SDM 3A 6.13. */
const WITH_EXT: ReadonlySet<number> = new Set([VECTOR.TS, VECTOR.NP, VECTOR.SS, VECTOR.GP]);

/**
 * Delivers an event, and in its place the fault that its delivery meets, until one arrives or the third fault shuts
 * the vCPU down (SDM 3A 6.15, "Interrupt 8"). `state.rip` is where the handler returns to; for the types that
 * instructions cause it is the instruction itself, and the handler returns behind it.
 *
 * While a delivery is under way, state.idtVectoring describes it. A fault of a software interrupt is delivered at the
 * instruction, as if that had thrown it.
 */
export function deliverEvent(cpu: Cpu, event: VcpuEvent): void {
  const { state } = cpu;
  state.pendingDebug = isRequested(event) ? state.pendingDebug & HELD_BREAKPOINTS : 0n;
  resumeRepeated(state);
  for (let current: VcpuEvent | null = event; current; ) {
    recordCause(cpu, current);
    state.idtVectoring = interruptionInformation(current);
    state.idtVectoringError = current.errorCode ?? 0;
    const fault = tryDelivery(cpu, current);
    state.idtVectoring = 0;
    if (!fault) {
      finishDelivery(cpu, current);
      return;
    }
    current = combineEvents(current, fault);
  }
  state.activity = ACTIVITY.shutdown;
}

/** A string instruction left halfway is gone on with past its own breakpoint: SDM 3B 17.3.1.1. */
function resumeRepeated(state: ContextView): void {
  if (state.repeating === 0) return;
  state.repeating = 0;
  state.systemFlags |= RFLAGS.RF;
}

/** What the handler reads about its event: CR2 (SDM 3A 6.15, "Interrupt 14"), DR6. NMIs block NMIs: 6.7.1. */
function recordCause(cpu: Cpu, event: VcpuEvent): void {
  const { state } = cpu;
  if (event.type === EVENT_TYPE.nmi) state.interruptibility |= BLOCKING.nmi;
  if (event.type !== EVENT_TYPE.hardwareException || event.payload === undefined) return;
  if (event.vector === VECTOR.PF) state.cr2 = event.payload;
  else if (event.vector === VECTOR.DB) recordDebugCause(state, event.payload);
}

function finishDelivery(cpu: Cpu, event: VcpuEvent): void {
  const { state } = cpu;
  state.activity = ACTIVITY.active;
  state.interruptibility &= ~SHADOWS;
  const debugException = event.vector === VECTOR.DB && event.type === EVENT_TYPE.hardwareException;
  if (debugException && event.payload !== undefined) enterDebugHandler(state);
}

/** @returns the fault that delivery met, as an event */
function tryDelivery(cpu: Cpu, event: VcpuEvent): VcpuEvent | null {
  try {
    enter(cpu, event);
    return null;
  } catch (fault) {
    if (!(fault instanceof GuestException)) throw fault;
    const selectorCode = !isRequested(event) && WITH_EXT.has(fault.vector);
    const code = selectorCode ? (fault.errorCode ?? 0) | 1 : fault.errorCode;
    return eventOf(new GuestException(fault.vector, code, fault.payload));
  }
}

function enter(cpu: Cpu, event: VcpuEvent): void {
  const { state } = cpu;
  const returnRip = BigInt.asUintN(cpu.code64 ? 64 : 32, state.rip + BigInt(event.instructionLength));
  if (cpu.longMode) {
    deliverLong(cpu, event, returnRip);
    return;
  }
  if (!cpu.protectedMode) {
    deliverReal(cpu, event, returnRip);
    return;
  }
  if (cpu.virtual8086 && redirectInterrupt(cpu, event, returnRip)) return;
  deliverProtected(cpu, event, returnRip);
}

/** Delivers an exception that an instruction threw; `state.rip` is the instruction for faults, the next for traps. */
export function deliverException(cpu: Cpu, exception: GuestException): void {
  deliverEvent(cpu, eventOf(exception));
}

const plainEvent = (vector: number, type: number): VcpuEvent => ({
  vector,
  type,
  errorCode: undefined,
  payload: 0n,
  instructionLength: 0,
});

/** Delivers an external interrupt. Whether it may be delivered now is the caller's question. */
export function deliverInterrupt(cpu: Cpu, vector: number): void {
  deliverEvent(cpu, plainEvent(vector, EVENT_TYPE.external));
}

/** Delivers an NMI, and blocks further ones until IRET. */
export function deliverNmi(cpu: Cpu): void {
  deliverEvent(cpu, plainEvent(VECTOR.NMI, EVENT_TYPE.nmi));
}

/** Delivers the event that state.injectedEvent holds (SDM 3C 24.8.3), if any, and takes it away. */
export function deliverInjectedEvent(cpu: Cpu): void {
  const { state } = cpu;
  const event = eventFrom(state.injectedEvent, state.injectedError, state.injectedLength);
  state.injectedEvent = 0;
  if (event) deliverEvent(cpu, event);
}

/** Delivers the #DB traps that state.pendingDebug holds (DR6 bits), as one exception: SDM 3A 6.9. */
export function deliverPendingDebug(cpu: Cpu): void {
  const payload = cpu.state.pendingDebug;
  deliverException(cpu, new GuestException(VECTOR.DB, undefined, payload));
}
