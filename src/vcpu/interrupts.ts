// Interrupts that programs cause: INT n, INT3, INTO and INT1 (SDM 2A "INT n/INTO/INT3/INT1-Call to Interrupt
// Procedure").
import { VECTOR } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { deliverEvent } from './exceptions.ts';
import { EVENT_TYPE } from './interrupts-event.ts';

export type SoftwareEventType = 'softwareInterrupt' | 'softwareException' | 'privilegedSoftwareException';

/**
 * Enters the handler of a software interrupt, from within the helper of its instruction. A fault on the way is
 * delivered at the instruction: this never throws a GuestException.
 * @param length of the instruction in bytes
 */
export function softwareInterrupt(cpu: Cpu, vector: number, type: SoftwareEventType, length: number): void {
  cpu.state.rip = cpu.instructionRip;
  deliverEvent(cpu, {
    vector,
    type: EVENT_TYPE[type],
    errorCode: undefined,
    payload: 0n,
    instructionLength: length,
  });
}

/** INT3 and INTO: no IOPL check in virtual-8086 mode, no redirection. */
export const breakpoint = (cpu: Cpu, length: number): void =>
  softwareInterrupt(cpu, VECTOR.BP, 'softwareException', length);
