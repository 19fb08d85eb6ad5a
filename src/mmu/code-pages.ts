// Self- and cross-modifying code: which bytes of RAM were decoded, and how a store to them becomes known.
//
// Shared words, all accessed by Atomics unless said otherwise:
//   PAGE.flags        any vCPU ORs `dirty`. `code` and `watched` are set, and `code` cleared, under CONTROL.codeLock.
//   PAGE.codeMask*    written under codeLock: OR by markCode, 0 by an invalidation. Read by anyone.
//   PAGE.generation   written under codeLock: +1 by an invalidation. Read by anyone.
//   write-TLB tags    filled by their vCPU; emptied by it, or under codeLock by the vCPU that marks their page.
//   CONTEXT.codeFence written under codeLock, after the emptying. Read by vCPUs that are about to decode.
//   CONTEXT.safepoints, runState   see src/mmu/safepoints.ts.
//
// Invariants:
//   1. No write TLB holds an entry of a page that is `code` or `watched`, but for an entry whose filler has not yet
//      looked at the flags: it stores the tag, then reads the flags, and takes the entry back (Dekker's pattern with
//      markCode, which sets the flag and then scans the tags).
//   2. A vCPU whose entry was taken may be between its tag check and its store. Its codeFence says so until it passes
//      a safepoint, and whoever decodes the page waits for that first. So bytes are read only when every store to
//      the page takes the slow path.
//   3. Slow stores write first and look at the flags afterwards (the OR of `dirty` is both the look and the fence
//      between). Either they see the mark and invalidate what was decoded, or the decoder reads the new bytes.
//   4. A block carries the generation read before its bytes. A store that invalidates moves the generation and posts
//      REQUEST.codeChanged with a kick before it returns: a vCPU that sees a later store of the same guest code sees
//      the kick too (x86-TSO), and drops the block at its next block end.
//   5. Nobody waits while holding codeLock.
import { REQUEST } from '../state/context.ts';
import { CONTROL, GUEST_PAGE, PAGE, PAGE_FLAG, type StateMap } from '../state/map.ts';
import { Mutex } from '../state/mutex.ts';
import { postRequest } from '../state/requests.ts';
import type { StateMemory } from '../state/struct.ts';
import { Safepoints } from './safepoints.ts';
import { clearWrites, removeWritesTo } from './tlb.ts';

const GRANULE_SHIFT = 6;
const SLOW_WRITES = PAGE_FLAG.code | PAGE_FLAG.watched;
const GENERATION = PAGE.offset.generation / 4;
const MASK_LOW = PAGE.offset.codeMaskLow / 4;
const MASK_HIGH = PAGE.offset.codeMaskHigh / 4;

/** What happens on this thread when a store reaches a page that is more than data. */
export interface PageEvents {
  /** Code decoded from this page of RAM is stale: the thread's own engine must drop it before it executes on. */
  codeChanged(page: number): void;
  /** A store reached a watched page; the bytes are in memory already. */
  watchedWrite(address: number, size: number): void;
}

/** PAGE records as one vCPU uses them. */
export class CodePages {
  readonly #memory: StateMemory;
  readonly #map: StateMap;
  readonly #self: number;
  readonly #events: PageEvents;
  readonly #lock: Mutex;
  readonly #safepoints: Safepoints;

  /** @param parts.vcpuIndex the vCPU that this thread hosts, or -1 for a thread that hosts none */
  constructor(parts: { memory: StateMemory; map: StateMap; vcpuIndex: number; events: PageEvents }) {
    this.#memory = parts.memory;
    this.#map = parts.map;
    this.#self = parts.vcpuIndex;
    this.#events = parts.events;
    this.#lock = new Mutex(parts.memory, CONTROL.offset.codeLock);
    this.#safepoints = new Safepoints(parts.memory, parts.map, parts.vcpuIndex);
  }

  /** Word index of a page's record; flags come first in it. */
  #record(page: number): number {
    return (this.#map.pages + page * PAGE.size) >>> 2;
  }

  /** Moves whenever code decoded from the page became stale. To be read before the bytes are. */
  generation(page: number): number {
    return Atomics.load(this.#memory.i32, this.#record(page) + GENERATION);
  }

  /**
   * Announces that bytes `from` up to but not including `to` of a page are about to be decoded. Afterwards every store
   * to them is noticed, by whichever vCPU.
   * @returns the generation that the decoded block belongs to
   */
  markCode(page: number, from: number, to: number): number {
    const generation = this.generation(page);
    const low = granules(from, to, 0);
    const high = granules(from, to, 32);
    if (!this.#isMarked(page, low, high)) this.#lock.run(() => this.#mark(page, low, high));
    this.#safepoints.awaitFences();
    return generation;
  }

  #isMarked(page: number, low: number, high: number): boolean {
    const { i32 } = this.#memory;
    const record = this.#record(page);
    return (
      (Atomics.load(i32, record + MASK_LOW) & low) === low &&
      (Atomics.load(i32, record + MASK_HIGH) & high) === high &&
      (Atomics.load(i32, record) & PAGE_FLAG.code) !== 0
    );
  }

  #mark(page: number, low: number, high: number): void {
    const { i32 } = this.#memory;
    const record = this.#record(page);
    Atomics.or(i32, record + MASK_LOW, low);
    Atomics.or(i32, record + MASK_HIGH, high);
    const old = Atomics.or(i32, record, PAGE_FLAG.code);
    if ((old & PAGE_FLAG.code) === 0) this.#takeWrites(page);
  }

  /** Invariants 1 and 2: no vCPU stores to the page past the slow path, from its next safepoint on. */
  #takeWrites(page: number): void {
    for (let vcpu = 0; vcpu < this.#map.vcpus; vcpu++) {
      const found = removeWritesTo(this.#memory, this.#map.vcpu(vcpu), page);
      if (found && vcpu !== this.#self) this.#safepoints.fence(vcpu);
    }
  }

  /** Has every store to the page reported by PageEvents.watchedWrite on the storing vCPU's thread, from now on. */
  watch(page: number): void {
    this.#lock.run(() => {
      const old = Atomics.or(this.#memory.i32, this.#record(page), PAGE_FLAG.watched);
      if ((old & PAGE_FLAG.watched) === 0) this.#takeWrites(page);
    });
    this.#safepoints.awaitFences();
  }

  /** Ends `watch`. Who watches one page for several reasons must count them. */
  unwatch(page: number): void {
    Atomics.and(this.#memory.i32, this.#record(page), ~PAGE_FLAG.watched);
  }

  /** Marks a page as written, and says whether a write-TLB entry may lead to it. To be asked again after the fill. */
  mayFillWrite(page: number): boolean {
    return (Atomics.or(this.#memory.i32, this.#record(page), PAGE_FLAG.dirty) & SLOW_WRITES) === 0;
  }

  /**
   * To be called after every store to RAM that did not go through a write-TLB entry of wasm: by this vCPU's slow
   * paths, by page walks, by devices.
   * @param address in RAM @param size bytes, in one page
   */
  wrote(address: number, size: number): void {
    const page = Math.floor(address / GUEST_PAGE);
    const flags = Atomics.or(this.#memory.i32, this.#record(page), PAGE_FLAG.dirty);
    if ((flags & SLOW_WRITES) === 0) return;
    if (flags & PAGE_FLAG.code) this.#wroteCodePage(page, address % GUEST_PAGE, size);
    if (flags & PAGE_FLAG.watched) this.#events.watchedWrite(address, size);
  }

  /** Whether bytes of a page were decoded, by 64-byte granules. */
  holdsCode(page: number, from: number, to: number): boolean {
    const { i32 } = this.#memory;
    const record = this.#record(page);
    return (
      (Atomics.load(i32, record + MASK_LOW) & granules(from, to, 0)) !== 0 ||
      (Atomics.load(i32, record + MASK_HIGH) & granules(from, to, 32)) !== 0
    );
  }

  #wroteCodePage(page: number, offset: number, size: number): void {
    const stale = this.#lock.run(() => {
      if (!this.holdsCode(page, offset, offset + size)) return false;
      this.#invalidate(page);
      return true;
    });
    if (stale) this.#events.codeChanged(page);
  }

  /**
   * All of the page at once: its blocks share one generation. The order matters to those who look without the lock:
   * marks go before the generation moves (who reads the new one must not find old marks), and the flag goes last
   * (until everybody knows, nobody may store past the slow path).
   */
  #invalidate(page: number): void {
    const { i32 } = this.#memory;
    const record = this.#record(page);
    Atomics.store(i32, record + MASK_LOW, 0);
    Atomics.store(i32, record + MASK_HIGH, 0);
    Atomics.add(i32, record + GENERATION, 1);
    for (let vcpu = 0; vcpu < this.#map.vcpus; vcpu++) {
      if (vcpu !== this.#self) postRequest(this.#memory, this.#map, vcpu, REQUEST.codeChanged);
    }
    Atomics.and(i32, record, ~PAGE_FLAG.code);
  }

  isDirty(page: number): boolean {
    return (Atomics.load(this.#memory.i32, this.#record(page)) & PAGE_FLAG.dirty) !== 0;
  }

  /** Begins a new round of dirty tracking. All vCPUs must be parked. */
  clearDirty(): void {
    for (let page = 0; page < this.#map.ramPages; page++) {
      Atomics.and(this.#memory.i32, this.#record(page), ~PAGE_FLAG.dirty);
    }
    for (let vcpu = 0; vcpu < this.#map.vcpus; vcpu++) clearWrites(this.#memory, this.#map.vcpu(vcpu));
  }
}

/** Mask of the granules `first` to `first` + 31 that bytes `from` up to `to` of a page touch. */
function granules(from: number, to: number, first: number): number {
  const low = Math.max((from >>> GRANULE_SHIFT) - first, 0);
  const high = Math.min(((to - 1) >>> GRANULE_SHIFT) - first, 31);
  if (low > high) return 0;
  return (-1 << low) & (-1 >>> (31 - high));
}
