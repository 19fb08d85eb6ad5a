// Who may use a port: SDM 1 19.5, "Protected-Mode I/O".

import type { AccessSize } from '../mmu/bus.ts';
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { noteIoAccess } from './debug.ts';
import { SYSTEM_TYPE } from './descriptors.ts';

const IOPL_SHIFT = 12;
/** Where a 32-bit or 64-bit TSS says at which offset its I/O permission bit map begins. */
const MAP_BASE = 0x66;

/**
 * The permission bits of a port and its neighbours. The processor always reads two bytes, so both must lie within the
 * TSS: SDM 1 19.5.2.
 */
function permissionBits(cpu: Cpu, port: number): number {
  const { tr } = cpu.segments;
  const type = tr.attributes & 15;
  const has32BitFormat = type === SYSTEM_TYPE.tss || type === SYSTEM_TYPE.tssBusy;
  if (!has32BitFormat || tr.limit < MAP_BASE + 1) throw generalProtection();
  const base = Number(cpu.mmu.readSystem(tr.base + BigInt(MAP_BASE), 16));
  const at = base + (port >>> 3);
  if (at + 1 > tr.limit) throw generalProtection();
  return Number(cpu.mmu.readSystem(tr.base + BigInt(at), 16)) >>> (port & 7);
}

/**
 * Checks that the current code may use ports `port` to `port` + `size` - 1, and notes I/O breakpoints on them.
 * @throws GuestException #GP(0)
 */
export function requirePort(cpu: Cpu, port: number, size: AccessSize): void {
  const { state } = cpu;
  const iopl = (state.systemFlags >>> IOPL_SHIFT) & 3;
  const restricted = cpu.protectedMode && (cpu.virtual8086 || state.cpl > iopl);
  if (restricted && permissionBits(cpu, port) & ((1 << size) - 1)) throw generalProtection();
  noteIoAccess(cpu, port, size);
}
