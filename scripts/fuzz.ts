/**
 * Compares random instructions in rookery with the host's CPU: see test/oracle/README.md.
 * Stops at the first family with mismatches; its report names the case's seed, family and index.
 */
import { randomInt } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { reportMismatch } from '../test/oracle/compare.ts';
import { Generator } from '../test/oracle/generate.ts';
import type { Runner } from '../test/oracle/machine.ts';
import { NativeOracle } from '../test/oracle/native.ts';
import { startRookeryRunner } from '../test/oracle/rookery-runner.ts';
import { compareFamily, shareOf, summarize } from '../test/oracle/run.ts';
import { FAMILIES, type Family } from '../test/oracle/templates/index.ts';

interface FuzzOptions {
  cases: number;
  seed: number;
  family?: string;
  case?: number;
  hostOnly?: boolean;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 0xffff_ffff) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

function readOptions(): FuzzOptions {
  return new Command('fuzz')
    .description("compare random instructions in rookery with the host's CPU")
    .option('--cases <n>', 'how many cases, over all families', wholeNumber, 1_000_000)
    .option('--seed <n>', 'seed of the run', wholeNumber, randomInt(0x7fff_ffff))
    .addOption(new Option('--family <name>', 'only one family').choices(FAMILIES.map(({ name }) => name)))
    .option('--case <index>', 'only this case of the family', wholeNumber)
    .option('--host-only', 'compare the host with itself: checks the harness and measures it')
    .parse()
    .opts<FuzzOptions>();
}

function chooseFamilies(name: string | undefined): readonly Family[] {
  return name === undefined ? FAMILIES : FAMILIES.filter((family) => family.name === name);
}

/** Runs the families one after another; true if all agree. */
async function fuzz(options: FuzzOptions, native: Runner, tested: Runner, generator: Generator): Promise<boolean> {
  const families = chooseFamilies(options.family);
  for (const family of families) {
    const single = options.case !== undefined;
    const count = single ? 1 : families.length === 1 ? options.cases : shareOf(family, options.cases);
    const result = await compareFamily(family, options.case ?? 0, count, { generator, native, tested, maxReports: 3 });
    console.log(summarize(result));
    if (single) console.log(reportMismatch(generator.one(family, options.case!), []));
    if (result.mismatches > 0) {
      console.log(`seed ${options.seed}\n${result.reports.join('\n')}`);
      return false;
    }
  }
  return true;
}

async function main(): Promise<void> {
  const options = readOptions();
  const { oracle, features } = await NativeOracle.start();
  const native: Runner = (cases) => oracle.run(cases);
  try {
    const second = options.hostOnly ? await NativeOracle.start() : null;
    const rookery = second
      ? { run: ((cases) => second.oracle.run(cases)) satisfies Runner, stop: () => second.oracle.stop() }
      : await startRookeryRunner();
    try {
      console.log(`seed ${options.seed}`);
      const agreed = await fuzz(options, native, rookery.run, new Generator(options.seed, features.has));
      process.exitCode = agreed ? 0 : 1;
    } finally {
      await rookery.stop();
    }
  } finally {
    await oracle.stop();
  }
}

await main();
