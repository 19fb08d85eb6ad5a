import type { Code, ValueType } from '../wasm/code.ts';

/**
 * A value inside one definition: a wasm local that is written once, or a constant. Integers of up to 32 bits are
 * i32 and zero-extended; width 1 is a truth value, 0 or 1.
 */
export interface Value {
  readonly type: ValueType;
  /** 1, 8, 16, 32, 64 or 128 bits. */
  readonly width: number;
  readonly local: number;
  readonly constant?: bigint;
}

/** A value that `assign` may change: for results of `if` arms and loops. */
export interface Variable {
  readonly type: ValueType;
  readonly width: number;
  readonly local: number;
}

const NO_LOCAL = -1;
export const typeOf = (width: number): ValueType => (width <= 32 ? 'i32' : width === 64 ? 'i64' : 'v128');
const mask = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** Integer and vector arithmetic over values, emitted as WebAssembly. Widths of both operands must agree. */
export class Arithmetic {
  readonly code: Code;

  constructor(code: Code) {
    this.code = code;
  }

  constant(value: number | bigint, width: number): Value {
    return { type: typeOf(width), width, local: NO_LOCAL, constant: BigInt.asUintN(width, BigInt(value)) };
  }

  /** Pushes a value on the wasm stack. */
  push(value: Value | Variable): void {
    const constant = 'constant' in value ? value.constant : undefined;
    if (constant === undefined) this.code.get(value.local);
    else if (value.type === 'i32') this.code.i32(Number(BigInt.asIntN(32, constant)));
    else if (value.type === 'i64') this.code.i64(BigInt.asIntN(64, constant));
    else this.code.v128(bytesOf(constant));
  }

  /** Pops the top of the wasm stack into a new value. */
  pop(width: number, type: ValueType = typeOf(width)): Value {
    const local = this.code.local(type);
    this.code.set(local);
    return { type, width, local };
  }

  /** Emits a wasm instruction over values; its result gets `width`. */
  raw(op: string, width: number, ...operands: Value[]): Value {
    for (const operand of operands) this.push(operand);
    this.code.op(op);
    return this.pop(width);
  }

  #binary(op: string, a: Value, b: Value, clean: boolean): Value {
    if (a.width !== b.width) throw new TypeError(`${op} of widths ${a.width} and ${b.width}`);
    const result = this.raw(`${a.type}.${op}`, a.width, a, b);
    return clean ? result : this.#clean(result);
  }

  #clean(value: Value): Value {
    if (value.width >= 32) return value;
    return this.raw('i32.and', value.width, value, this.constant(mask(value.width), 32));
  }

  add = (a: Value, b: Value): Value => this.#binary('add', a, b, false);
  sub = (a: Value, b: Value): Value => this.#binary('sub', a, b, false);
  /** Low half of the product. */
  mul = (a: Value, b: Value): Value => this.#binary('mul', a, b, false);
  and = (a: Value, b: Value): Value => this.#binary('and', a, b, true);
  or = (a: Value, b: Value): Value => this.#binary('or', a, b, true);
  xor = (a: Value, b: Value): Value => this.#binary('xor', a, b, true);
  /** Unsigned quotient: the divisor must not be 0. */
  divideUnsigned = (a: Value, b: Value): Value => this.#binary('div_u', a, b, true);
  remainderUnsigned = (a: Value, b: Value): Value => this.#binary('rem_u', a, b, true);
  /** Signed, of widths 32 and 64 only; the divisor must not be 0 nor the quotient overflow (wasm traps). */
  divideSigned = (a: Value, b: Value): Value => this.#binary('div_s', a, b, true);
  remainderSigned = (a: Value, b: Value): Value => this.#binary('rem_s', a, b, true);

  not(a: Value): Value {
    return this.xor(a, this.constant(mask(a.width), a.width));
  }

  neg(a: Value): Value {
    return this.sub(this.constant(0, a.width), a);
  }

  /** Shift counts: a number, or a value of any integer width; they must be below the width (64 for 64, else 32). */
  #shift(op: string, a: Value, count: Value | number): Value {
    const amount = typeof count === 'number' ? this.constant(count, a.width <= 32 ? 32 : 64) : this.#fit(count, a.type);
    return this.raw(`${a.type}.${op}`, a.width, a, amount);
  }

  #fit(count: Value, type: ValueType): Value {
    if (count.type === type) return count;
    if (count.constant !== undefined) return this.constant(count.constant, type === 'i64' ? 64 : 32);
    return this.raw(type === 'i64' ? 'i64.extend_i32_u' : 'i32.wrap_i64', type === 'i64' ? 64 : 32, count);
  }

  shl = (a: Value, count: Value | number): Value => this.#clean(this.#shift('shl', a, count));
  shr = (a: Value, count: Value | number): Value => this.#shift('shr_u', a, count);

  sar(a: Value, count: Value | number): Value {
    if (a.width >= 32) return this.#shift('shr_s', a, count);
    return this.truncate(this.#shift('shr_s', this.signExtend(a, 32), count), a.width);
  }

  /** Rotations of widths 32 and 64. */
  rotl = (a: Value, count: Value | number): Value => this.#shift('rotl', a, count);
  rotr = (a: Value, count: Value | number): Value => this.#shift('rotr', a, count);

  /** Count leading zeros within the width; the width itself for 0. */
  clz(a: Value): Value {
    const count = this.raw(`${a.type}.clz`, a.width, a);
    return a.width >= 32 ? count : this.sub(count, this.constant(32 - a.width, a.width));
  }

  /** Count trailing zeros; the width itself for 0. */
  ctz(a: Value): Value {
    if (a.width >= 32) return this.raw(`${a.type}.ctz`, a.width, a);
    const guarded = this.raw('i32.or', 32, a, this.constant(1n << BigInt(a.width), 32));
    return { ...this.raw('i32.ctz', 32, guarded), width: a.width };
  }

  popcnt = (a: Value): Value => this.raw(`${a.type}.popcnt`, a.width, a);

  #compare(op: string, a: Value, b: Value): Value {
    if (a.width !== b.width) throw new TypeError(`${op} of widths ${a.width} and ${b.width}`);
    return this.raw(`${a.type}.${op}`, 1, a, b);
  }

  eq = (a: Value, b: Value): Value => this.#compare('eq', a, b);
  ne = (a: Value, b: Value): Value => this.#compare('ne', a, b);
  /** Unsigned less-than. */
  ltu = (a: Value, b: Value): Value => this.#compare('lt_u', a, b);
  leu = (a: Value, b: Value): Value => this.#compare('le_u', a, b);

  /** Signed less-than. */
  lts(a: Value, b: Value): Value {
    if (a.width >= 32) return this.#compare('lt_s', a, b);
    return this.#compare('lt_s', this.signExtend(a, 32), this.signExtend(b, 32));
  }

  isZero = (a: Value): Value => this.raw(`${a.type}.eqz`, 1, a);
  /** Negation of a truth value. */
  isFalse = (a: Value): Value => this.raw('i32.eqz', 1, a);

  /** Bit `n` of a value as a truth value. */
  bit(a: Value, n: number): Value {
    const shifted = n === 0 ? a : this.shr(a, n);
    return { ...this.raw('i32.and', 32, this.lowHalf(shifted), this.constant(1, 32)), width: 1 };
  }

  top = (a: Value): Value => this.bit(a, a.width - 1);

  /** PF of a value: 1 if its low byte has an even number of ones. */
  evenParity(a: Value): Value {
    const low = this.raw('i32.and', 32, this.lowHalf(a), this.constant(0xff, 32));
    const ones = this.raw('i32.popcnt', 32, low);
    const odd = this.raw('i32.and', 32, ones, this.constant(1, 32));
    return this.raw('i32.eqz', 1, odd);
  }

  /** The value, or its low 32 bits if it has 64, as 32 bits. */
  lowHalf(a: Value): Value {
    if (a.constant !== undefined) return this.constant(a.constant, 32);
    return a.type === 'i64' ? this.raw('i32.wrap_i64', 32, a) : { ...a, width: 32 };
  }

  select(condition: Value, a: Value, b: Value): Value {
    if (a.width !== b.width) throw new TypeError(`select of widths ${a.width} and ${b.width}`);
    this.push(a);
    this.push(b);
    this.push(condition);
    this.code.op('select');
    return this.pop(a.width);
  }

  zeroExtend(a: Value, width: number): Value {
    if (a.constant !== undefined) return this.constant(a.constant, width);
    if (width === 64 && a.type === 'i32') return this.raw('i64.extend_i32_u', 64, a);
    return { ...a, width };
  }

  signExtend(a: Value, width: number): Value {
    if (a.constant !== undefined) return this.constant(BigInt.asIntN(a.width, a.constant), width);
    if (a.width === width) return a;
    const wide = a.width === 32 ? a : this.raw(a.width === 8 ? 'i32.extend8_s' : 'i32.extend16_s', 32, a);
    return width === 64 ? this.raw('i64.extend_i32_s', 64, wide) : this.#clean({ ...wide, width });
  }

  truncate(a: Value, width: number): Value {
    if (a.constant !== undefined) return this.constant(a.constant, width);
    if (a.width === width) return a;
    return this.#clean({ ...this.lowHalf(a), width });
  }

  /** Zero-extends or truncates. */
  resize = (a: Value, width: number): Value => (width > a.width ? this.zeroExtend(a, width) : this.truncate(a, width));

  variable(initial: Value): Variable {
    const local = this.code.local(initial.type);
    this.push(initial);
    this.code.set(local);
    return { type: initial.type, width: initial.width, local };
  }

  assign(variable: Variable, value: Value): void {
    if (variable.width !== value.width) throw new TypeError(`assign of ${value.width} bits to ${variable.width}`);
    this.push(value);
    this.code.set(variable.local);
  }

  /** The variable's value now: later assignments do not change it. */
  read(variable: Variable): Value {
    this.code.get(variable.local);
    return this.pop(variable.width, variable.type);
  }

  /** Runs an arm by a truth value. Values made in an arm must not be used outside it; variables may. */
  if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.push(condition);
    this.code.if(then, otherwise);
  }

  /** Repeats the body while it returns true. */
  repeatWhile(body: () => Value): void {
    this.code.loop(() => {
      this.push(body());
      this.code.opIndex('br_if', 0);
    });
  }

  /** A vector instruction with a lane immediate; `width` is the result's. */
  lane(op: string, width: number, lane: number, ...operands: Value[]): Value {
    for (const operand of operands) this.push(operand);
    this.code.op(op);
    this.code.bytes.push(lane);
    return this.pop(width);
  }

  /** i8x16.shuffle: lanes 0-15 are of `a`, 16-31 of `b`. */
  shuffle(a: Value, b: Value, lanes: readonly number[]): Value {
    this.push(a);
    this.push(b);
    this.code.shuffle(lanes);
    return this.pop(128);
  }
}

function bytesOf(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}
