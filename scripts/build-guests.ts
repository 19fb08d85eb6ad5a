// Builds the guests of test/guests with gcc: each *.c there becomes built/<name>.elf.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const guests = join(import.meta.dirname, '..', 'test', 'guests');
const library = join(guests, 'lib');
const built = join(guests, 'built');

const COMPILE = [
  '-std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-pic -fno-stack-protector -mno-red-zone',
  '-mno-mmx -mno-sse -mno-80387 -fno-asynchronous-unwind-tables -fcf-protection=none -m64 -fno-tree-loop-distribute-patterns',
]
  .join(' ')
  .split(' ');

const newest = (files: string[]): number => Math.max(...files.map((file) => statSync(file).mtimeMs));

/** Builds one guest if its sources are newer. The ELF is 32-bit outside, as multiboot loaders want it. */
function build(name: string, shared: string[]): void {
  const source = join(guests, `${name}.c`);
  const target = join(built, `${name}.elf`);
  const present = statSync(target, { throwIfNoEntry: false });
  if (present && present.mtimeMs >= newest([source, ...shared])) return;
  const object = join(built, `${name}.elf64`);
  const inputs = [source, join(library, 'guest.c'), join(library, 'start.S')];
  const link = ['-nostdlib', '-static', '-no-pie', '-Wl,--build-id=none', '-Wl,-z,max-page-size=4096', '-Wl,-n'];
  const script = [`-Wl,-T,${join(library, 'guest.ld')}`, '-Wl,--oformat=elf64-x86-64', '-Wl,--no-warn-rwx-segments'];
  execFileSync('gcc', [...COMPILE, ...link, ...script, '-o', object, ...inputs], { stdio: 'inherit' });
  execFileSync('objcopy', ['-O', 'elf32-i386', object, target], { stdio: 'inherit' });
  execFileSync('rm', [object]);
}

mkdirSync(built, { recursive: true });
const shared = readdirSync(library).map((file) => join(library, file));
for (const file of readdirSync(guests)) if (file.endsWith('.c')) build(file.slice(0, -2), shared);
