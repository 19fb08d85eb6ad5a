import type { Emulator } from './emulators.ts';
import { type BenchGuest, COMPUTE_GUESTS } from './guests.ts';
import { figure, formatTable, geometricMean } from './table.ts';
import { fastest, type Timing, timedRun } from './timed-run.ts';

/** One guest's figures. Times are seconds of its work, the least of all runs. */
export interface ComputeResult {
  /** Wall time. */
  readonly rookery: number;
  /** Millions of instructions a second; null where counting them says nothing. */
  readonly mips: number | null;
  readonly tcg?: number;
  /** How many times as fast as TCG, by wall time. */
  readonly ratio?: number;
  /** The same by CPU time, which other processes on the host disturb less. */
  readonly cpuRatio?: number;
}

export type ComputeResults = Readonly<Record<string, ComputeResult>>;

/** Runs guests under each emulator by turns, so that a change of the host's load meets all of them. */
export async function benchCompute(
  emulators: readonly Emulator[],
  names: readonly string[],
  repeats: number,
): Promise<ComputeResults> {
  const results: Record<string, ComputeResult> = {};
  for (const guest of COMPUTE_GUESTS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const timings = new Map<string, Timing[]>(emulators.map(({ name }) => [name, []]));
    for (let run = 0; run < repeats; run++) {
      for (const emulator of emulators) {
        timings.get(emulator.name)!.push(await timedRun(emulator, guest.name, guest.vcpus));
      }
    }
    results[guest.name] = resultOf(guest, timings);
  }
  return results;
}

const MILLION = 1e6;

function resultOf({ instructions }: BenchGuest, timings: ReadonlyMap<string, Timing[]>): ComputeResult {
  const rookery = fastest(timings.get('rookery')!);
  const mips = instructions === null ? null : instructions / rookery.work / MILLION;
  const others = timings.get('tcg');
  if (!others) return { rookery: rookery.work, mips };
  const tcg = fastest(others);
  const cpuRatio = tcg.cpu / rookery.cpu;
  return { rookery: rookery.work, mips, tcg: tcg.work, ratio: tcg.work / rookery.work, cpuRatio };
}

/** The results as a table, with geometric means below. */
export function computeTable(results: ComputeResults): string {
  const rows = Object.entries(results).map(([name, { rookery, mips, tcg, ratio, cpuRatio }]) => [
    name,
    figure(mips, 0),
    figure(rookery, 2),
    figure(tcg, 2),
    figure(ratio, 3),
    figure(cpuRatio, 3),
  ]);
  const mean = (field: 'mips' | 'ratio' | 'cpuRatio', decimals: number) => {
    const values = Object.values(results).flatMap((result) => result[field] ?? []);
    return values.length === 0 ? '-' : figure(geometricMean(values), decimals);
  };
  rows.push(['geometric mean', mean('mips', 0), '', '', mean('ratio', 3), mean('cpuRatio', 3)]);
  return formatTable(['guest', 'MIPS', 'rookery s', 'TCG s', 'ratio', 'CPU ratio'], rows);
}
