import { CONTEXT } from '../state/context.ts';
import type { StateMemory } from '../state/struct.ts';
import { CR0, CR0_PAGING, CR4_PAGING, EFER_PAGING, EFLAGS_AC } from './control-bits.ts';
import type { WalkRegisters } from './walk.ts';

const USER_CPL = 3;
/** L0 to L3 of DR7: SDM 3B 17.2.4. */
const DR7_LOCAL = 0x55;

/** Word indices of fields; of 64-bit fields, of their low half. Constants, for they are read at every access. */
const word = (field: keyof typeof CONTEXT.offset): number => CONTEXT.offset[field] >>> 2;
const WORD = {
  cr0: word('cr0'),
  cr3: word('cr3'),
  cr4: word('cr4'),
  efer: word('efer'),
  pkru: word('pkru'),
  pkrs: word('pkrs'),
  pdpte: word('pdpte'),
  cpl: word('cpl'),
  systemFlags: word('systemFlags'),
  dr7: word('dr7'),
  linearMask: word('linearMask'),
  mode: word('mode'),
  tlbKey: word('tlbKey'),
  jumpKey: word('jumpKey'),
} as const;

/** The registers that translation depends on, read from a vCPU's context in halves: no bigint is made. */
export class PagingRegisters implements WalkRegisters {
  readonly #u32: Uint32Array<SharedArrayBuffer>;
  readonly #first: number;

  /** @param context address of the vCPU's context */
  constructor(memory: StateMemory, context: number) {
    this.#u32 = memory.u32;
    this.#first = context >>> 2;
  }

  /** Those bits of CR0, CR4 and EFER whose change may change a translation. */
  get cr0(): number {
    return this.#u32[this.#first + WORD.cr0]! & CR0_PAGING;
  }
  get cr4(): number {
    return this.#u32[this.#first + WORD.cr4]! & CR4_PAGING;
  }
  get efer(): number {
    return this.#u32[this.#first + WORD.efer]! & EFER_PAGING;
  }
  get cr3Low(): number {
    return this.#u32[this.#first + WORD.cr3]!;
  }
  get cr3High(): number {
    return this.#u32[this.#first + WORD.cr3 + 1]!;
  }
  get pkru(): number {
    return this.#u32[this.#first + WORD.pkru]!;
  }
  get pkrs(): number {
    return this.#u32[this.#first + WORD.pkrs]!;
  }
  pdpteLow(index: number): number {
    return this.#u32[this.#first + WORD.pdpte + 2 * index]!;
  }
  pdpteHigh(index: number): number {
    return this.#u32[this.#first + WORD.pdpte + 2 * index + 1]!;
  }

  get user(): boolean {
    return this.#u32[this.#first + WORD.cpl]! === USER_CPL;
  }
  get alignmentFlag(): boolean {
    return (this.#u32[this.#first + WORD.systemFlags]! & EFLAGS_AC) !== 0;
  }
  /** Whether misaligned data accesses raise #AC: SDM 3A 6.15, "Interrupt 17". */
  get checksAlignment(): boolean {
    return this.user && this.alignmentFlag && (this.#u32[this.#first + WORD.cr0]! & CR0.AM) !== 0;
  }

  /** Whether DR7 enables a breakpoint on data accesses: Ln or Gn, with R/Wn of 1 or 3 (SDM 3B 17.2.4). */
  get watchesData(): boolean {
    const dr7 = this.#u32[this.#first + WORD.dr7]!;
    const enabled = (dr7 | (dr7 >>> 1)) & DR7_LOCAL;
    if (enabled === 0) return false;
    for (let n = 0; n < 4; n++) if ((enabled >>> (2 * n)) & (dr7 >>> (16 + 4 * n)) & 1) return true;
    return false;
  }

  /** High half of the mask of linear addresses: 0 outside 64-bit mode. */
  get linearMaskHigh(): number {
    return this.#u32[this.#first + WORD.linearMask + 1]!;
  }
  get mode(): number {
    return this.#u32[this.#first + WORD.mode]!;
  }

  /** CONTEXT.tlbKey, whose upper bits are 0. */
  get tlbKey(): number {
    return this.#u32[this.#first + WORD.tlbKey]!;
  }
  set tlbKey(key: number) {
    const at = this.#first + WORD.tlbKey;
    this.#u32[at] = key;
    this.#u32[at + 1] = 0;
  }

  set jumpKey(key: number) {
    this.#u32[this.#first + WORD.jumpKey] = key;
  }
}
