// Where the interrupt controllers and timers lie in the `state` memory, and who may write which word.
//
// "own": only the thread that hosts the vCPU writes; others read, atomically. "any": any thread, by atomics.
// "device lock": whoever holds CONTROL.deviceLock.
import { DEVICES_ADDRESS, VCPU_AREA } from '../state/map.ts';
import { struct, viewClass } from '../state/struct.ts';

/** A vCPU's local APIC, at VCPU_AREA.lapic. */
export const LAPIC = struct({
  /**
   * The register page, SDM 3A 10.4.1, table 10-1, register N at byte N: the first 0x400 bytes are what struct
   * kvm_lapic_state holds. IRR and TMR: any. Remote IRR of LVT LINT0 and the mask of LVT performance: any. Rest: own.
   */
  registers: ['u32', 0x100],
  /** Machine ns at which the one-shot or periodic timer reaches 0, or NEVER. Own. */
  timerExpiry: 'u64',
  /** IA32_TSC_DEADLINE, 0 when disarmed. Own. */
  tscDeadline: 'u64',
  /** NMIs sent and not yet taken. Any adds; own exchanges with 0. */
  nmis: 'i32',
  /** Errors that the next write of ESR will show: SDM 3A 10.5.3. Any ORs; own exchanges with 0. */
  errors: 'i32',
  /** 1: the I/O APIC delivered an ExtINT, for which the 8259 pair has the vector. Any stores 1; own stores 0. */
  extInt: 'i32',
});

if (LAPIC.size > VCPU_AREA.vmcs12 - VCPU_AREA.lapic) throw new RangeError('a local APIC outgrew its page');

/** Interrupt lines of the board: bit s of word n is set while source s asserts line n. Device lock. */
export const LINES = struct({ sources: ['u32', 24] });

/** One 8259. Device lock; `output` is also read without it. */
export const PIC = struct({
  irr: 'u8',
  imr: 'u8',
  isr: 'u8',
  /** Levels of the eight inputs. */
  lines: 'u8',
  /** Inputs that are level triggered: the edge/level control register. */
  elcr: 'u8',
  /** ICW2, bits 7:3. */
  vectorBase: 'u8',
  /** The input of highest priority. */
  top: 'u8',
  /** The initialization command word that comes next: 2, 3 or 4; 0 when ready for operation. */
  expectedIcw: 'u8',
  /** ICW1 bits 0 (ICW4 follows) and 1 (no slave). */
  icw1: 'u8',
  /** ICW4 bits 1 (automatic EOI) and 4 (special fully nested). */
  icw4: 'u8',
  readIsr: 'u8',
  poll: 'u8',
  specialMask: 'u8',
  rotateOnAutoEoi: 'u8',
  /** The level of INT. */
  output: 'u8',
});

export const IO_APIC = struct({
  id: 'u32',
  /** IOREGSEL. */
  select: 'u32',
  /** Levels of the pins. */
  levels: 'u32',
  /** Redirection table: low and high half of each entry. */
  redirection: ['u32', 48],
});

/** One counter of the 8254. Times are cycles of its 1.193182 MHz clock since power-on. Device lock. */
export const PIT_COUNTER = struct({
  /** The cycle at which counting from `reload` began. */
  start: 'u64',
  /** Cycles counted when the gate stopped the counter. */
  held: 'u64',
  /** Modes 2 and 3: when `next` takes over from `reload`. */
  switchAt: 'u64',
  /** 1 to 65536 (10000 in BCD). */
  reload: 'u32',
  /** A count written while another one runs, or 0. */
  next: 'u32',
  mode: 'u8',
  bcd: 'u8',
  /** RW1, RW0 of the control word: 1 low byte, 2 high byte, 3 both. */
  access: 'u8',
  gate: 'u8',
  /** 1 once the counter counts (loaded, and in modes 1 and 5 triggered). */
  counting: 'u8',
  loaded: 'u8',
  /** 1 between the two bytes of a count that is written; the first one is `low`. */
  halfWritten: 'u8',
  low: 'u8',
  halfRead: 'u8',
  /** Bytes of `latch` that wait to be read. */
  latchedBytes: 'u8',
  latch: 'u16',
  statusLatched: 'u8',
  status: 'u8',
});

export const PIT = struct({
  /** The cycle up to which counter 0 has told its edges. */
  seen: 'u64',
  /** Port 61h, bits 3:0. */
  port61: 'u8',
});
export const PIT_COUNTERS = { offset: 0x40, stride: 0x40, count: 3 } as const;

export const RTC = struct({
  /** Registers 0-13 and CMOS RAM. The time registers are current only while the clock is stopped. Device lock. */
  cmos: ['u8', 128],
  /** Seconds since 1970 (two's complement) at machine time -`phase`. */
  epoch: 'u64',
  /** The second and the 32.768 kHz cycle up to which flags were raised. */
  seenSecond: 'u64',
  seenTick: 'u64',
  /** Nanoseconds by which this clock's seconds begin before machine time's. */
  phase: 'u32',
  /** Port 70h: bits 6:0, and bit 7 apart. */
  index: 'u8',
  nmiDisabled: 'u8',
});

export const ACPI_PM = struct({
  /** The PM timer's cycle at which TMR_STS was last judged. Device lock. */
  seen: 'u64',
  status: 'u16',
  enable: 'u16',
  control: 'u16',
});

export const HPET = struct({
  /** Enabled: cycles of its clock at which the counter was 0, modulo 2^64. Halted: the counter. Device lock. */
  counter: 'u64',
  /** The counter's value up to which comparators were looked at. */
  seen: 'u64',
  comparators: ['u64', 3],
  periods: ['u64', 3],
  /** Low halves of the timers' configuration registers. */
  timerConfig: ['u32', 3],
  config: 'u32',
  status: 'u32',
});

export const LINES_ADDRESS = DEVICES_ADDRESS;
export const MASTER_PIC_ADDRESS = DEVICES_ADDRESS + 0x100;
export const SLAVE_PIC_ADDRESS = DEVICES_ADDRESS + 0x140;
export const IO_APIC_ADDRESS = DEVICES_ADDRESS + 0x200;
export const PIT_ADDRESS = DEVICES_ADDRESS + 0x400;
export const RTC_ADDRESS = DEVICES_ADDRESS + 0x600;
export const ACPI_PM_ADDRESS = DEVICES_ADDRESS + 0x800;
export const HPET_ADDRESS = DEVICES_ADDRESS + 0xa00;
/** The first byte behind the interrupt controllers and timers. */
export const IRQCHIP_END = DEVICES_ADDRESS + 0x4000;

export const LapicView = viewClass(LAPIC);
export const LinesView = viewClass(LINES);
export const PicView = viewClass(PIC);
export type PicView = InstanceType<typeof PicView>;
export const IoApicView = viewClass(IO_APIC);
export const PitCounterView = viewClass(PIT_COUNTER);
export type PitCounterView = InstanceType<typeof PitCounterView>;
export const PitView = viewClass(PIT);
export const RtcView = viewClass(RTC);
export type RtcView = InstanceType<typeof RtcView>;
export const AcpiPmView = viewClass(ACPI_PM);
export const HpetView = viewClass(HPET);
