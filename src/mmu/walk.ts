import { ACCESS, type Access, MMU_INDEX, type MmuIndex } from './access.ts';
import type { CodePages } from './code-pages.ts';
import type { Controls } from './controls.ts';
import { PF_ERROR } from './exception.ts';
import { ENTRY, type Level } from './paging-mode.ts';
import { type PageRights, violation } from './permission.ts';
import type { PhysicalMemory } from './physical.ts';

const HIGH = 2 ** 32;
const PAGE_MASK = ~0xfff;
/** Bits 51:32 of an address, in an entry's high half; those above MAXPHYADDR were checked to be 0. */
const ADDRESS_HIGH = 0xfffff;
/** A walk found an entry changed under its hands. */
const RETRY = Number.NEGATIVE_INFINITY;

/** The registers that a walk starts from and is judged by. */
export interface WalkRegisters {
  readonly cr3Low: number;
  readonly cr3High: number;
  readonly pkru: number;
  readonly pkrs: number;
  /** Low and high half of PDPTE 0-3. */
  pdpteLow(index: number): number;
  pdpteHigh(index: number): number;
}

/** A page fault's error code as a walk's result, distinct from any address. */
const fault = (error: number): number => -1 - error;
/** The error code that a negative result of PageWalker.walk stands for. */
export const faultError = (result: number): number => -1 - result;

/**
 * Walks paging structures: SDM 3A 4.3-4.5. Sets accessed and dirty flags (4.8) by compare-exchange on the entry, since
 * another vCPU may change it meanwhile; a walk that loses such a race starts again.
 */
export class PageWalker {
  readonly #physical: PhysicalMemory;
  readonly #codePages: CodePages;
  readonly #registers: WalkRegisters;
  /** Element 0 holds the last entry read, element 1 what is to replace it; and their halves. One load an entry. */
  readonly #entries = new BigUint64Array(2);
  readonly #halves = new Uint32Array(this.#entries.buffer);
  readonly #page: { -readonly [K in keyof PageRights]: PageRights[K] } = {
    rights: 0,
    executeDisable: false,
    protectionKey: 0,
  };
  /** log2 of the size of the page that the last walk ended in. */
  pageShift = 12;

  constructor(parts: { physical: PhysicalMemory; codePages: CodePages; registers: WalkRegisters }) {
    this.#physical = parts.physical;
    this.#codePages = parts.codePages;
    this.#registers = parts.registers;
  }

  /**
   * Translates a canonical linear address.
   * @returns the physical address of its 4-KByte page, or a negative number: see faultError
   */
  walk(low: number, high: number, access: Access, index: MmuIndex, controls: Controls): number {
    if (controls.mode.levels.length === 0) {
      this.pageShift = 12;
      return (low & PAGE_MASK) >>> 0;
    }
    for (;;) {
      const result = this.#attempt(low, high, access, index, controls);
      if (result >= 0) return result;
      if (result !== RETRY) return fault(faultError(result) | describe(access, index, controls));
    }
  }

  #attempt(low: number, high: number, access: Access, index: MmuIndex, controls: Controls): number {
    const { levels, entryBytes } = controls.mode;
    let table = this.#root(low, controls);
    if (table < 0) return table;
    const page = this.#page;
    page.rights = ENTRY.RW | ENTRY.US;
    page.executeDisable = false;
    for (const level of levels) {
      const at = this.#tableEntry(table + linearIndex(low, high, level) * entryBytes);
      this.#load(at, entryBytes);
      const entry = this.#halves[0]!;
      if ((entry & ENTRY.P) === 0) return fault(0);
      const mapsPage = level.last || (level.large && (entry & ENTRY.PS) !== 0);
      if (this.#reserved(level, mapsPage)) return fault(PF_ERROR.present | PF_ERROR.reserved);
      page.rights &= entry;
      if (this.#halves[1]! >>> 31) page.executeDisable = true;
      if (mapsPage) return this.#finish(at, level, low, access, index, controls);
      if ((entry & ENTRY.A) === 0 && !this.#set(at, entryBytes, ENTRY.A)) return RETRY;
      table = ((entry & PAGE_MASK) >>> 0) + (this.#halves[1]! & ADDRESS_HIGH) * HIGH;
    }
    throw new RangeError('a paging mode whose last level maps no page');
  }

  /** Physical address of the first table, or a fault: PAE's first level is the four PDPTE registers, 4.4.1. */
  #root(low: number, controls: Controls): number {
    const registers = this.#registers;
    const { name } = controls.mode;
    if (name === '32-bit') return (registers.cr3Low & PAGE_MASK) >>> 0;
    if (name !== 'PAE') return ((registers.cr3Low & PAGE_MASK) >>> 0) + (registers.cr3High & ADDRESS_HIGH) * HIGH;
    const pdpte = registers.pdpteLow(low >>> 30);
    if ((pdpte & ENTRY.P) === 0) return fault(0);
    return ((pdpte & PAGE_MASK) >>> 0) + (registers.pdpteHigh(low >>> 30) & ADDRESS_HIGH) * HIGH;
  }

  /**
   * Where in the machine's memory a paging-structure entry lies, by the address that the guest's structures give it.
   * The same, until a second level of translation (EPT, NPT) puts guest-physical addresses in between.
   */
  #tableEntry(address: number): number {
    return address;
  }

  #load(address: number, bytes: 4 | 8): void {
    const physical = this.#physical;
    if (bytes === 8 && physical.isRam(address)) {
      this.#entries[0] = physical.u64[address / 8]!;
      return;
    }
    // 32-bit paging; or entries in MMIO, whatever the bus makes of it.
    this.#halves[0] = physical.read(address, 4);
    this.#halves[1] = bytes === 8 ? physical.read(address + 4, 4) : 0;
  }

  #reserved(level: Level, mapsPage: boolean): boolean {
    const low = mapsPage ? level.pageReservedLow : level.tableReservedLow;
    const high = mapsPage ? level.pageReservedHigh : level.tableReservedHigh;
    return (this.#halves[0]! & low) !== 0 || (this.#halves[1]! & high) !== 0;
  }

  /** Judges the access by the entry that maps the page, and marks the entry. */
  #finish(at: number, level: Level, low: number, access: Access, index: MmuIndex, controls: Controls): number {
    const { entryBytes } = controls.mode;
    const entry = this.#halves[0]!;
    this.#page.protectionKey = (this.#halves[1]! >>> 27) & 15;
    const denied = violation(this.#page, access, index, controls, this.#registers);
    if (denied) return fault(denied);
    const marks = access === ACCESS.write ? ENTRY.A | ENTRY.D : ENTRY.A;
    if ((entry & marks) !== marks && !this.#set(at, entryBytes, marks)) return RETRY;
    this.pageShift = level.shift;
    const within = 2 ** level.shift - 1;
    const base = ((entry & PAGE_MASK & ~within) >>> 0) + (low & within & PAGE_MASK);
    return base + this.#frameHigh(level) * HIGH;
  }

  /** Bits 51:32 of the page's address. PSE-36 keeps bits 39:32 of a 4-MByte page in bits 20:13: SDM 3A table 4-4. */
  #frameHigh(level: Level): number {
    return level.shift === 22 ? (this.#halves[0]! >>> 13) & 0xff : this.#halves[1]! & ADDRESS_HIGH;
  }

  /** Sets flags in the entry last read, unless it has changed since. @returns whether they were set */
  #set(address: number, bytes: 4 | 8, flags: number): boolean {
    const physical = this.#physical;
    const old = this.#halves[0]!;
    if (!physical.isRam(address)) {
      physical.write(address, 4, (old | flags) >>> 0);
      return true;
    }
    const done = bytes === 8 ? this.#exchange64(address, old | flags) : this.#exchange32(address, old, old | flags);
    if (done) this.#codePages.wrote(address, bytes);
    return done;
  }

  #exchange32(address: number, old: number, value: number): boolean {
    return Atomics.compareExchange(this.#physical.i32, address >>> 2, old | 0, value) === (old | 0);
  }

  #exchange64(address: number, low: number): boolean {
    this.#halves[2] = low;
    this.#halves[3] = this.#halves[1]!;
    const [old, value] = [this.#entries[0]!, this.#entries[1]!];
    return Atomics.compareExchange(this.#physical.u64, address / 8, old, value) === old;
  }
}

function linearIndex(low: number, high: number, level: Level): number {
  const { shift, indexMask } = level;
  if (shift >= 32) return (high >>> (shift - 32)) & indexMask;
  return ((low >>> shift) | (high << (32 - shift))) & indexMask;
}

/** The error-code bits that tell of the access rather than the cause: SDM 3A 4.7. */
function describe(access: Access, index: MmuIndex, controls: Controls): number {
  const user = index === MMU_INDEX.user ? PF_ERROR.user : 0;
  if (access === ACCESS.write) return user | PF_ERROR.write;
  return access === ACCESS.execute && controls.reportsFetch ? user | PF_ERROR.fetch : user;
}
