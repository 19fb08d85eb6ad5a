// Float arithmetic: wasm's where it gives the guest's result and flags, else a helper on the exact library. SDM 1 10.4.1.2,
// 11.4.1.2, 12.3.
import type { Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import {
  allTrue,
  both,
  eitherOf,
  equals,
  FLOAT_TYPES,
  type FloatShape,
  type FloatType,
  loadFloats,
  ordinary,
  plain,
  roundsNatively,
  storeFloats,
  unless,
} from './float-shape.ts';
import { lanes, vector, zero } from './vector.ts';

/** A result, and the lanes in which it is exact if it is zero: zeros are outside the ordinary results. */
interface Outcome {
  readonly result: Value;
  readonly exactZero: Value;
}

type Arithmetic = (x: Semantics, shape: FloatShape, a: Value, b: Value) => Outcome;

/** Sums of normal numbers are zero only if they are exact. */
const additive =
  (op: 'add' | 'sub'): Arithmetic =>
  (x, shape, a, b) => {
    const result = vector(x, `${shape.lanes}.${op}`, a, b);
    return { result, exactZero: equals(x, shape, result, zero(x)) };
  };

/** Zero, if an operand is. */
const multiply: Arithmetic = (x, shape, a, b) => {
  const result = vector(x, `${shape.lanes}.mul`, a, b);
  const fromZero = eitherOf(x, equals(x, shape, a, zero(x)), equals(x, shape, b, zero(x)));
  return { result, exactZero: both(x, fromZero, equals(x, shape, result, zero(x))) };
};

const divide: Arithmetic = (x, shape, a, b) => {
  const result = vector(x, `${shape.lanes}.div`, a, b);
  return { result, exactZero: both(x, equals(x, shape, a, zero(x)), equals(x, shape, result, zero(x))) };
};

const squareRoot: Arithmetic = (x, shape, _, b) => {
  const result = vector(x, `${shape.lanes}.sqrt`, b);
  return { result, exactZero: equals(x, shape, result, zero(x)) };
};

/** Is an outcome, computed from plain operands, the guest's? As `arithmeticMatches` of fast-path.ts. */
function matches(x: Semantics, shape: FloatShape, operands: readonly Value[], { result, exactZero }: Outcome): Value {
  const fits = eitherOf(x, ordinary(x, shape, result), exactZero);
  const good = operands.reduce((mask, operand) => both(x, mask, plain(x, shape, operand)), fits);
  return x.and(allTrue(x, shape, good), roundsNatively(x));
}

/** A definition for one type, whose rare cases the helper of its name does. */
function floatDefinition(
  stem: string,
  opcode: string,
  type: FloatType,
  execute: NonNullable<Definition['execute']>,
  operands = type.operands as string,
): Definition {
  return {
    mnemonic: `${stem}${type.suffix}`,
    encodings: [`${type.prefix} ${opcode} ${operands}`],
    unit: 'sse',
    feature: type.feature,
    mayCallHelper: true,
    execute,
  };
}

function arithmetic(stem: string, opcode: string, operation: Arithmetic, unary = false): Definition[] {
  return Object.values(FLOAT_TYPES).map((type) =>
    floatDefinition(stem, opcode, type, (x, target, source) => {
      const b = loadFloats(x, type, source);
      const a = unary ? b : loadFloats(x, type, target);
      const outcome = operation(x, type.shape, a, b);
      unless(x, matches(x, type.shape, unary ? [b] : [a, b], outcome), `${stem}${type.suffix}`);
      storeFloats(x, type, target, outcome.result);
    }),
  );
}

const comparable = (x: Semantics, shape: FloatShape, a: Value, b: Value): Value =>
  allTrue(x, shape, both(x, plain(x, shape, a), plain(x, shape, b)));

/** MIN and MAX: the source unless the destination is less or greater, which is wasm's pmin and pmax turned round. */
function extreme(stem: string, opcode: string, op: 'pmin' | 'pmax'): Definition[] {
  return Object.values(FLOAT_TYPES).map((type) =>
    floatDefinition(stem, opcode, type, (x, target, source) => {
      const b = loadFloats(x, type, source);
      const a = loadFloats(x, type, target);
      unless(x, comparable(x, type.shape, a, b), `${stem}${type.suffix}`);
      storeFloats(x, type, target, vector(x, `${type.shape.lanes}.${op}`, b, a));
    }),
  );
}

/** A mask of ones if a truth value holds. */
const allOnes = (x: Semantics, condition: Value): Value => vector(x, 'i32x4.splat', x.neg(x.zeroExtend(condition, 32)));

/** Predicate imm8 bits 1:0 of numbers: EQ, LT, LE, UNORD (which never holds); bit 2 negates. SDM 2A table 3-1. */
function predicate(x: Semantics, { lanes: shape }: FloatShape, a: Value, b: Value, imm8: Value): Value {
  const less = both(x, vector(x, `${shape}.lt`, a, b), allOnes(x, x.xor(x.bit(imm8, 0), x.bit(imm8, 1))));
  const equal = both(x, vector(x, `${shape}.eq`, a, b), allOnes(x, x.isFalse(x.bit(imm8, 0))));
  return vector(x, 'v128.xor', eitherOf(x, less, equal), allOnes(x, x.bit(imm8, 2)));
}

const compare = Object.values(FLOAT_TYPES).map((type) =>
  floatDefinition(
    'cmp',
    '0F C2',
    type,
    (x, target, source, imm8) => {
      const b = loadFloats(x, type, source);
      const a = loadFloats(x, type, target);
      unless(x, comparable(x, type.shape, a, b), `cmp${type.suffix}`);
      storeFloats(x, type, target, predicate(x, type.shape, a, b, x.zeroExtend(x.load(imm8), 32)));
    },
    `${type.operands},Ib`,
  ),
);

/** COMISS to UCOMISD: ZF, PF and CF as of an unsigned comparison; OF, SF and AF are cleared. */
function compareToFlags(mnemonic: string, encoding: string, { shape, feature }: FloatType): Definition {
  const type = { ...FLOAT_TYPES.ss, shape };
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'sse',
    feature,
    mayCallHelper: true,
    execute(x, target, source) {
      const b = loadFloats(x, type, source);
      const a = loadFloats(x, type, target);
      unless(x, comparable(x, shape, a, b), mnemonic);
      const less = allTrue(x, shape, vector(x, `${shape.lanes}.lt`, a, b));
      const equal = allTrue(x, shape, equals(x, shape, a, b));
      const clear = x.constant(0, 1);
      x.setFlags({ CF: less, ZF: equal, PF: clear, SF: clear, OF: clear, AF: clear });
    },
  };
}

type Pairing = (x: Semantics, shape: FloatShape, a: Value, b: Value) => readonly [Value, Value];

/** Neighbours of the destination, then of the source. */
const neighbours: Pairing = (x, { bits }, a, b) => {
  const size = bits / 8;
  const even = Array.from({ length: 16 }, (_, index) => Math.floor(index / size) * 2 * size + (index % size));
  return [
    x.shuffle(a, b, even),
    x.shuffle(
      a,
      b,
      even.map((byte) => byte + size),
    ),
  ];
};

/** ADDSUB subtracts in even lanes: the sum with the source's sign turned there. */
const turnedSigns: Pairing = (x, { bits }, a, b) => {
  const sign = 1n << BigInt(bits - 1);
  const signs = lanes(
    x,
    bits,
    Array.from({ length: 128 / bits }, (_, lane) => (lane % 2 === 0 ? sign : 0n)),
  );
  return [a, vector(x, 'v128.xor', b, signs)];
};

/** HADD, HSUB and ADDSUB: packed only, with prefixes of their own. */
function paired(stem: string, opcode: string, op: 'add' | 'sub', pair: Pairing): Definition[] {
  const types: FloatType[] = [FLOAT_TYPES.pd, { ...FLOAT_TYPES.ps, prefix: 'F2' }];
  return types.map((type) => ({
    ...floatDefinition(stem, opcode, type, (x, target, source) => {
      const b = loadFloats(x, type, source);
      const [left, right] = pair(x, type.shape, x.load(target), b);
      const outcome = additive(op)(x, type.shape, left, right);
      unless(x, matches(x, type.shape, [left, right], outcome), `${stem}${type.suffix}`);
      x.store(target, outcome.result);
    }),
    feature: 'pni',
  }));
}

/** Instructions that are done by the helper of their name always. */
export const byHelper = (mnemonic: string, encoding: string, feature: string): Definition => ({
  mnemonic,
  encodings: [encoding],
  unit: 'sse',
  feature,
  helper: mnemonic,
  continues: true,
});

export const floatDefinitions: readonly Definition[] = [
  ...arithmetic('sqrt', '0F 51', squareRoot, true),
  ...arithmetic('add', '0F 58', additive('add')),
  ...arithmetic('mul', '0F 59', multiply),
  ...arithmetic('sub', '0F 5C', additive('sub')),
  ...extreme('min', '0F 5D', 'pmin'),
  ...arithmetic('div', '0F 5E', divide),
  ...extreme('max', '0F 5F', 'pmax'),
  ...compare,
  compareToFlags('ucomiss', 'NP 0F 2E Vx,Wd', FLOAT_TYPES.ss),
  compareToFlags('ucomisd', '66 0F 2E Vx,Wq', FLOAT_TYPES.sd),
  compareToFlags('comiss', 'NP 0F 2F Vx,Wd', FLOAT_TYPES.ss),
  compareToFlags('comisd', '66 0F 2F Vx,Wq', FLOAT_TYPES.sd),
  ...paired('hadd', '0F 7C', 'add', neighbours),
  ...paired('hsub', '0F 7D', 'sub', neighbours),
  ...paired('addsub', '0F D0', 'add', turnedSigns),
  byHelper('dpps', '66 0F 3A 40 Vx,Wx,Ib', 'sse4.1'),
  byHelper('dppd', '66 0F 3A 41 Vx,Wx,Ib', 'sse4.1'),
  byHelper('rcpps', 'NP 0F 53 Vx,Wx', 'sse'),
  byHelper('rcpss', 'F3 0F 53 Vx,Wd', 'sse'),
  byHelper('rsqrtps', 'NP 0F 52 Vx,Wx', 'sse'),
  byHelper('rsqrtss', 'F3 0F 52 Vx,Wd', 'sse'),
];
