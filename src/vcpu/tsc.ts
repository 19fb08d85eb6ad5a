// The time-stamp counter as a vCPU sees it: SDM 3B 17.17.
import { CONTROL } from '../state/map.ts';
import type { Cpu } from './cpu.ts';

/** IA32_TIME_STAMP_COUNTER: what RDTSC reads. */
export const readTsc = ({ services, state }: Cpu): bigint => BigInt.asUintN(64, services.tsc() + state.tscOffset);

/** Moves the counter by `delta` ticks, and IA32_TSC_ADJUST with it, as either register's write does: SDM 3B 17.17.3. */
function shiftTsc(cpu: Cpu, delta: bigint): void {
  const { state, services } = cpu;
  state.tscOffset = BigInt.asUintN(64, state.tscOffset + delta);
  state.tscAdjust = BigInt.asUintN(64, state.tscAdjust + delta);
  // The deadline is a TSC value, so the timer's instant moves: it is armed anew.
  const deadline = services.lapic.readTscDeadline();
  if (deadline !== 0n) services.lapic.writeTscDeadline(deadline);
}

/** WRMSR IA32_TIME_STAMP_COUNTER. */
export const writeTsc = (cpu: Cpu, value: bigint): void => shiftTsc(cpu, value - readTsc(cpu));

/** WRMSR IA32_TSC_ADJUST. */
export const writeTscAdjust = (cpu: Cpu, value: bigint): void => shiftTsc(cpu, value - cpu.state.tscAdjust);

/** The machine's TSC frequency in kHz. */
export const machineTscKhz = ({ memory }: Cpu): number => memory.u32[CONTROL.offset.tscKhz >>> 2]!;
