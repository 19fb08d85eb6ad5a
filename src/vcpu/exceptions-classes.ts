// Exceptions as events, and what becomes of an exception that meets another: SDM 3A 6.15, "Interrupt 8-Double Fault
// Exception (#DF)", tables 6-4 and 6-5.
import { type GuestException, VECTOR } from '../mmu/exception.ts';
import { RFLAGS } from './flags.ts';
import { EVENT_TYPE, type VcpuEvent } from './interrupts-event.ts';

type ExceptionClass = 'benign' | 'contributory' | 'page-fault' | 'double-fault';

const CLASSES: ReadonlyMap<number, ExceptionClass> = new Map([
  [VECTOR.DE, 'contributory'],
  [VECTOR.TS, 'contributory'],
  [VECTOR.NP, 'contributory'],
  [VECTOR.SS, 'contributory'],
  [VECTOR.GP, 'contributory'],
  [VECTOR.PF, 'page-fault'],
  [VECTOR.VE, 'page-fault'],
  [VECTOR.DF, 'double-fault'],
]);

const classOf = (event: VcpuEvent): ExceptionClass =>
  event.type === EVENT_TYPE.hardwareException ? (CLASSES.get(event.vector) ?? 'benign') : 'benign';

const DOUBLE_FAULT: VcpuEvent = {
  vector: VECTOR.DF,
  type: EVENT_TYPE.hardwareException,
  errorCode: 0,
  payload: 0n,
  instructionLength: 0,
};

/** A thrown exception as an event. */
export const eventOf = (exception: GuestException): VcpuEvent => ({
  vector: exception.vector,
  type: EVENT_TYPE.hardwareException,
  errorCode: exception.errorCode,
  payload: exception.payload,
  instructionLength: 0,
});

/** The event to deliver when `second` came of delivering `first`; null for a triple fault. */
export function combineEvents(first: VcpuEvent, second: VcpuEvent): VcpuEvent | null {
  const [one, two] = [classOf(first), classOf(second)];
  if (one === 'benign' || two === 'benign') return second;
  if (one === 'double-fault') return null;
  return one === 'contributory' && two === 'page-fault' ? second : DOUBLE_FAULT;
}

const FAULTS: ReadonlySet<number> = new Set([
  VECTOR.DE,
  VECTOR.BR,
  VECTOR.UD,
  VECTOR.NM,
  VECTOR.TS,
  VECTOR.NP,
  VECTOR.SS,
  VECTOR.GP,
  VECTOR.PF,
  VECTOR.MF,
  VECTOR.AC,
  VECTOR.XM,
  VECTOR.VE,
]);

const DR6_BD = 1n << 13n;

/**
 * RF in the flags that an event pushes: set for faults, so that the instruction's own breakpoint does not strike
 * again, but not for the fault that such a breakpoint is (SDM 3B 17.3.1.1). Else it is what RFLAGS holds.
 */
export function resumeFlag(event: VcpuEvent): number {
  if (event.type !== EVENT_TYPE.hardwareException || event.payload === undefined) return 0;
  const generalDetect = event.vector === VECTOR.DB && (event.payload & DR6_BD) !== 0n;
  return generalDetect || FAULTS.has(event.vector) ? RFLAGS.RF : 0;
}
