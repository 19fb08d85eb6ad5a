// Delivery through the interrupt vector table: real-address mode (SDM 3B 20.1.4), and software interrupts that
// virtual-8086 mode extensions redirect to the 8086 program (SDM 3B 20.3.3).
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { systemAddress } from './descriptors.ts';
import { RFLAGS } from './flags.ts';
import { EVENT_TYPE, type VcpuEvent } from './interrupts-event.ts';
import { idtError } from './interrupts-long.ts';
import { installUnprotected } from './segments.ts';
import { CurrentStack } from './segments-push.ts';

const CR4_VME = 1n;
/** Where a 32-bit TSS holds the I/O map base: SDM 3A 7.2.1. The redirection map lies in the 32 bytes below it. */
const IO_MAP_BASE = 0x66;
const REDIRECTION_BYTES = 32;

/** Real-address mode pushes no error codes. @throws GuestException #GP, #SS */
export function deliverReal(cpu: Cpu, event: VcpuEvent, returnRip: bigint): void {
  const { state } = cpu;
  const offset = event.vector * 4;
  if (offset + 3 > state.idtrLimit) throw generalProtection(idtError(event.vector));
  const entry = Number(cpu.mmu.readSystem(systemAddress(cpu, state.idtrBase, offset), 32));
  enter8086(cpu, entry, cpu.rflags, returnRip);
  state.systemFlags &= ~(RFLAGS.IF | RFLAGS.TF | RFLAGS.AC | RFLAGS.RF);
}

/** Pushes the three words of an 8086 interrupt and goes to `entry` (segment:offset). */
function enter8086(cpu: Cpu, entry: number, flags: number, returnRip: bigint): void {
  const stack = new CurrentStack(cpu);
  stack.push(BigInt(flags), 16);
  stack.push(BigInt(cpu.segments.cs.selector), 16);
  stack.push(returnRip, 16);
  cpu.state.gpr.set(4, stack.pointer);
  installUnprotected(cpu, 'cs', entry >>> 16);
  cpu.state.rip = BigInt(entry & 0xffff);
}

/**
 * INT n of virtual-8086 mode, by the methods of SDM 3B 20.3, table 20-2.
 * @returns whether the 8086 program's own handler was entered; else the protected-mode one is due
 * @throws GuestException #GP(0) if IOPL forbids the protected-mode one
 */
export function redirectInterrupt(cpu: Cpu, event: VcpuEvent, returnRip: bigint): boolean {
  if (event.type !== EVENT_TYPE.softwareInterrupt) return false;
  const { state } = cpu;
  const trusted = (state.systemFlags & RFLAGS.IOPL) === RFLAGS.IOPL;
  if ((state.cr4 & CR4_VME) === 0n || !isRedirected(cpu, event.vector)) {
    if (!trusted) throw generalProtection();
    return false;
  }
  const entry = Number(cpu.mmu.readSystem(BigInt(event.vector * 4), 32));
  enter8086(cpu, entry, trusted ? cpu.rflags : virtualFlags(cpu), returnRip);
  state.systemFlags &= ~((trusted ? RFLAGS.IF : RFLAGS.VIF) | RFLAGS.TF | RFLAGS.RF);
  return true;
}

/** The flags that an 8086 program with virtual interrupts sees: VIF as IF, and IOPL 3 (SDM 3B 20.3.3.2). */
export function virtualFlags(cpu: Cpu): number {
  const flags = cpu.rflags;
  return (flags & ~RFLAGS.IF) | RFLAGS.IOPL | (flags & RFLAGS.VIF ? RFLAGS.IF : 0);
}

/** A clear bit in the TSS's map redirects. @throws GuestException #GP(0) if the map is not in the TSS */
function isRedirected(cpu: Cpu, vector: number): boolean {
  const { tr } = cpu.segments;
  if (tr.limit < IO_MAP_BASE + 1) throw generalProtection();
  const ioMap = Number(cpu.mmu.readSystem(systemAddress(cpu, tr.base, IO_MAP_BASE), 16));
  const at = ioMap - REDIRECTION_BYTES + (vector >> 3);
  if (at < 0 || at > tr.limit) throw generalProtection();
  const map = Number(cpu.mmu.readSystem(systemAddress(cpu, tr.base, at), 8));
  return ((map >> (vector & 7)) & 1) === 0;
}
