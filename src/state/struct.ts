// Structures in the `state` memory, described once: offsets, widths and typed access all follow from one table.

/** A little-endian scalar of the `state` memory. u64 reads as a bigint, the others as numbers. */
export type Scalar = 'u8' | 'u16' | 'u32' | 'i32' | 'u64';

/** A field: a scalar, an array of scalars, or raw bytes (`['u8', n]`). */
export type Field = Scalar | readonly [Scalar, number];
export type Fields = Readonly<Record<string, Field>>;

const SIZES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8 };

export interface Struct<F extends Fields> {
  readonly fields: F;
  /** Bytes, a multiple of 8. */
  readonly size: number;
  /** Byte offset of each field from the structure's start. */
  readonly offset: Readonly<Record<keyof F & string, number>>;
}

/** Lays out fields in their order, each at its natural alignment. */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  const offset: Record<string, number> = {};
  let at = 0;
  for (const [name, field] of Object.entries(fields)) {
    const [scalar, count] = typeof field === 'string' ? [field, 1] : field;
    const size = SIZES[scalar];
    at = Math.ceil(at / size) * size;
    offset[name] = at;
    at += size * count;
  }
  return { fields, size: Math.ceil(at / 8) * 8, offset: offset as Struct<F>['offset'] };
}

type ValueOf<S extends Scalar> = S extends 'u64' ? bigint : number;

/** An array field: element access by index. Elements of `u64` are bigints. */
export interface Elements<T> {
  readonly length: number;
  /** Byte address of element 0 in the memory. */
  readonly address: number;
  get(index: number): T;
  set(index: number, value: T): void;
}

/** What a structure looks like to TypeScript: scalars as properties, arrays as Elements. */
export type View<F extends Fields> = {
  -readonly [K in keyof F]: F[K] extends Scalar
    ? ValueOf<F[K]>
    : F[K] extends readonly [infer S extends Scalar, number]
      ? Elements<ValueOf<S>>
      : never;
};

/** The `state` memory seen through arrays of every width. Made once a thread; all share the same bytes. */
export class StateMemory {
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array<SharedArrayBuffer>;
  readonly u16: Uint16Array<SharedArrayBuffer>;
  readonly u32: Uint32Array<SharedArrayBuffer>;
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly u64: BigUint64Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

/**
 * A class whose instances are views of one structure: `new Class(memory, address)`. The accessors sit on the
 * prototype, so that V8 inlines them.
 */
export function viewClass<F extends Fields>(
  type: Struct<F>,
): new (
  memory: StateMemory,
  address: number,
) => View<F> & { readonly memory: StateMemory; readonly address: number } {
  class StructView {
    readonly memory: StateMemory;
    readonly address: number;

    constructor(memory: StateMemory, address: number) {
      this.memory = memory;
      this.address = address;
      for (const [name, field] of Object.entries(type.fields)) {
        if (typeof field === 'string') continue;
        const [scalar, count] = field;
        const value = elements(memory, scalar, address + (type.offset[name] as number), count);
        Object.defineProperty(this, name, { value });
      }
    }
  }
  for (const [name, field] of Object.entries(type.fields)) {
    if (typeof field !== 'string') continue;
    Object.defineProperty(StructView.prototype, name, ACCESSORS[field](type.offset[name] as number));
  }
  return StructView as unknown as ReturnType<typeof viewClass<F>>;
}

interface Located {
  readonly memory: StateMemory;
  readonly address: number;
}

// One literal a width: V8's inline caches belong to the literal, and stay monomorphic this way.
const ACCESSORS: Readonly<Record<Scalar, (offset: number) => PropertyDescriptor & ThisType<Located>>> = {
  u8: (offset) => ({
    get() {
      return this.memory.u8[this.address + offset];
    },
    set(value: number) {
      this.memory.u8[this.address + offset] = value;
    },
  }),
  u16: (offset) => ({
    get() {
      return this.memory.u16[(this.address + offset) >>> 1];
    },
    set(value: number) {
      this.memory.u16[(this.address + offset) >>> 1] = value;
    },
  }),
  u32: (offset) => ({
    get() {
      return this.memory.u32[(this.address + offset) >>> 2];
    },
    set(value: number) {
      this.memory.u32[(this.address + offset) >>> 2] = value;
    },
  }),
  i32: (offset) => ({
    get() {
      return this.memory.i32[(this.address + offset) >>> 2];
    },
    set(value: number) {
      this.memory.i32[(this.address + offset) >>> 2] = value;
    },
  }),
  u64: (offset) => ({
    get() {
      return this.memory.u64[(this.address + offset) >>> 3];
    },
    set(value: bigint) {
      this.memory.u64[(this.address + offset) >>> 3] = value;
    },
  }),
};

interface Cells {
  [index: number]: number | bigint;
}

const SHIFT: Readonly<Record<Scalar, number>> = { u8: 0, u16: 1, u32: 2, i32: 2, u64: 3 };

function elements(memory: StateMemory, scalar: Scalar, address: number, length: number): Elements<number | bigint> {
  const cells = memory[scalar] as Cells;
  const first = address >>> SHIFT[scalar];
  return {
    length,
    address,
    get: (index) => cells[first + index] as number | bigint,
    set: (index, value) => {
      cells[first + index] = value;
    },
  };
}
