import { join } from 'node:path';

const BUILT = join(import.meta.dirname, '..', '..', 'test', 'guests', 'built');

/** A guest of test/guests that does a fixed amount of work and checks its result. */
export interface BenchGuest {
  readonly name: string;
  readonly vcpus: number;
  /** False where an instruction repeats itself: instructions a second would say nothing. */
  readonly counted: boolean;
}

const onOneVcpu = (name: string, counted = true): BenchGuest => ({ name, vcpus: 1, counted });

/** Bound by the CPU alone. */
export const COMPUTE_GUESTS: readonly BenchGuest[] = [
  onOneVcpu('sieve'),
  onOneVcpu('crc32'),
  onOneVcpu('sort'),
  onOneVcpu('fib'),
  onOneVcpu('copy'),
  onOneVcpu('rep', false),
  onOneVcpu('chase'),
  onOneVcpu('mix'),
];

/** Path of a bench guest's image: test/guests/bench-<name>.c, built. */
export const imageOf = (name: string): string => join(BUILT, `bench-${name}.elf`);

/** RAM of every measured machine, in MiB. */
export const RAM_MIB = 64;
