import { codeSizeOf, MODE } from '../decode/mode.ts';
import type { BlockCache } from '../engine/block-cache.ts';
import type { Enter } from '../engine/tier0.ts';
import { EXIT, UOP } from '../engine/uop.ts';
import { GuestException, VECTOR } from '../mmu/exception.ts';
import { ACTIVITY, BLOCKING, CONTEXT, REQUEST, RUN_STATE } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { armSingleStep, breakpointAt, breakpointsArmed, disarmUnlessBranch } from './debug.ts';
import type { EngineGlue } from './engine-glue.ts';
import { UnimplementedError, VcpuError } from './errors.ts';
import {
  deliverException,
  deliverInjectedEvent,
  deliverInterrupt,
  deliverNmi,
  deliverPendingDebug,
} from './exceptions.ts';
import { RFLAGS } from './flags.ts';
import { refreshMode } from './mode.ts';
import { initialise } from './reset.ts';
import type { World } from './world.ts';

/** Instructions between two looks at timers: about half a millisecond of tier 0. */
const SLICE = 100_000;
/** A wait without deadline is renewed this often, in ms, so that a clock set forward meanwhile is seen. */
const LONGEST_WAIT = 1000;
const NS_PER_MS = 1e6;

/** Why run() returned. */
export type RunExit = 'paused' | 'stopped';

/** KVM_RUN of one vCPU: executes until it is told to pause or the machine stops. */
export class RunLoop {
  readonly #cpu: Cpu;
  readonly #blocks: BlockCache;
  readonly #glue: EngineGlue;
  readonly #enter: Enter;
  readonly #world: World;
  #linkSlot = 0;
  #nextSingle = false;
  /** The micro-op that wasm was entered at last. */
  #entered = 0;

  constructor(parts: { cpu: Cpu; blocks: BlockCache; glue: EngineGlue; enter: Enter; world: World }) {
    this.#cpu = parts.cpu;
    this.#blocks = parts.blocks;
    this.#glue = parts.glue;
    this.#enter = parts.enter;
    this.#world = parts.world;
  }

  /** @throws VcpuError naming vCPU, rip and bytes when the emulator cannot go on */
  run(): RunExit {
    const { state } = this.#cpu;
    this.#blocks.dropStale();
    // Another thread may have looked at this vCPU's memory meanwhile, through TLB entries of its own numbering.
    this.#cpu.mmu.flushAll();
    refreshMode(this.#cpu);
    this.#world.goInside();
    state.budget = 0;
    try {
      for (;;) {
        const exit = this.#attend();
        if (exit !== null) return exit;
        if (state.activity === ACTIVITY.active) this.#step();
        else this.#idle();
      }
    } catch (error) {
      throw error instanceof VcpuError ? error : new VcpuError(this.#cpu, error);
    } finally {
      this.#world.enter(RUN_STATE.outside);
    }
  }

  #word(field: 'kick' | 'requests' | 'safepoints'): number {
    return (this.#cpu.address + CONTEXT.offset[field]) >>> 2;
  }

  /** Requests, timers and events, in the order of SDM 3A 6.9. */
  #attend(): RunExit | null {
    const { state, services } = this.#cpu;
    if (state.kick !== 0) {
      const exit = this.#takeRequests();
      if (exit !== null) return exit;
    }
    if (state.budget <= 0) {
      state.budget = SLICE;
      this.#linkSlot = 0;
      this.#serveTimers(services.now());
    }
    if (this.#eventsPossible()) this.#deliverEvents();
    return null;
  }

  #serveTimers(now: number): void {
    const { interrupts } = this.#cpu.services;
    if (interrupts.deadline() <= now) interrupts.service(now);
  }

  #takeRequests(): RunExit | null {
    const { i32 } = this.#cpu.memory;
    Atomics.store(i32, this.#word('kick'), 0);
    const requests = Atomics.exchange(i32, this.#word('requests'), 0);
    Atomics.add(i32, this.#word('safepoints'), 1);
    Atomics.notify(i32, this.#word('safepoints'));
    this.#linkSlot = 0;
    if (requests & REQUEST.stopWorld) this.#world.yieldTo();
    if (requests & REQUEST.codeChanged) this.#blocks.dropStale();
    if (requests & REQUEST.flushTlb) this.#cpu.mmu.flushAll();
    if (requests & REQUEST.restored) this.#forget();
    if (requests & REQUEST.init) this.#init();
    if (requests & REQUEST.sipi) this.#startup();
    if (requests & REQUEST.smi) throw new UnimplementedError('SMM: a system-management interrupt arrived');
    if (requests & REQUEST.nmi) this.#takeNmis();
    if (requests & REQUEST.stop) return 'stopped';
    return requests & REQUEST.pause ? 'paused' : null;
  }

  #forget(): void {
    this.#blocks.flush();
    this.#cpu.mmu.flushAll();
    refreshMode(this.#cpu);
  }

  /** INIT: SDM 3A 8.4.2. Every vCPU but the BSP waits for a SIPI afterwards. */
  #init(): void {
    const { state, services } = this.#cpu;
    initialise(this.#cpu);
    services.lapic.reset();
    state.activity = state.vcpuIndex === 0 ? ACTIVITY.active : ACTIVITY.waitForSipi;
    refreshMode(this.#cpu);
  }

  /** One NMI is held while another is handled, two if none is: SDM 3A 6.7.1, as KVM counts them. */
  #takeNmis(): void {
    const { state, services } = this.#cpu;
    const most = state.interruptibility & BLOCKING.nmi ? 1 : 2;
    state.nmiPending = Math.min(most, state.nmiPending + services.interrupts.takeNmis());
  }

  /** SIPI: execution begins at VV00:0000, SDM 3A 8.4.3. */
  #startup(): void {
    const { state, segments } = this.#cpu;
    const sipi = Atomics.exchange(this.#cpu.memory.u32, (this.#cpu.address + CONTEXT.offset.sipi) >>> 2, 0);
    // 0: an INIT came after the SIPI.
    if (sipi === 0 || state.activity !== ACTIVITY.waitForSipi) return;
    const vector = sipi & 0xff;
    segments.cs.selector = vector << 8;
    segments.cs.base = BigInt(vector << 12);
    state.rip = 0n;
    state.activity = ACTIVITY.active;
    refreshMode(this.#cpu);
  }

  #eventsPossible(): boolean {
    const { state } = this.#cpu;
    if (state.activity === ACTIVITY.waitForSipi || state.activity === ACTIVITY.shutdown) return false;
    return (
      state.injectedEvent !== 0 ||
      state.pendingDebug !== 0n ||
      state.nmiPending !== 0 ||
      (state.systemFlags & RFLAGS.IF) !== 0
    );
  }

  #deliverEvents(): void {
    const cpu = this.#cpu;
    const { state } = cpu;
    if (state.injectedEvent !== 0) {
      this.#delivered(() => deliverInjectedEvent(cpu));
      return;
    }
    const shadow = state.interruptibility & (BLOCKING.sti | BLOCKING.movSs);
    if (state.pendingDebug !== 0n && !(shadow & BLOCKING.movSs)) {
      this.#delivered(() => deliverPendingDebug(cpu));
      return;
    }
    if (shadow) return;
    if (state.nmiPending !== 0 && !(state.interruptibility & BLOCKING.nmi)) {
      state.nmiPending--;
      this.#delivered(() => deliverNmi(cpu));
      return;
    }
    if (!(state.systemFlags & RFLAGS.IF) || !cpu.services.interrupts.pending()) return;
    const vector = cpu.services.interrupts.acknowledge();
    if (vector >= 0) this.#delivered(() => deliverInterrupt(cpu, vector));
  }

  #delivered(deliver: () => void): void {
    const { state } = this.#cpu;
    state.activity = ACTIVITY.active;
    this.#linkSlot = 0;
    this.#cpu.instructionRip = state.rip;
    deliver();
    refreshMode(this.#cpu);
  }

  /** HLT, shutdown, wait-for-SIPI: sleeps until kicked or the next timer. */
  #idle(): void {
    const { state, services, memory } = this.#cpu;
    if (state.activity === ACTIVITY.shutdown) {
      services.shutdown();
      this.#wait(LONGEST_WAIT);
      return;
    }
    const now = services.now();
    const deadline = services.interrupts.deadline();
    if (deadline <= now) {
      services.interrupts.service(now);
      return;
    }
    if (memory.i32[this.#word('kick')] !== 0) return;
    this.#wait(Math.min(LONGEST_WAIT, (deadline - now) / NS_PER_MS));
    this.#serveTimers(services.now());
  }

  #wait(milliseconds: number): void {
    const { i32 } = this.#cpu.memory;
    this.#world.enter(RUN_STATE.halted);
    Atomics.wait(i32, this.#word('kick'), 0, milliseconds);
    this.#world.goInside();
  }

  /** Runs from RIP until wasm comes back. */
  #step(): void {
    const { state } = this.#cpu;
    const armed = breakpointsArmed(state);
    // RF lasts for one instruction, and means nothing to it without breakpoints: SDM 3B 17.3.1.1.
    if (!armed) state.systemFlags &= ~RFLAGS.RF;
    if (
      armed ||
      this.#nextSingle ||
      (state.systemFlags & RFLAGS.TF) !== 0 ||
      state.interruptibility & (BLOCKING.sti | BLOCKING.movSs)
    ) {
      this.#single(0);
      return;
    }
    this.#dispatch(this.#execute(state.mode));
  }

  #dispatch(exit: number): void {
    if (exit === EXIT.lookup) {
      this.#linkSlot = this.#cpu.state.linkSlot;
      return;
    }
    this.#linkSlot = 0;
    if (exit === EXIT.event) refreshMode(this.#cpu);
    else if (exit === EXIT.single) this.#nextSingle = true;
    else if (exit === EXIT.exclusive) this.#world.alone(() => this.#single(MODE.unlocked));
  }

  /** Finds the block at RIP and enters it. A fetch that faults is delivered here. */
  #execute(mode: number): number {
    const cpu = this.#cpu;
    let uop: number;
    try {
      uop = this.#find(mode);
    } catch (error) {
      if (!(error instanceof GuestException)) throw error;
      cpu.instructionRip = cpu.state.rip;
      deliverException(cpu, error);
      return EXIT.event;
    }
    this.#entered = uop;
    const exit = this.#enter(cpu.address, uop);
    if (this.#glue.failure !== null) {
      const { failure } = this.#glue;
      this.#glue.failure = null;
      throw failure;
    }
    return exit;
  }

  #find(mode: number): number {
    const { state, segments } = this.#cpu;
    const linkSlot = this.#linkSlot;
    this.#linkSlot = 0;
    const { u32 } = this.#cpu.memory;
    const rip = (this.#cpu.address + CONTEXT.offset.rip) >>> 2;
    if (codeSizeOf(mode) === 64) return this.#blocks.find(u32[rip]!, u32[rip + 1]!, mode, linkSlot);
    // Outside 64-bit mode RIP has 32 bits and linear addresses wrap at 4 GiB: SDM 3A 3.3.
    u32[rip + 1] = 0;
    const offset = u32[rip]!;
    const limited = (mode & MODE.codeLimit) !== 0;
    if (limited && offset > segments.cs.limit) throw new GuestException(VECTOR.GP, 0);
    const linear = Number((segments.cs.base + state.rip) & 0xffffffffn);
    return this.#blocks.find(linear, 0, limited ? this.#withinLimit(mode, offset) : mode, linkSlot);
  }

  /** Near the end of a limited code segment instructions run one by one, each checked whole. */
  #withinLimit(mode: number, offset: number): number {
    const { limit } = this.#cpu.segments.cs;
    return limit - offset < 4096 ? mode | MODE.single : mode;
  }

  /** Runs one instruction and what follows it: shadows end, single-step and RF effects. */
  #single(extraMode: number): void {
    const cpu = this.#cpu;
    const { state } = cpu;
    this.#nextSingle = false;
    const { systemFlags, interruptibility, rip } = state;
    if (!(systemFlags & RFLAGS.RF) && breakpointsArmed(state)) {
      const hit = breakpointAt(cpu);
      if (hit !== 0n) {
        cpu.instructionRip = state.rip;
        this.#delivered(() => deliverException(cpu, new GuestException(VECTOR.DB, undefined, hit)));
        return;
      }
    }
    state.systemFlags = systemFlags & ~RFLAGS.RF;
    armSingleStep(state);
    state.single = 1;
    // A jump must not go on through the jump cache: no budget is left after one instruction.
    const { budget } = state;
    state.budget = 0;
    let exit: number;
    try {
      exit = this.#execute(state.mode | MODE.single | extraMode);
    } finally {
      state.single = 0;
      state.budget += budget;
    }
    if (exit === EXIT.exclusive && !extraMode) {
      state.systemFlags |= systemFlags & RFLAGS.RF;
      this.#dispatch(exit);
      return;
    }
    state.interruptibility &= ~(interruptibility & (BLOCKING.sti | BLOCKING.movSs));
    if (systemFlags & RFLAGS.TF) disarmUnlessBranch(state, this.#branchedFrom(rip));
    this.#dispatch(exit === EXIT.single ? EXIT.event : exit);
  }

  /** Whether the instruction that began at `rip`, the only one of its block, has gone elsewhere than to the next. */
  #branchedFrom(rip: bigint): boolean {
    const { state, memory } = this.#cpu;
    const length = BigInt(memory.u16[(this.#entered + UOP.offset.next) >>> 1]!);
    return state.repeating === 0 && state.rip !== ((rip + length) & state.linearMask);
  }
}
