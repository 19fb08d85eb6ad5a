// The local APIC's registers: SDM 3A 10.4.1 table 10-1 (memory-mapped) and 10.12.1.2 table 10-6 (x2APIC MSRs).

/** Offsets in the register page. In x2APIC mode the register at offset N is MSR 0x800 + N / 16. */
export const LAPIC_REGISTER = {
  id: 0x020,
  version: 0x030,
  tpr: 0x080,
  apr: 0x090,
  ppr: 0x0a0,
  eoi: 0x0b0,
  rrd: 0x0c0,
  ldr: 0x0d0,
  dfr: 0x0e0,
  svr: 0x0f0,
  isr: 0x100,
  tmr: 0x180,
  irr: 0x200,
  esr: 0x280,
  icrLow: 0x300,
  icrHigh: 0x310,
  lvtTimer: 0x320,
  lvtThermal: 0x330,
  lvtPerformance: 0x340,
  lvtLint0: 0x350,
  lvtLint1: 0x360,
  lvtError: 0x370,
  initialCount: 0x380,
  currentCount: 0x390,
  divideConfiguration: 0x3e0,
  selfIpi: 0x3f0,
} as const;

/** The six entries of the local vector table. */
export const LVT_REGISTERS = [
  LAPIC_REGISTER.lvtTimer,
  LAPIC_REGISTER.lvtThermal,
  LAPIC_REGISTER.lvtPerformance,
  LAPIC_REGISTER.lvtLint0,
  LAPIC_REGISTER.lvtLint1,
  LAPIC_REGISTER.lvtError,
] as const;

/** Version 14H, highest LVT entry 5, no suppression of EOI broadcasts: SDM 3A 10.4.8. */
export const LAPIC_VERSION = 0x0005_0014;

/** SDM 3A 10.5.1, figure 10-8. */
export const LVT = {
  vector: 0xff,
  remoteIrr: 1 << 14,
  level: 1 << 15,
  masked: 1 << 16,
  timerMode: 3 << 17,
} as const;

/** LVT timer bits 18:17. */
export const TIMER_MODE = { oneShot: 0, periodic: 1, tscDeadline: 2 } as const;

/** Delivery modes of the ICR, of LVT entries and of redirection entries: SDM 3A 10.6.1. */
export const DELIVERY = { fixed: 0, lowest: 1, smi: 2, nmi: 4, init: 5, startup: 6, extInt: 7 } as const;

/** SDM 3A 10.9, figure 10-23: APIC software enable. */
export const SVR_ENABLE = 1 << 8;

/** SDM 3A 10.5.3, figure 10-9. */
export const ESR = { sendIllegalVector: 1 << 5, receiveIllegalVector: 1 << 6, illegalRegister: 1 << 7 } as const;

/** IA32_APIC_BASE bits: SDM 3A 10.4.4 and 10.12.1. */
export const APIC_BASE = { bsp: 1 << 8, extended: 1 << 10, enable: 1 << 11 } as const;

/** Modes of a local APIC as bits, so that a register's rule can name a set of them. */
export const APIC_MODE = { disabled: 0, xapic: 1, x2apic: 2 } as const;

/** Vectors below this one are not valid for interrupts: SDM 3A 10.5.2. */
export const FIRST_VECTOR = 16;

/** How a register may be used. */
export interface RegisterRule {
  /** APIC_MODE bits of the modes in which it can be read. */
  readonly read: number;
  readonly write: number;
  /** Bits that a write changes. Others are reserved: ignored in xAPIC mode, #GP in x2APIC mode. */
  readonly writable: number;
  /** Bits that are read-only rather than reserved. */
  readonly readOnly?: number;
}

const { xapic: X, x2apic: X2 } = APIC_MODE;
const BOTH = X | X2;

const lvt = (writable: number): RegisterRule => ({
  read: BOTH,
  write: BOTH,
  writable,
  readOnly: (1 << 12) | (1 << 14),
});
const readOnly = (read: number): RegisterRule => ({ read, write: 0, writable: 0 });

const banks = [LAPIC_REGISTER.isr, LAPIC_REGISTER.tmr, LAPIC_REGISTER.irr].flatMap((first) =>
  Array.from({ length: 8 }, (_, index): [number, RegisterRule] => [first + index * 16, readOnly(BOTH)]),
);

/** Every register that exists; the ICR in x2APIC mode (one 64-bit MSR) is apart. */
export const REGISTER_RULES: ReadonlyMap<number, RegisterRule> = new Map<number, RegisterRule>([
  [LAPIC_REGISTER.id, { read: BOTH, write: X, writable: 0xff00_0000 }],
  [LAPIC_REGISTER.version, readOnly(BOTH)],
  [LAPIC_REGISTER.tpr, { read: BOTH, write: BOTH, writable: 0xff }],
  [LAPIC_REGISTER.apr, readOnly(X)],
  [LAPIC_REGISTER.ppr, readOnly(BOTH)],
  [LAPIC_REGISTER.eoi, { read: X, write: BOTH, writable: 0 }],
  [LAPIC_REGISTER.rrd, readOnly(X)],
  [LAPIC_REGISTER.ldr, { read: BOTH, write: X, writable: 0xff00_0000 }],
  [LAPIC_REGISTER.dfr, { read: X, write: X, writable: 0xf000_0000 }],
  [LAPIC_REGISTER.svr, { read: BOTH, write: BOTH, writable: 0x3ff }],
  ...banks,
  [LAPIC_REGISTER.esr, { read: BOTH, write: BOTH, writable: 0 }],
  [LAPIC_REGISTER.icrLow, { read: BOTH, write: BOTH, writable: 0x000c_cfff, readOnly: 1 << 12 }],
  [LAPIC_REGISTER.icrHigh, { read: X, write: X, writable: 0xff00_0000 }],
  [LAPIC_REGISTER.lvtTimer, lvt(0x7_00ff)],
  [LAPIC_REGISTER.lvtThermal, lvt(0x1_07ff)],
  [LAPIC_REGISTER.lvtPerformance, lvt(0x1_07ff)],
  [LAPIC_REGISTER.lvtLint0, lvt(0x1_a7ff)],
  [LAPIC_REGISTER.lvtLint1, lvt(0x1_a7ff)],
  [LAPIC_REGISTER.lvtError, lvt(0x1_00ff)],
  [LAPIC_REGISTER.initialCount, { read: BOTH, write: BOTH, writable: 0xffff_ffff }],
  [LAPIC_REGISTER.currentCount, readOnly(BOTH)],
  [LAPIC_REGISTER.divideConfiguration, { read: BOTH, write: BOTH, writable: 0xb }],
  [LAPIC_REGISTER.selfIpi, { read: 0, write: X2, writable: 0xff }],
]);
