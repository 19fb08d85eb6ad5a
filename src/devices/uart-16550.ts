// The PC's first serial port, a National PC16550D. Register and bit names are the datasheet's ("8.0 Registers").
// Transmission takes no time and characters pass whole, whatever word length and divisor say; there are no breaks.
import { bytePorts } from '../irqchip/ranges.ts';
import type { PortRange } from '../mmu/bus.ts';
import type { StateMemory } from '../state/struct.ts';
import type { ConsoleRing } from './console-ring.ts';
import { UART_ADDRESS, UartView } from './layout.ts';
import type { DeviceLock, InterruptLine } from './wiring.ts';

const COM1 = 0x3f8;
export const COM1_LINE = 4;

const IER = { received: 1, transmitterEmpty: 2, lineStatus: 4, modemStatus: 8, all: 0x0f } as const;
const FCR = { enable: 1, clearReceiver: 2, triggerShift: 6, kept: 0xc9 } as const;
/** Interrupt identification codes, table IV: without FIFO bits. */
const IIR = { none: 1, lineStatus: 6, received: 4, timeout: 0xc, transmitterEmpty: 2, modemStatus: 0, fifos: 0xc0 };
const LCR_DIVISOR_ACCESS = 0x80;
const MCR = { dtr: 1, rts: 2, out1: 4, out2: 8, loop: 0x10, all: 0x1f } as const;
const LSR = { dataReady: 1, overrun: 2, transmitterEmpty: 0x60 } as const;
const MSR = { cts: 0x10, dsr: 0x20, ri: 0x40, dcd: 0x80, changes: 0x0f, lines: 0xf0 } as const;
/** The other end is there and ready. */
const CONNECTED = MSR.cts | MSR.dsr | MSR.dcd;
const TRIGGERS = [1, 4, 8, 14] as const;
const FIFO_BYTES = 16;
const REGISTERS = 8;
const TRANSMITTER = 0;
/** How often a vCPU that waits for room asks whether the machine has ended. */
const ROOM_POLL_MS = 20;

export interface UartParts {
  readonly memory: StateMemory;
  readonly lock: DeviceLock;
  readonly line: InterruptLine;
  readonly transmit: ConsoleRing;
  readonly receive: ConsoleRing;
  /** The machine has ended: a vCPU that waits for the host to take output gives up. */
  abandoned(): boolean;
}

/** COM1. Takes the device lock itself, because a vCPU that waits for the host must not hold it. */
export class Uart16550 {
  readonly ports: readonly PortRange[];
  readonly #parts: UartParts;
  readonly #view: UartView;
  readonly #readers: readonly (() => number)[];
  readonly #writers: readonly ((value: number) => void)[];

  constructor(parts: UartParts) {
    this.#parts = parts;
    const view = new UartView(parts.memory, UART_ADDRESS);
    this.#view = view;
    const device = {
      readByte: (port: number) => this.#readLocked(port - COM1),
      writeByte: (port: number, value: number) => this.#writeLocked(port - COM1, value),
    };
    this.ports = [bytePorts(COM1, COM1 + REGISTERS - 1, device)];
    this.#readers = [
      () => (this.#divisorAccess ? view.divisorLow : this.#readReceiver()),
      () => (this.#divisorAccess ? view.divisorHigh : view.interruptEnable),
      () => this.#readIdentification(),
      () => view.lineControl,
      () => view.modemControl,
      () => this.#readLineStatus(),
      () => this.#readModemStatus(),
      () => view.scratch,
    ];
    const nothing = () => undefined;
    this.#writers = [
      (value) => this.#writeTransmitter(value),
      (value) => this.#writeInterruptEnable(value),
      (value) => this.#writeFifoControl(value),
      (value) => this.#assign('lineControl', value),
      (value) => this.#writeModemControl(value),
      nothing, // LSR and MSR: "write operations are not recommended" (8.6.3)
      nothing,
      (value) => this.#assign('scratch', value),
    ];
  }

  /** Table I, "UART Reset Functions". */
  reset(): void {
    const view = this.#view;
    for (let i = 0; i < FIFO_BYTES; i++) view.fifo.set(i, 0);
    const zeros = ['interruptEnable', 'fifoControl', 'lineControl', 'modemControl', 'lineErrors', 'scratch'] as const;
    for (const field of zeros) view[field] = 0;
    Object.assign(view, { divisorLow: 0, divisorHigh: 0, transmitterEmpty: 0, output: 0, first: 0, count: 0 });
    view.modemStatus = CONNECTED;
    this.#parts.transmit.reset();
    this.#parts.receive.reset();
  }

  /**
   * Bytes from the host, on any one thread. Takes as many as there is room for and returns how many; the rest is to be
   * offered again when the receive ring has room.
   */
  receive(bytes: Uint8Array): number {
    return this.#parts.lock.run(() => {
      const count = this.#parts.receive.putAll(bytes);
      this.#refill();
      this.#updateLine();
      return count;
    });
  }

  get #divisorAccess(): boolean {
    return (this.#view.lineControl & LCR_DIVISOR_ACCESS) !== 0;
  }

  get #loops(): boolean {
    return (this.#view.modemControl & MCR.loop) !== 0;
  }

  get #hasFifos(): boolean {
    return (this.#view.fifoControl & FCR.enable) !== 0;
  }

  #assign(field: 'lineControl' | 'scratch' | 'divisorLow' | 'divisorHigh', value: number): void {
    this.#view[field] = value;
  }

  #readLocked(register: number): number {
    return this.#parts.lock.run(() => {
      const value = this.#readers[register]!();
      this.#updateLine();
      return value;
    });
  }

  #writeLocked(register: number, value: number): void {
    const { lock, transmit, abandoned } = this.#parts;
    while (!lock.run(() => this.#tryWrite(register, value)) && !abandoned()) transmit.waitForRoom(ROOM_POLL_MS);
  }

  /** Returns false, with nothing changed, if the byte must wait for the host to take others. */
  #tryWrite(register: number, value: number): boolean {
    const transmits = register === TRANSMITTER && !this.#divisorAccess && !this.#loops;
    if (transmits && !this.#parts.transmit.put(value)) return false;
    this.#writers[register]!(value);
    this.#updateLine();
    return true;
  }

  #writeTransmitter(value: number): void {
    if (this.#divisorAccess) {
      this.#assign('divisorLow', value);
      return;
    }
    // The interrupt falls with the write and rises when the byte is out, which an edge-triggered line must see.
    this.#view.transmitterEmpty = 0;
    this.#updateLine();
    if (this.#loops) this.#accept(value);
    this.#view.transmitterEmpty = 1;
  }

  /** Enabling the interrupt of a transmitter that is empty raises it: 8.6.4. */
  #writeInterruptEnable(value: number): void {
    if (this.#divisorAccess) {
      this.#assign('divisorHigh', value);
      return;
    }
    const view = this.#view;
    if (value & ~view.interruptEnable & IER.transmitterEmpty) view.transmitterEmpty = 1;
    view.interruptEnable = value & IER.all;
  }

  /** 8.4: changing bit 0 clears the FIFOs. The transmitter's is always empty. */
  #writeFifoControl(value: number): void {
    const view = this.#view;
    const changed = (value ^ view.fifoControl) & FCR.enable;
    view.fifoControl = value & FCR.enable ? value & FCR.kept : 0;
    if (changed || value & FCR.clearReceiver) view.count = 0;
    this.#refill();
  }

  #writeModemControl(value: number): void {
    const view = this.#view;
    view.modemControl = value & MCR.all;
    const lines = this.#loops ? loopedLines(value) : CONNECTED;
    const changed = (lines ^ view.modemStatus) & MSR.lines;
    // RI's bit tells of its trailing edge only: 8.8.
    const told = changed & (lines & MSR.ri ? ~MSR.ri : -1);
    view.modemStatus = lines | (view.modemStatus & MSR.changes) | (told >>> 4);
    this.#refill();
  }

  /** A byte arrives that cannot wait: in loopback. 8.6.3, bit 1: an overrun loses the new byte, or the old without FIFO. */
  #accept(byte: number): void {
    const view = this.#view;
    if (view.count >= this.#receiverBytes) {
      view.lineErrors |= LSR.overrun;
      if (!this.#hasFifos) view.fifo.set(view.first, byte);
      return;
    }
    this.#append(byte);
  }

  get #receiverBytes(): number {
    return this.#hasFifos ? FIFO_BYTES : 1;
  }

  #append(byte: number): void {
    const view = this.#view;
    view.fifo.set((view.first + view.count) % FIFO_BYTES, byte);
    view.count++;
  }

  /** The line brings what the receiver has room for: the host waits, so that nothing is lost. */
  #refill(): void {
    const { receive } = this.#parts;
    if (this.#loops) return;
    while (this.#view.count < this.#receiverBytes) {
      const byte = receive.take();
      if (byte < 0) return;
      this.#append(byte);
    }
  }

  #readReceiver(): number {
    const view = this.#view;
    const byte = view.fifo.get(view.first);
    if (view.count === 0) return byte;
    view.first = (view.first + 1) % FIFO_BYTES;
    view.count--;
    this.#refill();
    return byte;
  }

  #readLineStatus(): number {
    const view = this.#view;
    const value = LSR.transmitterEmpty | view.lineErrors | (view.count > 0 ? LSR.dataReady : 0);
    view.lineErrors = 0;
    return value;
  }

  #readModemStatus(): number {
    const value = this.#view.modemStatus;
    this.#view.modemStatus = value & MSR.lines;
    return value;
  }

  #readIdentification(): number {
    const code = this.#identification();
    if (code === IIR.transmitterEmpty) this.#view.transmitterEmpty = 0;
    return code | (this.#hasFifos ? IIR.fifos : 0);
  }

  /** Table IV, in order of priority. */
  #identification(): number {
    const view = this.#view;
    const enabled = view.interruptEnable;
    if (enabled & IER.lineStatus && view.lineErrors) return IIR.lineStatus;
    if (enabled & IER.received && view.count > 0) return this.#receiverCode();
    if (enabled & IER.transmitterEmpty && view.transmitterEmpty) return IIR.transmitterEmpty;
    if (enabled & IER.modemStatus && view.modemStatus & MSR.changes) return IIR.modemStatus;
    return IIR.none;
  }

  /** Fewer bytes than the trigger level are a character timeout, which here comes at once. */
  #receiverCode(): number {
    const trigger = TRIGGERS[this.#view.fifoControl >>> FCR.triggerShift]!;
    return this.#hasFifos && this.#view.count < trigger ? IIR.timeout : IIR.received;
  }

  /** On a PC, OUT2 connects INTR to the bus. */
  #updateLine(): void {
    const view = this.#view;
    const high = (view.modemControl & MCR.out2) !== 0 && this.#identification() !== IIR.none;
    if (high === (view.output !== 0)) return;
    view.output = high ? 1 : 0;
    this.#parts.line(high);
  }
}

/** 8.7, bit 4: the outputs feed the inputs. */
function loopedLines(modemControl: number): number {
  const pairs = [
    [MCR.rts, MSR.cts],
    [MCR.dtr, MSR.dsr],
    [MCR.out1, MSR.ri],
    [MCR.out2, MSR.dcd],
  ] as const;
  return pairs.reduce((lines, [output, input]) => (modemControl & output ? lines | input : lines), 0);
}
