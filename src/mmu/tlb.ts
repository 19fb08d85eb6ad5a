import { GUEST_PAGE, TLB_EMPTY, TLB_ENTRIES, TLB_ENTRY, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';
import { ACCESS, type Access } from './access.ts';

const WORDS = TLB_ENTRY.size / 4;
const TAG_LOW = TLB_ENTRY.offset.tag / 4;
const TAG_HIGH = TAG_LOW + 1;
const ADDEND = TLB_ENTRY.offset.addend / 4;
const PAGE = TLB_ENTRY.offset.page / 4;
/**
 * The low half of an empty tag. Its key bits are those of epoch 1023, which is never given out, so this half alone
 * keeps an entry from matching anything.
 */
const EMPTY_LOW = Number(BigInt.asIntN(32, TLB_EMPTY));
const PAGE_MASK = ~(GUEST_PAGE - 1);
const ACCESSES = [ACCESS.read, ACCESS.write, ACCESS.execute] as const;
const PAGES_BELOW_4G = 2 ** 32 / GUEST_PAGE;

/**
 * The translations of one vCPU that its engine may use without asking: SDM 3A 4.10.2. Three tables, by what the access
 * does. The vCPU's own thread reads, fills and empties entries. Other threads only empty entries of the write table,
 * by an atomic store to the tag's low half (removeWritesTo); a fill stores that half last, atomically.
 */
export class Tlb {
  readonly #memory: StateMemory;
  /** Word index of each table, by Access. */
  readonly #tables: readonly [number, number, number];

  /** @param area address of the vCPU's area. What is in the tables may be anybody's until they are cleared. */
  constructor(memory: StateMemory, area: number) {
    this.#memory = memory;
    this.#tables = [
      (area + VCPU_AREA.readTlb) >>> 2,
      (area + VCPU_AREA.writeTlb) >>> 2,
      (area + VCPU_AREA.fetchTlb) >>> 2,
    ];
  }

  #entry(access: Access, low: number): number {
    return this.#tables[access] + ((low >>> 12) & (TLB_ENTRIES - 1)) * WORDS;
  }

  /** The RAM address of a linear address, or -1. */
  find(access: Access, low: number, high: number, key: number): number {
    const { u32 } = this.#memory;
    const at = this.#entry(access, low);
    const tag = ((low & PAGE_MASK) | key) >>> 0;
    return u32[at + TAG_LOW] === tag && u32[at + TAG_HIGH] === high ? (low + u32[at + ADDEND]!) >>> 0 : -1;
  }

  /** @param page physical address of a page of RAM */
  fill(access: Access, low: number, high: number, key: number, page: number): void {
    const { u32, i32 } = this.#memory;
    const at = this.#entry(access, low);
    u32[at + PAGE] = page / GUEST_PAGE;
    u32[at + ADDEND] = page - ((low & PAGE_MASK) >>> 0);
    u32[at + TAG_HIGH] = high;
    Atomics.store(i32, at + TAG_LOW, (low & PAGE_MASK) | key);
  }

  /** Takes back what `fill` did. */
  remove(access: Access, low: number): void {
    this.#memory.i32[this.#entry(access, low) + TAG_LOW] = EMPTY_LOW;
  }

  /** Empties what may hold a 4-KByte page, by its number, in any address space. */
  removePage(page: number): void {
    const low = (page % PAGES_BELOW_4G) * GUEST_PAGE;
    const high = Math.floor(page / PAGES_BELOW_4G);
    const { u32 } = this.#memory;
    for (const access of ACCESSES) {
      const at = this.#entry(access, low);
      if ((u32[at + TAG_LOW]! & PAGE_MASK) >>> 0 === low && u32[at + TAG_HIGH] === high) this.remove(access, low);
    }
  }

  clear(): void {
    for (const table of this.#tables) clearTable(this.#memory, table);
  }
}

function clearTable(memory: StateMemory, table: number): void {
  memory.u64.fill(TLB_EMPTY, table >>> 1, (table + TLB_ENTRIES * WORDS) >>> 1);
}

/** Empties the write table of the vCPU whose area is at `area`; it must be parked. */
export function clearWrites(memory: StateMemory, area: number): void {
  clearTable(memory, (area + VCPU_AREA.writeTlb) >>> 2);
}

/**
 * Empties the entries of a vCPU's write table that lead to a page of RAM. From any thread, at any time.
 * @returns whether there was one
 */
export function removeWritesTo(memory: StateMemory, area: number, page: number): boolean {
  const { u32, i32 } = memory;
  const table = (area + VCPU_AREA.writeTlb) >>> 2;
  let found = false;
  for (let at = table; at < table + TLB_ENTRIES * WORDS; at += WORDS) {
    if (u32[at + PAGE] !== page || Atomics.load(i32, at + TAG_LOW) === EMPTY_LOW) continue;
    Atomics.store(i32, at + TAG_LOW, EMPTY_LOW);
    found = true;
  }
  return found;
}
