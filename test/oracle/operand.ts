import { type Instruction, type MemoryOperand, memorySize } from './instruction.ts';
import { DATA_SIZE } from './layout.ts';
import type { MachineState } from './machine.ts';
import type { Prng } from './prng.ts';
import { windowAddress } from './setup.ts';

/**
 * Chooses where in the data window the memory operand lies and makes registers and displacement point there. Returns
 * its offset, or null where there is no memory operand or its address is left to chance (most such cases fault).
 */
export function placeOperand(prng: Prng, instruction: Instruction, initial: MachineState): number | null {
  const { memory } = instruction;
  if (memory === null) return null;
  const offset = chooseOffset(prng, instruction);
  if (offset === null) return null;
  const target = windowAddress(instruction.codeSize, offset);
  return pointAt(prng, instruction, memory, initial.gpr, target) ? offset : null;
}

/** Anywhere, across the two pages, at the window's ends, or (null) wherever the registers point. */
function chooseOffset(prng: Prng, instruction: Instruction): number | null {
  const size = memorySize(instruction);
  // XCHG locks without a prefix; split locks are excluded.
  const neverSplit = instruction.lock || instruction.template.mnemonic === 'XCHG';
  const aligned = neverSplit || (instruction.template.aligned && prng.chance(90));
  const kind = prng.below(100);
  if (kind < 2) return neverSplit ? null : -prng.below(size + 1);
  if (kind < 4) return null;
  if (aligned) return prng.below(DATA_SIZE / size) * size;
  if (kind < 9) return DATA_SIZE - prng.below(size + 1);
  if (kind < 17) return DATA_SIZE / 2 - prng.below(size + 1);
  return prng.between(0, DATA_SIZE - size);
}

/** Solves base + index * scale + displacement = target for one of them; false if the form cannot reach it. */
function pointAt(
  prng: Prng,
  { addressSize, codeSize }: Instruction,
  memory: MemoryOperand,
  gpr: BigUint64Array,
  target: bigint,
): boolean {
  if (memory.ripRelative) return true; // `encode` computes it: the length is not known yet.
  if (addressSize === 16 && codeSize !== 16) return false;
  const { base, index } = memory;
  const scale = BigInt(memory.scale);
  if (base >= 0 && base !== index) {
    const scaled = index < 0 ? 0n : gpr[index]! * scale;
    gpr[base] = replaceLow(gpr[base]!, target - scaled - memory.displacement, addressSize);
    return true;
  }
  if (base >= 0 && memory.displacementSize < 4) return false;
  // Only the displacement can reach: the index must be small, and counts once more where it is the base as well.
  const factor = scale + (base >= 0 ? 1n : 0n);
  if (index >= 0) gpr[index] = BigInt(prng.below(0x1000));
  memory.displacement = target - (index < 0 ? 0n : gpr[index]! * factor);
  return true;
}

/** The low `bits` of a register replaced: the rest does not take part in the address. */
function replaceLow(old: bigint, value: bigint, bits: number): bigint {
  return ((old >> BigInt(bits)) << BigInt(bits)) | BigInt.asUintN(bits, value);
}
