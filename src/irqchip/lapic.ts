import type { AccessSize } from '../mmu/bus.ts';
import { generalProtection } from '../mmu/exception.ts';
import { ContextView, REQUEST } from '../state/context.ts';
import { ControlView, type StateMap, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';
import type { CpuFeatures } from '../vcpu/features.ts';
import type { LapicPort } from '../vcpu/services.ts';
import type { Clock } from './clock.ts';
import type { InterruptBus } from './interrupt-bus.ts';
import { allowedMode, enterMode } from './lapic-modes.ts';
import {
  APIC_MODE,
  DELIVERY,
  ESR,
  FIRST_VECTOR,
  LAPIC_REGISTER,
  LVT,
  LVT_REGISTERS,
  REGISTER_RULES,
  type RegisterRule,
  SVR_ENABLE,
} from './lapic-registers.ts';
import { resetLapic } from './lapic-reset.ts';
import type { LapicState } from './lapic-state.ts';
import { LapicTimer } from './lapic-timer.ts';
import { type BusRange, lane } from './ranges.ts';

const PAGE = 0xfff;
const ALL_ONES = 0xffff_ffff;
const X2APIC_MSRS = 0x800;
const TSC_DEADLINE_MODE = 1 << 18;

export interface LapicParts {
  readonly memory: StateMemory;
  readonly map: StateMap;
  readonly vcpu: number;
  readonly clock: Clock;
  readonly features: CpuFeatures;
  readonly bus: InterruptBus;
  /** The end of a level-triggered interrupt: SDM 3A 10.8.5. Called without the device lock. */
  broadcastEoi(vector: number): void;
}

/** A vCPU's own local APIC: SDM 3A chapter 10. Used by the thread that hosts the vCPU only. */
export class Lapic implements LapicPort, BusRange {
  readonly state: LapicState;
  readonly timer: LapicTimer;
  readonly #bus: InterruptBus;
  readonly #context: ContextView;
  readonly #features: CpuFeatures;
  readonly #broadcastEoi: (vector: number) => void;
  readonly #errors: () => number;
  /** What a write does beyond storing the register. */
  readonly #writers: ReadonlyMap<number, (value: number) => void>;

  constructor(parts: LapicParts) {
    const { memory, map, vcpu, clock, bus } = parts;
    this.#bus = bus;
    this.#features = parts.features;
    this.#broadcastEoi = (vector) => parts.broadcastEoi(vector);
    this.state = bus.lapics[vcpu]!;
    this.#context = new ContextView(memory, map.vcpu(vcpu) + VCPU_AREA.context);
    this.#errors = () => Atomics.exchange(memory.i32, this.state.word('errors'), 0);
    const control = new ControlView(memory, 0);
    const tsc = { read: () => BigInt.asUintN(64, clock.tsc() + this.#context.tscOffset), khz: () => control.tscKhz };
    this.timer = new LapicTimer(this.state, clock, tsc, () => bus.local(this.state, LAPIC_REGISTER.lvtTimer));
    this.#writers = this.#registerWriters();
  }

  #registerWriters(): ReadonlyMap<number, (value: number) => void> {
    const { state, timer } = this;
    return new Map<number, (value: number) => void>([
      [LAPIC_REGISTER.tpr, (value) => this.#setTpr(value)],
      [LAPIC_REGISTER.eoi, () => this.#endOfInterrupt()],
      // Bits 27:0 of DFR read as ones: SDM 3A 10.6.2.2, figure 10-14.
      [LAPIC_REGISTER.dfr, (value) => state.write(LAPIC_REGISTER.dfr, value | 0x0fff_ffff)],
      [LAPIC_REGISTER.svr, (value) => this.#setSvr(value)],
      [LAPIC_REGISTER.esr, () => state.write(LAPIC_REGISTER.esr, this.#errors())],
      [LAPIC_REGISTER.icrLow, (value) => this.#setIcrLow(value)],
      [LAPIC_REGISTER.initialCount, (value) => timer.setInitialCount(value)],
      [LAPIC_REGISTER.divideConfiguration, (value) => timer.setDivide(value)],
      [LAPIC_REGISTER.selfIpi, (value) => this.#sendToSelf(value)],
      ...LVT_REGISTERS.map((register): [number, (value: number) => void] => [
        register,
        (value) => this.#setLvt(register, value),
      ]),
    ]);
  }

  // The memory-mapped page. It moves with IA32_APIC_BASE, and answers as if nobody were there while the local APIC is
  // disabled or in x2APIC mode.

  get first(): number {
    return this.state.page;
  }

  get last(): number {
    return this.state.page + PAGE;
  }

  /** Registers are 32 bits wide at multiples of 16 bytes; the bytes between read as 0. */
  read(address: number, size: AccessSize): number {
    if (this.state.mode !== APIC_MODE.xapic) return lane(ALL_ONES, address, size);
    const offset = address & PAGE;
    if ((offset & 0xf) + size > 4) return 0;
    return lane(this.#readRegister(offset & 0xff0), address, size);
  }

  /** Only aligned 32-bit writes are defined (SDM 3A 10.4.1); others change nothing. */
  write(address: number, size: AccessSize, value: number): void {
    const offset = address & PAGE;
    if (this.state.mode !== APIC_MODE.xapic || size !== 4 || offset & 0xf) return;
    const rule = REGISTER_RULES.get(offset);
    if (!rule || !((rule.read | rule.write) & APIC_MODE.xapic)) {
      this.#bus.error(this.state, ESR.illegalRegister);
    } else if (rule.write & APIC_MODE.xapic) this.#commit(offset, (value & this.#writable(offset, rule)) >>> 0);
  }

  #readRegister(offset: number): number {
    const rule = REGISTER_RULES.get(offset);
    if (rule && rule.read & APIC_MODE.xapic) return this.#value(offset);
    this.#bus.error(this.state, ESR.illegalRegister);
    return 0;
  }

  // x2APIC MSRs, SDM 3A 10.12.1.

  readMsr(msr: number): bigint {
    const offset = (msr - X2APIC_MSRS) * 16;
    const rule = REGISTER_RULES.get(offset);
    if (this.state.mode !== APIC_MODE.x2apic || !rule || !(rule.read & APIC_MODE.x2apic)) throw generalProtection();
    const value = BigInt(this.#value(offset));
    return offset === LAPIC_REGISTER.icrLow ? value | (BigInt(this.state.read(LAPIC_REGISTER.icrHigh)) << 32n) : value;
  }

  writeMsr(msr: number, value: bigint): void {
    const offset = (msr - X2APIC_MSRS) * 16;
    const rule = REGISTER_RULES.get(offset);
    if (this.state.mode !== APIC_MODE.x2apic || !rule || !(rule.write & APIC_MODE.x2apic)) throw generalProtection();
    const [low, high] = [Number(value & 0xffff_ffffn), Number(value >> 32n)];
    if (low & ~(this.#writable(offset, rule) | (rule.readOnly ?? 0))) throw generalProtection();
    if (offset === LAPIC_REGISTER.icrLow) this.state.write(LAPIC_REGISTER.icrHigh, high);
    else if (high !== 0) throw generalProtection();
    this.#commit(offset, (low & rule.writable) >>> 0);
  }

  #writable(offset: number, rule: RegisterRule): number {
    if (offset !== LAPIC_REGISTER.lvtTimer || this.#features.has('tsc-deadline')) return rule.writable;
    return rule.writable & ~TSC_DEADLINE_MODE;
  }

  #value(offset: number): number {
    if (offset === LAPIC_REGISTER.ppr) return this.state.ppr;
    if (offset === LAPIC_REGISTER.currentCount) return this.timer.currentCount();
    return this.state.read(offset);
  }

  #commit(offset: number, value: number): void {
    const writer = this.#writers.get(offset);
    if (writer) writer(value);
    else this.state.write(offset, value);
  }

  // What writes do.

  /** After a change that may have made an interrupt deliverable. */
  #reconsider(): void {
    if (this.pendingVector() >= 0) this.#bus.request(this.state, REQUEST.interrupt);
  }

  #setTpr(value: number): void {
    this.state.write(LAPIC_REGISTER.tpr, value);
    this.state.write(LAPIC_REGISTER.ppr, this.state.ppr);
    this.#reconsider();
  }

  /** SDM 3A 10.8.5: the highest ISR bit goes, and for a level-triggered interrupt the I/O APIC is told. */
  #endOfInterrupt(): void {
    const { state } = this;
    const vector = state.highest(LAPIC_REGISTER.isr);
    if (vector < 0) return;
    state.clearVector(LAPIC_REGISTER.isr, vector);
    state.write(LAPIC_REGISTER.ppr, state.ppr);
    if (state.hasVector(LAPIC_REGISTER.tmr, vector)) this.#broadcastEoi(vector);
    this.#reconsider();
  }

  /** Software disabling masks every LVT entry: SDM 3A 10.4.7.2. */
  #setSvr(value: number): void {
    this.state.write(LAPIC_REGISTER.svr, value);
    if (value & SVR_ENABLE) return;
    for (const register of LVT_REGISTERS) this.state.or(register, LVT.masked);
  }

  #setLvt(register: number, value: number): void {
    const { state } = this;
    // An edge-triggered entry has no remote IRR.
    const kept = value & LVT.level ? state.read(register) & LVT.remoteIrr : 0;
    const entry = value | kept | (state.read(LAPIC_REGISTER.svr) & SVR_ENABLE ? 0 : LVT.masked);
    if (register === LAPIC_REGISTER.lvtTimer) this.timer.setEntry(entry);
    else state.write(register, entry);
    // The 8259 pair may have waited for this entry to accept ExtINT.
    if (register === LAPIC_REGISTER.lvtLint0) this.#bus.request(state, REQUEST.interrupt);
  }

  /** SDM 3A 10.6.1: writing the low half of the interrupt command register sends. */
  #setIcrLow(value: number): void {
    const { state } = this;
    state.write(LAPIC_REGISTER.icrLow, value);
    const delivery = (value >>> 8) & 7;
    const vector = value & 0xff;
    if (delivery <= DELIVERY.lowest && vector < FIRST_VECTOR) {
      this.#bus.error(state, ESR.sendIllegalVector);
      return;
    }
    // INIT level de-assert only synchronizes arbitration IDs, which no later processor has. ExtINT is reserved here.
    const deassert = delivery === DELIVERY.init && (value & 0xc000) === 0x8000;
    if (deassert || delivery === DELIVERY.extInt) return;
    this.#send(value, delivery, vector);
  }

  #send(icr: number, delivery: number, vector: number): void {
    const { state } = this;
    const wide = state.mode === APIC_MODE.x2apic;
    const high = state.read(LAPIC_REGISTER.icrHigh);
    const destination = wide ? high : high >>> 24;
    // The trigger mode matters for INIT de-assert alone: all other IPIs are edge triggered.
    const message = { delivery, vector, level: false, logical: (icr & 0x800) !== 0, destination, wide };
    const { lapics } = this.#bus;
    const shorthands = [
      () => this.#bus.deliver(message),
      () => this.#bus.deliverTo([state], message),
      () => this.#bus.deliverTo(lapics, message),
      () =>
        this.#bus.deliverTo(
          lapics.filter((lapic) => lapic !== state),
          message,
        ),
    ];
    shorthands[(icr >>> 18) & 3]!();
  }

  #sendToSelf(vector: number): void {
    if (vector < FIRST_VECTOR) this.#bus.error(this.state, ESR.sendIllegalVector);
    else this.#bus.interrupt(this.state, vector, false);
  }

  // LapicPort.

  sendIpi(isNamed: (apicId: number) => boolean, icr: number): number {
    const named = this.#bus.lapics.filter((lapic) => isNamed(lapic.id));
    return named.filter((lapic) => this.#bus.accept(lapic, (icr >>> 8) & 7, icr & 0xff, false)).length;
  }

  pendingVector(): number {
    return this.state.pendingVector();
  }

  acknowledge(): number {
    const { state } = this;
    const vector = state.pendingVector();
    if (vector < 0) return -1;
    state.clearVector(LAPIC_REGISTER.irr, vector);
    state.setVector(LAPIC_REGISTER.isr, vector);
    state.write(LAPIC_REGISTER.ppr, state.ppr);
    return vector;
  }

  get cr8(): number {
    return this.state.read(LAPIC_REGISTER.tpr) >>> 4;
  }

  setCr8(value: number): void {
    this.#setTpr((value & 0xf) << 4);
  }

  setApicBase(value: bigint): void {
    const before = this.state.mode;
    const after = allowedMode(this.#features, before, value);
    this.#context.apicBase = value;
    enterMode(this.state, before, after, this.#context.apicId);
    this.#bus.request(this.state, REQUEST.interrupt);
  }

  readTscDeadline(): bigint {
    return this.timer.readTscDeadline();
  }

  writeTscDeadline(value: bigint): void {
    this.timer.writeTscDeadline(value);
  }

  reset(): void {
    resetLapic(this.state, this.#context.apicId);
  }
}
