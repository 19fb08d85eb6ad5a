// Data movement: SDM 1 10.4.1.1, 11.4.1.1, 11.4.2, 12.3 and 12.10.5. Non-temporal hints mean nothing to an emulator.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics } from '../semantics.ts';
import { mmxDefinition, sse } from './forms.ts';
import { checkPendingX87, enterMmx, storeMmx } from './mmx-state.ts';
import { fromHalves, lowHalf, zeroExtended } from './vector.ts';

type Execute = (x: Semantics, target: Operand, source: Operand) => void;

const hot = (definition: Definition): Definition => ({ ...definition, hot: true });
const callsHelper = (definition: Definition): Definition => ({ ...definition, mayCallHelper: true });

const moveAligned: Execute = (x, target, source) => x.storeAligned(target, x.loadAligned(source));
const moveUnaligned: Execute = (x, target, source) => x.store(target, x.load(source));

const whole: readonly Definition[] = [
  hot(sse('movaps', 'sse', ['NP 0F 28 Vx,Wx', 'NP 0F 29 Wx,Vx'], moveAligned)),
  sse('movapd', 'sse2', ['66 0F 28 Vx,Wx', '66 0F 29 Wx,Vx'], moveAligned),
  hot(sse('movdqa', 'sse2', ['66 0F 6F Vx,Wx', '66 0F 7F Wx,Vx'], moveAligned)),
  hot(sse('movups', 'sse', ['NP 0F 10 Vx,Wx', 'NP 0F 11 Wx,Vx'], moveUnaligned)),
  sse('movupd', 'sse2', ['66 0F 10 Vx,Wx', '66 0F 11 Wx,Vx'], moveUnaligned),
  hot(sse('movdqu', 'sse2', ['F3 0F 6F Vx,Wx', 'F3 0F 7F Wx,Vx'], moveUnaligned)),
  sse('lddqu', 'pni', ['F2 0F F0 Vx,Mx'], moveUnaligned),
  sse('movntps', 'sse', ['NP 0F 2B Mx,Vx'], moveAligned),
  sse('movntpd', 'sse2', ['66 0F 2B Mx,Vx'], moveAligned),
  sse('movntdq', 'sse2', ['66 0F E7 Mx,Vx'], moveAligned),
  sse('movntdqa', 'sse4.1', ['66 0F 38 2A Vx,Mx'], moveAligned),
];

/** From memory, the rest of the register is cleared. */
const loadScalar: Execute = (x, target, source) => x.store(target, zeroExtended(x, x.load(source)));

/** Between registers, the rest of the destination stays. */
const moveScalar =
  (width: 32 | 64): Execute =>
  (x, target, source) =>
    x.storePart(target, x.loadPart(source, width, 0), 0);

/** The low quadword, with zeros above it if the destination is a register. */
const moveQuadword: Execute = (x, target, source) => {
  const value = x.loadPart(source, 64, 0);
  if (target.kind === 'memory') x.store(target, value);
  else storeWhole(x, target, value);
};

/** Writes all of a register although its operand is narrower. */
function storeWhole(x: Semantics, target: Operand, value: ReturnType<Semantics['load']>): void {
  x.storePart(target, zeroExtended(x, value), 0);
}

const scalar: readonly Definition[] = [
  hot(sse('movss', 'sse', ['F3 0F 10 Vx,Md'], loadScalar)),
  hot(sse('movss', 'sse', ['F3 0F 11 Wd,Vx', 'F3 0F 10 Vx,Ux'], moveScalar(32))),
  hot(sse('movsd', 'sse2', ['F2 0F 10 Vx,Mq'], loadScalar)),
  hot(sse('movsd', 'sse2', ['F2 0F 11 Wq,Vx', 'F2 0F 10 Vx,Ux'], moveScalar(64))),
  hot(sse('movq', 'sse2', ['F3 0F 7E Vx,Wq', '66 0F D6 Wq,Vx'], moveQuadword)),
  hot(sse('movd', 'sse2', ['66 0F 6E Vx,Ey'], loadScalar)),
  hot(
    sse('movd', 'sse2', ['66 0F 7E Ey,Vx'], (x, target, source) =>
      x.store(target, x.loadPart(source, target.width, 0)),
    ),
  ),
];

/** A quadword between a half of a register and memory, or a half of another register. */
const moveHalf =
  (to: 0 | 8, from: 0 | 8): Execute =>
  (x, target, source) =>
    x.storePart(target, x.loadPart(source, 64, from), to);

const halves: readonly Definition[] = [
  sse('movhlps', 'sse', ['NP 0F 12 Vx,Ux'], moveHalf(0, 8)),
  sse('movlhps', 'sse', ['NP 0F 16 Vx,Ux'], moveHalf(8, 0)),
  sse('movlps', 'sse', ['NP 0F 12 Vx,Mq', 'NP 0F 13 Mq,Vx'], moveHalf(0, 0)),
  sse('movlpd', 'sse2', ['66 0F 12 Vx,Mq', '66 0F 13 Mq,Vx'], moveHalf(0, 0)),
  sse('movhps', 'sse', ['NP 0F 16 Vx,Mq'], moveHalf(8, 0)),
  sse('movhps', 'sse', ['NP 0F 17 Mq,Vx'], moveHalf(0, 8)),
  sse('movhpd', 'sse2', ['66 0F 16 Vx,Mq'], moveHalf(8, 0)),
  sse('movhpd', 'sse2', ['66 0F 17 Mq,Vx'], moveHalf(0, 8)),
];

/** The sign bits of all lanes, in a general register. */
const signMask =
  (shape: string): Execute =>
  (x, target, source) =>
    x.store(target, x.raw(`${shape}.bitmask`, 32, x.load(source)));

const masks: readonly Definition[] = [
  sse('movmskps', 'sse', ['NP 0F 50 Gd,Ux'], signMask('i32x4')),
  sse('movmskpd', 'sse2', ['66 0F 50 Gd,Ux'], signMask('i64x2')),
  sse('pmovmskb', 'sse2', ['66 0F D7 Gd,Ux'], signMask('i8x16')),
  mmxDefinition('pmovmskb', 'NP 0F D7 Gd,Nq', 'sse', (x, _, source) =>
    x.raw('i8x16.bitmask', 32, fromHalves(x, x.load(source), x.constant(0, 64))),
  ),
];

/** Between the two register files: the MMX state is entered in either direction. */
const between: readonly Definition[] = [
  callsHelper(
    sse('movq2dq', 'sse2', ['F3 0F D6 Vx,Nq'], (x, target, source) => {
      checkPendingX87(x);
      enterMmx(x);
      x.store(target, zeroExtended(x, x.load(source)));
    }),
  ),
  callsHelper(
    sse('movdq2q', 'sse2', ['F2 0F D6 Pq,Ux'], (x, target, source) => {
      checkPendingX87(x);
      storeMmx(x, target, lowHalf(x, x.load(source)));
    }),
  ),
];

const mmx: readonly Definition[] = [
  mmxDefinition('movq', 'NP 0F 6F Pq,Qq', 'mmx', (x, _, source) => x.load(source)),
  mmxDefinition('movq', 'NP 0F 7F Qq,Pq', 'mmx', (x, _, source) => x.load(source)),
  mmxDefinition('movntq', 'NP 0F E7 Mq,Pq', 'sse', (x, _, source) => x.load(source)),
  mmxDefinition('movd', 'NP 0F 6E Pq,Ey', 'mmx', (x, _, source) => x.resize(x.load(source), 64)),
  mmxDefinition('movd', 'NP 0F 7E Ey,Pq', 'mmx', (x, target, source) => x.resize(x.load(source), target.width)),
];

const masked = (mnemonic: string, encoding: string, unit: 'sse' | 'mmx', feature: string): Definition => ({
  mnemonic,
  encodings: [encoding],
  unit,
  feature,
  helper: mnemonic,
  continues: true,
});

export const moveVectorDefinitions: readonly Definition[] = [
  ...whole,
  ...scalar,
  ...halves,
  ...masks,
  ...between,
  ...mmx,
  masked('maskmovdqu', '66 0F F7 Vx,Ux', 'sse', 'sse2'),
  masked('maskmovq', 'NP 0F F7 Pq,Nq', 'mmx', 'sse'),
];
