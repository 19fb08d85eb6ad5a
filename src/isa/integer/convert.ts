// Conversions within rAX and rDX, and decimal arithmetic, which only 16- and 32-bit code has.
import type { Definition } from '../definition.ts';

const RAX = 0;
const RDX = 2;

/** CBW, CWDE, CDQE: the lower half of the accumulator is extended over all of it. */
const extendAccumulator: Definition = {
  mnemonic: 'cbw',
  encodings: ['98'],
  execute(x) {
    x.setRegister(RAX, x.signExtend(x.register(RAX, x.operandSize / 2), x.operandSize));
  },
};

/** CWD, CDQ, CQO: rDX is filled with the accumulator's sign. */
const fillFromSign: Definition = {
  mnemonic: 'cwd',
  encodings: ['99'],
  execute(x) {
    x.setRegister(RDX, x.sar(x.register(RAX, x.operandSize), x.operandSize - 1));
  },
};

/** SDM 1 7.3.4, "Decimal Arithmetic Instructions". */
const decimal = (mnemonic: string, encoding: string): Definition => ({
  mnemonic,
  encodings: [`${encoding}; i64`],
  helper: mnemonic,
  continues: true,
});

export const convertDefinitions: readonly Definition[] = [
  extendAccumulator,
  fillFromSign,
  decimal('daa', '27'),
  decimal('das', '2F'),
  decimal('aaa', '37'),
  decimal('aas', '3F'),
  decimal('aam', 'D4 Ib'),
  decimal('aad', 'D5 Ib'),
];
