// Translation of straight-line blocks: what the translator of hot regions will be built from. The product does not use
// it: tests prove with it that one text of the definitions serves both tiers.
import type { Instruction } from '../decode/instruction.ts';
import { codeSizeOf } from '../decode/mode.ts';
import { Code } from '../wasm/code.ts';
import { ModuleWriter } from '../wasm/module.ts';
import { endsBlock, isLocked } from './block-builder.ts';
import type { Enter, WasmMemories } from './tier0.ts';
import { importEngine, type Tier0Imports } from './tier0-module.ts';
import { Tier1Semantics, UntranslatableError } from './tier1-semantics.ts';
import { unitFault } from './unit-check.ts';

/** Consecutive instructions of which at most the last one ends a block. */
export interface BlockSource {
  readonly instructions: readonly Instruction[];
  /** The decoder's mode: MODE. */
  readonly mode: number;
}

/** Parameters: the context, and the first of the micro-ops that tier 0 has for the same instructions. */
const PARAMETERS = 2;

/**
 * Writes a module that exports one function a block, named by its index: `(context, uop) -> EXIT`. Each does what the
 * block's micro-ops do from the first on, up to the block's end; exits and faults leave the context as they would.
 * @param helperId the id of a TypeScript helper by name, as the routines know it
 * @throws UntranslatableError for an instruction that cannot be part of a block, or stands behind its end
 */
export function translateBlocks(
  blocks: readonly BlockSource[],
  helperId: (name: string) => number,
): Uint8Array<ArrayBuffer> {
  const writer = new ModuleWriter();
  const { routines, handlerType } = importEngine(writer);
  blocks.forEach(({ instructions, mode }, index) => {
    const code = new Code(PARAMETERS);
    const x = new Tier1Semantics(code, { imports: routines, helperId, code64: codeSizeOf(mode) === 64 });
    describeBlock(x, instructions, mode);
    writer.exportFunction(String(index), writer.addFunction(handlerType, code));
  });
  return writer.finish();
}

function describeBlock(x: Tier1Semantics, instructions: readonly Instruction[], mode: number): void {
  let start = 0;
  let closed = false;
  instructions.forEach((instruction, index) => {
    if (closed) throw new UntranslatableError(instruction, 'behind the end of its block');
    const at = { instruction, index, start, locked: isLocked(instruction, mode) };
    const vector = unitFault(instruction, mode);
    if (vector === null) x.describe(at);
    else x.describeFault(at, vector);
    closed = vector !== null || endsBlock(instruction);
    start += instruction.length;
  });
  x.finish(closed);
}

/** Instantiates translated blocks for one thread; they stand in the order in which they were given. */
export function instantiateBlocks(
  module: WebAssembly.Module,
  memories: WasmMemories,
  imports: Tier0Imports,
): readonly Enter[] {
  const { exports } = new WebAssembly.Instance(module, { rookery: { ...memories, ...imports } });
  return Object.keys(exports).map((name) => exports[name] as Enter);
}
