// Stacks of inner privilege levels, which the TSS holds: SDM 3A 5.8.5, 6.14.4, 7.2.1, 7.7.
import { VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { selectorFault, systemAddress } from './descriptors.ts';

/** A stack pointer with its segment, from a 16- or 32-bit TSS. */
export interface TssStack {
  readonly selector: number;
  readonly pointer: bigint;
}

const RSP0 = 4;
const IST1 = 36;

/**
 * SS and ESP of a level from the current TSS.
 * @param cpl 0 to 2
 * @throws GuestException #TS(TR) if the TSS is too short
 */
export function readTssStack(cpu: Cpu, cpl: number): TssStack {
  const { tr } = cpu.segments;
  const wide = (tr.attributes & 8) !== 0;
  const offset = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
  const pointerBytes = wide ? 4 : 2;
  requireTss(cpu, offset + pointerBytes + 1);
  const pointer = cpu.mmu.readSystem(systemAddress(cpu, tr.base, offset), pointerBytes * 8);
  const selector = Number(cpu.mmu.readSystem(systemAddress(cpu, tr.base, offset + pointerBytes), 16));
  return { selector, pointer };
}

/** RSP of a level, 0 to 2, from a 64-bit TSS. @throws GuestException #TS(TR) */
export const readRsp = (cpu: Cpu, cpl: number): bigint => readPointer(cpu, RSP0 + 8 * cpl);

/** An entry, 1 to 7, of the interrupt stack table. @throws GuestException #TS(TR) */
export const readIst = (cpu: Cpu, index: number): bigint => readPointer(cpu, IST1 + 8 * (index - 1));

function readPointer(cpu: Cpu, offset: number): bigint {
  requireTss(cpu, offset + 7);
  return cpu.mmu.readSystem(systemAddress(cpu, cpu.segments.tr.base, offset), 64);
}

function requireTss(cpu: Cpu, last: number): void {
  const { tr } = cpu.segments;
  if (last > tr.limit) throw selectorFault(VECTOR.TS, tr.selector);
}
