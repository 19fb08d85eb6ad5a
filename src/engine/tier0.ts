import type { Tier0Imports } from './tier0-module.ts';

/** Runs micro-ops from `uop` on until something needs the run loop. Returns EXIT. */
export type Enter = (context: number, uop: number) => number;

/** The machine's two memories as wasm sees them. */
export interface WasmMemories {
  readonly state: WebAssembly.Memory;
  readonly ram: WebAssembly.Memory;
}

/** Instantiates a tier 0 module for one thread. */
export function instantiateTier0(module: WebAssembly.Module, memories: WasmMemories, imports: Tier0Imports): Enter {
  const instance = new WebAssembly.Instance(module, { rookery: { ...memories, ...imports } });
  return instance.exports.enter as Enter;
}
