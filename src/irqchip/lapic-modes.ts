// Disabled, xAPIC, x2APIC: SDM 3A 10.4.3 and 10.12.5, figure 10-27.
import { generalProtection } from '../mmu/exception.ts';
import type { CpuFeatures } from '../vcpu/features.ts';
import { APIC_BASE, APIC_MODE, LAPIC_REGISTER } from './lapic-registers.ts';
import type { LapicState } from './lapic-state.ts';

/** Reserved in IA32_APIC_BASE, whatever the model. */
const RESERVED = 0x2ffn;

const { disabled, xapic, x2apic } = APIC_MODE;

/** Where each mode may go by one WRMSR. */
const TRANSITIONS: Readonly<Record<number, readonly number[]>> = {
  [disabled]: [disabled, xapic],
  [xapic]: [disabled, xapic, x2apic],
  [x2apic]: [disabled, x2apic],
};

/**
 * The APIC_MODE that a value of IA32_APIC_BASE stands for.
 * @throws GuestException #GP for reserved bits, EXTD without EN, and transitions that do not exist
 */
export function allowedMode(features: CpuFeatures, before: number, value: bigint): number {
  const flags = Number(value & 0xfffn);
  const extended = (flags & APIC_BASE.extended) !== 0;
  if (value & RESERVED || value >> BigInt(features.physicalBits) || (extended && !features.has('x2apic'))) {
    throw generalProtection();
  }
  const enabled = (flags & APIC_BASE.enable) !== 0;
  if (extended && !enabled) throw generalProtection();
  const after = enabled ? (extended ? x2apic : xapic) : disabled;
  if (!TRANSITIONS[before]!.includes(after)) throw generalProtection();
  return after;
}

/** The logical x2APIC ID follows from the x2APIC ID: SDM 3A 10.12.10.2. */
export const x2apicLdr = (id: number): number => (((id >>> 4) << 16) | (1 << (id & 15))) >>> 0;

/**
 * Identities that change with the mode. The other registers keep their contents over a disabled time, TPR among them:
 * CR8 works without a local APIC.
 */
export function enterMode(lapic: LapicState, before: number, after: number, apicId: number): void {
  if (before === after || after === disabled) return;
  lapic.write(LAPIC_REGISTER.id, after === x2apic ? apicId : apicId << 24);
  lapic.write(LAPIC_REGISTER.ldr, after === x2apic ? x2apicLdr(apicId) : 0);
  lapic.write(LAPIC_REGISTER.icrHigh, 0);
}
