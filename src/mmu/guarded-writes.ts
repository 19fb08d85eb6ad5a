import { GUEST_PAGE } from '../state/map.ts';

const ENTRIES = 16;
const PAGE_MASK = ~(GUEST_PAGE - 1);
/** A key that is never given out: see TLB_EMPTY. */
const NO_KEY = GUEST_PAGE - 1;

/**
 * Translations for writes to pages that hold decoded code. The write TLB must not have them, so that every such write
 * comes to TypeScript; this keeps it from walking the page tables each time. Keys and invalidation are the TLB's.
 */
export class GuardedWrites {
  readonly #tags = new Uint32Array(ENTRIES).fill(NO_KEY);
  readonly #highs = new Uint32Array(ENTRIES);
  readonly #pages = new Uint32Array(ENTRIES);

  /** The RAM address of a linear address, or -1. */
  find(low: number, high: number, key: number): number {
    const at = (low >>> 12) % ENTRIES;
    const tag = ((low & PAGE_MASK) | key) >>> 0;
    return this.#tags[at] === tag && this.#highs[at] === high ? this.#pages[at]! + (low & ~PAGE_MASK) : -1;
  }

  /** @param page physical address of a page of RAM */
  fill(low: number, high: number, key: number, page: number): void {
    const at = (low >>> 12) % ENTRIES;
    this.#tags[at] = (low & PAGE_MASK) | key;
    this.#highs[at] = high;
    this.#pages[at] = page;
  }

  clear(): void {
    this.#tags.fill(NO_KEY);
  }
}
