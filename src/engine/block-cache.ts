import type { Decoder } from '../decode/decoder.ts';
import type { Instruction } from '../decode/instruction.ts';
import { MODE } from '../decode/mode.ts';
import { VECTOR } from '../mmu/exception.ts';
import type { Mmu } from '../mmu/mmu.ts';
import { CONTEXT, ContextView } from '../state/context.ts';
import { GUEST_PAGE, JUMP_ENTRIES, JUMP_ENTRY, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';
import { endsBlock, type Placement, type UopWriter } from './block-builder.ts';
import { unitFault } from './unit-check.ts';
import { LINK, UOP } from './uop.ts';

const MAX_INSTRUCTIONS = 64;
const MAX_LENGTH = 15;
/** Modes fit 11 bits: src/decode/mode.ts. */
const MODE_SPAN = 2048;

const RIP = VCPU_AREA.context + CONTEXT.offset.rip;
/** Words of a jump-cache entry; RIP is its first two. */
const KEY = JUMP_ENTRY.offset.key / 4;
const UOP_ADDRESS = JUMP_ENTRY.offset.uop / 4;

/** Code of one RAM page as this vCPU decoded it. */
interface CodePage {
  readonly generation: number;
  readonly blocks: Map<number, number>;
}

/** What fetching needs: bytes of the page that RIP is on. */
interface Fetch {
  /** Guest-physical address of the instruction. */
  readonly address: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The decoded code of one vCPU: blocks keyed by physical address and mode. The records lie in `state`; which record
 * is whose is derived data and may be dropped at any time.
 */
export class BlockCache {
  readonly #memory: StateMemory;
  readonly #state: ContextView;
  readonly #area: number;
  readonly #mmu: Mmu;
  readonly #decoder: Decoder;
  readonly #writer: UopWriter;
  readonly #pages = new Map<number, CodePage>();
  #details: Instruction[] = [];
  #free: number;
  readonly #end: number;
  /** Moves when all records are dropped: links taken before are void. */
  #flushes = 0;

  /** @param area the vCPU's area in `state` */
  constructor(memory: StateMemory, area: number, parts: { mmu: Mmu; decoder: Decoder; writer: UopWriter }) {
    this.#memory = memory;
    this.#area = area;
    this.#state = new ContextView(memory, area + VCPU_AREA.context);
    this.#mmu = parts.mmu;
    this.#decoder = parts.decoder;
    this.#writer = parts.writer;
    this.#free = area + VCPU_AREA.uops;
    this.#end = area + VCPU_AREA.uops + VCPU_AREA.uopBytes;
  }

  /** The decoded instruction of a micro-op whose handler calls a helper. */
  detail(uop: number): Instruction {
    return this.#details[this.#memory.u32[(uop + UOP.offset.detail) >>> 2]!]!;
  }

  /** Drops everything. */
  flush(): void {
    this.#pages.clear();
    this.#details = [];
    this.#free = this.#area + VCPU_AREA.uops;
    this.#flushes++;
    this.#mmu.codeChanged();
  }

  /** Drops the blocks of a page. */
  dropPage(page: number): void {
    if (this.#pages.delete(page)) this.#mmu.codeChanged();
  }

  /** Drops the blocks of all pages whose generation moved since they were decoded. */
  dropStale(): void {
    for (const [page, { generation }] of this.#pages) {
      if (this.#mmu.codeGeneration(page) !== generation) this.dropPage(page);
    }
  }

  /**
   * The block at a linear address, decoded if need be. Fills the jump cache and `linkSlot` where that is sound.
   * @param rip the instruction pointer as the jump cache knows it
   * @throws GuestException when the fetch faults
   */
  find(low: number, high: number, mode: number, linkSlot: number): number {
    const page = this.#mmu.fetchPage(low, high);
    const address = page + (low & (GUEST_PAGE - 1));
    const code = this.#codePage(page / GUEST_PAGE);
    const key = (low & (GUEST_PAGE - 1)) * MODE_SPAN + mode;
    let uop = code.blocks.get(key);
    const flushes = this.#flushes;
    if (uop === undefined) {
      uop = this.#build({ address, low, high }, mode, false);
      if (uop === 0) return this.#findStraddling({ address, low, high }, mode, linkSlot);
      this.#codePage(page / GUEST_PAGE).blocks.set(key, uop);
    }
    const transient = (mode & (MODE.single | MODE.codeLimit | MODE.unlocked)) !== 0;
    if (!transient) this.#remember(uop);
    if (linkSlot !== 0 && flushes === this.#flushes) this.#memory.u32[linkSlot >>> 2] = transient ? LINK.dynamic : uop;
    return uop;
  }

  #codePage(page: number): CodePage {
    let code = this.#pages.get(page);
    if (!code) {
      code = { generation: this.#mmu.codeGeneration(page), blocks: new Map() };
      this.#pages.set(page, code);
    }
    return code;
  }

  /** Enters a block into the jump cache under the current RIP. */
  #remember(uop: number): void {
    const { u32 } = this.#memory;
    const rip = (this.#area + RIP) >>> 2;
    const slot = (u32[rip]! & (JUMP_ENTRIES - 1)) * JUMP_ENTRY.size;
    const entry = (this.#area + VCPU_AREA.jumpCache + slot) >>> 2;
    u32[entry] = u32[rip]!;
    u32[entry + 1] = u32[rip + 1]!;
    u32[entry + KEY] = this.#state.jumpKey;
    u32[entry + UOP_ADDRESS] = uop;
  }

  /**
   * An instruction across a page boundary: both translations count, so it is known to the jump cache only, whose
   * entries end with any translation change.
   */
  #findStraddling(fetch: Fetch, mode: number, linkSlot: number): number {
    const uop = this.#build(fetch, mode, true);
    if ((mode & (MODE.single | MODE.codeLimit | MODE.unlocked)) === 0) this.#remember(uop);
    if (linkSlot !== 0) this.#memory.u32[linkSlot >>> 2] = LINK.dynamic;
    return uop;
  }

  #reserve(): number {
    if (this.#free + (MAX_INSTRUCTIONS + 1) * UOP.size > this.#end) this.flush();
    return this.#free;
  }

  /** Decodes a block. @returns 0 if its first instruction crosses the page and `straddling` is not allowed */
  #build(fetch: Fetch, mode: number, straddling: boolean): number {
    const first = this.#reserve();
    const limit = mode & (MODE.single | MODE.unlocked) || straddling ? 1 : MAX_INSTRUCTIONS;
    const pageOffset = straddling || mode & MODE.codeLimit ? -1 : fetch.low & (GUEST_PAGE - 1);
    let uop = first;
    let start = 0;
    let count = 1;
    for (; ; count++) {
      const at: Placement = { start, count, pageOffset };
      const decoded = straddling ? this.#decodeAcross(fetch, mode) : this.#decodeAt(fetch.address + start, mode);
      if ('failure' in decoded) {
        if (decoded.failure === 'incomplete') {
          if (count === 1) return 0;
          this.#writer.special(uop, 'endOfBlock', { ...at, count: count - 1 });
          break;
        }
        this.#writer.special(uop, 'raise', at, decoded.failure === 'too-long' ? VECTOR.GP : VECTOR.UD);
        break;
      }
      const fault = unitFault(decoded, mode);
      if (fault !== null) {
        this.#writer.special(uop, 'raise', at, fault);
        break;
      }
      this.#writer.instruction(uop, decoded, at, this.#note(decoded), mode);
      start += decoded.length;
      if (endsBlock(decoded)) break;
      uop += UOP.size;
      if (count === limit || (fetch.address + start) % GUEST_PAGE === 0) {
        this.#writer.special(uop, 'endOfBlock', { start, count, pageOffset });
        break;
      }
    }
    this.#writer.finish(first, uop);
    this.#free = uop + UOP.size;
    return first;
  }

  #note(instruction: Instruction): number {
    const { definition } = instruction.form;
    if (definition.helper === undefined && !definition.mayCallHelper) return 0;
    return this.#details.push(instruction) - 1;
  }

  #decodeAt(address: number, mode: number) {
    const page = Math.floor(address / GUEST_PAGE);
    const end = (page + 1) * GUEST_PAGE;
    const { physical } = this.#mmu;
    if (address >= physical.ramBytes) return this.#decodeBytes(this.#mmioBytes(address, end), mode);
    this.#mmu.markCode(page, address % GUEST_PAGE, Math.min(address + MAX_LENGTH, end) - page * GUEST_PAGE);
    return this.#decoder.decode(physical.u8, address, end, mode);
  }

  #decodeBytes(bytes: Uint8Array, mode: number) {
    return this.#decoder.decode(bytes, 0, bytes.length, mode);
  }

  #mmioBytes(address: number, end: number): Uint8Array {
    const length = Math.min(MAX_LENGTH, end - address);
    return Uint8Array.from({ length }, (_, index) => this.#mmu.physical.read(address + index, 1));
  }

  /** The bytes around a page boundary, each page translated on its own. */
  #decodeAcross({ address, low, high }: Fetch, mode: number) {
    const nextLow = ((low & ~(GUEST_PAGE - 1)) + GUEST_PAGE) >>> 0;
    const nextHigh = nextLow === 0 ? (high + 1) >>> 0 : high;
    const next = this.#mmu.fetchPage(nextLow, nextHigh);
    const head = this.#codeBytes(address, GUEST_PAGE - (address % GUEST_PAGE));
    const tail = this.#codeBytes(next, MAX_LENGTH - head.length);
    return this.#decodeBytes(Uint8Array.of(...head, ...tail), mode);
  }

  #codeBytes(address: number, length: number): Uint8Array {
    const { physical } = this.#mmu;
    if (address >= physical.ramBytes) return this.#mmioBytes(address, address + length);
    const page = Math.floor(address / GUEST_PAGE);
    const offset = address % GUEST_PAGE;
    this.#mmu.markCode(page, offset, offset + length);
    // Known here, so that a write to either page ends the jump-cache entry.
    this.#codePage(page);
    return physical.u8.slice(address, address + length);
  }
}
