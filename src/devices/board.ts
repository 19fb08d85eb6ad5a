import type { MmioRange, PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { ConsoleRing } from './console-ring.ts';
import { type DebugExitPlace, debugExitPorts } from './debug-exit.ts';
import { FwCfg, type FwCfgFacts } from './fw-cfg.ts';
import { KeyboardController } from './keyboard-8042.ts';
import { RECEIVE_RING, TRANSMIT_RING } from './layout.ts';
import { PcTestdev } from './pc-testdev.ts';
import { PciFunction } from './pci-function.ts';
import { PciHost } from './pci-host.ts';
import { HOST_BRIDGE, ISA_BRIDGE, POWER_MANAGEMENT } from './pci-models.ts';
import { PCI_TESTDEV_MODEL, PciTestdev } from './pci-testdev.ts';
import { SmbusHost } from './smbus.ts';
import { SystemControl } from './system-control.ts';
import { COM1_LINE, Uart16550 } from './uart-16550.ts';
import { type DeviceLock, guarded, type MachineEvents } from './wiring.ts';

/** Which devices there are besides those of every PC. */
export interface BoardConfig {
  readonly serial: boolean;
  readonly debugExit?: DebugExitPlace;
  readonly testDevices: { readonly pcTestdev: boolean; readonly pciTestdev: boolean };
}

export interface BoardParts {
  readonly memory: StateMemory;
  readonly lock: DeviceLock;
  readonly config: BoardConfig;
  readonly facts: FwCfgFacts;
  readonly events: MachineEvents;
  /** Drives an interrupt line for one of the SOURCES. Called with the device lock held. */
  setLine(line: number, high: boolean, source: number): void;
  /** Whether the machine has ended. */
  abandoned(): boolean;
}

/** Devices that share a line assert it apart; numbers above those of the interrupt controllers' own timers. */
const SOURCES = { uart: 8, keyboard: 9, smbus: 10, testdev: 11 } as const;
const KEYBOARD_LINE = 1;
const SMBUS_LINE = 9;

/** All devices but interrupt controllers and timers, as one thread uses them: their state is one for all threads. */
export class Board {
  readonly ports: readonly PortRange[];
  /** Ports that move with a PCI base address register. */
  readonly movablePorts: readonly PortRange[];
  readonly mmio: readonly MmioRange[];
  readonly uart: Uart16550 | null;
  /** What the guest transmitted and the host has not taken. */
  readonly transmit: ConsoleRing;
  /** What the host typed and the UART has not taken. */
  readonly receive: ConsoleRing;
  readonly #devices: readonly { reset(): void }[];

  constructor(parts: BoardParts) {
    const { memory, lock, config, events } = parts;
    const line = (number: number, source: number) => (high: boolean) => parts.setLine(number, high, source);
    this.transmit = new ConsoleRing(memory, TRANSMIT_RING);
    this.receive = new ConsoleRing(memory, RECEIVE_RING);
    const { transmit, receive } = this;
    const uartParts = { memory, lock, transmit, receive, line: line(COM1_LINE, SOURCES.uart) };
    this.uart = config.serial ? new Uart16550({ ...uartParts, abandoned: () => parts.abandoned() }) : null;
    const system = new SystemControl(memory, events);
    const keyboard = new KeyboardController(memory, events, line(KEYBOARD_LINE, SOURCES.keyboard));
    const fwCfg = new FwCfg(memory, parts.facts);
    const smbus = new SmbusHost(memory, line(SMBUS_LINE, SOURCES.smbus));
    const tests = testDevices(parts);
    const pci = new PciHost(memory, pciFunctions(memory, tests.pci), system.resetControl);
    const locked = [system, keyboard, fwCfg, smbus, pci, ...tests.devices];
    const exit = config.debugExit ? debugExitPorts(config.debugExit, events) : [];
    this.ports = [...(this.uart?.ports ?? []), ...exit, ...locked.flatMap(({ ports }) => lockAll(ports, lock))];
    this.movablePorts = lockAll(tests.movablePorts, lock);
    this.mmio = lockAll(tests.mmio, lock);
    this.#devices = [...(this.uart ? [this.uart] : []), ...locked, ...tests.others];
  }

  /** Power-on. No vCPU may be running. */
  reset(): void {
    for (const device of this.#devices) device.reset();
  }
}

const lockAll = (ranges: readonly PortRange[], lock: DeviceLock) => ranges.map((range) => guarded(range, lock));

function pciFunctions(memory: StateMemory, testdev: PciFunction | null): readonly PciFunction[] {
  const chipset = [HOST_BRIDGE, ISA_BRIDGE, POWER_MANAGEMENT].map(
    (model, slot) => new PciFunction(memory, slot, model),
  );
  return testdev ? [...chipset, testdev] : chipset;
}

/** The configuration spaces before this one are the chipset's. */
const TESTDEV_SLOT = 3;

function testDevices({ memory, config, setLine }: BoardParts) {
  const { pcTestdev, pciTestdev } = config.testDevices;
  const isa = pcTestdev ? [new PcTestdev(memory, (number, high) => setLine(number, high, SOURCES.testdev))] : [];
  const pci = pciTestdev ? new PciFunction(memory, TESTDEV_SLOT, PCI_TESTDEV_MODEL) : null;
  const others = pci ? [new PciTestdev(memory, pci)] : [];
  return {
    devices: isa,
    others,
    pci,
    movablePorts: others.flatMap(({ movablePorts }) => movablePorts),
    mmio: [...isa, ...others].flatMap(({ mmio }) => mmio),
  };
}
