import type { StateMemory } from '../state/struct.ts';
import { IO_APIC_PINS, type IoApic } from './io-apic.ts';
import { LINES_ADDRESS, LinesView } from './layout.ts';
import type { Pic8259Pair } from './pic-8259.ts';

/** Who asserts a line. Devices outside src/irqchip take 8 to 31: devices that share a line need different ones. */
export const LINE_SOURCE = { pit: 0, rtc: 1, hpet: 2, acpi: 3, device: 8 } as const;

const ISA_LINES = 16;
const PIT_LINE = 0;
/** I/O APIC pin 0 has the 8259 pair's output, and line 0 is on pin 2, where the cascade would be. */
const PIT_PIN = 2;

/** The board's interrupt lines. A line is high while any source asserts it. Its user holds the device lock. */
export class Lines {
  readonly #view: InstanceType<typeof LinesView>;
  readonly #pics: Pic8259Pair;
  readonly #ioApic: IoApic;

  constructor(memory: StateMemory, pics: Pic8259Pair, ioApic: IoApic) {
    this.#view = new LinesView(memory, LINES_ADDRESS);
    this.#pics = pics;
    this.#ioApic = ioApic;
  }

  reset(): void {
    for (let line = 0; line < IO_APIC_PINS; line++) this.#view.sources.set(line, 0);
  }

  /**
   * @param line 0-15: an ISA interrupt, at the 8259 pair and at the I/O APIC (0 at its pin 2); 16-23: an I/O APIC pin;
   *   2 stands for pin 2 alone
   * @param source 0-31, see LINE_SOURCE
   */
  set(line: number, high: boolean, source: number): void {
    const { sources } = this.#view;
    const bit = 1 << source;
    const before = sources.get(line);
    sources.set(line, (high ? before | bit : before & ~bit) >>> 0);
    const level = sources.get(line) !== 0;
    if (line < ISA_LINES && line !== PIT_PIN) this.#pics.setLine(line, level);
    if (line === PIT_LINE || line === PIT_PIN) this.#ioApic.setPin(PIT_PIN, this.#isHigh(PIT_LINE, PIT_PIN));
    else this.#ioApic.setPin(line, level);
  }

  #isHigh(...lines: readonly number[]): boolean {
    return lines.some((line) => this.#view.sources.get(line) !== 0);
  }
}
