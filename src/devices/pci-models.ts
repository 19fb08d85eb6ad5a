// The chipset of QEMU's "pc" as its firmware leaves it: Intel 440FX (datasheet 290549) and PIIX3/PIIX4 (290550, 290562).
import type { PciModel, PciRegister } from './pci-function.ts';

interface Identity {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Base class and subclass. */
  readonly classCode: number;
  readonly command: number;
  readonly status: number;
  /** Other functions follow in this slot. */
  readonly multifunction?: boolean;
}

const QEMU_SUBSYSTEM = 0x1100_1af4;

/** The registers that every function has: PCI 2.3 6.1, figure 6-1. */
export const header = (id: Identity): readonly PciRegister[] => [
  [0x00, 2, id.vendor],
  [0x02, 2, id.device],
  [0x04, 2, id.command],
  [0x06, 2, id.status],
  [0x08, 1, id.revision],
  [0x0a, 2, id.classCode],
  [0x0e, 1, id.multifunction ? 0x80 : 0],
  [0x2c, 4, QEMU_SUBSYSTEM],
];

/** Command: I/O, memory, bus master, SERR#, INTx disable. Cache line size. Interrupt line. */
export const HEADER_WRITABLE: readonly PciRegister[] = [
  [0x04, 2, 0x0507],
  [0x0c, 1, 0xff],
  [0x3c, 1, 0xff],
];

const DEVSEL_MEDIUM = 0x0200;

/**
 * The memory controller. Its programmable attributes (59h-5Fh) and SMRAM (72h) are read-only: they say that everything
 * below 1 MiB is RAM, which is what guests get.
 */
export const HOST_BRIDGE: PciModel = {
  device: 0,
  function: 0,
  registers: [
    ...header({
      vendor: 0x8086,
      device: 0x1237,
      revision: 2,
      classCode: 0x0600,
      command: 0x0106,
      status: DEVSEL_MEDIUM | 0x80,
    }),
    [0x59, 1, 0x30],
    [0x5a, 2, 0x3333],
    [0x5c, 4, 0x3333_3333],
    [0x72, 1, 0x02],
  ],
  writable: HEADER_WRITABLE,
};

/** PIRQ routes are where the DSDT says. No function of this machine uses an INTx# pin, so that changing them moves none. */
export const ISA_BRIDGE: PciModel = {
  device: 1,
  function: 0,
  registers: [
    ...header({
      vendor: 0x8086,
      device: 0x7000,
      revision: 0,
      classCode: 0x0601,
      command: 0x0007,
      status: DEVSEL_MEDIUM,
      multifunction: true,
    }),
    [0x4c, 1, 0x4d],
    [0x4e, 1, 0x03],
    [0x60, 4, 0x0b0b_0a0a],
  ],
  writable: [[0x60, 4, 0x8f8f_8f8f]],
};

const IO_SPACE = 1;
export const POWER_MANAGEMENT_PORTS = 0x600;
export const SMBUS_PORTS = 0x700;

/** PIIX4 function 3. Its bases are fixed: the ACPI tables tell of the first. The SMBus host interrupts by IRQ 9. */
export const POWER_MANAGEMENT: PciModel = {
  device: 1,
  function: 3,
  registers: [
    ...header({
      vendor: 0x8086,
      device: 0x7113,
      revision: 3,
      classCode: 0x0680,
      command: 0x0103,
      status: DEVSEL_MEDIUM | 0x80,
    }),
    [0x3c, 1, 9],
    [0x3d, 1, 1],
    [0x40, 4, POWER_MANAGEMENT_PORTS | IO_SPACE],
    [0x80, 1, 1],
    [0x90, 4, SMBUS_PORTS | IO_SPACE],
    [0xd2, 1, 0x09],
  ],
  writable: HEADER_WRITABLE,
};
