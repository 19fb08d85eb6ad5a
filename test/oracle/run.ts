import { compareOutcomes, reportMismatch } from './compare.ts';
import type { GeneratedCase, Generator } from './generate.ts';
import type { Outcome, Runner } from './machine.ts';
import { FAMILIES, type Family } from './templates/index.ts';

/** Cases that go through one call of both runners. */
const BATCH = 1024;

/** What came of one family's cases. */
export interface FamilyResult {
  family: string;
  cases: number;
  /** Cases that ended in an exception on the host, by vector. */
  exceptions: ReadonlyMap<number, number>;
  mismatches: number;
  /** Readable reports of the first mismatches, at most `maxReports`. */
  reports: string[];
}

/** Both sides of a comparison and how cases are made. */
export interface ComparisonOptions {
  generator: Generator;
  native: Runner;
  tested: Runner;
  maxReports: number;
}

/** How many of `total` cases each family gets: by weight, rounded up. */
export function shareOf(family: Family, total: number): number {
  const weights = FAMILIES.reduce((sum, { weight }) => sum + weight, 0);
  return Math.ceil((total * family.weight) / weights);
}

/** Compares the outcomes of cases `first` to `first + count - 1` of a family. */
export async function compareFamily(
  family: Family,
  first: number,
  count: number,
  options: ComparisonOptions,
): Promise<FamilyResult> {
  const exceptions = new Map<number, number>();
  const result: FamilyResult = { family: family.name, cases: count, exceptions, mismatches: 0, reports: [] };
  for (let done = 0; done < count; done += BATCH) {
    const cases = options.generator.batch(family, first + done, Math.min(BATCH, count - done));
    // The host runs them in its own process meanwhile.
    const [expected, actual] = await Promise.all([options.native(cases), options.tested(cases)]);
    cases.forEach((test, i) => {
      const vector = expected[i]!.exception?.vector;
      if (vector !== undefined) exceptions.set(vector, (exceptions.get(vector) ?? 0) + 1);
      judge(test, expected[i]!, actual[i], options.maxReports, result);
    });
  }
  return result;
}

function judge(
  test: GeneratedCase,
  expected: Outcome,
  actual: Outcome | undefined,
  maxReports: number,
  result: FamilyResult,
): void {
  if (actual === undefined) throw new RangeError(`the runner gave no outcome for case ${test.index}`);
  const differences = compareOutcomes(test, expected, actual);
  if (differences.length === 0) return;
  result.mismatches++;
  if (result.reports.length < maxReports) result.reports.push(reportMismatch(test, differences));
}

/** One line for a log: how many cases, and how they ended on the host. */
export function summarize({ family, cases, exceptions, mismatches }: FamilyResult): string {
  const vectors = [...exceptions].sort(([a], [b]) => a - b).map(([vector, count]) => `#${vector}: ${count}`);
  return `${family.padEnd(12)} ${String(cases).padStart(8)} cases, ${mismatches} mismatches; exceptions ${vectors.join(', ') || 'none'}`;
}
