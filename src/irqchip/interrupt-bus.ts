// What carries interrupt messages to local APICs: from ICRs, from the I/O APIC, and from a local APIC's own sources.
// Everything here is safe on any thread without a lock: see LAPIC for what each word's writers do.
import { REQUEST } from '../state/context.ts';
import type { StateMap } from '../state/map.ts';
import { postRequest } from '../state/requests.ts';
import type { StateMemory } from '../state/struct.ts';
import { APIC_MODE, DELIVERY, ESR, FIRST_VECTOR, LAPIC_REGISTER, LVT } from './lapic-registers.ts';
import { LapicState } from './lapic-state.ts';

/** SDM 3A 10.6.1 and 10.6.2. */
export interface InterruptMessage {
  /** One of DELIVERY. */
  readonly delivery: number;
  readonly vector: number;
  /** Level triggered: sets the vector's TMR bit, so that its EOI is broadcast. */
  readonly level: boolean;
  readonly logical: boolean;
  readonly destination: number;
  /** The destination has 32 bits (an ICR in x2APIC mode), else 8. */
  readonly wide: boolean;
}

type Accept = (lapic: LapicState, vector: number, level: boolean) => boolean;

const STARTUP_PRESENT = 0x100;

export class InterruptBus {
  /** All local APICs, by vCPU index. */
  readonly lapics: readonly LapicState[];
  readonly #memory: StateMemory;
  readonly #map: StateMap;
  readonly #accept: Readonly<Record<number, Accept>>;

  constructor(memory: StateMemory, map: StateMap) {
    this.#memory = memory;
    this.#map = map;
    this.lapics = Array.from({ length: map.vcpus }, (_, vcpu) => new LapicState(memory, map, vcpu));
    const interrupt: Accept = (lapic, vector, level) => this.interrupt(lapic, vector, level);
    // Modes 3 (and 7 in an ICR) are reserved: a message that has one is accepted by nobody.
    this.#accept = {
      [DELIVERY.fixed]: interrupt,
      [DELIVERY.lowest]: interrupt,
      [DELIVERY.smi]: (lapic) => this.request(lapic, REQUEST.smi),
      [DELIVERY.nmi]: (lapic) => this.nmi(lapic),
      [DELIVERY.init]: (lapic) => this.#init(lapic),
      [DELIVERY.startup]: (lapic, vector) => this.#startup(lapic, vector),
      [DELIVERY.extInt]: (lapic) => this.#extInt(lapic),
    };
  }

  /** Delivers to whom the message names. Returns whether anybody accepted it. */
  deliver(message: InterruptMessage): boolean {
    const targets = this.lapics.filter((lapic) => isDestination(lapic, message));
    return this.deliverTo(targets, message);
  }

  /** Delivers to the given local APICs; a lowest-priority message to one of them. */
  deliverTo(targets: readonly LapicState[], message: InterruptMessage): boolean {
    const receivers = message.delivery === DELIVERY.lowest ? arbitrate(targets) : targets;
    let accepted = false;
    for (const lapic of receivers) {
      if (this.accept(lapic, message.delivery, message.vector, message.level)) accepted = true;
    }
    return accepted;
  }

  /** One local APIC receives a message, or one of its own sources fires. */
  accept(lapic: LapicState, delivery: number, vector: number, level: boolean): boolean {
    return lapic.mode !== APIC_MODE.disabled && (this.#accept[delivery]?.(lapic, vector, level) ?? false);
  }

  /** Asks the vCPU to look at its interrupts and events. */
  request(lapic: LapicState, bits: number): boolean {
    postRequest(this.#memory, this.#map, lapic.vcpu, bits);
    return true;
  }

  /** A fixed interrupt: TMR before IRR, because an acknowledge may follow IRR at once (SDM 3A 10.8.4). */
  interrupt(lapic: LapicState, vector: number, level: boolean): boolean {
    if (!lapic.accepting) return false;
    if (vector < FIRST_VECTOR) {
      this.error(lapic, ESR.receiveIllegalVector);
      return false;
    }
    if (level) lapic.setVector(LAPIC_REGISTER.tmr, vector);
    else lapic.clearVector(LAPIC_REGISTER.tmr, vector);
    lapic.setVector(LAPIC_REGISTER.irr, vector);
    return this.request(lapic, REQUEST.interrupt);
  }

  nmi(lapic: LapicState): boolean {
    Atomics.add(this.#memory.i32, lapic.word('nmis'), 1);
    return this.request(lapic, REQUEST.nmi);
  }

  /** INIT: a start-up IPI that came before it is void. */
  #init(lapic: LapicState): boolean {
    Atomics.store(this.#memory.i32, lapic.sipiWord, 0);
    return this.request(lapic, REQUEST.init);
  }

  #startup(lapic: LapicState, vector: number): boolean {
    Atomics.store(this.#memory.i32, lapic.sipiWord, STARTUP_PRESENT | vector);
    return this.request(lapic, REQUEST.sipi);
  }

  #extInt(lapic: LapicState): boolean {
    Atomics.store(this.#memory.i32, lapic.word('extInt'), 1);
    return this.request(lapic, REQUEST.interrupt);
  }

  /** Notes an error, and raises the LVT error interrupt when it is new: SDM 3A 10.5.3. */
  error(lapic: LapicState, bit: number): void {
    const before = Atomics.or(this.#memory.i32, lapic.word('errors'), bit);
    const entry = lapic.read(LAPIC_REGISTER.lvtError);
    // An illegal vector in this very entry would be an error again, which is noted already.
    if (before & bit || entry & LVT.masked || (entry & LVT.vector) < FIRST_VECTOR) return;
    this.interrupt(lapic, entry & LVT.vector, false);
  }

  /**
   * One of the local interrupt sources fires: SDM 3A 10.5.1. ExtINT entries deliver nothing here: the 8259 pair's
   * output itself is looked at when the vCPU can take an interrupt.
   */
  local(lapic: LapicState, register: number): void {
    const entry = lapic.read(register);
    if (entry & LVT.masked) return;
    const delivery = deliveryMode(register, entry);
    if (delivery === DELIVERY.extInt) {
      this.request(lapic, REQUEST.interrupt);
      return;
    }
    const level = register === LAPIC_REGISTER.lvtLint0 && delivery === DELIVERY.fixed && (entry & LVT.level) !== 0;
    // A counter overflow masks its own entry: SDM 3A 10.5.1.
    if (register === LAPIC_REGISTER.lvtPerformance) lapic.or(register, LVT.masked);
    if (level) {
      if (entry & LVT.remoteIrr) return;
      lapic.or(register, LVT.remoteIrr);
    }
    this.accept(lapic, delivery, entry & LVT.vector, level);
  }

  /** The end of a level-triggered interrupt that LINT0 may have raised; it raises it again while its line is high. */
  endLint0(lapic: LapicState, vector: number, high: boolean): void {
    const entry = lapic.read(LAPIC_REGISTER.lvtLint0);
    if (!(entry & LVT.remoteIrr) || (entry & LVT.vector) !== vector) return;
    lapic.andNot(LAPIC_REGISTER.lvtLint0, LVT.remoteIrr);
    if (high) this.local(lapic, LAPIC_REGISTER.lvtLint0);
  }

  /** Whether an interrupt of the 8259 pair would reach this vCPU: LINT0 in ExtINT mode, or no local APIC at all. */
  acceptsExtInt(lapic: LapicState): boolean {
    if (lapic.mode === APIC_MODE.disabled) return true;
    const entry = lapic.read(LAPIC_REGISTER.lvtLint0);
    return !(entry & LVT.masked) && deliveryMode(LAPIC_REGISTER.lvtLint0, entry) === DELIVERY.extInt;
  }

  /** The 8259 pair's output rises: it is wired to LINT0 of every local APIC, and to INTR where that is disabled. */
  raiseIntr(): void {
    for (const lapic of this.lapics) {
      if (lapic.mode === APIC_MODE.disabled) this.request(lapic, REQUEST.interrupt);
      else this.local(lapic, LAPIC_REGISTER.lvtLint0);
    }
  }

  /** The board's NMI line, LINT1 of every local APIC; NMI itself where that is disabled. */
  raiseNmi(): void {
    for (const lapic of this.lapics) {
      if (lapic.mode === APIC_MODE.disabled) this.nmi(lapic);
      else this.local(lapic, LAPIC_REGISTER.lvtLint1);
    }
  }
}

const NO_DELIVERY_MODE: readonly number[] = [LAPIC_REGISTER.lvtTimer, LAPIC_REGISTER.lvtError];

/** Bits 10:8 of an LVT entry. The timer's and the error entry have none: they are fixed. */
const deliveryMode = (register: number, entry: number): number =>
  NO_DELIVERY_MODE.includes(register) ? DELIVERY.fixed : (entry >>> 8) & 7;

/** Lowest-priority arbitration, SDM 3A 10.6.2.4: of those with the lowest processor priority, the first. */
function arbitrate(targets: readonly LapicState[]): readonly LapicState[] {
  let best: LapicState | undefined;
  for (const lapic of targets) {
    if (lapic.accepting && (best === undefined || lapic.ppr < best.ppr)) best = lapic;
  }
  return best ? [best] : [];
}

/** Whether a message is for this local APIC: SDM 3A 10.6.2, and 10.12.9 and 10.12.10 for x2APIC. */
function isDestination(lapic: LapicState, message: InterruptMessage): boolean {
  const { mode } = lapic;
  if (mode === APIC_MODE.disabled) return false;
  const { destination, logical, wide } = message;
  if (destination === (wide ? 0xffff_ffff : 0xff)) return true;
  const x2apic = mode === APIC_MODE.x2apic;
  if (logical) return x2apic ? inCluster(lapic, destination) : inLogicalSet(lapic, destination);
  return destination === lapic.id;
}

/** x2APIC: cluster number in bits 31:16, a set of its members in 15:0. */
function inCluster(lapic: LapicState, destination: number): boolean {
  const ldr = lapic.read(LAPIC_REGISTER.ldr);
  return destination >>> 16 === ldr >>> 16 && (destination & ldr & 0xffff) !== 0;
}

/** xAPIC: flat model (DFR 1111B), or cluster number in bits 7:4 and a set of its members in 3:0 (DFR 0000B). */
function inLogicalSet(lapic: LapicState, destination: number): boolean {
  if (destination > 0xff) return false;
  const id = lapic.read(LAPIC_REGISTER.ldr) >>> 24;
  if (lapic.read(LAPIC_REGISTER.dfr) >>> 28 === 0xf) return (destination & id) !== 0;
  return (destination >>> 4 === id >>> 4 || destination >>> 4 === 0xf) && (destination & id & 0xf) !== 0;
}
