import { bytePorts } from '../irqchip/ranges.ts';
import type { PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { SMBUS_ADDRESS, SmbusView } from './layout.ts';
import { SMBUS_PORTS } from './pci-models.ts';
import type { InterruptLine } from './wiring.ts';

const HOST_STATUS = 0x0;
const HOST_CONTROL = 0x2;
/** PIIX4 7.3.1.1: bits 4:1 are cleared by writing 1. */
const STATUS = { deviceError: 0x04, events: 0x1e } as const;
/** 7.3.1.3: START and KILL act and are not kept. */
const CONTROL = { interrupt: 0x01, start: 0x40, kept: 0x1d } as const;
/** Command, address and data registers: 7.3.1.4 to 7.3.1.7. */
const PLAIN: readonly number[] = [0x3, 0x4, 0x5, 0x6];
const PORTS = 16;

/** PIIX4's SMBus host, with nobody on the bus: every transaction ends at once, unanswered. */
export class SmbusHost {
  readonly ports: readonly PortRange[];
  readonly #view: InstanceType<typeof SmbusView>;
  readonly #line: InterruptLine;

  /** @param line IRQ 9, which configuration register D2h selects */
  constructor(memory: StateMemory, line: InterruptLine) {
    this.#view = new SmbusView(memory, SMBUS_ADDRESS);
    this.#line = line;
    this.ports = [
      bytePorts(SMBUS_PORTS, SMBUS_PORTS + PORTS - 1, {
        readByte: (port) => this.#view.registers.get(port - SMBUS_PORTS),
        writeByte: (port, value) => this.#write(port - SMBUS_PORTS, value),
      }),
    ];
  }

  reset(): void {
    for (let register = 0; register < PORTS; register++) this.#view.registers.set(register, 0);
  }

  #write(register: number, value: number): void {
    const { registers } = this.#view;
    if (PLAIN.includes(register)) registers.set(register, value);
    else if (register === HOST_STATUS) this.#setStatus(registers.get(HOST_STATUS) & ~(value & STATUS.events));
    else if (register === HOST_CONTROL) this.#control(value);
  }

  #control(value: number): void {
    const { registers } = this.#view;
    registers.set(HOST_CONTROL, value & CONTROL.kept);
    const error = value & CONTROL.start ? STATUS.deviceError : 0;
    this.#setStatus(registers.get(HOST_STATUS) | error);
  }

  #setStatus(status: number): void {
    const { registers } = this.#view;
    registers.set(HOST_STATUS, status);
    this.#line((registers.get(HOST_CONTROL) & CONTROL.interrupt) !== 0 && (status & STATUS.events) !== 0);
  }
}
