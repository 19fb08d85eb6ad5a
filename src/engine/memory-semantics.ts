// What both tiers' builders make of memory: words of the context, segments, probes of the TLB, slow paths.
import { typeOf, type Value, type Variable } from '../isa/arithmetic.ts';
import { type ContextWord, Semantics } from '../isa/semantics.ts';
import { VECTOR } from '../mmu/exception.ts';
import { CONTEXT, SEGMENT } from '../state/context.ts';
import { TLB_ENTRIES, TLB_ENTRY, VCPU_AREA } from '../state/map.ts';
import type { Code } from '../wasm/code.ts';

/** Parameters of every handler and block. */
export const CONTEXT_LOCAL = 0;
export const UOP_LOCAL = 1;

export const STATE = 0;
export const RAM = 1;

/** Indices of the imported and shared functions that generated code calls. */
export interface Routines {
  readonly slowRead: number;
  readonly slowWrite: number;
  readonly slowReadForWrite: number;
  readonly slowLocked: number;
  readonly segmentFault: number;
  readonly helper: number;
  readonly raise: number;
}

export const ALIGNMENT: Readonly<Record<number, number>> = { 8: 0, 16: 1, 32: 2, 64: 3, 128: 4 };
export const LOADS: Readonly<Record<number, string>> = {
  8: 'i32.load8_u',
  16: 'i32.load16_u',
  32: 'i32.load',
  64: 'i64.load',
  128: 'v128.load',
};
export const STORES: Readonly<Record<number, string>> = {
  8: 'i32.store8',
  16: 'i32.store16',
  32: 'i32.store',
  64: 'i64.store',
  128: 'v128.store',
};
const COMPARE_EXCHANGE: Readonly<Record<number, string>> = {
  8: 'i32.atomic.rmw8.cmpxchg_u',
  16: 'i32.atomic.rmw16.cmpxchg_u',
  32: 'i32.atomic.rmw.cmpxchg',
  64: 'i64.atomic.rmw.cmpxchg',
};
/** A RAM address, valid where the probe hit. */
interface Probe {
  readonly hit: Value;
  readonly address: Variable;
  readonly linear: Value;
}

/** What a builder is made for. */
export interface BuilderParts<I extends Routines = Routines> {
  readonly imports: I;
  readonly helperId: (name: string) => number;
}

/** Where an access lies relative to its operand's address. */
export interface AccessPlace {
  /** Added before the address is truncated: 64 bits. */
  readonly offset?: Value;
  /** Bytes into the operand. */
  readonly at?: number;
  /** Must be a multiple of 16. */
  readonly aligned?: boolean;
}

/** The engine's accesses to memory. A slow path is told the micro-op, which says where in its block a fault is. */
export abstract class MemorySemantics<I extends Routines = Routines> extends Semantics {
  protected readonly imports: I;
  protected readonly helperId: (name: string) => number;

  constructor(code: Code, parts: BuilderParts<I>) {
    super(code);
    this.imports = parts.imports;
    this.helperId = parts.helperId;
  }

  /** Leaves the address of the instruction's micro-op on the stack. */
  protected abstract pushUop(): void;
  /** Makes the context hold what the builder keeps elsewhere: before every call of a routine and every exit. */
  protected abstract publish(): void;

  // ---- words of the context

  protected contextLoad(offset: number, width: number): Value {
    this.code.get(CONTEXT_LOCAL).memory(LOADS[width]!, STATE, offset, ALIGNMENT[width]!);
    return this.pop(width);
  }

  protected contextStore(offset: number, value: Value): void {
    this.code.get(CONTEXT_LOCAL);
    this.push(value);
    this.code.memory(STORES[value.width]!, STATE, offset, ALIGNMENT[value.width]!);
  }

  contextWord(field: ContextWord): Value {
    return this.contextLoad(CONTEXT.offset[field], CONTEXT.fields[field] === 'u16' ? 16 : 32);
  }

  setContextWord(field: ContextWord, value: Value): void {
    this.contextStore(CONTEXT.offset[field], value);
  }

  // ---- segments

  /**
   * Checks an offset against a segment (a context offset) and adds its base: SDM 3A 5.3. With `aligned`, a linear
   * address that is no multiple of 16 raises #GP(0) before the limit is looked at, as processors do.
   */
  protected segmented(segment: Value, offset: Value, bytes: number, write: boolean, aligned = false): Value {
    const { code } = this;
    const field = (name: 'readLow' | 'readSpan' | 'writeLow' | 'writeSpan' | 'base') => {
      if (segment.constant !== undefined) {
        return this.contextLoad(Number(segment.constant) + SEGMENT.offset[name], 64);
      }
      code.get(CONTEXT_LOCAL);
      this.push(segment);
      code.op('i32.add').memory('i64.load', STATE, SEGMENT.offset[name], 3);
      return this.pop(64);
    };
    if (aligned) this.requireAligned(this.add(field('base'), offset));
    const from = this.sub(offset, field(write ? 'writeLow' : 'readLow'));
    const to = this.add(from, this.constant(bytes - 1, 64));
    const span = field(write ? 'writeSpan' : 'readSpan');
    // Two tests, because below an expand-down segment the sum wraps. A flat segment spans 2^64 bytes: it passes both.
    const outside = this.or(this.ltu(span, from), this.ltu(span, to));
    this.if(outside, () => {
      this.publish();
      this.pushUop();
      this.push(segment);
      code.opIndex('call', this.imports.segmentFault).op('return');
    });
    return this.and(this.add(field('base'), offset), this.contextLoad(CONTEXT.offset.linearMask, 64));
  }

  /** #GP(0) unless a linear address is a multiple of 16: legacy SSE operands, SDM 2A 2.4. */
  protected requireAligned(linear: Value): void {
    const misaligned = this.and(this.truncate(linear, 32), this.constant(15, 32));
    this.if(this.isFalse(this.isZero(misaligned)), () => this.raise(VECTOR.GP));
  }

  // ---- memory through the TLB

  /** Probes a TLB half (an offset in the vCPU's area): SDM 3A 4.10.2. */
  #probe(tlb: number, linear: Value, bytes: number): Probe {
    const { code } = this;
    const entry = code.local('i32');
    this.push(linear);
    code
      .i64(BigInt(12 - Math.log2(TLB_ENTRY.size)))
      .op('i64.shr_u')
      .op('i32.wrap_i64');
    code.i32((TLB_ENTRIES - 1) * TLB_ENTRY.size).op('i32.and');
    code.get(CONTEXT_LOCAL).op('i32.add').set(entry);
    const last = bytes === 1 ? linear : this.add(linear, this.constant(bytes - 1, 64));
    const page = this.and(last, this.constant(-4096n, 64));
    const tag = this.or(page, this.contextLoad(CONTEXT.offset.tlbKey, 64));
    code.get(entry).memory('i64.load', STATE, tlb + TLB_ENTRY.offset.tag, 3);
    const hit = this.eq(tag, this.pop(64));
    const address = this.variable(this.truncate(linear, 32));
    code
      .get(address.local)
      .get(entry)
      .memory('i32.load', STATE, tlb + TLB_ENTRY.offset.addend, 2);
    code.op('i32.add').set(address.local);
    return { hit, address, linear };
  }

  /** Calls a slow path (uop, low, high, size) and leaves the handler if it says so. */
  #slow(routine: number, linear: Value, size: number): void {
    const { code } = this;
    const result = code.local('i32');
    this.publish();
    this.pushUop();
    this.push(linear);
    code.op('i32.wrap_i64');
    this.push(linear);
    code.i64(32n).op('i64.shr_u').op('i32.wrap_i64');
    code.i32(size).opIndex('call', routine).tee(result);
    code.if(() => code.get(result).op('return'));
  }

  #bounce(width: number): Value {
    return this.contextLoad(CONTEXT.offset.bounce, width);
  }

  protected readLinear(linear: Value, width: number, stack = 0): Value {
    const { code } = this;
    const { hit, address } = this.#probe(VCPU_AREA.readTlb, linear, width / 8);
    const result = code.local(typeOf(width));
    this.push(hit);
    code.if(
      () => code.get(address.local).memory(LOADS[width]!, RAM, 0, 0).set(result),
      () => {
        this.#slow(this.imports.slowRead, linear, (width / 8) | stack);
        this.push(this.#bounce(width));
        code.set(result);
      },
    );
    return { type: typeOf(width), width, local: result };
  }

  protected writeLinear(linear: Value, value: Value, stack = 0): void {
    const probe = this.#probe(VCPU_AREA.writeTlb, linear, value.width / 8);
    this.#writeProbed(probe, value, stack);
  }

  #writeProbed({ hit, address, linear }: Probe, value: Value, stack = 0): void {
    const { code } = this;
    const { width } = value;
    this.push(hit);
    code.if(
      () => {
        code.get(address.local);
        this.push(value);
        code.memory(STORES[width]!, RAM, 0, 0);
      },
      () => {
        this.contextStore(CONTEXT.offset.bounce, value);
        this.#slow(this.imports.slowWrite, linear, (width / 8) | stack);
      },
    );
  }

  protected updateLinear(linear: Value, width: number, compute: (old: Value) => Value): { old: Value; value: Value } {
    return this.locked ? this.#updateLocked(linear, width, compute) : this.#updatePlain(linear, width, compute);
  }

  #updatePlain(linear: Value, width: number, compute: (old: Value) => Value): { old: Value; value: Value } {
    const { code } = this;
    const probe = this.#probe(VCPU_AREA.writeTlb, linear, width / 8);
    const old = code.local(typeOf(width));
    this.push(probe.hit);
    code.if(
      () => code.get(probe.address.local).memory(LOADS[width]!, RAM, 0, 0).set(old),
      () => {
        this.#slow(this.imports.slowReadForWrite, linear, width / 8);
        this.push(this.#bounce(width));
        code.set(old);
      },
    );
    const before: Value = { type: typeOf(width), width, local: old };
    const value = compute(before);
    this.#writeProbed(probe, value);
    return { old: before, value };
  }

  /** A compare-exchange loop; the probe is repeated after the slow path filled the TLB. */
  #updateLocked(linear: Value, width: number, compute: (old: Value) => Value): { old: Value; value: Value } {
    const { code } = this;
    const address = this.#lockedAddress(linear, width / 8);
    const old = code.local(typeOf(width));
    code.get(address.local).memory(LOADS[width]!, RAM, 0, ALIGNMENT[width]!).set(old);
    const before: Value = { type: typeOf(width), width, local: old };
    let value = before;
    this.repeatWhile(() => {
      value = compute(before);
      code.get(address.local).get(old);
      this.push(value);
      code.memory(COMPARE_EXCHANGE[width]!, RAM, 0, ALIGNMENT[width]!);
      const seen = this.pop(width);
      const retry = this.ne(seen, before);
      // On failure the loop computes again from what it saw; on success `old` already is what it saw.
      this.push(this.select(retry, seen, before));
      code.set(old);
      return retry;
    });
    return { old: before, value };
  }

  #lockedAddress(linear: Value, bytes: number): Variable {
    const { code } = this;
    const address = code.local('i32');
    this.code.loop(() => {
      const probe = this.#probe(VCPU_AREA.writeTlb, linear, bytes);
      code.get(probe.address.local).set(address);
      const aligned = this.isZero(this.and(this.read(probe.address), this.constant(bytes - 1, 32)));
      this.if(this.isFalse(this.and(probe.hit, aligned)), () => {
        this.#slow(this.imports.slowLocked, linear, bytes);
        code.opIndex('br', 1);
      });
    });
    return { type: 'i32', width: 32, local: address };
  }
}
