import type { Cpu } from '../cpu.ts';

const RAX = 0;
const RDX = 2;

/** EDX:EAX as one value. */
export const joinedEdxEax = (cpu: Cpu): bigint => (cpu.gpr(RDX, 32) << 32n) | cpu.gpr(RAX, 32);

/** Puts a value into EDX:EAX and clears the upper halves of RDX and RAX. */
export function setEdxEax(cpu: Cpu, value: bigint): void {
  cpu.setGpr(RAX, 32, value);
  cpu.setGpr(RDX, 32, value >> 32n);
}
