import { join } from 'node:path';

const BUILT = join(import.meta.dirname, '..', '..', 'test', 'guests', 'built');

/** A guest of test/guests that does a fixed amount of work and checks its result. */
export interface BenchGuest {
  readonly name: string;
  readonly vcpus: number;
  /**
   * Instructions of its built image from the first to the last, as tier 0's budget counted them; to be counted anew
   * when the guest changes. Null where REP repeats instructions: their number would say nothing.
   */
  readonly instructions: number | null;
}

const onOneVcpu = (name: string, instructions: number | null): BenchGuest => ({ name, vcpus: 1, instructions });

/** Bound by the CPU alone. */
export const COMPUTE_GUESTS: readonly BenchGuest[] = [
  onOneVcpu('sieve', 233_100_000),
  onOneVcpu('crc32', 315_460_000),
  onOneVcpu('sort', 222_120_000),
  onOneVcpu('fib', 159_690_000),
  onOneVcpu('copy', 268_250_000),
  onOneVcpu('rep', null),
  onOneVcpu('chase', 24_990_000),
  onOneVcpu('mix', 188_010_000),
];

/** Path of a bench guest's image: test/guests/bench-<name>.c, built. */
export const imageOf = (name: string): string => join(BUILT, `bench-${name}.elf`);

/** RAM of every measured machine, in MiB. */
export const RAM_MIB = 64;
