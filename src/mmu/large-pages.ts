// Which translations were filled from large pages, so that invalidating one of those costs no search of the TLBs.

/** log2 of a 4-KByte page's size. */
export const SMALLEST_PAGE = 12;
/** More 4-KByte pieces of one large page than this are not counted: the TLBs hold fewer. */
const MOST_PIECES = 1024;

/** Number of the 2^shift-byte page that a linear address lies in. Below 2^52: exact as a number. */
export function pageNumber(low: number, high: number, shift: number = SMALLEST_PAGE): number {
  return high * 2 ** (32 - shift) + (low >>> shift);
}

/**
 * The 4-KByte pieces of large pages that one vCPU's TLBs were filled from since they were last emptied. INVLPG of any
 * address in a large page must drop all of them: SDM 3A 4.10.4.1.
 */
export class LargePages {
  /** By log2 of the page size, and by number of the page: the numbers of its pieces, or null for too many. */
  readonly #sizes = new Map<number, Map<number, Set<number> | null>>();

  /** A translation was filled from a page of 2^shift bytes. */
  note(low: number, high: number, shift: number): void {
    if (shift === SMALLEST_PAGE) return;
    const pages = this.#sizes.get(shift) ?? new Map<number, Set<number> | null>();
    this.#sizes.set(shift, pages);
    const number = pageNumber(low, high, shift);
    const pieces = pages.get(number);
    if (pieces === null) return;
    if (pieces === undefined) pages.set(number, new Set([pageNumber(low, high)]));
    else if (pieces.size < MOST_PIECES) pieces.add(pageNumber(low, high));
    else pages.set(number, null);
  }

  /**
   * Forgets the large pages around an address.
   * @returns the numbers of the 4-KByte pages that its invalidation must drop, itself included; null for "everything"
   */
  take(low: number, high: number): Iterable<number> | null {
    const found = [pageNumber(low, high)];
    for (const [shift, pages] of this.#sizes) {
      const number = pageNumber(low, high, shift);
      const pieces = pages.get(number);
      if (pieces === null) return null;
      if (pieces === undefined) continue;
      found.push(...pieces);
      pages.delete(number);
    }
    return found;
  }

  clear(): void {
    this.#sizes.clear();
  }
}
