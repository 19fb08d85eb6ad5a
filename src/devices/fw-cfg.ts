// QEMU's firmware configuration device, docs/specs/fw_cfg in QEMU's manual: a 16-bit selector at port 0x510, and at
// 0x511 the selected item byte by byte. There is no DMA interface: bit 1 of the ID item is clear.
import type { PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { FW_CFG_ADDRESS, FwCfgView } from './layout.ts';

const SELECTOR = 0x510;
const DATA = 0x511;
const WRITE_CHANNEL = 0x4000;

const KEY = {
  signature: 0x00,
  id: 0x01,
  uuid: 0x02,
  ramSize: 0x03,
  noGraphic: 0x04,
  cpus: 0x05,
  maxCpus: 0x0f,
  fileDirectory: 0x19,
  firstFile: 0x20,
} as const;
const TRADITIONAL_INTERFACE = 1;
const E820_RAM = 1;
const FILE_NAME_BYTES = 56;

export interface FwCfgFacts {
  readonly vcpus: number;
  readonly ramBytes: number;
}

/** Its items are facts of the machine, the same on every thread; only what is selected is state. */
export class FwCfg {
  readonly ports: readonly PortRange[];
  readonly #view: InstanceType<typeof FwCfgView>;
  readonly #items: ReadonlyMap<number, Uint8Array>;

  constructor(memory: StateMemory, facts: FwCfgFacts) {
    this.#view = new FwCfgView(memory, FW_CFG_ADDRESS);
    this.#items = items(facts);
    this.ports = [
      {
        first: SELECTOR,
        last: DATA,
        read: (port, size) => (port === DATA && size === 1 ? this.#next() : 2 ** (8 * size) - 1),
        write: (port, size, value) => {
          // Items are read-only, as they are in QEMU since 2.4: a write to the data port does nothing.
          if (port === SELECTOR && size === 2) this.#select(value);
        },
      },
    ];
  }

  reset(): void {
    this.#select(KEY.signature);
  }

  #select(key: number): void {
    this.#view.key = key & ~WRITE_CHANNEL;
    this.#view.offset = 0;
  }

  /** Items that do not exist, and what is past an item's end, read as zeros. */
  #next(): number {
    const view = this.#view;
    const item = this.#items.get(view.key);
    if (item === undefined || view.offset >= item.length) return 0;
    return item[view.offset++]!;
  }
}

function items({ vcpus, ramBytes }: FwCfgFacts): ReadonlyMap<number, Uint8Array> {
  const e820 = bytes(20, (view) => {
    view.setBigUint64(8, BigInt(ramBytes), true);
    view.setUint32(16, E820_RAM, true);
  });
  return new Map([
    [KEY.signature, new TextEncoder().encode('QEMU')],
    [KEY.id, bytes(4, (view) => view.setUint32(0, TRADITIONAL_INTERFACE, true))],
    [KEY.uuid, new Uint8Array(16)],
    [KEY.ramSize, bytes(8, (view) => view.setBigUint64(0, BigInt(ramBytes), true))],
    [KEY.noGraphic, bytes(2, (view) => view.setUint16(0, 1, true))],
    [KEY.cpus, bytes(2, (view) => view.setUint16(0, vcpus, true))],
    [KEY.maxCpus, bytes(2, (view) => view.setUint16(0, vcpus, true))],
    [KEY.fileDirectory, directory([['etc/e820', e820]])],
    [KEY.firstFile, e820],
  ]);
}

/** The directory of named files, whose numbers are big-endian. The files have the keys from `firstFile` on. */
function directory(files: readonly (readonly [name: string, contents: Uint8Array])[]): Uint8Array {
  const entryBytes = 8 + FILE_NAME_BYTES;
  return bytes(4 + files.length * entryBytes, (view) => {
    view.setUint32(0, files.length);
    files.forEach(([name, contents], index) => {
      const at = 4 + index * entryBytes;
      view.setUint32(at, contents.length);
      view.setUint16(at + 4, KEY.firstFile + index);
      for (const [i, byte] of new TextEncoder().encode(name).entries()) view.setUint8(at + 8 + i, byte);
    });
  });
}

function bytes(length: number, fill: (view: DataView) => void): Uint8Array {
  const array = new Uint8Array(length);
  fill(new DataView(array.buffer));
  return array;
}
