// The 8042 keyboard controller of an AT, without keyboard and mouse. It is there for what boards wired to it: the reset
// line. IBM PC AT Technical Reference, "Keyboard Controller"; commands are its own numbers.
import { bytePorts } from '../irqchip/ranges.ts';
import type { PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import { UnimplementedError } from '../vcpu/errors.ts';
import { KEYBOARD_CONTROLLER_ADDRESS, KeyboardControllerView } from './layout.ts';
import type { InterruptLine, MachineEvents } from './wiring.ts';

const DATA = 0x60;
const COMMAND = 0x64;
const STATUS = { outputFull: 1, system: 4, command: 8, unlocked: 0x10, auxiliary: 0x20, timeout: 0x40 } as const;
const CONFIG = { keyboardInterrupt: 1, system: 4, keyboardDisabled: 0x10, auxiliaryDisabled: 0x20 } as const;
const OUTPUT_PORT = { notReset: 1, a20: 2, idle: 0xcf } as const;
const RAM_INDEX = 0x1f;

const COMMANDS = {
  readRam: 0x20,
  writeRam: 0x60,
  disableAuxiliary: 0xa7,
  enableAuxiliary: 0xa8,
  testAuxiliary: 0xa9,
  selfTest: 0xaa,
  testKeyboard: 0xab,
  disableKeyboard: 0xad,
  enableKeyboard: 0xae,
  readInputPort: 0xc0,
  readOutputPort: 0xd0,
  writeOutputPort: 0xd1,
  echoKeyboard: 0xd2,
  echoAuxiliary: 0xd3,
  writeAuxiliary: 0xd4,
} as const;
const PULSE = 0xf0;
const SELF_TEST_PASSED = 0x55;
const INTERFACE_WORKS = 0;
/** The keyboard is not locked. */
const INPUT_PORT = 0x80;

/** Its user holds the device lock. */
export class KeyboardController {
  readonly ports: readonly PortRange[];
  readonly #view: InstanceType<typeof KeyboardControllerView>;
  readonly #events: MachineEvents;
  readonly #line: InterruptLine;
  readonly #commands: ReadonlyMap<number, () => void>;
  /** What the data byte after a command does. */
  readonly #parameters: ReadonlyMap<number, (value: number) => void>;

  /** @param line IRQ 1 */
  constructor(memory: StateMemory, events: MachineEvents, line: InterruptLine) {
    this.#view = new KeyboardControllerView(memory, KEYBOARD_CONTROLLER_ADDRESS);
    this.#events = events;
    this.#line = line;
    const data = bytePorts(DATA, DATA, {
      readByte: () => this.#readData(),
      writeByte: (_, value) => this.#data(value),
    });
    const control = bytePorts(COMMAND, COMMAND, {
      readByte: () => this.#view.status,
      writeByte: (_, value) => this.#command(value),
    });
    this.ports = [data, control];
    this.#commands = this.#immediateCommands();
    this.#parameters = new Map<number, (value: number) => void>([
      [COMMANDS.writeOutputPort, (value) => this.#setOutputPort(value)],
      [COMMANDS.echoKeyboard, (value) => this.#answer(value)],
      [COMMANDS.echoAuxiliary, (value) => this.#answer(value, STATUS.auxiliary)],
      [COMMANDS.writeAuxiliary, () => this.#noAnswer(STATUS.auxiliary)],
    ]);
  }

  #immediateCommands(): ReadonlyMap<number, () => void> {
    const view = this.#view;
    return new Map<number, () => void>([
      [COMMANDS.disableAuxiliary, () => this.#configure(CONFIG.auxiliaryDisabled, 0)],
      [COMMANDS.enableAuxiliary, () => this.#configure(0, CONFIG.auxiliaryDisabled)],
      [COMMANDS.testAuxiliary, () => this.#answer(INTERFACE_WORKS)],
      [COMMANDS.selfTest, () => this.#selfTest()],
      [COMMANDS.testKeyboard, () => this.#answer(INTERFACE_WORKS)],
      [COMMANDS.disableKeyboard, () => this.#configure(CONFIG.keyboardDisabled, 0)],
      [COMMANDS.enableKeyboard, () => this.#configure(0, CONFIG.keyboardDisabled)],
      [COMMANDS.readInputPort, () => this.#answer(INPUT_PORT)],
      [COMMANDS.readOutputPort, () => this.#answer(view.outputPort | (view.status & STATUS.outputFull ? 0x10 : 0))],
    ]);
  }

  /** As a BIOS leaves it: tested, both interfaces disabled. */
  reset(): void {
    const view = this.#view;
    for (let i = 0; i <= RAM_INDEX; i++) view.ram.set(i, 0);
    view.ram.set(0, CONFIG.system | CONFIG.keyboardDisabled | CONFIG.auxiliaryDisabled);
    view.status = STATUS.system | STATUS.unlocked;
    view.output = 0;
    view.outputPort = OUTPUT_PORT.idle;
    view.command = 0;
  }

  #command(command: number): void {
    const view = this.#view;
    view.status |= STATUS.command;
    view.command = 0;
    if (command >= PULSE) this.#pulse(command);
    else if (this.#parameters.has(command) || (command & ~RAM_INDEX) === COMMANDS.writeRam) view.command = command;
    else if ((command & ~RAM_INDEX) === COMMANDS.readRam) this.#answer(view.ram.get(command & RAM_INDEX));
    // The controller's program skips commands that it does not have.
    else this.#commands.get(command)?.();
  }

  #data(value: number): void {
    const view = this.#view;
    const { command } = view;
    view.status &= ~STATUS.command;
    view.command = 0;
    if (command === 0) this.#noAnswer(0);
    else if ((command & ~RAM_INDEX) === COMMANDS.writeRam) this.#setRam(command & RAM_INDEX, value);
    else this.#parameters.get(command)?.(value);
  }

  #setRam(index: number, value: number): void {
    this.#view.ram.set(index, value);
    this.#updateLine();
  }

  #configure(set: number, clear: number): void {
    this.#setRam(0, (this.#view.ram.get(0) | set) & ~clear);
  }

  #selfTest(): void {
    this.#view.status |= STATUS.system;
    this.#answer(SELF_TEST_PASSED);
  }

  /** No device is plugged in: the controller gives up waiting for its acknowledgement. */
  #noAnswer(auxiliary: number): void {
    this.#answer(0xfe, STATUS.timeout | auxiliary);
  }

  #answer(value: number, status = 0): void {
    const view = this.#view;
    view.output = value;
    view.status = (view.status & ~(STATUS.auxiliary | STATUS.timeout)) | STATUS.outputFull | status;
    this.#updateLine();
  }

  #readData(): number {
    this.#view.status &= ~(STATUS.outputFull | STATUS.auxiliary | STATUS.timeout);
    this.#updateLine();
    return this.#view.output;
  }

  #updateLine(): void {
    const full = (this.#view.status & (STATUS.outputFull | STATUS.auxiliary)) === STATUS.outputFull;
    this.#line(full && (this.#view.ram.get(0) & CONFIG.keyboardInterrupt) !== 0);
  }

  /** Bits 3:0 that are 0 name lines of the output port that go low for 6 us. */
  #pulse(command: number): void {
    if (!(command & OUTPUT_PORT.notReset)) this.#events.reset();
    // A20 would be off for less time than an instruction takes to notice.
  }

  /** @throws UnimplementedError when it masks A20 */
  #setOutputPort(value: number): void {
    if (!(value & OUTPUT_PORT.notReset)) {
      this.#events.reset();
      return;
    }
    if (!(value & OUTPUT_PORT.a20)) throw new UnimplementedError('A20 masked by the keyboard controller');
    this.#view.outputPort = value;
  }
}
