import module from 'node:module';
import { join } from 'node:path';

/**
 * Keeps what Node made of the sources (types stripped, code compiled) between threads and processes. Most of a short
 * run would go to doing that again, in every worker.
 */
export function useCompileCache(): void {
  module.enableCompileCache(join(import.meta.dirname, '..', '..', '.cache', 'compile'));
}
