// A board on the bench: all devices over a `state` memory of their own, with probes where the machine would be.
import { Board, type BoardConfig } from '../../src/devices/board.ts';
import { MovablePorts } from '../../src/devices/movable-ports.ts';
import { type AccessSize, MmioMap, type PortBus, PortMap } from '../../src/mmu/bus.ts';
import { CONTROL, stateMap, WASM_PAGE } from '../../src/state/map.ts';
import { Mutex } from '../../src/state/mutex.ts';
import { StateMemory } from '../../src/state/struct.ts';

export const RAM_BYTES = 0x80_0000;
export const VCPUS = 3;

export const newState = (): StateMemory =>
  new StateMemory(new SharedArrayBuffer(stateMap(VCPUS, RAM_BYTES).wasmPages * WASM_PAGE));

export const EVERYTHING: BoardConfig = {
  serial: true,
  debugExit: { iobase: 0xf4, iosize: 4 },
  testDevices: { pcTestdev: true, pciTestdev: true },
};

export class Bench {
  readonly memory: StateMemory;
  readonly board: Board;
  readonly ports: PortBus;
  readonly mmio: MmioMap;
  readonly lock: Mutex;
  /** What devices asked of the machine, in order. */
  readonly events: string[] = [];
  /** Edges of interrupt lines, in order: '+4' when line 4 rises. */
  readonly edges: string[] = [];
  readonly #levels = new Map<number, boolean>();
  ended = false;

  /** @param memory of a bench that has power, for a second thread's objects */
  constructor(config: BoardConfig = EVERYTHING, memory?: StateMemory) {
    this.memory = memory ?? newState();
    this.lock = new Mutex(this.memory, CONTROL.offset.deviceLock);
    this.board = new Board({
      memory: this.memory,
      config,
      lock: this.lock,
      facts: { vcpus: VCPUS, ramBytes: RAM_BYTES },
      events: {
        debugExit: (value) => this.events.push(`exit ${value}`),
        powerOff: () => this.events.push('power off'),
        reset: () => this.events.push('reset'),
      },
      setLine: (line, high) => this.#setLine(line, high),
      abandoned: () => this.ended,
    });
    if (memory === undefined) this.board.reset();
    this.ports = new MovablePorts(new PortMap(this.board.ports), this.board.movablePorts);
    this.mmio = new MmioMap(this.board.mmio);
  }

  #setLine(line: number, high: boolean): void {
    if ((this.#levels.get(line) ?? false) !== high) this.edges.push(`${high ? '+' : '-'}${line}`);
    this.#levels.set(line, high);
  }

  in(port: number, size: AccessSize = 1): number {
    return this.ports.readPort(port, size);
  }

  out(port: number, value: number, size: AccessSize = 1): void {
    this.ports.writePort(port, size, value);
  }

  /** The edges since the last call. */
  takeEdges(): string {
    return this.edges.splice(0).join(' ');
  }

  /** What the guest transmitted since the last call. */
  transmitted(): string {
    return Buffer.from(this.board.transmit.takeChunk()).toString('latin1');
  }

  type(text: string): number {
    return this.board.uart!.receive(Buffer.from(text, 'latin1'));
  }
}
