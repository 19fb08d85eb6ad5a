// Where the platform's devices lie in the `state` memory, behind the interrupt controllers and timers. Everything here
// is changed only with CONTROL.deviceLock held, but for the rings' counters (console-ring.ts).
import { DEVICES_ADDRESS, DEVICES_BYTES } from '../state/map.ts';
import { struct, viewClass } from '../state/struct.ts';

export const UART = struct({
  interruptEnable: 'u8',
  fifoControl: 'u8',
  lineControl: 'u8',
  modemControl: 'u8',
  /** Error bits that no read of LSR has cleared; the others are computed. */
  lineErrors: 'u8',
  /** MSR: lines in 7:4, changes in 3:0. */
  modemStatus: 'u8',
  scratch: 'u8',
  divisorLow: 'u8',
  divisorHigh: 'u8',
  /** 1 from when the transmitter ran empty until IIR told so, or the next byte was written. */
  transmitterEmpty: 'u8',
  /** The level of the interrupt line. */
  output: 'u8',
  /** The receiver: the oldest byte is at `first`. */
  fifo: ['u8', 16],
  first: 'u8',
  count: 'u8',
});

/** A ring's counters; its bytes follow. */
export const RING = struct({
  /** Bytes ever put in, modulo 2^32. Stored by the producer. Atomic. */
  produced: 'i32',
  /** Bytes ever taken out, modulo 2^32. Stored by the consumer. Atomic. */
  consumed: 'i32',
});

/** The selected item, and the index of its next byte. */
export const FW_CFG = struct({ key: 'u32', offset: 'u32' });

/** The four bytes at ports 0xe0-0xe3. */
export const PC_TESTDEV = struct({ latch: 'u32' });
export const TEST_MEMORY_BYTES = 0x1_0000;

/** The running test plus 1, or 0, and the writes that each test saw. */
export const PCI_TESTDEV = struct({ current: 'u32', counts: ['u32', 6] });

/** CONFADD, port 0xcf8. */
export const PCI_HOST = struct({ selection: 'u32' });
export const PCI_CONFIG_BYTES = 256;
export const MAX_PCI_FUNCTIONS = 8;

/** The SMBus host controller's registers, by their offsets. */
export const SMBUS = struct({ registers: ['u8', 16] });

export const KEYBOARD_CONTROLLER = struct({
  /** The controller's RAM; byte 0 is its command byte. */
  ram: ['u8', 32],
  status: 'u8',
  output: 'u8',
  outputPort: 'u8',
  /** A command whose data byte is still to come, or 0. */
  command: 'u8',
});

export const SYSTEM_CONTROL = struct({
  /** Port 0xcf9. */
  reset: 'u8',
  /** Ports 0xb2 and 0xb3. */
  apmControl: 'u8',
  apmStatus: 'u8',
  /** How many letters of the power-off word were written to port 0x8900. */
  spelled: 'u8',
});

const BASE = DEVICES_ADDRESS + 0x4000;
export const UART_ADDRESS = BASE;
export const FW_CFG_ADDRESS = BASE + 0x100;
export const PC_TESTDEV_ADDRESS = BASE + 0x140;
export const PCI_TESTDEV_ADDRESS = BASE + 0x180;
export const PCI_HOST_ADDRESS = BASE + 0x200;
export const SMBUS_ADDRESS = BASE + 0x240;
export const KEYBOARD_CONTROLLER_ADDRESS = BASE + 0x280;
export const SYSTEM_CONTROL_ADDRESS = BASE + 0x300;
export const PCI_CONFIG_ADDRESS = BASE + 0x800;

/** A ring of `capacity` bytes, a power of two. */
export interface RingPlace {
  readonly address: number;
  readonly capacity: number;
}
/** What the guest transmits, and what it will receive. */
export const TRANSMIT_RING: RingPlace = { address: BASE + 0x1_0000, capacity: 0x1_0000 };
export const RECEIVE_RING: RingPlace = { address: BASE + 0x2000, capacity: 0x1000 };
/** The memory that pc-testdev shows at 0xff000000. */
export const TEST_MEMORY_ADDRESS = BASE + 0x2_1000;

if (PCI_CONFIG_ADDRESS + MAX_PCI_FUNCTIONS * PCI_CONFIG_BYTES > RECEIVE_RING.address) {
  throw new RangeError('PCI configuration spaces outgrew their area');
}
if (TEST_MEMORY_ADDRESS + TEST_MEMORY_BYTES > DEVICES_ADDRESS + DEVICES_BYTES) {
  throw new RangeError('the devices outgrew their area');
}

export const UartView = viewClass(UART);
export type UartView = InstanceType<typeof UartView>;
export const FwCfgView = viewClass(FW_CFG);
export const PcTestdevView = viewClass(PC_TESTDEV);
export const PciTestdevView = viewClass(PCI_TESTDEV);
export const PciHostView = viewClass(PCI_HOST);
export const SmbusView = viewClass(SMBUS);
export const KeyboardControllerView = viewClass(KEYBOARD_CONTROLLER);
export const SystemControlView = viewClass(SYSTEM_CONTROL);
