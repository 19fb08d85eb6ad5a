import type { ConsoleRing } from './console-ring.ts';

/**
 * Passes on what the guest transmits, from the thread that talks to the host, until it is told to stop. A sink that
 * throws gets nothing more: the guest goes on, and what it transmits is dropped.
 */
export class OutputPump {
  readonly #ring: ConsoleRing;
  readonly #sink: (bytes: Uint8Array) => void;
  #open = true;
  #failure: { readonly error: unknown } | null = null;
  /** Settles after stop(): rejects with what the sink threw. */
  readonly ended: Promise<void>;

  constructor(ring: ConsoleRing, sink: (bytes: Uint8Array) => void) {
    this.#ring = ring;
    this.#sink = sink;
    this.ended = this.#run();
  }

  async #run(): Promise<void> {
    while (this.#open) {
      this.drain();
      await this.#ring.bytesArrived();
    }
    this.drain();
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Passes on all that is there now. */
  drain(): void {
    for (let chunk = this.#ring.takeChunk(); chunk.length > 0; chunk = this.#ring.takeChunk()) this.#pass(chunk);
  }

  #pass(chunk: Uint8Array): void {
    if (this.#failure !== null) return;
    try {
      this.#sink(chunk);
    } catch (error) {
      this.#failure = { error };
    }
  }

  /** Passes on what is left and ends. @throws what the sink threw */
  async stop(): Promise<void> {
    this.#open = false;
    this.#ring.wake();
    await this.ended;
  }
}

/** What the host types, fed to the guest as fast as it reads. */
export class InputFeed {
  readonly #ring: ConsoleRing;
  readonly #receive: (bytes: Uint8Array) => number;
  readonly #queue: Uint8Array[] = [];
  #feeding: Promise<void> = Promise.resolve();

  /** @param receive Uart16550.receive of the thread that feeds @param ring the one that it fills */
  constructor(ring: ConsoleRing, receive: (bytes: Uint8Array) => number) {
    this.#ring = ring;
    this.#receive = receive;
  }

  /** Queues bytes. Resolves when the ring has them all. */
  push(bytes: Uint8Array): Promise<void> {
    this.#queue.push(bytes);
    this.#feeding = this.#feeding.then(() => this.#feed());
    return this.#feeding;
  }

  async #feed(): Promise<void> {
    let bytes = this.#queue.shift();
    while (bytes !== undefined && bytes.length > 0) {
      bytes = bytes.subarray(this.#receive(bytes));
      if (bytes.length > 0) await this.#ring.roomMade();
    }
  }
}
