import type { AccessSize, PortBus, PortRange } from '../mmu/bus.ts';

/** Ports that a PCI base address register moves, in front of those that stay where they are. */
export class MovablePorts implements PortBus {
  readonly #fixed: PortBus;
  readonly #movable: readonly PortRange[];

  constructor(fixed: PortBus, movable: readonly PortRange[]) {
    this.#fixed = fixed;
    this.#movable = movable;
  }

  #find(port: number): PortRange | undefined {
    return this.#movable.find(({ first, last }) => port >= first && port <= last);
  }

  readPort(port: number, size: AccessSize): number {
    const range = this.#find(port);
    return range ? range.read(port, size) >>> 0 : this.#fixed.readPort(port, size);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    const range = this.#find(port);
    if (range) range.write(port, size, value);
    else this.#fixed.writePort(port, size, value);
  }
}
