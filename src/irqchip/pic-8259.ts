import type { StateMemory } from '../state/struct.ts';
import { MASTER_PIC_ADDRESS, PicView, SLAVE_PIC_ADDRESS } from './layout.ts';
import type { ByteDevice } from './ranges.ts';

/** Datasheet 8259A, figure 7. */
const ICW1 = { icw4: 1, single: 2, init: 0x10 } as const;
const ICW4 = { autoEoi: 2, fullyNested: 0x10 } as const;
/** Figure 8. OCW3 is told from OCW2 by bit 3. */
const OCW3 = { select: 8, readIsr: 1, readRegister: 2, poll: 4, specialMask: 0x20, setSpecialMask: 0x40 } as const;
const POLL_PENDING = 0x80;
const CASCADE = 2;
const SPURIOUS = 7;
/** Inputs that the edge/level control registers can make level triggered: not 0, 1, 2, 8 and 13. */
const ELCR_MASKS = [0xf8, 0xde] as const;

/** One 8259A. */
export class Pic8259 {
  readonly view: PicView;
  readonly #elcrMask: number;
  /** Inputs that have a slave. */
  readonly #cascaded: number;

  constructor(view: PicView, elcrMask: number, cascaded: number) {
    this.view = view;
    this.#elcrMask = elcrMask;
    this.#cascaded = cascaded;
  }

  /** The input of highest priority that is requested and not masked, above all in service; or -1. */
  pending(): number {
    const { view } = this;
    const requested = view.irr & ~view.imr;
    if (requested === 0) return -1;
    const input = this.#first(requested);
    return this.#rank(input) < this.#serviceRank() ? input : -1;
  }

  /** How far an input is from the highest priority. */
  #rank(input: number): number {
    return (input - this.view.top) & 7;
  }

  #first(bits: number): number {
    let rank = 0;
    while (!(bits & (1 << ((this.view.top + rank) & 7)))) rank++;
    return (this.view.top + rank) & 7;
  }

  /** The rank that requests must beat. */
  #serviceRank(): number {
    const { view } = this;
    let inService = view.isr;
    if (view.specialMask) inService &= ~view.imr; // "Special Mask Mode"
    if (view.icw4 & ICW4.fullyNested) inService &= ~this.#cascaded; // "Special Fully Nested Mode"
    return inService === 0 ? 8 : this.#rank(this.#first(inService));
  }

  /** An input's level. Requests of edge-triggered inputs stay when the level falls: no INTA cycle comes too late. */
  setLine(input: number, high: boolean): void {
    const { view } = this;
    const bit = 1 << input;
    const rises = high && !(view.lines & bit);
    view.lines = high ? view.lines | bit : view.lines & ~bit;
    if (view.elcr & bit) view.irr = high ? view.irr | bit : view.irr & ~bit;
    else if (rises) view.irr |= bit;
  }

  /** INTA: the input goes into service. */
  acknowledge(input: number): void {
    const { view } = this;
    const bit = 1 << input;
    if (!(view.elcr & bit)) view.irr &= ~bit;
    if (!(view.icw4 & ICW4.autoEoi)) view.isr |= bit;
    else if (view.rotateOnAutoEoi) view.top = (input + 1) & 7;
  }

  read(port: number): number {
    const { view } = this;
    if (view.poll) return this.#poll();
    if (port & 1) return view.imr;
    return view.readIsr ? view.isr : view.irr;
  }

  /** "Poll Command": the read is the INTA. */
  #poll(): number {
    this.view.poll = 0;
    const input = this.pending();
    if (input < 0) return SPURIOUS;
    this.acknowledge(input);
    return POLL_PENDING | input;
  }

  write(port: number, value: number): void {
    if (port & 1) this.#writeOdd(value);
    else if (value & ICW1.init) this.#initialise(value);
    else if (value & OCW3.select) this.#ocw3(value);
    else this.#ocw2(value);
  }

  #initialise(icw1: number): void {
    const { view } = this;
    view.icw1 = icw1 & (ICW1.icw4 | ICW1.single);
    view.icw4 = 0;
    view.irr &= view.elcr;
    view.imr = 0;
    view.isr = 0;
    view.top = 0;
    view.readIsr = 0;
    view.poll = 0;
    view.specialMask = 0;
    view.rotateOnAutoEoi = 0;
    view.expectedIcw = 2;
  }

  /** ICW2 to ICW4 in their order, else OCW1. ICW3 says how the board is wired, which it is anyway. */
  #writeOdd(value: number): void {
    const { view } = this;
    const icw = view.expectedIcw;
    const hasIcw4 = (view.icw1 & ICW1.icw4) !== 0;
    if (icw === 0) view.imr = value;
    else if (icw === 2) {
      view.vectorBase = value & 0xf8;
      view.expectedIcw = view.icw1 & ICW1.single ? (hasIcw4 ? 4 : 0) : 3;
    } else if (icw === 3) view.expectedIcw = hasIcw4 ? 4 : 0;
    else {
      view.icw4 = value & (ICW4.autoEoi | ICW4.fullyNested);
      view.expectedIcw = 0;
    }
  }

  #ocw3(value: number): void {
    const { view } = this;
    if (value & OCW3.poll) view.poll = 1;
    if (value & OCW3.readRegister) view.readIsr = value & OCW3.readIsr;
    if (value & OCW3.setSpecialMask) view.specialMask = value & OCW3.specialMask ? 1 : 0;
  }

  /** R, SL, EOI in bits 7:5. */
  #ocw2(value: number): void {
    const { view } = this;
    const input = value & 7;
    const commands: readonly (() => void)[] = [
      () => this.#setRotateOnAutoEoi(0),
      () => this.#endOfInterrupt(this.#inService(), false),
      () => {}, // No operation.
      () => this.#endOfInterrupt(input, false),
      () => this.#setRotateOnAutoEoi(1),
      () => this.#endOfInterrupt(this.#inService(), true),
      () => {
        view.top = (input + 1) & 7;
      },
      () => this.#endOfInterrupt(input, true),
    ];
    commands[value >>> 5]!();
  }

  #setRotateOnAutoEoi(on: number): void {
    this.view.rotateOnAutoEoi = on;
  }

  #inService(): number {
    return this.view.isr === 0 ? -1 : this.#first(this.view.isr);
  }

  #endOfInterrupt(input: number, rotate: boolean): void {
    if (input < 0) return;
    this.view.isr &= ~(1 << input);
    if (rotate) this.view.top = (input + 1) & 7;
  }

  get elcr(): number {
    return this.view.elcr;
  }

  /** Requests follow from the levels anew. */
  set elcr(value: number) {
    const { view } = this;
    view.elcr = value & this.#elcrMask;
    view.irr = (view.irr & ~view.elcr) | (view.lines & view.elcr);
  }
}

/** The cascaded pair of a PC, 15 inputs: ports 20h-21h, A0h-A1h, 4D0h-4D1h. Its user holds the device lock. */
export class Pic8259Pair implements ByteDevice {
  readonly #master: Pic8259;
  readonly #slave: Pic8259;
  readonly #intr: (high: boolean) => void;

  /** @param intr told whenever INTR is high anew, and when it falls */
  constructor(memory: StateMemory, intr: (high: boolean) => void) {
    this.#master = new Pic8259(new PicView(memory, MASTER_PIC_ADDRESS), ELCR_MASKS[0], 1 << CASCADE);
    this.#slave = new Pic8259(new PicView(memory, SLAVE_PIC_ADDRESS), ELCR_MASKS[1], 0);
    this.#intr = intr;
  }

  reset(): void {
    for (const { view } of [this.#master, this.#slave]) {
      view.memory.u8.fill(0, view.address, view.address + 16);
    }
  }

  /** The level of INTR; may be read without the lock. */
  get output(): boolean {
    return this.#master.view.output !== 0;
  }

  /** An ISA interrupt line, 0 to 15 but not 2. */
  setLine(line: number, high: boolean): void {
    if (line < 8) this.#master.setLine(line, high);
    else this.#slave.setLine(line - 8, high);
    this.#update();
  }

  /** The slave's output is the master's input 2; the master's is INTR. */
  #update(): void {
    const slave = this.#slave.pending() >= 0;
    const { view } = this.#master;
    this.#slave.view.output = slave ? 1 : 0;
    // As a level: the slave's output falls during every INTA sequence, so that each of its requests is an edge anew.
    view.irr = slave ? view.irr | (1 << CASCADE) : view.irr & ~(1 << CASCADE);
    this.#setOutput(this.#master.pending() >= 0);
  }

  #setOutput(high: boolean): void {
    const { view } = this.#master;
    if (view.output === (high ? 1 : 0)) return;
    view.output = high ? 1 : 0;
    this.#intr(high);
  }

  /** The INTA sequence: the vector, of input 7 when no request is there any more ("spurious"). */
  readInterrupt(): number {
    const input = this.#master.pending();
    const vector = input === CASCADE ? this.#acknowledgeSlave() : this.#vector(this.#master, input);
    if (input >= 0) this.#master.acknowledge(input);
    this.#setOutput(false); // So that a further request is a new edge.
    this.#update();
    return vector;
  }

  #acknowledgeSlave(): number {
    const input = this.#slave.pending();
    if (input >= 0) this.#slave.acknowledge(input);
    return this.#vector(this.#slave, input);
  }

  #vector(pic: Pic8259, input: number): number {
    return pic.view.vectorBase | (input < 0 ? SPURIOUS : input);
  }

  #pic(port: number): Pic8259 {
    return port & 0x80 ? this.#slave : this.#master;
  }

  readByte(port: number): number {
    if (port >= ELCR_PORT) return this.#elcrOf(port).elcr;
    const value = this.#pic(port).read(port);
    this.#update(); // A poll is an acknowledgement.
    return value;
  }

  writeByte(port: number, value: number): void {
    if (port >= ELCR_PORT) this.#elcrOf(port).elcr = value;
    else this.#pic(port).write(port, value);
    this.#update();
  }

  #elcrOf(port: number): Pic8259 {
    return port & 1 ? this.#slave : this.#master;
  }
}

const ELCR_PORT = 0x4d0;
