import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { cliMarkdown, cliPage } from '../../scripts/docs-cli.ts';

describe('docs/cli.md', () => {
  it('is what `node scripts/docs-cli.ts` writes', () => {
    expect(readFileSync(cliPage, 'utf8')).to.equal(cliMarkdown());
  });
});
