// MOV and its extending, conditional and byte-swapping relatives; LEA and the exchanges.
import { CONDITIONS, type Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import { opcode } from './encodings.ts';

const move: Definition = {
  mnemonic: 'mov',
  encodings: [
    '88 Eb,Gb',
    '89 Ev,Gv',
    '8A Gb,Eb',
    '8B Gv,Ev',
    'A0 AL,Ob',
    'A1 rAX,Ov',
    'A2 Ob,AL',
    'A3 Ov,rAX',
    'B0+r Zb,Ib',
    'B8+r Zv,Iv',
    'C6 /0 Eb,Ib',
    'C7 /0 Ev,Iz',
  ],
  hot: true,
  execute(x, target, source) {
    x.store(target!, x.load(source!));
  },
};

/** MOVZX and MOVSX. */
function extend(mnemonic: string, encodings: string[], how: 'zeroExtend' | 'signExtend'): Definition {
  return {
    mnemonic,
    encodings,
    hot: true,
    execute(x, target, source) {
      x.store(target!, x[how](x.load(source!), target!.width));
    },
  };
}

const loadAddress: Definition = {
  mnemonic: 'lea',
  encodings: ['8D Gv,M'],
  hot: true,
  execute(x, target, source) {
    x.store(target!, x.truncate(x.effectiveAddress(source!), target!.width));
  },
};

/** XCHG. 90 itself is NOP: it does not clear the upper half of RAX (SDM 2 "XCHG"). */
const exchange: Definition = {
  mnemonic: 'xchg',
  encodings: ['86 Eb,Gb', '87 Ev,Gv', '90+r Zv,rAX'],
  lockable: true,
  alwaysLocked: true,
  execute(x, target, source) {
    const incoming = x.load(source!);
    const { old } = x.update(target!, () => incoming);
    x.store(source!, old);
  },
};

/** CMOVcc reads its source, and clears the upper half of a 32-bit destination, whether the condition holds or not. */
const conditionalMoves: readonly Definition[] = CONDITIONS.map((name, code) => ({
  mnemonic: `cmov${name}`,
  encodings: [`0F ${opcode(0x40, code)} Gv,Ev`],
  feature: 'cmov',
  hot: true,
  execute(x, target, source) {
    const moved = x.load(source!);
    x.store(target!, x.select(x.condition(code), moved, x.load(target!)));
  },
}));

const conditionalSets: readonly Definition[] = CONDITIONS.map((name, code) => ({
  mnemonic: `set${name}`,
  encodings: [`0F ${opcode(0x90, code)} Eb`],
  hot: true,
  execute(x, target) {
    x.store(target!, x.zeroExtend(x.condition(code), 8));
  },
}));

/** Reverses the bytes. Wasm has no such instruction: bytes in pairs first, then the pairs. */
export function swapBytes(x: Semantics, value: Value): Value {
  if (value.width === 16) return x.or(x.shl(value, 8), x.shr(value, 8));
  if (value.width === 32) {
    const odd = x.constant(0x00ff00ff, 32);
    return x.or(x.rotr(x.and(value, odd), 8), x.and(x.rotl(value, 8), odd));
  }
  const pairs = swapFields(x, value, 8, 0x00ff00ff00ff00ffn);
  return x.rotl(swapFields(x, pairs, 16, 0x0000ffff0000ffffn), 32);
}

/** Exchanges neighbouring fields of `bits`; `mask` selects the lower of each pair. */
function swapFields(x: Semantics, value: Value, bits: number, mask: bigint): Value {
  const lower = x.constant(mask, 64);
  return x.or(x.shl(x.and(value, lower), bits), x.and(x.shr(value, bits), lower));
}

/** BSWAP of 16 bits is undefined (SDM 2 "BSWAP"); processors leave 0. */
const byteSwap: Definition = {
  mnemonic: 'bswap',
  encodings: ['0F C8+r Zv'],
  execute(x, target) {
    x.update(target!, (old) => (old.width === 16 ? x.constant(0, 16) : swapBytes(x, old)));
  },
};

const moveBigEndian: Definition = {
  mnemonic: 'movbe',
  encodings: ['0F 38 F0 Gv,Mv', '0F 38 F1 Mv,Gv'],
  feature: 'movbe',
  execute(x, target, source) {
    x.store(target!, swapBytes(x, x.load(source!)));
  },
};

/** The non-temporal hint means nothing to an emulator. */
const moveNonTemporal: Definition = {
  mnemonic: 'movnti',
  encodings: ['NP 0F C3 My,Gy'],
  feature: 'sse2',
  execute(x, target, source) {
    x.store(target!, x.load(source!));
  },
};

/** XLAT: AL = [rBX + AL]; a helper, because the address has no operand of its own. */
const translate: Definition = { mnemonic: 'xlat', encodings: ['D7'], helper: 'xlat', continues: true };

export const moveDefinitions: readonly Definition[] = [
  move,
  extend('movzx', ['0F B6 Gv,Eb', '0F B7 Gv,Ew'], 'zeroExtend'),
  extend('movsx', ['0F BE Gv,Eb', '0F BF Gv,Ew'], 'signExtend'),
  extend('movsxd', ['63 Gv,Ez; o64'], 'signExtend'),
  loadAddress,
  exchange,
  ...conditionalMoves,
  ...conditionalSets,
  byteSwap,
  moveBigEndian,
  moveNonTemporal,
  translate,
];
