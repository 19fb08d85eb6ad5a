import type { PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { PCI_HOST_ADDRESS, PciHostView } from './layout.ts';
import type { PciFunction } from './pci-function.ts';

const CONFADD = 0xcf8;
const CONFDATA = 0xcfc;
const ENABLE = 0x8000_0000;
/** Bits 30:24 and 1:0 of CONFADD are reserved and read as 0: 440FX 3.1.1. */
const CONFADD_BITS = 0x80ff_fffc;
const ALL_ONES = 0xff;

/** Configuration mechanism 1 of PCI 2.3, 3.2.2.3.2, for the functions of bus 0. Its user holds the device lock. */
export class PciHost {
  readonly ports: readonly PortRange[];
  readonly #view: InstanceType<typeof PciHostView>;
  readonly #functions: ReadonlyMap<number, PciFunction>;
  readonly #all: readonly PciFunction[];

  /** @param resetControl port 0xcf9, which byte accesses inside CONFADD reach */
  constructor(memory: StateMemory, functions: readonly PciFunction[], resetControl: PortRange) {
    this.#view = new PciHostView(memory, PCI_HOST_ADDRESS);
    this.#all = functions;
    this.#functions = new Map(functions.map((each) => [(each.model.device << 3) | each.model.function, each]));
    // Only a whole double word is CONFADD: smaller accesses go to whatever else is there.
    const address: PortRange = {
      first: CONFADD,
      last: CONFADD + 3,
      read: (port, size) => {
        if (port === CONFADD && size === 4) return this.#view.selection;
        return port === resetControl.first && size === 1 ? resetControl.read(port, size) : 2 ** (8 * size) - 1;
      },
      write: (port, size, value) => {
        if (port === CONFADD && size === 4) this.#view.selection = (value & CONFADD_BITS) >>> 0;
        else if (port === resetControl.first && size === 1) resetControl.write(port, size, value);
      },
    };
    const data: PortRange = {
      first: CONFDATA,
      last: CONFDATA + 3,
      read: (port, size) => this.#read(port - CONFDATA, size),
      write: (port, size, value) => this.#write(port - CONFDATA, size, value),
    };
    this.ports = [address, data];
  }

  reset(): void {
    this.#view.selection = 0;
    for (const each of this.#all) each.reset();
  }

  /** The function that CONFADD selects, if there is one. */
  #selected(): PciFunction | undefined {
    const { selection } = this.#view;
    if (!(selection & ENABLE) || (selection >>> 16) & 0xff) return undefined;
    return this.#functions.get((selection >>> 8) & 0xff);
  }

  #read(lane: number, size: number): number {
    const selected = this.#selected();
    const offset = this.#view.selection & 0xfc;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) {
      const inside = lane + i < 4 && selected !== undefined;
      value = (value << 8) | (inside ? selected.readByte(offset + lane + i) : ALL_ONES);
    }
    return value >>> 0;
  }

  #write(lane: number, size: number, value: number): void {
    const selected = this.#selected();
    const offset = this.#view.selection & 0xfc;
    for (let i = 0; i < size && lane + i < 4; i++) {
      selected?.writeByte(offset + lane + i, (value >>> (8 * i)) & 0xff);
    }
  }
}
