import type { PortRange } from '../mmu/bus.ts';
import type { MachineEvents } from './wiring.ts';

/** Where QEMU's isa-debug-exit sits: `iosize` ports from `iobase` on. */
export interface DebugExitPlace {
  readonly iobase: number;
  readonly iosize: number;
}

/** QEMU's isa-debug-exit: a write of `v` ends the machine, whose exit status becomes (v << 1) | 1. Reads give 0. */
export function debugExitPorts(place: DebugExitPlace, events: MachineEvents): readonly PortRange[] {
  const last = place.iobase + place.iosize - 1;
  return [{ first: place.iobase, last, read: () => 0, write: (_port, _size, value) => events.debugExit(value) }];
}
