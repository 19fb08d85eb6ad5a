// MASKMOVDQU and MASKMOVQ: bytes of a register go to DS:rDI where a mask has its sign bits set.
import type { Instruction } from '../../decode/instruction.ts';
import type { Cpu } from '../cpu.ts';
import type { HelperTable } from '../helper-table.ts';
import { checkPendingX87, enterMmx, registerBytes, registerOperand } from './sse-operands.ts';

const RDI = 7;

/**
 * Writes the masked bytes. All of the range must be writable, even if the mask is empty: SDM 2B "MASKMOVDQU" leaves
 * that to the processor.
 */
function storeMasked(cpu: Cpu, { operands, addressSize, dataSegment }: Instruction): void {
  const bytes = registerBytes(cpu, registerOperand(operands[0]));
  const mask = registerBytes(cpu, registerOperand(operands[1]));
  const offset = cpu.gpr(RDI, addressSize);
  const linear = cpu.linear(dataSegment, offset, bytes.length, true);
  const stack = dataSegment === 'ss';
  cpu.mmu.probeWrite(linear, bytes.length, stack);
  mask.forEach((byte, at) => {
    if (byte >= 0x80) cpu.mmu.write((linear + BigInt(at)) & cpu.state.linearMask, 8, BigInt(bytes[at]), stack);
  });
}

function maskmovq(cpu: Cpu, insn: Instruction): void {
  checkPendingX87(cpu);
  // Processors do this before they meet a page fault.
  enterMmx(cpu);
  storeMasked(cpu, insn);
}

export const sseMoveHelpers: HelperTable = {
  maskmovdqu: storeMasked,
  maskmovq,
  /** For definitions that have seen an exception pending. */
  raisePendingX87: checkPendingX87,
};
