// The elements of vector operands, and how an instruction that computes with them ends.
import { environmentOf, type FloatEnvironment, settle } from '../../isa/float/environment.ts';
import { type FloatOperations, f32, f64 } from '../../isa/float/operations.ts';
import { GuestException, VECTOR } from '../../mmu/exception.ts';
import { CR4 } from '../control-registers.ts';
import type { Cpu } from '../cpu.ts';

/** A float format in registers and memory: encodings are numbers for binary32, bigints for binary64. */
export interface ElementFormat<V> {
  readonly bytes: 4 | 8;
  readonly operations: FloatOperations<V>;
  read(view: DataView, index: number): V;
  write(view: DataView, index: number, value: V): void;
  /** All ones or all zeros: what comparisons leave. */
  mask(holds: boolean): V;
}

export const singles: ElementFormat<number> = {
  bytes: 4,
  operations: f32,
  read: (view, index) => view.getUint32(index * 4, true),
  write: (view, index, value) => view.setUint32(index * 4, value, true),
  mask: (holds) => (holds ? 0xffff_ffff : 0),
};

export const doubles: ElementFormat<bigint> = {
  bytes: 8,
  operations: f64,
  read: (view, index) => view.getBigUint64(index * 8, true),
  write: (view, index, value) => view.setBigUint64(index * 8, value, true),
  mask: (holds) => (holds ? 0xffff_ffff_ffff_ffffn : 0n),
};

/** The first `count` elements of an operand. */
export const readElements = <V>({ read }: ElementFormat<V>, view: DataView, count: number): V[] =>
  Array.from({ length: count }, (_, index) => read(view, index));

export function writeElements<V>({ write }: ElementFormat<V>, view: DataView, values: readonly V[]): void {
  values.forEach((value, index) => {
    write(view, index, value);
  });
}

/**
 * Computes with the guest's MXCSR and records the exceptions met: SDM 1 11.5.
 * @throws GuestException #XM, or #UD without CR4.OSXMMEXCPT, for an unmasked one: nothing may be written then
 */
export function computeFloats<T>({ state }: Cpu, compute: (env: FloatEnvironment) => T): T {
  const env = environmentOf(state.mxcsr);
  const result = compute(env);
  const { flags, fault } = settle(env);
  state.mxcsr |= flags;
  if (fault) throw new GuestException((state.cr4 & CR4.OSXMMEXCPT) !== 0n ? VECTOR.XM : VECTOR.UD);
  return result;
}
