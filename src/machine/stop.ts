// How a machine ends: the first vCPU or device that wants it says so in CONTROL, and every vCPU is asked to leave run().
import { REQUEST } from '../state/context.ts';
import { CONTROL, type StateMap } from '../state/map.ts';
import { postRequest } from '../state/requests.ts';
import type { StateMemory } from '../state/struct.ts';

/** CONTROL.stopReason. */
export const STOP = { none: 0, debugExit: 1, powerOff: 2, reset: 3, shutdown: 4, host: 5 } as const;
export type StopReason = keyof typeof STOP;

/** Why a machine ended, with the debug-exit value or 0, and the vCPU that ended it. */
export interface MachineStop {
  readonly reason: StopReason;
  readonly detail: number;
  readonly vcpu: number;
}

const word = (field: keyof typeof CONTROL.offset): number => CONTROL.offset[field] >>> 2;

/** Ends the machine, from any thread. Only the first call counts. */
export function stopMachine(memory: StateMemory, map: StateMap, stop: MachineStop): void {
  const { i32 } = memory;
  if (Atomics.compareExchange(i32, word('stopReason'), STOP.none, STOP[stop.reason]) !== STOP.none) return;
  Atomics.store(i32, word('stopDetail'), stop.detail);
  Atomics.store(i32, word('stopVcpu'), stop.vcpu);
  for (let index = 0; index < map.vcpus; index++) postRequest(memory, map, index, REQUEST.stop);
}

/** Why the machine stopped, or null while it has not. */
export function stopOf(memory: StateMemory): MachineStop | null {
  const code = Atomics.load(memory.i32, word('stopReason'));
  const reason = (Object.keys(STOP) as StopReason[]).find((name) => STOP[name] === code)!;
  if (reason === 'none') return null;
  return {
    reason,
    detail: Atomics.load(memory.i32, word('stopDetail')),
    vcpu: Atomics.load(memory.i32, word('stopVcpu')),
  };
}

/** Lets a stopped machine run again. No vCPU may be inside run(). */
export function forgetStop(memory: StateMemory): void {
  Atomics.store(memory.i32, word('stopReason'), STOP.none);
}
