// Packed shifts: SDM 2B "PSLLW/PSLLD/PSLLQ", "PSRAW/PSRAD", "PSRLW/PSRLD/PSRLQ". Counts beyond the lanes clear them, or
// fill them with the sign; wasm takes counts modulo the lane's width instead.
import type { Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import { mmxDefinition, shared } from './forms.ts';
import { atMost, immediate, lowHalf, shiftedBytes, splat64, vector, zero } from './vector.ts';

type Direction = 'shl' | 'shr_u' | 'shr_s';

/** Shifts all lanes by a count of 32 bits. */
function shifted(x: Semantics, shape: string, direction: Direction, a: Value, count: Value): Value {
  const bits = 128 / Number(shape.slice(shape.indexOf('x') + 1));
  if (direction === 'shr_s') return x.raw(`${shape}.shr_s`, 128, a, atMost(x, count, bits - 1));
  const inside = x.ltu(count, x.constant(bits, 32));
  return x.select(inside, x.raw(`${shape}.${direction}`, 128, a, count), zero(x));
}

/** The count is the low 64 bits of the source: all of them count. */
function registerCount(x: Semantics, source: Value): Value {
  const whole = lowHalf(x, source);
  const limit = x.constant(255, 64);
  return x.lowHalf(x.select(x.ltu(whole, limit), whole, limit));
}

/** The two encodings of a shift: by a register or memory, and by an immediate byte. */
function shift(mnemonic: string, opcode: string, group: string, shape: string, direction: Direction): Definition[] {
  return [
    ...shared(mnemonic, `0F ${opcode}`, { xmm: 'sse2', mmx: 'mmx' }, (x, a, b) =>
      shifted(x, shape, direction, a, registerCount(x, b)),
    ),
    {
      mnemonic,
      encodings: [`66 0F ${group} Ux,Ib`],
      unit: 'sse',
      feature: 'sse2',
      execute(x, target, imm8) {
        x.store(target, shifted(x, shape, direction, x.load(target), immediate(x, imm8)));
      },
    },
    mmxDefinition(mnemonic, `NP 0F ${group} Nq,Ib`, 'mmx', (x, target, imm8) =>
      lowHalf(x, shifted(x, shape, direction, splat64(x, x.load(target)), immediate(x, imm8))),
    ),
  ];
}

/** PSRLDQ and PSLLDQ: the whole register by bytes. */
function byteShift(mnemonic: string, digit: number, sign: 1 | -1): Definition {
  return {
    mnemonic,
    encodings: [`66 0F 73 /${digit} Ux,Ib`],
    unit: 'sse',
    feature: 'sse2',
    execute(x, target, imm8) {
      const count = atMost(x, immediate(x, imm8), 16);
      x.store(target, shiftedBytes(x, x.load(target), sign === 1 ? count : x.neg(count)));
    },
  };
}

/** PALIGNR: the source below the destination, shifted right by bytes. */
const align: readonly Definition[] = [
  {
    mnemonic: 'palignr',
    encodings: ['66 0F 3A 0F Vx,Wx,Ib'],
    unit: 'sse',
    feature: 'ssse3',
    execute(x, target, source, imm8) {
      const low = x.loadAligned(source);
      const count = atMost(x, immediate(x, imm8), 32);
      const high = shiftedBytes(x, x.load(target), x.sub(count, x.constant(16, 32)));
      x.store(target, vector(x, 'v128.or', shiftedBytes(x, low, count), high));
    },
  },
  mmxDefinition('palignr', 'NP 0F 3A 0F Pq,Qq,Ib', 'ssse3', (x, target, source, imm8) => {
    const low = splat64(x, x.load(source));
    const both = x.lane('i64x2.replace_lane', 128, 1, low, x.load(target));
    return lowHalf(x, shiftedBytes(x, both, atMost(x, immediate(x, imm8), 16)));
  }),
];

export const shiftVectorDefinitions: readonly Definition[] = [
  ...shift('psrlw', 'D1', '71 /2', 'i16x8', 'shr_u'),
  ...shift('psraw', 'E1', '71 /4', 'i16x8', 'shr_s'),
  ...shift('psllw', 'F1', '71 /6', 'i16x8', 'shl'),
  ...shift('psrld', 'D2', '72 /2', 'i32x4', 'shr_u'),
  ...shift('psrad', 'E2', '72 /4', 'i32x4', 'shr_s'),
  ...shift('pslld', 'F2', '72 /6', 'i32x4', 'shl'),
  ...shift('psrlq', 'D3', '73 /2', 'i64x2', 'shr_u'),
  ...shift('psllq', 'F3', '73 /6', 'i64x2', 'shl'),
  byteShift('psrldq', 3, 1),
  byteShift('pslldq', 7, -1),
  ...align,
];
