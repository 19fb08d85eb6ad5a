import { CONTEXT } from '../state/context.ts';
import { JUMP_ENTRIES, JUMP_ENTRY, VCPU_AREA } from '../state/map.ts';
import { Code } from '../wasm/code.ts';
import { ModuleWriter } from '../wasm/module.ts';
import type { FusedSpec, HandlerSet, HandlerSpec } from './handlers.ts';
import { CONTEXT_LOCAL, type Routines, STATE, UOP_LOCAL } from './memory-semantics.ts';
import type { Imports } from './tier0-memory.ts';
import { Tier0Semantics } from './tier0-semantics.ts';
import { EXIT, UOP } from './uop.ts';

/** Handlers that no definition stands behind; their table entries follow the definitions'. */
export const SPECIAL_HANDLERS = ['helper', 'endOfBlock', 'raise'] as const;
export type SpecialHandler = (typeof SPECIAL_HANDLERS)[number];

/** A wasm memory is at most 65,536 pages. */
const ANY_SIZE = { minimum: 1, maximum: 65536 } as const;

/** What the run loop gives to the module. The numbers are those of wasm: i32 in, i32 out. */
export interface Tier0Imports {
  /** (uop, low, high, size | stack << 8) -> EXIT. Values go through CONTEXT.bounce. */
  slowRead(uop: number, low: number, high: number, size: number): number;
  slowWrite(uop: number, low: number, high: number, size: number): number;
  slowReadForWrite(uop: number, low: number, high: number, size: number): number;
  /** EXIT.none: the TLB holds the page now, probe again. */
  slowLocked(uop: number, low: number, high: number, size: number): number;
  /** (uop, segment's context offset) -> EXIT. */
  segmentFault(uop: number, segment: number): number;
  helper(uop: number, id: number): number;
  raise(uop: number, vector: number): number;
}

const ROUTINES = [
  ['slowRead', 4],
  ['slowWrite', 4],
  ['slowReadForWrite', 4],
  ['slowLocked', 4],
  ['segmentFault', 2],
  ['helper', 2],
  ['raise', 2],
] as const satisfies readonly (readonly [keyof Tier0Imports, number])[];

/** Imports the two memories and the routines, for either tier. */
export function importEngine(writer: ModuleWriter): { routines: Routines; handlerType: number } {
  writer.importMemory('rookery', 'state', ANY_SIZE);
  writer.importMemory('rookery', 'ram', ANY_SIZE);
  const handlerType = writer.type(['i32', 'i32'], ['i32']);
  const routines = Object.fromEntries(
    ROUTINES.map(([name, arity]) => [
      name,
      writer.importFunction('rookery', name, writer.type(Array(arity).fill('i32'), ['i32'])),
    ]),
  ) as unknown as Routines;
  return { routines, handlerType };
}

/** Writes tier 0: one function a handler, a table of them, and `enter(context, uop) -> EXIT`. */
export function buildTier0(handlers: HandlerSet, helperId: (name: string) => number): Uint8Array<ArrayBuffer> {
  const writer = new ModuleWriter();
  const { routines, handlerType } = importEngine(writer);
  const dispatch = writer.addFunction(writer.type(['i32'], ['i32']), dispatchCode(handlerType));
  const imports: Imports = { ...routines, dispatch, handlerType };
  const functions = handlers.specs.map((spec) => writer.addFunction(handlerType, handlerCode(spec, imports, helperId)));
  for (const pair of handlers.fused) {
    functions.push(writer.addFunction(handlerType, fusedCode(pair, handlers.specs, imports, helperId)));
  }
  for (const index of handlers.quiet) {
    functions.push(writer.addFunction(handlerType, handlerCode(handlers.specs[index]!, imports, helperId, true)));
  }
  for (const special of SPECIAL_HANDLERS) {
    functions.push(writer.addFunction(handlerType, specialCode(special, imports, helperId)));
  }
  writer.defineTable(functions);
  writer.exportFunction('enter', writer.addFunction(handlerType, enterCode(handlerType)));
  return writer.finish();
}

function handlerCode(spec: HandlerSpec, imports: Imports, helperId: (name: string) => number, quiet = false): Code {
  const code = new Code(2);
  const { mnemonic, mayCallHelper } = spec.definition;
  const announced = (name: string): number => {
    if (!mayCallHelper) throw new RangeError(`${mnemonic} calls the helper ${name} without mayCallHelper`);
    return helperId(name);
  };
  const { operandSize, locked } = spec;
  const x = new Tier0Semantics(code, { operandSize, locked, quiet, imports, helperId: announced });
  spec.definition.execute!(x, ...spec.operands);
  if (x.ended) code.op('unreachable');
  else x.next();
  return code;
}

/** Two definitions in one handler. The second sees the flags of the first as values, not as words of the context. */
function fusedCode(
  { first, second }: FusedSpec,
  specs: readonly HandlerSpec[],
  imports: Imports,
  helperId: (name: string) => number,
): Code {
  const code = new Code(2);
  const x = new Tier0Semantics(code, { operandSize: 64, locked: false, imports, helperId });
  specs[first]!.definition.execute!(x, ...specs[first]!.operands);
  x.fuseNext();
  specs[second]!.definition.execute!(x, ...specs[second]!.operands);
  code.op('unreachable');
  return code;
}

function specialCode(special: SpecialHandler, imports: Imports, helperId: (name: string) => number): Code {
  const code = new Code(2);
  const x = new Tier0Semantics(code, { operandSize: 64, locked: false, imports, helperId });
  if (special === 'helper') x.callNamedHelper();
  else if (special === 'endOfBlock') x.fallThrough();
  else
    code
      .get(UOP_LOCAL)
      .get(UOP_LOCAL)
      .memory('i32.load', STATE, UOP.offset.immediate, 2)
      .opIndex('call', imports.raise);
  return code;
}

/** Pushes a uop's table index and tail-calls it; context and uop are on the stack already. */
function enterCode(handlerType: number): Code {
  const code = new Code(2);
  code.get(CONTEXT_LOCAL).get(UOP_LOCAL).get(UOP_LOCAL).memory('i32.load', STATE, UOP.offset.handler, 2);
  return code.callIndirect(handlerType);
}

/** Finds the block at CONTEXT.rip in the jump cache: hash of RIP, then RIP and key must be equal. */
function dispatchCode(handlerType: number): Code {
  const code = new Code(1);
  const entry = code.local('i32');
  const uop = code.local('i32');
  const rip = code.local('i64');
  code.get(CONTEXT_LOCAL).memory('i64.load', STATE, CONTEXT.offset.rip, 3).tee(rip);
  code.op('i32.wrap_i64').i32(Math.log2(JUMP_ENTRY.size)).op('i32.shl');
  code
    .i32((JUMP_ENTRIES - 1) * JUMP_ENTRY.size)
    .op('i32.and')
    .get(CONTEXT_LOCAL)
    .op('i32.add')
    .set(entry);
  const at = (name: keyof typeof JUMP_ENTRY.offset) => VCPU_AREA.jumpCache + JUMP_ENTRY.offset[name];
  code.get(entry).memory('i64.load', STATE, at('rip'), 3).get(rip).op('i64.eq');
  code.get(entry).memory('i32.load', STATE, at('key'), 2);
  code.get(CONTEXT_LOCAL).memory('i32.load', STATE, CONTEXT.offset.jumpKey, 2).op('i32.eq').op('i32.and');
  code.if(() => {
    code.get(CONTEXT_LOCAL).get(entry).memory('i32.load', STATE, at('uop'), 2).tee(uop);
    code.get(uop).memory('i32.load', STATE, UOP.offset.handler, 2).returnCallIndirect(handlerType);
  });
  code.get(CONTEXT_LOCAL).i32(0).memory('i32.store', STATE, CONTEXT.offset.linkSlot, 2);
  return code.i32(EXIT.lookup);
}
