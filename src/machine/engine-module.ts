import type { HandlerTableData } from '../engine/handler-table.ts';
import { HandlerSet } from '../engine/handlers.ts';
import { buildTier0 } from '../engine/tier0-module.ts';
import { readCached, sourceDigest, writeCached } from '../host/build-cache.ts';
import { DEFINITIONS } from '../isa/index.ts';

/** Tier 0, compiled once and posted to every worker, with the names behind the helper ids that it calls. */
export interface EngineModule {
  readonly module: WebAssembly.Module;
  readonly helperNames: readonly string[];
  readonly handlers: HandlerTableData;
}

interface Generated extends Omit<EngineModule, 'module'> {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** As JSON has it. */
interface CachedTables {
  readonly helperNames: readonly string[];
  readonly handlers: Omit<HandlerTableData, 'byForm'> & { readonly byForm: readonly (readonly [string, number])[] };
}

/** What the generated module follows from. */
const SOURCES = ['wasm', 'state', 'isa', 'engine'];

/** Tier 0 for this version of the definitions: from the cache, or generated (about half a second) and cached. */
export function compileEngine(): EngineModule {
  const name = `tier0-${sourceDigest(SOURCES)}`;
  const { bytes, ...tables } = fromCache(name) ?? generateAndCache(name);
  return { module: new WebAssembly.Module(bytes), ...tables };
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
  const handlers = new HandlerSet(DEFINITIONS);
  const bytes = buildTier0(handlers, idOf);
  return { bytes, helperNames: [...ids.keys()], handlers: handlers.table };
}

function generateAndCache(name: string): Generated {
  const generated = generateEngine();
  const { bytes, helperNames, handlers } = generated;
  const plain = { helperNames, handlers: { ...handlers, byForm: [...handlers.byForm] } };
  writeCached(`${name}.json`, Buffer.from(JSON.stringify(plain)));
  writeCached(`${name}.wasm`, bytes);
  return generated;
}

function fromCache(name: string): Generated | null {
  const bytes = readCached(`${name}.wasm`);
  const tables = bytes && readCached(`${name}.json`);
  if (!bytes || !tables) return null;
  const { helperNames, handlers } = JSON.parse(tables.toString()) as CachedTables;
  return { bytes: new Uint8Array(bytes), helperNames, handlers: { ...handlers, byForm: new Map(handlers.byForm) } };
}
