import { NEVER } from './clock.ts';
import { x2apicLdr } from './lapic-modes.ts';
import { APIC_MODE, LAPIC_REGISTER, LAPIC_VERSION, LVT, LVT_REGISTERS } from './lapic-registers.ts';
import type { LapicState } from './lapic-state.ts';

const PAGE_REGISTERS = 0x40;

/**
 * The state after RESET and after INIT: SDM 3A 10.4.7.1 and 10.4.7.3. IA32_APIC_BASE, and so the mode and the ID, stay.
 */
export function resetLapic(lapic: LapicState, apicId: number): void {
  const x2apic = lapic.mode === APIC_MODE.x2apic;
  const id = lapic.read(LAPIC_REGISTER.id);
  for (let register = 0; register < PAGE_REGISTERS; register++) lapic.write(register * 16, 0);
  lapic.write(LAPIC_REGISTER.id, id);
  lapic.write(LAPIC_REGISTER.version, LAPIC_VERSION);
  lapic.write(LAPIC_REGISTER.ldr, x2apic ? x2apicLdr(apicId) : 0);
  lapic.write(LAPIC_REGISTER.dfr, 0xffff_ffff);
  lapic.write(LAPIC_REGISTER.svr, 0xff);
  for (const register of LVT_REGISTERS) lapic.write(register, LVT.masked);
  lapic.view.timerExpiry = NEVER;
  lapic.view.tscDeadline = 0n;
  const { i32 } = lapic.view.memory;
  for (const field of ['errors', 'extInt'] as const) Atomics.store(i32, lapic.word(field), 0);
}
