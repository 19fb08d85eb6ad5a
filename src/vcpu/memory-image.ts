// Structures of many bytes that instructions store and load as one operand.
import type { MemoryOperand } from '../decode/instruction.ts';
import type { Cpu } from './cpu.ts';

/** Whether faults of an operand are stack faults. */
export const isStackOperand = ({ segment }: MemoryOperand): boolean => segment === 'ss' || segment === 'flatStack';

/** The linear address of `bytes` bytes at an operand. @throws GuestException #GP(0), #SS(0) */
export function imageAddress(
  cpu: Cpu,
  operand: MemoryOperand,
  addressSize: number,
  bytes: number,
  write: boolean,
): bigint {
  return cpu.linear(operand.segment, cpu.effectiveAddress(operand, addressSize), bytes, write);
}

/** Reads `bytes` bytes at an operand. */
export function loadImage(cpu: Cpu, operand: MemoryOperand, addressSize: number, bytes: number): DataView {
  const image = new Uint8Array(bytes);
  cpu.mmu.readBytes(imageAddress(cpu, operand, addressSize, bytes, false), image, isStackOperand(operand));
  return new DataView(image.buffer);
}

/** Lets `fill` write an image and stores it as a whole. */
export function storeImage(
  cpu: Cpu,
  operand: MemoryOperand,
  addressSize: number,
  bytes: number,
  fill: (view: DataView) => void,
): void {
  const linear = imageAddress(cpu, operand, addressSize, bytes, true);
  const image = new Uint8Array(bytes);
  fill(new DataView(image.buffer));
  cpu.mmu.writeBytes(linear, image, isStackOperand(operand));
}
