import { binary32, binary64, type FloatFormat } from '../../../src/isa/float/format.ts';
import { type FloatOperations, f32, f64 } from '../../../src/isa/float/operations.ts';

/** An XMM register: low quadword, high quadword. */
export type Xmm = readonly [bigint, bigint];

/** A register divided into elements of one format, held as the library's operations take them. */
export interface Elements<V> {
  readonly format: FloatFormat;
  readonly operations: FloatOperations<V>;
  /** The elements, lowest first. */
  read(register: Xmm): V[];
  /** The register that holds these elements, its remainder zero. */
  write(elements: readonly V[]): Xmm;
  /** All ones or all zeros: what a packed comparison leaves. */
  mask(holds: boolean): V;
}

export const singles: Elements<number> = {
  format: binary32,
  operations: f32,
  read: (register) => register.flatMap((q) => [Number(BigInt.asUintN(32, q)), Number(q >> 32n)]),
  write: ([a = 0, b = 0, c = 0, d = 0]) => [BigInt(a) | (BigInt(b) << 32n), BigInt(c) | (BigInt(d) << 32n)],
  mask: (holds) => (holds ? 0xffff_ffff : 0),
};

export const doubles: Elements<bigint> = {
  format: binary64,
  operations: f64,
  read: (register) => [...register],
  write: ([a = 0n, b = 0n]) => [a, b],
  mask: (holds) => (holds ? 0xffff_ffff_ffff_ffffn : 0n),
};
