/** What a vCPU asks of the machine around it. Implemented by src/machine, given to Cpu. */
export interface VcpuServices {
  /** Machine time in ns since power-on (stands still while paused). */
  now(): number;
  /** The machine's TSC, before this vCPU's offset. */
  tsc(): bigint;
  /** 64 random bits: RDRAND, RDSEED. */
  random(): bigint;
  /** The local APIC, which CR8, IA32_APIC_BASE, x2APIC MSRs and interrupt delivery talk to. */
  readonly lapic: LapicPort;
  readonly interrupts: InterruptPort;
  /** A triple fault: the machine shuts down (SDM 3A 6.15, "Double Fault"). Does not return control to the guest. */
  shutdown(): void;
  /** The guest may be spinning: after many of these without a pause between them, rests. */
  spinHint(): void;
  /** The guest has nothing to do for now: lets others have the host core for some microseconds, or until kicked. */
  rest(): void;
  /** Runs a function while every other vCPU stands at an instruction boundary: split locks, CMPXCHG16B. */
  exclusive<T>(action: () => T): T;
}

/** The interrupt controllers as a vCPU's run loop sees them. */
export interface InterruptPort {
  /** Would acknowledge() deliver something now? LAPIC by IRR and PPR, or ExtINT through LINT0. */
  pending(): boolean;
  /** The vector to deliver, or -1 if it went away. */
  acknowledge(): number;
  /** NMIs that arrived since the last call. */
  takeNmis(): number;
  /** Machine ns of the next timer event that this vCPU must serve; Infinity if there is none. */
  deadline(): number;
  /** Fires the timers that are due at `now`. */
  service(now: number): void;
}

/** A local APIC as its vCPU sees it. */
export interface LapicPort {
  /** The vector that would be delivered now given PPR, or -1. */
  pendingVector(): number;
  /** Acknowledges: moves the vector from IRR to ISR and returns it; -1 if none is deliverable any more. */
  acknowledge(): number;
  /** CR8 = TPR[7:4]. */
  readonly cr8: number;
  setCr8(value: number): void;
  /** x2APIC MSRs 0x800-0x8FF. @throws GuestException #GP */
  readMsr(msr: number): bigint;
  writeMsr(msr: number, value: bigint): void;
  /** IA32_APIC_BASE. @throws GuestException #GP on an illegal transition */
  setApicBase(value: bigint): void;
  /** IA32_TSC_DEADLINE. */
  readTscDeadline(): bigint;
  writeTscDeadline(value: bigint): void;
  /**
   * Sends an interrupt to the local APICs of the named IDs, as one write of the ICR per destination would.
   * @param icr the interrupt command register's low half; its destination fields are not looked at
   * @returns how many accepted it
   */
  sendIpi(isNamed: (apicId: number) => boolean, icr: number): number;
  /** INIT of this vCPU: SDM 3A 10.4.7.3. */
  reset(): void;
}
