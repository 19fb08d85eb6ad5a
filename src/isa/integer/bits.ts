// Bit tests, scans and counts, and CRC32.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics, Value } from '../semantics.ts';
import { isNonzero } from './flags.ts';

type Change = (x: Semantics, old: Value, mask: Value) => Value;

/** The byte distance of the word that holds a bit: register bit offsets are signed and reach beyond the operand. */
function wordOffset(x: Semantics, bitOffset: Value): Value {
  const words = x.sar(x.signExtend(bitOffset, 64), Math.log2(bitOffset.width));
  return x.shl(words, Math.log2(bitOffset.width / 8));
}

/** SDM 2 "BT": a memory operand and a register select a bit string, SDM 1 3.1.1.9 and figure 3-2. */
const isBitString = (target: Operand, source: Operand): boolean =>
  target.kind === 'memory' && source.kind === 'register';

/** The bit number within one word of the operand's width. */
const bitIndex = (x: Semantics, offset: Value, width: number): Value =>
  x.and(x.zeroExtend(x.truncate(offset, Math.min(offset.width, 32)), 32), x.constant(width - 1, 32));

/** Only CF is defined; ZF stays and the others do as well. */
const bitToCarry = (x: Semantics, word: Value, index: Value): void => x.setFlags({ CF: x.bit(x.shr(word, index), 0) });

const bitTest: Definition = {
  mnemonic: 'bt',
  encodings: ['0F A3 Ev,Gv', '0F BA /4 Ev,Ib'],
  execute(x, target, source) {
    const { width } = target!;
    const offset = x.load(source!);
    const word = isBitString(target!, source!) ? x.loadAt(target!, wordOffset(x, offset), width) : x.load(target!);
    bitToCarry(x, word, bitIndex(x, offset, width));
  },
};

function bitChange(mnemonic: string, opcode: string, digit: number, change: Change): Definition {
  return {
    mnemonic,
    encodings: [`0F ${opcode} Ev,Gv`, `0F BA /${digit} Ev,Ib`],
    lockable: true,
    execute(x, target, source) {
      const { width } = target!;
      const offset = x.load(source!);
      const index = bitIndex(x, offset, width);
      const mask = x.shl(x.constant(1, width), index);
      const compute = (old: Value) => change(x, old, mask);
      const { old } = isBitString(target!, source!)
        ? x.updateAt(target!, wordOffset(x, offset), width, compute)
        : x.update(target!, compute);
      bitToCarry(x, old, index);
    },
  };
}

/** BSF and BSR leave the destination alone if there is no bit: SDM 2 has it undefined, processors agree. */
function bitScan(mnemonic: string, encoding: string, find: (x: Semantics, value: Value) => Value): Definition {
  return {
    mnemonic,
    encodings: [encoding],
    execute(x, target, source) {
      const value = x.load(source!);
      const found = isNonzero(x, value);
      x.if(found, () => x.store(target!, find(x, value)));
      x.setFlags({ ZF: x.isFalse(found) });
    },
  };
}

/** LZCNT and TZCNT: CF tells that there was no bit, ZF that the count is 0. */
function zeroCount(mnemonic: string, encoding: string, feature: string, count: 'clz' | 'ctz'): Definition {
  return {
    mnemonic,
    encodings: [encoding],
    feature,
    execute(x, target, source) {
      const value = x.load(source!);
      const zeros = x[count](value);
      x.store(target!, zeros);
      x.setFlags({ CF: x.isZero(value), ZF: x.isZero(zeros) });
    },
  };
}

const populationCount: Definition = {
  mnemonic: 'popcnt',
  encodings: ['F3 0F B8 Gv,Ev'],
  feature: 'popcnt',
  execute(x, target, source) {
    const value = x.load(source!);
    const clear = x.constant(0, 1);
    x.store(target!, x.popcnt(value));
    x.setFlags({ CF: clear, OF: clear, AF: clear, ZF: x.isZero(value), SF: clear, PF: clear });
  },
};

/** CRC-32C's polynomial 0x11EDC6F41, reflected: SDM 2 "CRC32". */
const POLYNOMIAL = 0x82f63b78;

/** One step a bit of data; the remainder needs the low 32 bits only, so 64 hold it with the data that is left. */
const crc32: Definition = {
  mnemonic: 'crc32',
  encodings: ['F2 0F 38 F0 Gd,Eb', 'F2 0F 38 F1 Gy,Ev'],
  feature: 'sse4.2',
  execute(x, target, source) {
    const data = x.load(source!);
    const start = x.truncate(x.load(target!), 32);
    const remainder = x.variable(x.xor(x.zeroExtend(start, 64), x.zeroExtend(data, 64)));
    const left = x.variable(x.constant(data.width, 32));
    x.repeatWhile(() => {
      const before = x.read(remainder);
      const odd = x.and(before, x.constant(1, 64));
      const reduction = x.and(x.neg(odd), x.constant(POLYNOMIAL, 64));
      x.assign(remainder, x.xor(x.shr(before, 1), reduction));
      x.assign(left, x.sub(x.read(left), x.constant(1, 32)));
      return x.read(left);
    });
    x.store(target!, x.zeroExtend(x.truncate(x.read(remainder), 32), target!.width));
  },
};

export const bitDefinitions: readonly Definition[] = [
  bitTest,
  bitChange('bts', 'AB', 5, (x, old, mask) => x.or(old, mask)),
  bitChange('btr', 'B3', 6, (x, old, mask) => x.and(old, x.not(mask))),
  bitChange('btc', 'BB', 7, (x, old, mask) => x.xor(old, mask)),
  bitScan('bsf', '0F BC Gv,Ev', (x, value) => x.ctz(value)),
  bitScan('bsr', '0F BD Gv,Ev', (x, value) => x.sub(x.constant(value.width - 1, value.width), x.clz(value))),
  zeroCount('tzcnt', 'F3 0F BC Gv,Ev', 'bmi1', 'ctz'),
  zeroCount('lzcnt', 'F3 0F BD Gv,Ev', 'lzcnt', 'clz'),
  populationCount,
  crc32,
];
