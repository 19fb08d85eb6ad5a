import type { Cpu } from '../cpu.ts';

const RAX = 0;
const RDX = 2;

/** EDX:EAX as one value. */
export const joinedEdxEax = (cpu: Cpu): bigint => (BigInt(cpu.gpr32(RDX)) << 32n) | BigInt(cpu.gpr32(RAX));

/** Puts a value into EDX:EAX and clears the upper halves of RDX and RAX. */
export function setEdxEax(cpu: Cpu, value: bigint): void {
  cpu.setGpr32(RAX, Number(value & 0xffff_ffffn));
  cpu.setGpr32(RDX, Number(value >> 32n));
}
