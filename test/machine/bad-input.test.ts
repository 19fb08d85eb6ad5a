// What a user gets for images and options that cannot be: one clear line on standard error and a nonzero status.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..', '..');
const demo = join(root, 'test/guests/built/demo.elf');

describe('rookery run, given what cannot run', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-bad-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const image = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const cases: readonly [string, () => string[], RegExp][] = [
    ['a missing image', () => [join(folder, 'none')], /none.*No such file/],
    ['a truncated image', () => [image('short', readFileSync(demo).subarray(0, 6000))], /short: /],
    ['an image that is none', () => [image('zeros', new Uint8Array(9000))], /zeros: /],
    ['an ELF whose segments exceed RAM', () => [demo, '-m', '1M'], /demo\.elf: .*RAM|memory|bytes/],
    ['no vCPU', () => [demo, '--smp', '0'], /smp.*0|vCPUs/],
    ['too many vCPUs', () => [demo, '--smp', '65'], /smp|vCPUs/],
    ['an unknown option', () => [demo, '--frobnicate'], /frobnicate/],
    ['an unknown CPU feature', () => [demo, '--cpu', 'intel,+frobnicate'], /frobnicate/],
    ['a CPU feature that is not built', () => [demo, '--cpu', 'intel,+avx'], /avx.*not built/],
    ['a missing initrd', () => [demo, '--initrd', join(folder, 'none')], /none/],
  ];

  for (const [what, args, message] of cases) {
    it(`says so in one line: ${what}`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/rookery.js'), 'run', ...args()], {
        encoding: 'utf8',
      });
      expect(status).to.be.above(0);
      expect(stdout).to.equal('');
      expect(stderr).to.match(/^rookery: [^\n]*\n$/);
      expect(stderr).to.match(message);
    });
  }
});
