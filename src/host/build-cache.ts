// Results that take long to compute, kept between processes beside the installed packages.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'rookery');

/** A digest of every file of some folders of `src`: what is made from them changes when they do. */
export function sourceDigest(folders: readonly string[]): string {
  const hash = createHash('sha256').update(process.version);
  for (const folder of folders) {
    const root = join(import.meta.dirname, '..', folder);
    for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.[jt]s$/.test(name)) hash.update(name).update(readFileSync(join(root, name)));
    }
  }
  return hash.digest('hex').slice(0, 32);
}

/** The bytes kept under a name, or null. */
export function readCached(name: string): Buffer | null {
  try {
    return readFileSync(join(CACHE, name));
  } catch {
    return null;
  }
}

/** Keeps bytes under a name. A folder that cannot be written costs time only, so that is no error. */
export function writeCached(name: string, bytes: Uint8Array): void {
  try {
    mkdirSync(CACHE, { recursive: true });
    const temporary = join(CACHE, `${name}.${process.pid}.tmp`);
    writeFileSync(temporary, bytes);
    renameSync(temporary, join(CACHE, name));
  } catch {
    return;
  }
}
