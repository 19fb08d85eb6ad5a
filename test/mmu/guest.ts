import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CONTEXT, type RUN_STATE } from '../../src/state/context.ts';
import { TLB_ENTRIES, TLB_ENTRY, VCPU_AREA } from '../../src/state/map.ts';
import { type Buffers, TestMachine } from './machine.ts';

/** What a worker of these tests is given. */
export interface GuestData {
  readonly buffers: Buffers;
  readonly vcpu: number;
  readonly rounds: number;
  /** Address of a page-table entry. */
  readonly entry?: number;
}

/** Words at the end of RAM through which the workers of a test talk. */
export const WORDS = 0x3f_f000;
/** Lengthens a window of nanoseconds, so that threads meet in it. */
const PROBE_TO_STORE = 200;
const MET = WORDS / 4 + 2;

/** Runs a worker file to its end. @returns what it posted */
export async function runGuest<T>(file: string, data: GuestData): Promise<T> {
  const worker = new Worker(new URL(`workers/${file}`, import.meta.url), { workerData: data });
  const [message] = (await Promise.race([once(worker, 'message'), once(worker, 'error')])) as [T];
  await worker.terminate();
  if (message instanceof Error) throw message;
  return message;
}

/** A vCPU thread as the run loop drives it: stores by the write TLB where it hits, and safepoints when kicked. */
export class GuestThread {
  readonly machine: TestMachine;
  readonly #vcpu: number;

  constructor(data: GuestData) {
    this.machine = new TestMachine({ buffers: data.buffers, vcpu: data.vcpu });
    this.#vcpu = data.vcpu;
    this.machine.mmu.updateKey();
  }

  #word(field: keyof typeof CONTEXT.offset): number {
    return (this.machine.map.vcpu(this.#vcpu) + VCPU_AREA.context + CONTEXT.offset[field]) >>> 2;
  }

  setRunState(runState: (typeof RUN_STATE)[keyof typeof RUN_STATE]): void {
    Atomics.store(this.machine.memory.i32, this.#word('runState'), runState);
  }

  /** Waits until all vCPUs of the test have come here. */
  meet(): void {
    const { i32 } = this.machine.physical;
    const met = Atomics.add(i32, MET, 1) + 1;
    if (met === this.machine.map.vcpus) Atomics.notify(i32, MET);
    else
      for (let seen = met; seen < this.machine.map.vcpus; seen = Atomics.load(i32, MET)) Atomics.wait(i32, MET, seen);
  }

  /** What the engine does at every block end. @returns whether the vCPU was kicked */
  endOfBlock(): boolean {
    const { i32 } = this.machine.memory;
    if (i32[this.#word('kick')] === 0) return false;
    Atomics.store(i32, this.#word('kick'), 0);
    Atomics.exchange(i32, this.#word('requests'), 0);
    Atomics.add(i32, this.#word('safepoints'), 1);
    Atomics.notify(i32, this.#word('safepoints'));
    return true;
  }

  /** A 4-byte store by a handler. @returns whether the TLB had it */
  store(linear: number, value: number): boolean {
    const { memory, map, mmu, physical, state } = this.machine;
    const slot = (linear >>> 12) & (TLB_ENTRIES - 1);
    const entry = (map.vcpu(this.#vcpu) + VCPU_AREA.writeTlb + slot * TLB_ENTRY.size) >>> 2;
    const tag = ((linear & ~0xfff) | Number(state.tlbKey)) >>> 0;
    if (memory.u32[entry] === tag && memory.u32[entry + 1] === 0) {
      // Between the probe and the store: what other vCPUs must wait out.
      for (let i = 0; i < PROBE_TO_STORE; i++) Atomics.load(memory.i32, entry);
      physical.u32[(linear + memory.u32[entry + 2]!) >>> 2] = value;
      return true;
    }
    state.bounce.set(0, BigInt(value));
    mmu.slowWrite(linear, 0, 4, false);
    return false;
  }
}
