import { expect } from 'chai';
import { Generator } from './generate.ts';
import { NativeOracle } from './native.ts';
import { type RookeryRunner, startRookeryRunner } from './rookery-runner.ts';
import { compareFamily, shareOf, summarize } from './run.ts';
import { FAMILIES } from './templates/index.ts';

/** Cases of a CI run, over all families; a longer run is `npm run fuzz`. */
const CASES = 200_000;
/** Fixed: CI must not depend on luck. `npm run fuzz` takes other seeds. */
const SEED = 1;

describe(`rookery executes ${CASES} random instructions as the host's CPU does`, function () {
  this.timeout(600_000);
  let native: NativeOracle;
  let generator: Generator;
  let rookery: RookeryRunner;

  before(async () => {
    rookery = await startRookeryRunner();
    const started = await NativeOracle.start();
    native = started.oracle;
    generator = new Generator(SEED, started.features.has);
  });
  after(async () => {
    await rookery?.stop();
    await native?.stop();
  });

  for (const family of FAMILIES) {
    it(`${family.name}: ${shareOf(family, CASES)} cases`, async () => {
      const result = await compareFamily(family, 0, shareOf(family, CASES), {
        generator,
        native: (cases) => native.run(cases),
        tested: rookery.run,
        maxReports: 3,
      });
      expect(result.mismatches, `${summarize(result)}\n${result.reports.join('\n')}`).to.equal(0);
    });
  }
});
