import { HandlerSet } from '../engine/handlers.ts';
import { buildTier0 } from '../engine/tier0-module.ts';
import { readCached, sourceDigest, writeCached } from '../host/build-cache.ts';
import { DEFINITIONS } from '../isa/index.ts';

/** Tier 0, compiled once and posted to every worker, with the names behind the helper ids that it calls. */
export interface EngineModule {
  readonly module: WebAssembly.Module;
  readonly helperNames: readonly string[];
}

interface Generated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly helperNames: readonly string[];
}

/** What the generated module follows from. */
const SOURCES = ['wasm', 'state', 'isa', 'engine'];
const HELPERS_SECTION = 'rookery.helpers';

/** Tier 0 for this version of the definitions: from the cache, or generated (about half a second) and cached. */
export function compileEngine(): EngineModule {
  const name = `tier0-${sourceDigest(SOURCES)}`;
  const { bytes, helperNames } = fromCache(name) ?? generateAndCache(name);
  return { module: new WebAssembly.Module(bytes), helperNames };
}

/** Generates tier 0 from the definitions. Helper ids are given in the order in which names are met. */
export function generateEngine(): Generated {
  const ids = new Map<string, number>();
  const idOf = (name: string): number => {
    const id = ids.get(name) ?? ids.size;
    ids.set(name, id);
    return id;
  };
  for (const { helper } of DEFINITIONS) if (helper !== undefined) idOf(helper);
  const bytes = buildTier0(new HandlerSet(DEFINITIONS), idOf);
  return { bytes, helperNames: [...ids.keys()] };
}

function generateAndCache(name: string): Generated {
  const generated = generateEngine();
  writeCached(`${name}.json`, Buffer.from(JSON.stringify({ [HELPERS_SECTION]: generated.helperNames })));
  writeCached(`${name}.wasm`, generated.bytes);
  return generated;
}

function fromCache(name: string): Generated | null {
  const bytes = readCached(`${name}.wasm`);
  const names = bytes && readCached(`${name}.json`);
  if (!bytes || !names) return null;
  const helperNames = (JSON.parse(names.toString()) as Record<string, string[]>)[HELPERS_SECTION];
  return helperNames ? { bytes: new Uint8Array(bytes), helperNames } : null;
}
