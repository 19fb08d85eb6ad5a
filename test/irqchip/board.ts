// A machine of interrupt controllers and timers only: one Irqchip a vCPU, as threads would have them, and a clock that
// the test moves.
import { Irqchip } from '../../src/irqchip/irqchip.ts';
import { cmosRam, powerOnIrqchip } from '../../src/irqchip/power-on.ts';
import type { BusRange } from '../../src/irqchip/ranges.ts';
import type { AccessSize } from '../../src/mmu/bus.ts';
import { ContextView, REQUEST } from '../../src/state/context.ts';
import { ControlView, stateMap } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';

export const MIB = 1024 * 1024;
/** 2020-02-29 23:59:58 UTC, a Saturday. */
export const LEAP_EVENING = 1_583_020_798;

export class FakeClock {
  time = 0;
  now = (): number => this.time;
  /** A TSC of 2 GHz. */
  tsc = (): bigint => BigInt(Math.floor(this.time * 2));
}

const without = (missing: readonly string[]): CpuFeatures => ({
  model: 'intel',
  has: (name) => !missing.includes(name),
  word: () => 0,
  physicalBits: 40,
  linearBits: 48,
  topology: { sockets: 1, dies: 1, cores: 1, threads: 1 },
});

export interface BoardOptions {
  readonly vcpus?: number;
  readonly without?: readonly string[];
  readonly pit?: boolean;
  readonly epochSeconds?: number;
}

export class Board {
  readonly clock = new FakeClock();
  readonly memory: StateMemory;
  readonly chips: readonly Irqchip[];
  readonly contexts: readonly ContextView[];
  readonly control: ControlView;
  powerOffs = 0;

  constructor(options: BoardOptions = {}) {
    const map = stateMap(options.vcpus ?? 1, MIB * 64);
    this.memory = new StateMemory(new SharedArrayBuffer(map.wasmPages * 65536));
    this.control = new ControlView(this.memory, 0);
    this.control.tscKhz = 2_000_000;
    this.contexts = Array.from({ length: map.vcpus }, (_, vcpu) => new ContextView(this.memory, map.vcpu(vcpu)));
    this.contexts.forEach((context, vcpu) => {
      context.apicBase = vcpu === 0 ? 0xfee0_0900n : 0xfee0_0800n;
      context.apicId = vcpu;
    });
    const { memory, clock } = this;
    const features = without(options.without ?? []);
    const powerOff = () => {
      this.powerOffs++;
    };
    this.chips = this.contexts.map(
      (_, vcpu) => new Irqchip({ memory, map, vcpu, clock, features, pit: options.pit ?? true, powerOff }),
    );
    powerOnIrqchip(this.chip, { epochSeconds: options.epochSeconds ?? LEAP_EVENING, cmos: cmosRam(map) });
  }

  get chip(): Irqchip {
    return this.chips[0]!;
  }

  /** OUT, by the first vCPU. */
  out(port: number, ...values: readonly number[]): void {
    for (const value of values) find(this.chip.ports, port).write(port, 1, value);
  }

  in(port: number, size: AccessSize = 1): number {
    return find(this.chip.ports, port).read(port, size);
  }

  outSized(port: number, size: AccessSize, value: number): void {
    find(this.chip.ports, port).write(port, size, value);
  }

  load(address: number, vcpu = 0): number {
    return find(this.chips[vcpu]!.mmio, address).read(address, 4);
  }

  store(address: number, value: number, vcpu = 0): void {
    find(this.chips[vcpu]!.mmio, address).write(address, 4, value);
  }

  /** Enables the local APIC of every vCPU by its SVR. */
  enableLapics(): this {
    this.chips.forEach((_, vcpu) => {
      this.store(0xfee0_00f0, 0x1ff, vcpu);
    });
    this.clearRequests();
    return this;
  }

  /** Puts every local APIC into x2APIC mode, software-enabled. */
  enableX2apic(): this {
    this.chips.forEach(({ lapic }, vcpu) => {
      lapic.setApicBase(this.contexts[vcpu]!.apicBase | 0xc00n);
      lapic.writeMsr(0x80f, 0x1ffn);
    });
    this.clearRequests();
    return this;
  }

  /** Moves time forward, serving every deadline on the way when it comes, as vCPU 0's run loop would. */
  advance(nanoseconds: number): void {
    const end = this.clock.time + nanoseconds;
    for (;;) {
      const deadline = this.chip.deadline();
      if (deadline > end) break;
      this.clock.time = Math.max(this.clock.time, deadline);
      this.chip.service(this.clock.time);
      if (this.chip.deadline() <= this.clock.time) throw new RangeError('a deadline outlived its service');
    }
    this.clock.time = end;
  }

  /** The requests posted to a vCPU, by name. */
  requests(vcpu = 0): readonly string[] {
    const { requests } = this.contexts[vcpu]!;
    return Object.entries(REQUEST)
      .filter(([, bit]) => requests & bit)
      .map(([name]) => name);
  }

  clearRequests(): void {
    for (const context of this.contexts) {
      context.requests = 0;
      context.kick = 0;
    }
  }

  /** Acknowledges the next interrupt of a vCPU, or -1. */
  take(vcpu = 0): number {
    const chip = this.chips[vcpu]!;
    return chip.pending() ? chip.acknowledge() : -1;
  }
}

/** What a bus does: the range that has the address. */
function find(ranges: readonly BusRange[], address: number): BusRange {
  const range = ranges.find(({ first, last }) => address >= first && address <= last);
  if (!range) throw new RangeError(`nobody answers 0x${address.toString(16)}`);
  return range;
}
