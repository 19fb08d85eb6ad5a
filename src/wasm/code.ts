import { OPCODES } from './opcodes.ts';

/** A WebAssembly value type, by its text name. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** Binary codes of the value types: core specification 5.3. */
export const VALUE_TYPES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const BLOCK_EMPTY = 0x40;

/** Appends an unsigned LEB128 number below 2^32. */
export function pushUnsigned(out: number[], value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

/** Appends a signed LEB128 number that fits 32 bits. */
export function pushSigned32(out: number[], value: number): void {
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}

/** Appends a signed LEB128 number that fits 64 bits. */
export function pushSigned64(out: number[], value: bigint): void {
  let rest = BigInt.asIntN(64, value);
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}

/**
 * The body of one function being written. Instructions are appended by their text name; locals are handed out by
 * type and never reused, because V8 allocates registers itself.
 */
export class Code {
  readonly bytes: number[] = [];
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];
  #depth = 0;

  /** @param parameters how many parameters the function has: they are its first locals */
  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** How many blocks are open: the label index of the function's own block. */
  get depth(): number {
    return this.#depth;
  }

  local(type: ValueType): number {
    this.#locals.push(type);
    return this.#parameters + this.#locals.length - 1;
  }

  /** An instruction without immediates. */
  op(name: string): this {
    const opcode = OPCODES.get(name);
    if (opcode === undefined) throw new RangeError(`WebAssembly has no instruction ${name}`);
    for (const byte of opcode) this.bytes.push(byte);
    return this;
  }

  /** An instruction with one unsigned immediate: a label, a local, a function, a lane. */
  opIndex(name: string, index: number): this {
    this.op(name);
    pushUnsigned(this.bytes, index);
    return this;
  }

  get = (local: number): this => this.opIndex('local.get', local);
  set = (local: number): this => this.opIndex('local.set', local);
  tee = (local: number): this => this.opIndex('local.tee', local);

  i32(value: number): this {
    this.op('i32.const');
    pushSigned32(this.bytes, value);
    return this;
  }

  i64(value: bigint): this {
    this.op('i64.const');
    pushSigned64(this.bytes, value);
    return this;
  }

  v128(bytes: Uint8Array): this {
    this.op('v128.const');
    for (const byte of bytes) this.bytes.push(byte);
    return this;
  }

  shuffle(lanes: readonly number[]): this {
    this.op('i8x16.shuffle');
    for (const lane of lanes) this.bytes.push(lane);
    return this;
  }

  /** A load or store: memory 0 is `state`, memory 1 is `ram`. Bit 6 of the alignment announces a memory index. */
  memory(name: string, memory: number, offset: number, alignment: number): this {
    this.op(name);
    if (memory === 0) this.bytes.push(alignment);
    else this.bytes.push(alignment | 0x40, memory);
    pushUnsigned(this.bytes, offset);
    return this;
  }

  fence(): this {
    this.op('atomic.fence');
    this.bytes.push(0);
    return this;
  }

  #open(name: 'block' | 'loop' | 'if', type: ValueType | null): void {
    this.op(name);
    this.bytes.push(type === null ? BLOCK_EMPTY : VALUE_TYPES[type]);
    this.#depth++;
  }

  #close(): void {
    this.op('end');
    this.#depth--;
  }

  block(body: () => void, type: ValueType | null = null): this {
    this.#open('block', type);
    body();
    this.#close();
    return this;
  }

  loop(body: () => void): this {
    this.#open('loop', null);
    body();
    this.#close();
    return this;
  }

  /** Takes its condition from the stack. */
  if(then: () => void, otherwise?: () => void, type: ValueType | null = null): this {
    this.#open('if', type);
    then();
    if (otherwise) {
      this.op('else');
      otherwise();
    }
    this.#close();
    return this;
  }

  /** A tail call through table 0; the callee's index is on top of the stack. */
  returnCallIndirect(type: number): this {
    this.opIndex('return_call_indirect', type);
    pushUnsigned(this.bytes, 0);
    return this;
  }

  callIndirect(type: number): this {
    this.opIndex('call_indirect', type);
    pushUnsigned(this.bytes, 0);
    return this;
  }

  /** The code-section entry: local declarations, then the body. */
  finish(): number[] {
    const out: number[] = [];
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    pushUnsigned(out, runs.length);
    for (const { type, count } of runs) {
      pushUnsigned(out, count);
      out.push(VALUE_TYPES[type]);
    }
    for (const byte of this.bytes) out.push(byte);
    out.push(0x0b);
    return out;
  }
}
