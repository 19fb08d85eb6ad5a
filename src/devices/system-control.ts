// Small ports by which software resets a PC, turns it off, or talks to its firmware.
import { bytePorts } from '../irqchip/ranges.ts';
import type { PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { UnimplementedError } from '../vcpu/errors.ts';
import { SYSTEM_CONTROL_ADDRESS, SystemControlView } from './layout.ts';
import type { MachineEvents } from './wiring.ts';

const PORT_92 = 0x92;
const PORT_92_BITS = { reset: 1, a20: 2 } as const;
const RESET_CONTROL = 0xcf9;
/** PIIX3 2.5.5.3: RCPU resets when it goes from 0 to 1; SRST says how thoroughly, which is one to a guest. */
const RESET_CONTROL_BITS = { hard: 2, reset: 4 } as const;
const APM_CONTROL = 0xb2;
/** What Bochs' BIOS spells to turn the machine off. */
const POWER_OFF_PORT = 0x8900;
const POWER_OFF_WORD = new TextEncoder().encode('Shutdown');

/** Ports 0x92, 0xb2, 0xb3, 0xcf9 and 0x8900. Its user holds the device lock. */
export class SystemControl {
  readonly ports: readonly PortRange[];
  /** Port 0xcf9, which lies inside the PCI host's address register: PciHost passes byte accesses on. */
  readonly resetControl: PortRange;
  readonly #view: InstanceType<typeof SystemControlView>;
  readonly #events: MachineEvents;

  constructor(memory: StateMemory, events: MachineEvents) {
    const view = new SystemControlView(memory, SYSTEM_CONTROL_ADDRESS);
    this.#view = view;
    this.#events = events;
    this.resetControl = {
      first: RESET_CONTROL,
      last: RESET_CONTROL,
      read: () => view.reset,
      write: (_port, _size, value) => this.#writeResetControl(value),
    };
    const byte = (port: number, read: () => number, write: (value: number) => void): PortRange =>
      bytePorts(port, port, { readByte: read, writeByte: (_port, value) => write(value) });
    this.ports = [
      byte(
        PORT_92,
        () => PORT_92_BITS.a20,
        (value) => this.#writePort92(value),
      ),
      // Advanced power management, PIIX4 7.1: without SMIs these are two bytes for firmware to leave notes in.
      bytePorts(APM_CONTROL, APM_CONTROL + 1, {
        readByte: (port) => (port === APM_CONTROL ? view.apmControl : view.apmStatus),
        writeByte: (port, value) => {
          if (port === APM_CONTROL) view.apmControl = value;
          else view.apmStatus = value;
        },
      }),
      byte(
        POWER_OFF_PORT,
        () => 0xff,
        (value) => this.#spell(value),
      ),
    ];
  }

  reset(): void {
    Object.assign(this.#view, { reset: 0, apmControl: 0, apmStatus: 0, spelled: 0 });
  }

  /** System control port A: fast reset and fast A20. @throws UnimplementedError when it masks A20 */
  #writePort92(value: number): void {
    if (value & PORT_92_BITS.reset) this.#events.reset();
    else if (!(value & PORT_92_BITS.a20)) throw new UnimplementedError('A20 masked by port 92h');
  }

  #writeResetControl(value: number): void {
    const rises = value & ~this.#view.reset & RESET_CONTROL_BITS.reset;
    this.#view.reset = value & (RESET_CONTROL_BITS.hard | RESET_CONTROL_BITS.reset);
    if (rises) this.#events.reset();
  }

  #spell(letter: number): void {
    const view = this.#view;
    if (letter === POWER_OFF_WORD[view.spelled]) view.spelled++;
    else view.spelled = letter === POWER_OFF_WORD[0] ? 1 : 0;
    if (view.spelled < POWER_OFF_WORD.length) return;
    view.spelled = 0;
    this.#events.powerOff();
  }
}
