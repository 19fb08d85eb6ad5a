// The interrupt controllers and timers as RESET leaves them, and as a PC's firmware hands them to a boot loader.
import type { StateMap } from '../state/map.ts';
import type { Irqchip } from './irqchip.ts';
import { LAPIC_REGISTER, SVR_ENABLE } from './lapic-registers.ts';
import { resetLapic } from './lapic-reset.ts';

export interface PowerOnOptions {
  /** The time of day, in seconds since 1970. */
  readonly epochSeconds: number;
  /** CMOS RAM by register: see cmosRam. */
  readonly cmos: ReadonlyMap<number, number>;
}

/**
 * RESET of all interrupt controllers and timers. No vCPU may be running.
 * @param irqchip any thread's instance: the state is one
 */
export function powerOnIrqchip(irqchip: Irqchip, options: PowerOnOptions): void {
  for (const lapic of irqchip.bus.lapics) {
    // Before the reset, which keeps it: vCPU n has APIC ID n.
    lapic.write(LAPIC_REGISTER.id, lapic.vcpu << 24);
    resetLapic(lapic, lapic.vcpu);
    Atomics.store(lapic.view.memory.i32, lapic.word('nmis'), 0);
  }
  irqchip.ioApic.reset();
  irqchip.pics.reset();
  irqchip.lines.reset();
  irqchip.hpet.reset();
  irqchip.pm.reset();
  irqchip.rtc.reset(options.epochSeconds, options.cmos);
  irqchip.pit?.reset();
  irqchip.publishDeadline();
}

/** Ports and bytes: ICW1 to ICW4 with IRQ 0-7 at vectors 08h and IRQ 8-15 at 70h, then masks. */
const PIC_PROGRAM = [
  [0x20, 0x11],
  [0xa0, 0x11],
  [0x21, 0x08],
  [0xa1, 0x70],
  [0x21, 0x04],
  [0xa1, 0x02],
  [0x21, 0x01],
  [0xa1, 0x01],
  [0x21, 0xb8], // Open: timer, keyboard, cascade, floppy disk.
  [0xa1, 0x8e], // Open: RTC, mouse, coprocessor, first disk.
] as const;
/** Counter 0 in mode 2 with the largest count: 18.2 Hz. */
const PIT_PROGRAM = [
  [0x43, 0x34],
  [0x40, 0x00],
  [0x40, 0x00],
] as const;

/** LINT0 takes the 8259 pair's interrupts, LINT1 is the NMI: MP 1.4 3.6.2.2, "Virtual Wire Mode". */
const LINT0_EXTINT = 0x8700;
const LINT1_NMI = 0x0400;

/** What a PC BIOS leaves for images that are started without one. Call after all local APICs were reset. */
export function leaveAsFirmware(irqchip: Irqchip): void {
  // The 8254 first: its output rises when it is programmed, an edge that the initialization of the 8259 forgets.
  for (const [port, value] of PIT_PROGRAM) irqchip.pit?.writeByte(port, value);
  for (const [port, value] of PIC_PROGRAM) irqchip.pics.writeByte(port, value);
  irqchip.publishDeadline();
  const [bsp] = irqchip.bus.lapics;
  bsp!.write(LAPIC_REGISTER.svr, SVR_ENABLE | 0xff);
  bsp!.write(LAPIC_REGISTER.lvtLint0, LINT0_EXTINT);
  bsp!.write(LAPIC_REGISTER.lvtLint1, LINT1_NMI);
}

const KIB = 1024;
const MIB = 1024 * KIB;
const BASE_KIB = 640;

/**
 * CMOS RAM as PC firmware reads the sizes of memory from it: KiB below 640 KiB and above 1 MiB, 64 KiB units above
 * 16 MiB; and the number of processors less one.
 */
export function cmosRam(map: StateMap): ReadonlyMap<number, number> {
  const bytes = map.ramPages * 4 * KIB;
  const extended = Math.min(0xffff, Math.max(0, bytes - MIB) / KIB);
  const above16 = Math.min(0xffff, Math.floor(Math.max(0, bytes - 16 * MIB) / (64 * KIB)));
  const words: readonly (readonly [number, number])[] = [
    [0x15, BASE_KIB],
    [0x17, extended],
    [0x30, extended],
    [0x34, above16],
  ];
  const cmos = new Map<number, number>([[0x5f, map.vcpus - 1]]);
  for (const [register, value] of words) {
    cmos.set(register, value & 0xff);
    cmos.set(register + 1, value >>> 8);
  }
  return cmos;
}
