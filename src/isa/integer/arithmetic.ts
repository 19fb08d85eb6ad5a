// ADD to CMP, their unary relatives, and the exchanging additions.
import type { Definition } from '../definition.ts';
import type { FlagValues, Semantics, Value } from '../semantics.ts';
import { arithmeticEncodings, unaryEncodings } from './encodings.ts';
import {
  additionCarry,
  additionFlags,
  asNumber,
  decrementFlags,
  incrementFlags,
  isNonzero,
  logicFlags,
  subtractionFlags,
} from './flags.ts';

type FlagRule = (x: Semantics, a: Value, b: Value, result: Value) => FlagValues;
type Operation = (x: Semantics, a: Value, b: Value) => Value;

/** destination = destination operation source. */
function binary(mnemonic: string, digit: number, operation: Operation, flags: FlagRule): Definition {
  return {
    mnemonic,
    encodings: arithmeticEncodings(digit),
    lockable: true,
    hot: true,
    execute(x, target, source) {
      const b = x.load(source!);
      const { old, value } = x.update(target!, (a) => operation(x, a, b));
      x.setFlags(flags(x, old, b, value));
    },
  };
}

const logic: FlagRule = (x, _a, _b, result) => logicFlags(x, result);

/** ADC and SBB: CF goes in as well as out. */
function withCarry(mnemonic: string, digit: number, operation: 'add' | 'sub', flags: typeof additionFlags): Definition {
  return {
    mnemonic,
    encodings: arithmeticEncodings(digit),
    lockable: true,
    hot: true,
    execute(x, target, source) {
      const b = x.load(source!);
      const carry = x.flag('CF');
      const addend = asNumber(x, carry, b.width);
      const { old, value } = x.update(target!, (a) => x[operation](x[operation](a, b), addend));
      x.setFlags(flags(x, old, b, value, carry));
    },
  };
}

const compare: Definition = {
  mnemonic: 'cmp',
  encodings: arithmeticEncodings(7),
  hot: true,
  execute(x, left, right) {
    const b = x.load(right!);
    const a = x.load(left!);
    x.setFlags(subtractionFlags(x, a, b, x.sub(a, b)));
  },
};

const test: Definition = {
  mnemonic: 'test',
  encodings: [
    '84 Eb,Gb',
    '85 Ev,Gv',
    'A8 AL,Ib',
    'A9 rAX,Iz',
    'F6 /0 Eb,Ib',
    'F7 /0 Ev,Iz',
    // Not in the manual's tables of old, but every processor takes /1 as /0: SDM 2D table A-6.
    'F6 /1 Eb,Ib',
    'F7 /1 Ev,Iz',
  ],
  hot: true,
  execute(x, left, right) {
    const b = x.load(right!);
    x.setFlags(logicFlags(x, x.and(x.load(left!), b)));
  },
};

const not: Definition = {
  mnemonic: 'not',
  encodings: unaryEncodings('F6', 'F7', 2),
  lockable: true,
  execute(x, target) {
    x.update(target!, (old) => x.not(old));
  },
};

const negate: Definition = {
  mnemonic: 'neg',
  encodings: unaryEncodings('F6', 'F7', 3),
  lockable: true,
  execute(x, target) {
    const { old, value } = x.update(target!, (before) => x.neg(before));
    x.setFlags({ ...subtractionFlags(x, x.constant(0, old.width), old, value), CF: isNonzero(x, old) });
  },
};

/** INC and DEC; their short forms are REX prefixes in 64-bit mode. */
function step(mnemonic: string, digit: number, by: 1 | -1, flags: typeof incrementFlags): Definition {
  return {
    mnemonic,
    encodings: [...unaryEncodings('FE', 'FF', digit), `${digit === 0 ? 40 : 48}+r Zv; i64`],
    lockable: true,
    hot: true,
    execute(x, target) {
      const { value } = x.update(target!, (old) => x.add(old, x.constant(by, old.width)));
      x.setFlags(flags(x, value));
    },
  };
}

const exchangeAdd: Definition = {
  mnemonic: 'xadd',
  encodings: ['0F C0 Eb,Gb', '0F C1 Ev,Gv'],
  lockable: true,
  execute(x, target, source) {
    const b = x.load(source!);
    if (target!.kind === 'memory') {
      const { old, value } = x.update(target!, (a) => x.add(a, b));
      x.store(source!, old);
      x.setFlags(additionFlags(x, old, b, value));
      return;
    }
    // The destination is written last: it has the sum if both operands are one register (SDM 2 "XADD").
    const a = x.load(target!);
    const sum = x.add(a, b);
    x.store(source!, a);
    x.store(target!, sum);
    x.setFlags(additionFlags(x, a, b, sum));
  },
};

/** ADCX and ADOX: an addition that touches one flag only, so that two carry chains can interleave. */
function carryChain(mnemonic: string, prefix: string, flag: 'CF' | 'OF'): Definition {
  return {
    mnemonic,
    encodings: [`${prefix} 0F 38 F6 Gy,Ey`],
    feature: 'adx',
    execute(x, target, source) {
      const b = x.load(source!);
      const carry = x.flag(flag);
      const addend = asNumber(x, carry, b.width);
      const { old, value } = x.update(target!, (a) => x.add(x.add(a, b), addend));
      x.setFlags({ [flag]: additionCarry(x, old, value, carry) });
    },
  };
}

export const arithmeticDefinitions: readonly Definition[] = [
  binary('add', 0, (x, a, b) => x.add(a, b), additionFlags),
  binary('or', 1, (x, a, b) => x.or(a, b), logic),
  withCarry('adc', 2, 'add', additionFlags),
  withCarry('sbb', 3, 'sub', subtractionFlags),
  binary('and', 4, (x, a, b) => x.and(a, b), logic),
  binary('sub', 5, (x, a, b) => x.sub(a, b), subtractionFlags),
  binary('xor', 6, (x, a, b) => x.xor(a, b), logic),
  compare,
  test,
  not,
  negate,
  step('inc', 0, 1, incrementFlags),
  step('dec', 1, -1, decrementFlags),
  exchangeAdd,
  carryChain('adcx', '66', 'CF'),
  carryChain('adox', 'F3', 'OF'),
];
