// Float arithmetic and comparisons on the exact library: what the definitions leave to it. Each helper does a whole
// instruction and is named after it.
import type { Instruction } from '../../decode/instruction.ts';
import { reciprocal, reciprocalSquareRoot } from '../../isa/float/approximate.ts';
import type { FloatEnvironment } from '../../isa/float/environment.ts';
import type { FloatOperations } from '../../isa/float/operations.ts';
import type { Cpu } from '../cpu.ts';
import { RFLAGS, STATUS_FLAGS } from '../flags.ts';
import type { Helper, HelperTable } from '../helper-table.ts';
import { computeFloats, doubles, type ElementFormat, readElements, singles, writeElements } from './sse-elements.ts';
import { immediateByte, registerOperand, registerView, sourceBytes } from './sse-operands.ts';

const XMM_BYTES = 16;

type Element<V> = (o: FloatOperations<V>, env: FloatEnvironment, a: V, b: V, imm8: number) => V;

/** Instructions with a packed and a scalar form. `a` is the destination's element. */
function elementTable<V>({ mask }: ElementFormat<V>): Readonly<Record<string, Element<V>>> {
  return {
    add: (o, env, a, b) => o.add(env, a, b),
    sub: (o, env, a, b) => o.subtract(env, a, b),
    mul: (o, env, a, b) => o.multiply(env, a, b),
    div: (o, env, a, b) => o.divide(env, a, b),
    min: (o, env, a, b) => o.minimum(env, a, b),
    max: (o, env, a, b) => o.maximum(env, a, b),
    sqrt: (o, env, _, b) => o.squareRoot(env, b),
    round: (o, env, _, b, imm8) => o.roundToIntegral(env, b, imm8),
    cmp: (o, env, a, b, imm8) => mask(o.compare(env, a, b, imm8)),
  };
}

const optionalByte = ({ operands }: Instruction): number => (operands[2] ? immediateByte(operands[2]) : 0);

/** All elements, or the lowest. */
const elementwise =
  <V>(format: ElementFormat<V>, packed: boolean, element: Element<V>): Helper =>
  (cpu, insn) => {
    const target = registerView(cpu, registerOperand(insn.operands[0]));
    const bytes = packed ? XMM_BYTES : format.bytes;
    const b = readElements(format, sourceBytes(cpu, insn, insn.operands[1], bytes), bytes / format.bytes);
    const imm8 = optionalByte(insn);
    const results = computeFloats(cpu, (env) =>
      b.map((value, index) => element(format.operations, env, format.read(target, index), value, imm8)),
    );
    writeElements(format, target, results);
  };

type Whole<V> = (o: FloatOperations<V>, env: FloatEnvironment, a: readonly V[], b: readonly V[], imm8: number) => V[];

/** Instructions whose elements depend on several of an operand. */
const acrossElements =
  <V>(format: ElementFormat<V>, compute: Whole<V>): Helper =>
  (cpu, insn) => {
    const target = registerView(cpu, registerOperand(insn.operands[0]));
    const count = XMM_BYTES / format.bytes;
    const b = readElements(format, sourceBytes(cpu, insn, insn.operands[1], XMM_BYTES), count);
    const a = readElements(format, target, count);
    const imm8 = optionalByte(insn);
    writeElements(
      format,
      target,
      computeFloats(cpu, (env) => compute(format.operations, env, a, b, imm8)),
    );
  };

/** Neighbours of the destination, then of the source. */
const horizontal =
  <V>(operation: 'add' | 'subtract'): Whole<V> =>
  (o, env, a, b) => {
    const inputs = [...a, ...b];
    return a.map((_, index) => o[operation](env, inputs[2 * index], inputs[2 * index + 1]));
  };

const alternating = <V>(o: FloatOperations<V>, env: FloatEnvironment, a: readonly V[], b: readonly V[]): V[] =>
  a.map((value, index) => o[index % 2 === 0 ? 'subtract' : 'add'](env, value, b[index]));

/** COMISS to UCOMISD. */
const compareToFlags =
  <V>(format: ElementFormat<V>, method: 'compareOrdered' | 'compareUnordered'): Helper =>
  (cpu, insn) => {
    const a = format.read(registerView(cpu, registerOperand(insn.operands[0])), 0);
    const b = format.read(sourceBytes(cpu, insn, insn.operands[1], format.bytes), 0);
    const flags = computeFloats(cpu, (env) => format.operations[method](env, a, b));
    cpu.rflags = (cpu.rflags & ~STATUS_FLAGS) | (flags & (RFLAGS.ZF | RFLAGS.PF | RFLAGS.CF));
  };

/** RCPPS, RSQRTPS and their scalar forms: no exceptions, whatever the operands. */
const approximate =
  (compute: (bits: number) => number, bytes: number): Helper =>
  (cpu: Cpu, insn: Instruction) => {
    const source = readElements(singles, sourceBytes(cpu, insn, insn.operands[1], bytes), bytes / singles.bytes);
    writeElements(singles, registerView(cpu, registerOperand(insn.operands[0])), source.map(compute));
  };

function family<V>(letter: 's' | 'd', format: ElementFormat<V>): HelperTable {
  const rows = Object.entries(elementTable(format)).flatMap(([name, element]) => [
    [`${name}s${letter}`, elementwise(format, false, element)],
    [`${name}p${letter}`, elementwise(format, true, element)],
  ]);
  return {
    ...Object.fromEntries(rows),
    [`haddp${letter}`]: acrossElements(format, horizontal('add')),
    [`hsubp${letter}`]: acrossElements(format, horizontal('subtract')),
    [`addsubp${letter}`]: acrossElements(format, alternating),
    [`dpp${letter}`]: acrossElements(format, (o, env, a, b, imm8) => o.dotProduct(env, a, b, imm8)),
    [`comis${letter}`]: compareToFlags(format, 'compareOrdered'),
    [`ucomis${letter}`]: compareToFlags(format, 'compareUnordered'),
  };
}

export const sseFloatHelpers: HelperTable = {
  ...family('s', singles),
  ...family('d', doubles),
  rcpps: approximate(reciprocal, XMM_BYTES),
  rcpss: approximate(reciprocal, singles.bytes),
  rsqrtps: approximate(reciprocalSquareRoot, XMM_BYTES),
  rsqrtss: approximate(reciprocalSquareRoot, singles.bytes),
};
