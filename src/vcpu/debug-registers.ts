// MOV to and from the debug registers: SDM 2B "MOV-Move to/from Debug Registers", SDM 3B 17.2.
import { GuestException, generalProtection, undefinedOpcode, VECTOR } from '../mmu/exception.ts';
import { CR4 } from './control-registers.ts';
import type { Cpu } from './cpu.ts';
import { DR6 } from './debug.ts';

const GD = 1n << 13n;
const HIGH_32 = 0xffff_ffff_0000_0000n;

/** Bits that always read as 1: without RTM and bus-lock detection, bits 16 and 11 among them. */
const DR6_ONES = 0xffff_0ff0n;
const DR6_WRITABLE = DR6.B | DR6.BD | DR6.BS | DR6.BT;
const DR7_ONES = 0x400n;
/** L0-G3, LE, GE, GD, R/Wn and LENn. */
const DR7_WRITABLE = 0xffff_23ffn;

/** DR6 as a write leaves it, reserved bits fixed. */
export const effectiveDr6 = (value: bigint): bigint => (value & DR6_WRITABLE) | DR6_ONES;
export const effectiveDr7 = (value: bigint): bigint => (value & DR7_WRITABLE) | DR7_ONES;

/**
 * What both directions check first; DR4 and DR5 stand for DR6 and DR7 unless CR4.DE is set.
 * @returns the register that is meant
 * @throws GuestException #UD, #GP(0), or the #DB of DR7.GD
 */
function accessedRegister(cpu: Cpu, index: number): number {
  const { state } = cpu;
  const aliased = index === 4 || index === 5;
  if (aliased && state.cr4 & CR4.DE) throw undefinedOpcode();
  cpu.requirePrivilege();
  if (state.dr7 & GD) throw new GuestException(VECTOR.DB, undefined, DR6.BD);
  return aliased ? index + 2 : index;
}

const FIELDS = { 0: 'dr0', 1: 'dr1', 2: 'dr2', 3: 'dr3', 6: 'dr6', 7: 'dr7' } as const;

const fieldOf = (index: number) => FIELDS[index as keyof typeof FIELDS];

export const readDebugRegister = (cpu: Cpu, index: number): bigint => cpu.state[fieldOf(accessedRegister(cpu, index))];

/** @throws GuestException as above, and #GP(0) for a DR6 or DR7 with a bit above 31 set */
export function writeDebugRegister(cpu: Cpu, index: number, value: bigint): void {
  const register = accessedRegister(cpu, index);
  if (register >= 6 && value & HIGH_32) throw generalProtection();
  const effective = register === 6 ? effectiveDr6(value) : register === 7 ? effectiveDr7(value) : value;
  cpu.state[fieldOf(register)] = effective;
}
