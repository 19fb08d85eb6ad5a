import { CONTEXT } from '../state/context.ts';
import { type StateMap, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';
import { APIC_BASE, APIC_MODE, LAPIC_REGISTER, SVR_ENABLE } from './lapic-registers.ts';
import { LAPIC, LapicView } from './layout.ts';

/**
 * The words of one vCPU's local APIC, for its own thread and for those that send to it. IRR and TMR change by atomic
 * operations only, so that no vector is lost between a sender and the vCPU that acknowledges another one.
 */
export class LapicState {
  readonly vcpu: number;
  readonly view: InstanceType<typeof LapicView>;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #lapic: number;
  readonly #context: number;

  constructor(memory: StateMemory, map: StateMap, vcpu: number) {
    this.vcpu = vcpu;
    this.#lapic = map.vcpu(vcpu) + VCPU_AREA.lapic;
    this.#context = map.vcpu(vcpu) + VCPU_AREA.context;
    this.#cells = memory.i32;
    this.view = new LapicView(memory, this.#lapic);
  }

  /** Index in memory.i32 of the register at `offset` of the page. */
  #register(offset: number): number {
    return (this.#lapic + offset) >>> 2;
  }

  /** A register's stored value, unsigned. */
  read(offset: number): number {
    return Atomics.load(this.#cells, this.#register(offset)) >>> 0;
  }

  write(offset: number, value: number): void {
    Atomics.store(this.#cells, this.#register(offset), value | 0);
  }

  /** Sets bits of a register that other threads may change too. Returns the value before. */
  or(offset: number, bits: number): number {
    return Atomics.or(this.#cells, this.#register(offset), bits) >>> 0;
  }

  andNot(offset: number, bits: number): number {
    return Atomics.and(this.#cells, this.#register(offset), ~bits) >>> 0;
  }

  /** Index in memory.i32 of a word behind the register page. */
  word(field: 'nmis' | 'errors' | 'extInt'): number {
    return (this.#lapic + LAPIC.offset[field]) >>> 2;
  }

  /** Index in memory.i32 of CONTEXT.sipi, which senders of INIT and start-up IPIs store. */
  get sipiWord(): number {
    return (this.#context + CONTEXT.offset.sipi) >>> 2;
  }

  /** IA32_APIC_BASE bits 31:0. */
  get base(): number {
    return Atomics.load(this.#cells, (this.#context + CONTEXT.offset.apicBase) >>> 2) >>> 0;
  }

  /** The physical address of the register page: IA32_APIC_BASE without bits 11:0. */
  get page(): number {
    const high = Atomics.load(this.#cells, ((this.#context + CONTEXT.offset.apicBase) >>> 2) + 1) >>> 0;
    return high * 2 ** 32 + ((this.base & ~0xfff) >>> 0);
  }

  /** One of APIC_MODE. */
  get mode(): number {
    const { base } = this;
    if (!(base & APIC_BASE.enable)) return APIC_MODE.disabled;
    return base & APIC_BASE.extended ? APIC_MODE.x2apic : APIC_MODE.xapic;
  }

  /** The APIC ID: 8 bits wide in xAPIC mode, 32 in x2APIC mode. */
  get id(): number {
    const id = this.read(LAPIC_REGISTER.id);
    return this.mode === APIC_MODE.x2apic ? id : id >>> 24;
  }

  /** Whether fixed interrupts are accepted: enabled by IA32_APIC_BASE and by SVR (SDM 3A 10.4.7.2). */
  get accepting(): boolean {
    return this.mode !== APIC_MODE.disabled && (this.read(LAPIC_REGISTER.svr) & SVR_ENABLE) !== 0;
  }

  /** Sets the bit of `vector` in ISR, TMR or IRR, 256 bits in eight registers. */
  setVector(bank: number, vector: number): void {
    this.or(bank + (vector >>> 5) * 16, 1 << (vector & 31));
  }

  clearVector(bank: number, vector: number): void {
    this.andNot(bank + (vector >>> 5) * 16, 1 << (vector & 31));
  }

  hasVector(bank: number, vector: number): boolean {
    return (this.read(bank + (vector >>> 5) * 16) & (1 << (vector & 31))) !== 0;
  }

  /** The highest vector that is set in ISR, TMR or IRR, or -1. */
  highest(bank: number): number {
    for (let word = 7; word >= 0; word--) {
      const bits = this.read(bank + word * 16);
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
    }
    return -1;
  }

  /** Processor priority: SDM 3A 10.8.3.1, figure 10-19. */
  get ppr(): number {
    const tpr = this.read(LAPIC_REGISTER.tpr);
    const inService = Math.max(0, this.highest(LAPIC_REGISTER.isr));
    return tpr >>> 4 >= inService >>> 4 ? tpr : inService & 0xf0;
  }

  /** The vector that would be delivered now, or -1: SDM 3A 10.8.3. */
  pendingVector(): number {
    if (this.mode === APIC_MODE.disabled) return -1;
    const vector = this.highest(LAPIC_REGISTER.irr);
    return vector >= 0 && vector >>> 4 > this.ppr >>> 4 ? vector : -1;
  }
}
