// All that the interrupt controllers and timers know of time. Nothing here counts: every counter of these devices is
// a function of machine time, so that a machine whose clock stands still has counters that stand still.
import type { VcpuServices } from '../vcpu/services.ts';

/**
 * Where time comes from: `now` in machine nanoseconds since power-on, never running backwards, and standing still while
 * the machine is paused; `tsc` as the machine's TSC, to which each vCPU adds its CONTEXT.tscOffset.
 */
export type Clock = Pick<VcpuServices, 'now' | 'tsc'>;

/** A part that wants attention at a certain time. Called with the device lock held. */
export interface SharedTimer {
  /** Machine nanoseconds of the next event, or Infinity. */
  deadline(): number;
  /** Does whatever is due at machine time `now`. */
  service(now: number): void;
}

/** A deadline in the `state` memory that will not come. */
export const NEVER = 0xffff_ffff_ffff_ffffn;

/** A stored deadline as a number; NEVER is Infinity. */
export const toDeadline = (stored: bigint): number => (stored === NEVER ? Number.POSITIVE_INFINITY : Number(stored));

/** A deadline as it is stored: whole nanoseconds, late rather than early. Beyond exact numbers (104 days): NEVER. */
export const fromDeadline = (deadline: number): bigint =>
  deadline <= Number.MAX_SAFE_INTEGER ? BigInt(Math.ceil(deadline)) : NEVER;

export const SECOND = 1_000_000_000;

/** Cycles of a clock of `hertz` (below 9 MHz) that are complete at machine time `now`. Exact: no product passes 2^53. */
export function ticksAt(now: number, hertz: number): number {
  const seconds = Math.floor(now / SECOND);
  return seconds * hertz + Math.floor(((now - seconds * SECOND) * hertz) / SECOND);
}

/** The first nanosecond at which `ticksAt` gives `tick`. */
export function timeOfTick(tick: number, hertz: number): number {
  const seconds = Math.floor(tick / hertz);
  return seconds * SECOND + Math.ceil(((tick - seconds * hertz) * SECOND) / hertz);
}
