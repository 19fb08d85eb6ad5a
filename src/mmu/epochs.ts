import { JUMP_ENTRIES, JUMP_ENTRY, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';

/** Epochs have 10 bits of a TLB tag. The last is left out, so that an empty entry's tag belongs to none. */
const EPOCHS = 1023;

/**
 * Numbers that stand for address spaces in TLB tags. Flushing an address space is giving it another number: what was
 * filled under the old one can then never match. Not architectural: losing all of it only costs refills.
 */
export class Epochs {
  readonly #spaces = new Map<number, Map<string, number>>();
  #next = 0;

  /**
   * The number of an address space.
   * @param space its identity: the PCID
   * @param view what else its translations depend on (protection-key registers)
   * @param exhausted called when all numbers are spent, before they are given out anew: every tag must go
   */
  of(space: number, view: string, exhausted: () => void): number {
    const known = this.#spaces.get(space)?.get(view);
    if (known !== undefined) return known;
    if (this.#next === EPOCHS) {
      this.#spaces.clear();
      this.#next = 0;
      exhausted();
    }
    const epoch = this.#next++;
    const views = this.#spaces.get(space) ?? new Map<string, number>();
    this.#spaces.set(space, views.set(view, epoch));
    return epoch;
  }

  drop(space: number): void {
    this.#spaces.delete(space);
  }

  dropAll(): void {
    this.#spaces.clear();
  }
}

/** Each combination of bits of CONTEXT.mode and the privilege of fetches. */
const MODE_SPAN = 2 ** 16;
const LAST_KEY = 0xffff_ffff;

/**
 * CONTEXT.jumpKey: a number never used before for each (epoch, privilege, mode), since the last change of code or of a
 * translation. 0 is no key: an untouched jump-cache entry holds it.
 */
export class JumpKeys {
  readonly #memory: StateMemory;
  readonly #cache: number;
  readonly #keys = new Map<number, number>();
  /** Numbers of the linear pages that code was fetched from since the last change: entries can depend on no other. */
  readonly #pages = new Set<number>();
  #last = 0;

  /** @param area address of the vCPU's area. Clears its jump cache, whose keys are of unknown origin. */
  constructor(memory: StateMemory, area: number) {
    this.#memory = memory;
    this.#cache = area + VCPU_AREA.jumpCache;
    this.#clearCache();
  }

  #clearCache(): void {
    this.#memory.u8.fill(0, this.#cache, this.#cache + JUMP_ENTRIES * JUMP_ENTRY.size);
  }

  of(epoch: number, user: boolean, mode: number): number {
    const situation = (epoch * 2 + (user ? 1 : 0)) * MODE_SPAN + mode;
    const known = this.#keys.get(situation);
    if (known !== undefined) return known;
    if (this.#last === LAST_KEY) {
      this.forget();
      this.#clearCache();
      this.#last = 0;
    }
    this.#keys.set(situation, ++this.#last);
    return this.#last;
  }

  /** Code of a linear page is about to enter the jump cache. */
  fetched(page: number): void {
    this.#pages.add(page);
  }

  /** Whether jump-cache entries may depend on the translation of a linear page. */
  reach(page: number): boolean {
    return this.#pages.has(page);
  }

  /** No jump-cache entry made so far may match again. */
  forget(): void {
    this.#keys.clear();
    this.#pages.clear();
  }
}
