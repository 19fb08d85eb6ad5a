/** The entry file of a worker: TypeScript as long as the sources run, JavaScript in the published package. */
export function workerEntry(name: string): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`../../workers/${name}.${extension}`, import.meta.url);
}
