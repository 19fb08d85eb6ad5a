// What devices are given of the board around them.
import type { MmioRange, PortRange } from '../mmu/bus.ts';

/** Runs an action alone among all threads: CONTROL.deviceLock as a Mutex. Not reentrant. */
export interface DeviceLock {
  run<T>(action: () => T): T;
}

/** A device's interrupt output. Called with the device lock held. */
export type InterruptLine = (high: boolean) => void;

/** What a device may do to the machine. Returns at once: the machine stops at the next instruction boundary. */
export interface MachineEvents {
  debugExit(value: number): void;
  powerOff(): void;
  reset(): void;
}

type Range = PortRange & MmioRange;

/** A range whose every access holds the device lock. A range that moves (a BAR) keeps moving. */
export function guarded(range: Range, lock: DeviceLock): Range {
  return {
    get first() {
      return range.first;
    },
    get last() {
      return range.last;
    },
    read: (address, size) => lock.run(() => range.read(address, size)),
    write: (address, size, value) => lock.run(() => range.write(address, size, value)),
  };
}
