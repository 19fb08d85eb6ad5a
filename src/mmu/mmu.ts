import { CONTEXT } from '../state/context.ts';
import { GUEST_PAGE, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';
import { ACCESS, type Access, PRIVILEGE, type Privilege } from './access.ts';
import type { AccessSize } from './bus.ts';
import { GuestException, VECTOR } from './exception.ts';
import { joined, Translation, type TranslationParts } from './translation.ts';

const PAGE_OFFSET = GUEST_PAGE - 1;
const NONE = -1;
/** No access has a stricter alignment: SDM 3A table 6-7. */
const STRICTEST_ALIGNMENT = 8;
const OPERAND_SIZES: ReadonlySet<number> = new Set([2, 4, 8, 16]);

/** Takes a data access: its linear address, its bytes, and whether it writes. */
export type DataWatch = (linear: bigint, bytes: number, write: boolean) => void;

const low32 = (value: bigint): number => Number(BigInt.asUintN(32, value));

/**
 * A vCPU's memory by linear address, with all that SDM 3A chapter 4 asks: translation, protection, alignment checks.
 *
 * Every method throws GuestException (#PF, #AC, #GP(0) or, with `stack`, #SS(0) for addresses that are not canonical)
 * before it has changed memory. Linear addresses are bigints below 2^64, or their halves as unsigned numbers.
 */
export class Mmu extends Translation {
  readonly #state: StateMemory;
  readonly #bounce: number;
  /** Where the part of the last located access lies that is in the next page, or NONE. */
  #second = NONE;
  #noteData: DataWatch = () => undefined;
  /** Splits linear addresses without making bigints. */
  readonly #whole = new BigUint64Array(1);
  readonly #halves = new Uint32Array(this.#whole.buffer);

  constructor(parts: TranslationParts) {
    super(parts);
    this.#state = parts.memory;
    this.#bounce = parts.map.vcpu(parts.vcpuIndex) + VCPU_AREA.context + CONTEXT.offset.bounce;
  }

  /** Who is told of data accesses while DR7 watches any. Its own thread's vCPU. */
  watchData(note: DataWatch): void {
    this.#noteData = note;
  }

  /** Physical address of an access's first byte; #second tells of the rest. Checks all of it. */
  #where(low: number, high: number, size: number, access: Access, stack: boolean, privilege: Privilege): number {
    this.sync();
    const index = this.indexOf(privilege);
    const crosses = (low & PAGE_OFFSET) + size > GUEST_PAGE;
    let first: number;
    if (crosses) {
      const nextLow = ((low | PAGE_OFFSET) + 1) >>> 0;
      const nextHigh = nextLow === 0 ? ((high + 1) & this.registers.linearMaskHigh) >>> 0 : high;
      this.checkCanonical(low, high, stack);
      this.checkCanonical(nextLow, nextHigh, stack);
      first = this.locate(low, high, access, index, stack);
      this.#second = this.locate(nextLow, nextHigh, access, index, stack);
    } else {
      first = this.locate(low, high, access, index, stack);
      this.#second = NONE;
    }
    if (privilege === PRIVILEGE.current && this.registers.checksAlignment) checkAlignment(low, size);
    this.#watched(low, high, size, access, privilege);
    return first;
  }

  #whereLinear(linear: bigint, size: number, access: Access, stack: boolean, privilege: Privilege): number {
    this.#whole[0] = linear;
    return this.#where(this.#halves[0]!, this.#halves[1]!, size, access, stack, privilege);
  }

  /** Tells of an access that has met no fault. The processor's own to its tables are not data accesses. */
  #watched(low: number, high: number, size: number, access: Access, privilege: Privilege): void {
    if (!this.registers.watchesData || privilege === PRIVILEGE.implicitSupervisor) return;
    this.#noteData(joined(low, high), size, access === ACCESS.write);
  }

  /** Physical address of byte `i` of the access located last. */
  #byteAt(first: number, i: number): number {
    const inFirst = GUEST_PAGE - (first % GUEST_PAGE);
    return i < inFirst ? first + i : this.#second + (i - inFirst);
  }

  #load(first: number, size: AccessSize): number {
    if (this.#second === NONE) return this.physical.read(first, size);
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.physical.read(this.#byteAt(first, i), 1) << (8 * i);
    return value >>> 0;
  }

  #load64(first: number): bigint {
    if (this.#second === NONE) return this.physical.read64(first);
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(this.physical.read(this.#byteAt(first, i), 1));
    return value;
  }

  #store(first: number, size: AccessSize, value: number): void {
    if (this.#second === NONE) {
      this.physical.write(first, size, value);
      this.wrote(first, size);
      return;
    }
    for (let i = 0; i < size; i++) this.#storeByte(this.#byteAt(first, i), (value >>> (8 * i)) & 0xff);
  }

  #store64(first: number, value: bigint): void {
    if (this.#second === NONE) {
      this.physical.write64(first, value);
      this.wrote(first, 8);
      return;
    }
    for (let i = 0; i < 8; i++) this.#storeByte(this.#byteAt(first, i), Number((value >> BigInt(8 * i)) & 0xffn));
  }

  #storeByte(address: number, value: number): void {
    this.physical.write(address, 1, value);
    this.wrote(address, 1);
  }

  /**
   * To be called after bytes of a `ramSpan` were written, before the next safepoint: tells of code and watched pages.
   * @param address physical @param size bytes, in one page
   */
  wrote(address: number, size: number): void {
    if (this.physical.isRam(address)) this.codePages.wrote(address, size);
  }

  /** @param width 8, 16, 32 or 64 bits */
  read(linear: bigint, width: number, stack = false, privilege: Privilege = PRIVILEGE.current): bigint {
    const first = this.#whereLinear(linear, width / 8, ACCESS.read, stack, privilege);
    return width === 64 ? this.#load64(first) : BigInt(this.#load(first, (width / 8) as AccessSize));
  }

  /** Writes the low `width` bits of value. */
  write(linear: bigint, width: number, value: bigint, stack = false, privilege: Privilege = PRIVILEGE.current): void {
    const first = this.#whereLinear(linear, width / 8, ACCESS.write, stack, privilege);
    if (width === 64) this.#store64(first, value);
    else this.#store(first, (width / 8) as AccessSize, low32(value));
  }

  /** As read, for at most 4 bytes and without a bigint. */
  readNumber(
    low: number,
    high: number,
    size: AccessSize,
    stack = false,
    privilege: Privilege = PRIVILEGE.current,
  ): number {
    return this.#load(this.#where(low, high, size, ACCESS.read, stack, privilege), size);
  }

  writeNumber(
    low: number,
    high: number,
    size: AccessSize,
    value: number,
    stack = false,
    privilege: Privilege = PRIVILEGE.current,
  ): void {
    this.#store(this.#where(low, high, size, ACCESS.write, stack, privilege), size, value);
  }

  /** An implicit supervisor-mode access, as to descriptor tables and TSSs: SDM 3A 4.6.1. */
  readSystem(linear: bigint, width: number): bigint {
    return this.read(linear, width, false, PRIVILEGE.implicitSupervisor);
  }

  writeSystem(linear: bigint, width: number, value: bigint): void {
    this.write(linear, width, value, false, PRIVILEGE.implicitSupervisor);
  }

  /**
   * An implicit supervisor-mode access that replaces `expected` by `value`: descriptor accessed and busy bits (SDM 3A
   * 8.1.2.1). Atomic in RAM, if aligned.
   * @param width 32 or 64 bits
   * @returns what memory held
   */
  compareExchangeSystem(linear: bigint, width: number, expected: bigint, value: bigint): bigint {
    const first = this.#whereLinear(linear, width / 8, ACCESS.write, false, PRIVILEGE.implicitSupervisor);
    if (!this.physical.isRam(first) || first % (width / 8) !== 0) {
      const old = width === 64 ? this.#load64(first) : BigInt(this.#load(first, 4));
      if (old !== expected) return old;
      if (width === 64) this.#store64(first, value);
      else this.#store(first, 4, low32(value));
      return old;
    }
    const old = this.#exchange(first, width, expected, value);
    if (old === expected) this.wrote(first, width / 8);
    return old;
  }

  #exchange(address: number, width: number, expected: bigint, value: bigint): bigint {
    const { u64, u32 } = this.physical;
    if (width === 64) return Atomics.compareExchange(u64, address / 8, expected, value);
    return BigInt(Atomics.compareExchange(u32, address / 4, low32(expected), low32(value)));
  }

  /** Reads as many bytes as `into` holds. */
  readBytes(linear: bigint, into: Uint8Array, stack = false, privilege: Privilege = PRIVILEGE.current): void {
    const pieces = this.#pieces(linear, into.length, ACCESS.read, stack, privilege);
    for (const { address, from, to } of pieces) {
      if (this.physical.isRam(address)) into.set(this.physical.u8.subarray(address, address + to - from), from);
      else for (let i = from; i < to; i++) into[i] = this.physical.read(address + i - from, 1);
    }
  }

  /** Writes all bytes, or none if any of their pages faults. */
  writeBytes(linear: bigint, bytes: Uint8Array, stack = false, privilege: Privilege = PRIVILEGE.current): void {
    const pieces = this.#pieces(linear, bytes.length, ACCESS.write, stack, privilege);
    for (const { address, from, to } of pieces) {
      if (this.physical.isRam(address)) {
        this.physical.u8.set(bytes.subarray(from, to), address);
        this.wrote(address, to - from);
      } else for (let i = from; i < to; i++) this.physical.write(address + i - from, 1, bytes[i]!);
    }
  }

  /** Checks that `size` bytes could be written; every page of them. */
  probeWrite(linear: bigint, size: number, stack = false, privilege: Privilege = PRIVILEGE.current): void {
    this.#pieces(linear, size, ACCESS.write, stack, privilege);
  }

  /** The parts of a range in each page: where they lie, and which bytes they are. Checks all of it. */
  #pieces(linear: bigint, size: number, access: Access, stack: boolean, privilege: Privilege): Piece[] {
    const pieces: Piece[] = [];
    const mask = (BigInt(this.registers.linearMaskHigh) << 32n) | 0xffff_ffffn;
    for (let from = 0; from < size; ) {
      const at = (linear + BigInt(from)) & mask;
      this.#whole[0] = at;
      const [low, high] = [this.#halves[0]!, this.#halves[1]!];
      const to = Math.min(size, from + GUEST_PAGE - (low & PAGE_OFFSET));
      pieces.push({ address: this.#where(low, high, 1, access, stack, privilege), from, to });
      this.#watched(low, high, to - from, access, privilege);
      from = to;
    }
    // Areas (XSAVE and the like) have alignments of their own, which their instructions check.
    const scalar = OPERAND_SIZES.has(size);
    if (scalar && privilege === PRIVILEGE.current && this.registers.checksAlignment) {
      checkAlignment(low32(linear), size);
    }
    return pieces;
  }

  /**
   * RAM from a linear address to the end of its page, for string instructions; null for MMIO, and while alignment is
   * checked or data accesses are watched. Valid until the next safepoint. After writing there: `wrote`.
   */
  ramSpan(
    low: number,
    high: number,
    access: Access,
    privilege: Privilege = PRIVILEGE.current,
  ): { readonly address: number; readonly length: number } | null {
    const address = this.translate(low, high, access, privilege);
    const { checksAlignment, watchesData } = this.registers;
    if (!this.physical.isRam(address) || checksAlignment || watchesData) return null;
    return { address, length: GUEST_PAGE - (low & PAGE_OFFSET) };
  }

  /**
   * Physical address of a quadword of a stack, and so of the others in its page; -1 if it is not in RAM or not aligned,
   * or if accesses must be looked at one by one. As ramSpan.
   */
  stackQuadword(linear: bigint, access: Access, privilege: Privilege = PRIVILEGE.current): number {
    const { checksAlignment, watchesData } = this.registers;
    if (checksAlignment || watchesData || (linear & 7n) !== 0n) return NONE;
    const address = this.#whereLinear(linear, 8, access, true, privilege);
    return this.physical.isRam(address) ? address : NONE;
  }

  /** PAGE.generation of a page of RAM: see src/mmu/code-pages.ts. */
  codeGeneration(page: number): number {
    return this.codePages.generation(page);
  }

  /** Announces that bytes of a page of RAM are about to be decoded: see src/mmu/code-pages.ts. */
  markCode(page: number, from: number, to: number): number {
    return this.codePages.markCode(page, from, to);
  }

  /** Whether decoded code lies where #where found an access. */
  #locatedCode(first: number, size: number): boolean {
    const inFirst = Math.min(size, GUEST_PAGE - (first % GUEST_PAGE));
    return this.#holdsCode(first, inFirst) || (this.#second !== NONE && this.#holdsCode(this.#second, size - inFirst));
  }

  #holdsCode(address: number, size: number): boolean {
    if (!this.physical.isRam(address)) return false;
    const offset = address % GUEST_PAGE;
    return this.codePages.holdsCode((address - offset) / GUEST_PAGE, offset, offset + size);
  }

  /** The slow path of a load by wasm: 1, 2, 4, 8 or 16 bytes go to CONTEXT.bounce, zero-extended to 8. */
  slowRead(low: number, high: number, size: number, stack: boolean): void {
    this.#toBounce(this.#where(low, high, size, ACCESS.read, stack, PRIVILEGE.current), size);
  }

  /**
   * The slow path of a read-modify-write's load, which faults as a write.
   * @param code whether it may be where decoded code lies; if not, such an access does nothing
   * @returns false if it did nothing
   */
  slowReadForWrite(low: number, high: number, size: number, stack: boolean, code = true): boolean {
    const first = this.#where(low, high, size, ACCESS.write, stack, PRIVILEGE.current);
    if (!code && this.#locatedCode(first, size)) return false;
    this.#toBounce(first, size);
    return true;
  }

  /** The slow path of a store by wasm: takes the value from CONTEXT.bounce. Otherwise as slowReadForWrite. */
  slowWrite(low: number, high: number, size: number, stack: boolean, code = true): boolean {
    const first = this.#where(low, high, size, ACCESS.write, stack, PRIVILEGE.current);
    if (!code && this.#locatedCode(first, size)) return false;
    this.#fromBounce(first, size);
    return true;
  }

  /**
   * The slow path of a locked access: 'tlb' if the handler may probe again and use atomics, 'exclusive' if the
   * instruction must run while all other vCPUs stand.
   */
  probeLocked(low: number, high: number, size: number, stack: boolean): 'tlb' | 'exclusive' {
    this.#where(low, high, size, ACCESS.write, stack, PRIVILEGE.current);
    return size <= 8 && low % size === 0 && this.isWritable(low, high) ? 'tlb' : 'exclusive';
  }

  #toBounce(first: number, size: number): void {
    const { u32, u64, u8 } = this.#state;
    const bounce = this.#bounce;
    if (this.#second !== NONE) {
      u64[bounce >>> 3] = 0n;
      for (let i = 0; i < size; i++) u8[bounce + i] = this.physical.read(this.#byteAt(first, i), 1);
    } else if (size >= 8) {
      for (let at = 0; at < size; at += 8) u64[(bounce + at) >>> 3] = this.physical.read64(first + at);
    } else {
      u32[bounce >>> 2] = this.physical.read(first, size as AccessSize);
      u32[(bounce >>> 2) + 1] = 0;
    }
  }

  #fromBounce(first: number, size: number): void {
    const { u32, u64, u8 } = this.#state;
    const bounce = this.#bounce;
    if (this.#second !== NONE) {
      for (let i = 0; i < size; i++) this.#storeByte(this.#byteAt(first, i), u8[bounce + i]!);
    } else if (size >= 8) {
      for (let at = 0; at < size; at += 8) this.physical.write64(first + at, u64[(bounce + at) >>> 3]!);
      this.wrote(first, size);
    } else this.#store(first, size as AccessSize, u32[bounce >>> 2]!);
  }
}

interface Piece {
  /** Physical. */
  readonly address: number;
  /** Bytes of the range, `to` not included. */
  readonly from: number;
  readonly to: number;
}

/** SDM 3A 6.15, "Interrupt 17 - Alignment Check Exception (#AC)". */
function checkAlignment(low: number, size: number): void {
  if (low & (Math.min(size, STRICTEST_ALIGNMENT) - 1)) throw new GuestException(VECTOR.AC, 0);
}
