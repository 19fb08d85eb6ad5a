import { environmentOf, type FloatEnvironment, settle } from '../../../src/isa/float/environment.ts';
import { doubleToSingle, type FloatOperations, singleToDouble } from '../../../src/isa/float/operations.ts';
import type { Reply, Request } from './hardware.ts';
import { doubles, type Elements, singles } from './registers.ts';

// Whole SSE instructions put together from the library's elements, as the definitions of instructions do it.

type Outcome = Partial<Pick<Reply, 'xmm' | 'general'>>;
type Instruction = (env: FloatEnvironment, request: Request) => Outcome;
type Entry = readonly [name: string, instruction: Instruction];

/** Executes a request with the library. Throws RangeError for a name it has no instruction for. */
export function model(request: Request): Reply {
  const instruction = instructions.get(request.name);
  if (!instruction) throw new RangeError(`model.ts does not execute ${request.name}`);
  const env = environmentOf(request.mxcsr);
  const outcome = instruction(env, request);
  const { flags, fault } = settle(env);
  return { mxcsr: request.mxcsr | flags, faulted: fault, xmm: request.a, general: 0n, ...outcome };
}

type Element<V> = (o: FloatOperations<V>, env: FloatEnvironment, a: V, b: V, imm8: number) => V;

/** Instructions with a scalar and a packed form. */
function elementTable<V>({ mask }: Elements<V>): Readonly<Record<string, Element<V>>> {
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

/** The scalar form changes the lowest element of the destination, the packed form all. */
function elementwise<V>({ operations, read, write }: Elements<V>, packed: boolean, element: Element<V>): Instruction {
  return (env, { a, b, imm8 }) => {
    const source = read(b);
    const each = (old: V, i: number) => (packed || i === 0 ? element(operations, env, old, source[i], imm8) : old);
    return { xmm: write(read(a).map(each)) };
  };
}

/** HADDPS and kin take neighbours from the destination, then from the source. */
function horizontal<V>({ operations, read, write }: Elements<V>, operation: 'add' | 'subtract'): Instruction {
  return (env, { a, b }) => {
    const inputs = [...read(a), ...read(b)];
    const left = inputs.filter((_, i) => i % 2 === 0);
    return { xmm: write(left.map((x, i) => operations[operation](env, x, inputs[2 * i + 1]))) };
  };
}

function addSubtract<V>({ operations, read, write }: Elements<V>): Instruction {
  return (env, { a, b }) => {
    const source = read(b);
    const each = (x: V, i: number) => operations[i % 2 === 0 ? 'subtract' : 'add'](env, x, source[i]);
    return { xmm: write(read(a).map(each)) };
  };
}

function dot<V>({ operations, read, write }: Elements<V>): Instruction {
  return (env, { a, b, imm8 }) => ({ xmm: write(operations.dotProduct(env, read(a), read(b), imm8)) });
}

function relate<V>({ operations, read }: Elements<V>, method: 'compareOrdered' | 'compareUnordered'): Instruction {
  return (env, { a, b }) => ({ general: BigInt(operations[method](env, read(a)[0], read(b)[0])) });
}

function toGeneral<V>({ operations, read }: Elements<V>, width: 32 | 64, truncate: boolean): Instruction {
  return (env, { b }) => {
    const [value] = read(b);
    if (width === 64) return { general: BigInt.asUintN(64, operations.toInt64(env, value, truncate)) };
    return { general: BigInt.asUintN(32, BigInt(operations.toInt32(env, value, truncate))) };
  };
}

function fromGeneral<V>({ operations, read, write }: Elements<V>, width: 32 | 64): Instruction {
  return (env, { a, b: [value] }) => {
    const [, ...upper] = read(a);
    const converted =
      width === 64
        ? operations.fromInt64(env, BigInt.asIntN(64, value))
        : operations.fromInt32(env, Number(BigInt.asIntN(32, value)));
    return { xmm: write([converted, ...upper]) };
  };
}

function packedToInt32<V>({ operations, read }: Elements<V>, truncate: boolean): Instruction {
  return (env, { b }) => ({ xmm: singles.write(read(b).map((x) => operations.toInt32(env, x, truncate) >>> 0)) });
}

function packedFromInt32<V>({ operations, write }: Elements<V>): Instruction {
  // The wider format writes two elements only, and converts no more: the others would leave flags.
  return (env, { b }) => {
    const sources = singles.read(b).slice(0, write === doubles.write ? 2 : 4);
    return { xmm: write(sources.map((x) => operations.fromInt32(env, x | 0))) };
  };
}

/** The instructions that exist alike for both formats; `letter` ends their names. */
function family<V>(letter: 's' | 'd', elements: Elements<V>): readonly Entry[] {
  const table = Object.entries(elementTable(elements));
  return [
    ...table.map(([name, element]): Entry => [`${name}s${letter}`, elementwise(elements, false, element)]),
    ...table.map(([name, element]): Entry => [`${name}p${letter}`, elementwise(elements, true, element)]),
    [`haddp${letter}`, horizontal(elements, 'add')],
    [`hsubp${letter}`, horizontal(elements, 'subtract')],
    [`addsubp${letter}`, addSubtract(elements)],
    [`dpp${letter}`, dot(elements)],
    [`comis${letter}`, relate(elements, 'compareOrdered')],
    [`ucomis${letter}`, relate(elements, 'compareUnordered')],
    [`cvts${letter}2si/32`, toGeneral(elements, 32, false)],
    [`cvts${letter}2si/64`, toGeneral(elements, 64, false)],
    [`cvtts${letter}2si/32`, toGeneral(elements, 32, true)],
    [`cvtts${letter}2si/64`, toGeneral(elements, 64, true)],
    [`cvtsi2s${letter}/32`, fromGeneral(elements, 32)],
    [`cvtsi2s${letter}/64`, fromGeneral(elements, 64)],
    [`cvtp${letter}2dq`, packedToInt32(elements, false)],
    [`cvttp${letter}2dq`, packedToInt32(elements, true)],
    [`cvtdq2p${letter}`, packedFromInt32(elements)],
  ];
}

const betweenFormats: readonly Entry[] = [
  ['cvtss2sd', (env, { a, b }) => ({ xmm: [singleToDouble(env, singles.read(b)[0]), a[1]] })],
  [
    'cvtsd2ss',
    (env, { a, b }) => {
      const [, ...upper] = singles.read(a);
      return { xmm: singles.write([doubleToSingle(env, b[0]), ...upper]) };
    },
  ],
  [
    'cvtps2pd',
    (env, { b }) => {
      const [low, high] = singles.read(b);
      return { xmm: [singleToDouble(env, low), singleToDouble(env, high)] };
    },
  ],
  ['cvtpd2ps', (env, { b }) => ({ xmm: singles.write(b.map((x) => doubleToSingle(env, x))) })],
];

const instructions: ReadonlyMap<string, Instruction> = new Map([
  ...family('s', singles),
  ...family('d', doubles),
  ...betweenFormats,
]);
