import { CONTEXT } from './context.ts';
import { type StateMap, VCPU_AREA } from './map.ts';
import type { StateMemory } from './struct.ts';

/** What makes every vCPU leave wasm at its next block end: more than any budget. */
export const KICKED = 0x7fffffff;

/**
 * Asks something of a vCPU, from any thread: the request bit first, then the kick, then a wake-up in case it halts.
 * The vCPU clears the kick before it takes the requests, so none is lost.
 */
export function postRequest(memory: StateMemory, map: StateMap, vcpu: number, request: number): void {
  const context = map.vcpu(vcpu) + VCPU_AREA.context;
  const kick = (context + CONTEXT.offset.kick) >>> 2;
  Atomics.or(memory.i32, (context + CONTEXT.offset.requests) >>> 2, request);
  Atomics.store(memory.i32, kick, KICKED);
  Atomics.notify(memory.i32, kick);
}
