import type { SerialBackend } from '../machine/config.ts';

/** The bytes that a terminal sends for Ctrl-A and Ctrl-C. */
const ctrlA = 0x01;
const ctrlC = 0x03;

/** A terminal or pipe, as far as a serial port needs it. */
export interface ByteStream {
  write(bytes: Uint8Array): void;
  /** Begins reading, a terminal byte by byte and without echo. */
  read(listener: (bytes: Uint8Array) => void): void;
  /** Whether input comes from a terminal, whose Ctrl-C then arrives as a byte. */
  readonly isTerminal: boolean;
}

/** What the user asks of the emulator, not of the guest, by a key. */
export interface ConsoleRequests {
  quit(): void;
  interrupt(): void;
}

const escapeHelp = '\r\nCtrl-A x  quit\r\nCtrl-A h  this text\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n';

/**
 * The serial port on standard input and output. With `escapes` the keys are those of QEMU's `mon:stdio`: Ctrl-A begins
 * a request and Ctrl-C is the guest's; without it Ctrl-C interrupts the emulator.
 */
export class StdioBackend implements SerialBackend {
  readonly #stream: ByteStream;
  readonly #escapes: boolean;
  readonly #requests: ConsoleRequests;
  /** Whether the last byte was Ctrl-A; input may be cut anywhere. */
  #escaped = false;

  constructor(stream: ByteStream, escapes: boolean, requests: ConsoleRequests) {
    this.#stream = stream;
    this.#escapes = escapes;
    this.#requests = requests;
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  onInput(listener: (bytes: Uint8Array) => void): void {
    this.#stream.read((bytes) => {
      const forGuest = bytes.filter((byte) => this.#isForGuest(byte));
      if (forGuest.length > 0) listener(forGuest);
    });
  }

  #isForGuest(byte: number): boolean {
    if (this.#escapes) return this.#isPastEscape(byte);
    if (byte !== ctrlC || !this.#stream.isTerminal) return true;
    this.#requests.interrupt();
    return false;
  }

  #isPastEscape(byte: number): boolean {
    if (!this.#escaped) {
      this.#escaped = byte === ctrlA;
      return !this.#escaped;
    }
    this.#escaped = false;
    if (byte === ctrlA) return true;
    if (byte === 'x'.charCodeAt(0)) this.#requests.quit();
    else this.#stream.write(new TextEncoder().encode(escapeHelp));
    return false;
  }
}

/** A port whose output goes to `sink`, and which never receives anything. */
export class OutputBackend implements SerialBackend {
  readonly #sink: (bytes: Uint8Array) => void;

  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): void {
    this.#sink(bytes);
  }

  /** Nothing ever arrives. */
  onInput(): void {}
}
