import type { Instruction } from '../decode/instruction.ts';
import type { Cpu } from './cpu.ts';

/**
 * Performs one instruction. `cpu.state.rip` is the next instruction's address already, and `cpu.instructionRip` this
 * one's. A helper checks everything before it commits anything.
 * @throws GuestException with nothing changed that a restart of the instruction could see
 */
export type Helper = (cpu: Cpu, insn: Instruction) => void;

/** Helpers of one family, by the names that `Definition.helper` gives. */
export type HelperTable = Readonly<Record<string, Helper>>;
