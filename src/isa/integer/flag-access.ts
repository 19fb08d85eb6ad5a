// Instructions that move or set single flags: SDM 1 7.3.14, "Flag Control Instructions".
import type { Definition } from '../definition.ts';
import type { FlagName, Semantics, Value } from '../semantics.ts';
import { asNumber } from './flags.ts';

const RAX = 0;
const DIRECTION = 1 << 10;

/** CLC, STC and CMC. */
const carry = (mnemonic: string, encoding: string, value: (x: Semantics) => Value): Definition => ({
  mnemonic,
  encodings: [encoding],
  execute(x) {
    x.setFlags({ CF: value(x) });
  },
});

const direction = (mnemonic: string, encoding: string, set: boolean): Definition => ({
  mnemonic,
  encodings: [encoding],
  execute(x) {
    const flags = x.contextWord('systemFlags');
    const mask = x.constant(DIRECTION, 32);
    x.setContextWord('systemFlags', set ? x.or(flags, mask) : x.and(flags, x.not(mask)));
  },
});

/** Where LAHF and SAHF have the flags in AH: as in the low byte of RFLAGS. */
const AH_BITS: readonly (readonly [FlagName, number])[] = [
  ['CF', 0],
  ['PF', 2],
  ['AF', 4],
  ['ZF', 6],
  ['SF', 7],
];

/** LAHF and SAHF are #UD in 64-bit mode unless CPUID offers them there: SDM 2 "LAHF". */
const inEveryMode = (mnemonic: string, encoding: string, execute: (x: Semantics) => void): readonly Definition[] => [
  { mnemonic, encodings: [`${encoding}; i64`], execute },
  { mnemonic, encodings: [`${encoding}; o64`], feature: 'lahf-lm', execute },
];

/** Bit 1 of RFLAGS is always set; AH is bits 15:8 of AX. */
const loadFlags = inEveryMode('lahf', '9F', (x) => {
  let flags = x.constant(0x02, 32);
  for (const [name, bit] of AH_BITS) flags = x.or(flags, x.shl(asNumber(x, x.flag(name), 32), bit));
  const low = x.zeroExtend(x.register(RAX, 8), 32);
  x.setRegister(RAX, x.truncate(x.or(x.shl(flags, 8), low), 16));
});

const storeFlags = inEveryMode('sahf', '9E', (x) => {
  const ax = x.register(RAX, 16);
  const bit = (number: number) => x.bit(ax, 8 + number);
  x.setFlags({ CF: bit(0), PF: bit(2), AF: bit(4), ZF: bit(6), SF: bit(7) });
});

/** SALC, which the manual leaves out: AL is all ones or zeros by CF. */
const setByCarry: Definition = {
  mnemonic: 'salc',
  encodings: ['D6; i64'],
  execute(x) {
    x.setRegister(RAX, x.neg(x.zeroExtend(x.flag('CF'), 8)));
  },
};

export const flagAccessDefinitions: readonly Definition[] = [
  carry('clc', 'F8', (x) => x.constant(0, 1)),
  carry('stc', 'F9', (x) => x.constant(1, 1)),
  carry('cmc', 'F5', (x) => x.isFalse(x.flag('CF'))),
  direction('cld', 'FC', false),
  direction('std', 'FD', true),
  ...loadFlags,
  ...storeFlags,
  setByCarry,
];
