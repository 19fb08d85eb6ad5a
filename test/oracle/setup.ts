import { type Instruction, memorySize } from './instruction.ts';
import { CODE_BASE, CODE_SIZE, CODE_START, DATA_BASE, DATA_OFFSET_16, DATA_SIZE } from './layout.ts';
import type { MachineState } from './machine.ts';
import type { Prng } from './prng.ts';
import { integer32 } from './values.ts';

/** What a setup may change of a case whose instruction is chosen and whose memory operand, if any, is placed. */
export interface SetupContext {
  prng: Prng;
  instruction: Instruction;
  initial: MachineState;
  /** The memory operand's offset in the data window, null without one. */
  operandOffset: number | null;
  /** Sets a register unless it addresses the memory operand. */
  setRegister(number: number, value: bigint): void;
  /** Changes the initial memory at an offset of the window; bytes outside of it are dropped. */
  patch(offset: number, bytes: readonly number[]): void;
  /** An address as the code sees it, from an offset in the window. */
  address(offset: number): bigint;
}

type Setup = (context: SetupContext) => void;

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;
const RSI = 6;
const RDI = 7;

const littleEndian = (value: bigint, size: number) =>
  Array.from({ length: size }, (_, i) => Number((BigInt.asUintN(64, value) >> BigInt(i * 8)) & 0xffn));

/** A branch target: mostly in the code pages, but never in the instruction's own bytes. */
function branchTarget({ prng, instruction }: SetupContext): bigint {
  const base = instruction.codeSize === 16 ? 0 : CODE_BASE;
  const start = CODE_START - CODE_BASE;
  const offset = prng.chance(50) ? prng.between(0, start - 1) : prng.between(start + 16, CODE_SIZE - 1);
  const outside = instruction.codeSize === 16 ? prng.between(0, 0xffff) : prng.between(0x2000_0000, 0x7fff_ffff);
  return BigInt(prng.chance(85) ? base + offset : outside);
}

/** A place in the window for something of about `size` bytes, sometimes across the window's end. */
function windowOffset(prng: Prng, size: number): number {
  if (prng.chance(8)) return DATA_SIZE - prng.below(size + 1);
  if (prng.chance(8)) return DATA_SIZE / 2 - prng.below(size + 1);
  return prng.between(size, DATA_SIZE - size);
}

/** Relative branches: offsets that avoid the instruction's own bytes; `encode` adds them after everything else. */
function relativeBranch(context: SetupContext): void {
  const { instruction, prng } = context;
  if (instruction.template.trailers[0] === 'cb') {
    instruction.trailers[0] = BigInt(prng.chance(50) ? prng.between(0, 127) : prng.between(-128, -16));
  } else {
    const near = BigInt(prng.between(-0x1000, 0x1000));
    const far = branchTarget(context) - BigInt(instruction.codeSize === 16 ? CODE_START - CODE_BASE : CODE_START);
    const offset = prng.chance(50) ? near : far;
    instruction.trailers[0] = offset < 0n && offset > -16n ? 0n : offset;
  }
}

function indirectBranch(context: SetupContext): void {
  const target = branchTarget(context);
  const { instruction, operandOffset } = context;
  if (operandOffset !== null) context.patch(operandOffset, littleEndian(target, memorySize(instruction)));
  else context.setRegister(instruction.rm | (((instruction.rex ?? 0) & 1) << 3), target);
}

const jump: Setup = (context) => {
  if (context.instruction.template.trailers.length > 0) relativeBranch(context);
  else indirectBranch(context);
};

function loop(context: SetupContext): void {
  relativeBranch(context);
  if (context.prng.chance(70)) context.setRegister(RCX, BigInt(context.prng.below(3)));
}

function ret(context: SetupContext): void {
  const offset = Number(context.initial.gpr[RSP]! - context.address(0));
  context.patch(offset, littleEndian(branchTarget(context), 8));
}

/** Short counts, pointers in the window, and for the comparing ones memory of two values so that they go on. */
function stringOperands(context: SetupContext): void {
  const { prng } = context;
  const count = prng.chance(90) ? prng.below(12) : prng.below(200);
  const source = windowOffset(prng, 64);
  const destination = prng.chance(20) ? source + prng.between(-16, 16) : windowOffset(prng, 64);
  context.setRegister(RCX, BigInt(count));
  context.setRegister(RSI, context.address(source));
  context.setRegister(RDI, context.address(destination));
  if (!['CMPS', 'SCAS'].includes(context.instruction.template.mnemonic)) return;
  const fill = prng.below(256);
  const noisy = prng.chance(50);
  for (const at of [source - 32, destination - 32]) {
    context.patch(
      at,
      Array.from({ length: 72 }, () => (noisy && prng.chance(5) ? fill ^ 1 : fill)),
    );
  }
  if (prng.chance(50)) context.setRegister(RAX, BigInt(fill) * 0x0101_0101n);
}

/** Dividends whose quotient often fits. */
function division(context: SetupContext): void {
  const { prng, instruction, initial } = context;
  if (prng.chance(30)) return;
  const signed = instruction.template.mnemonic === 'IDIV';
  if (instruction.template.opcode[0] === 0xf6) {
    context.setRegister(
      RAX,
      BigInt.asUintN(64, BigInt(prng.between(signed ? -0x1000 : 0, 0x1000))) & mask(instruction),
    );
  } else {
    const negative = signed && BigInt.asIntN(instruction.operandSize, initial.gpr[RAX]!) < 0n;
    context.setRegister(
      RDX,
      (negative ? 0xffff_ffff_ffff_ffffn : BigInt(prng.below(signed ? 1 : 3))) & mask(instruction),
    );
  }
}

const mask = ({ codeSize }: Instruction) => (codeSize === 64 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn);

/** Half of the comparisons succeed. */
function compareExchange(context: SetupContext): void {
  const { instruction, initial, operandOffset: offset, prng } = context;
  if (offset === null || offset < 0 || offset > DATA_SIZE - 16 || prng.chance(40)) return;
  const view = new DataView(initial.memory.buffer, initial.memory.byteOffset);
  if (instruction.template.mnemonic === 'CMPXCHG') {
    context.setRegister(RAX, view.getBigUint64(offset, true) & mask(instruction));
    return;
  }
  const half = instruction.template.mnemonic === 'CMPXCHG8B' ? 4 : 8;
  const read = (at: number) => (half === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true));
  context.setRegister(RAX, read(offset));
  context.setRegister(RDX, read(offset + half));
}

/** BT's register offset reaches beyond the operand; mostly still into the window. */
function bitString(context: SetupContext): void {
  const { instruction, prng } = context;
  if (instruction.template.reg !== 'r' || instruction.memory === null) return;
  const offset = BigInt.asUintN(64, BigInt(prng.between(-4000, 4000))) & mask(instruction);
  context.setRegister(instruction.reg | (((instruction.rex ?? 0) & 4) << 1), offset);
}

function patchOperand(context: SetupContext, value: bigint, size: number): void {
  if (context.operandOffset !== null) context.patch(context.operandOffset, littleEndian(value, size));
}

/** MXCSR from memory: defined bits mostly, reserved ones (#GP) at times; bit 17 is AMD's: exclusions.ts. */
function loadMxcsr(context: SetupContext): void {
  const { prng } = context;
  const reserved = prng.chance(15) ? 1 << prng.pick([16, 18, 24, 31]) : 0;
  patchOperand(context, BigInt(((prng.u32() & 0xffff) | reserved) >>> 0), 4);
}

/** Bounds around most 32-bit values, or random ones. */
function bound(context: SetupContext): void {
  const { prng, instruction } = context;
  if (prng.chance(30)) return;
  const size = instruction.operandSize / 8;
  const limit = 1n << BigInt(size * 8 - 1 - prng.below(3));
  patchOperand(context, BigInt.asUintN(size * 8, -limit) | ((limit - 1n) << BigInt(size * 8)), size * 2);
}

/** Explicit lengths near 16 and text of few letters: else every comparison would end at the first byte. */
function textCompare(context: SetupContext): void {
  const { prng, initial, instruction } = context;
  if (prng.chance(70)) {
    for (const register of [RAX, RDX]) {
      context.setRegister(register, BigInt.asUintN(64, BigInt(prng.between(-20, 20))) & mask(instruction));
    }
  }
  if (prng.chance(30)) return;
  const letters = [0x00, 0x61, 0x62, 0x63, 0x7a, 0x80];
  const lengthOfText = prng.between(1, letters.length);
  const text = (size: number) =>
    Array.from({ length: size }, () => letters[letters.length - 1 - prng.below(lengthOfText)]!);
  initial.xmm.set(text(initial.xmm.length));
  if (context.operandOffset !== null) context.patch(context.operandOffset, text(16));
}

const frame: Setup = (context) => {
  context.setRegister(RBP, context.address(windowOffset(context.prng, 64)));
  const { instruction, prng } = context;
  if (instruction.template.mnemonic !== 'ENTER') return;
  instruction.trailers = [BigInt(prng.chance(90) ? prng.below(128) : prng.below(0x1_0000)), BigInt(prng.below(6))];
  if (prng.chance(10)) instruction.trailers[1] = BigInt(prng.below(256));
};

/** A base that FS or GS accepts, or a non-canonical one. */
function segmentBase(context: SetupContext): void {
  const { prng, instruction } = context;
  const value = (BigInt(prng.u32()) << 32n) | BigInt(prng.u32());
  const register = instruction.rm | (((instruction.rex ?? 0) & 1) << 3);
  context.setRegister(register, prng.chance(80) ? value & 0x7fff_ffff_ffffn : value);
}

/** Immediates whose upper bits are reserved: SDM 2 ROUNDPS, CMPPS and so on. */
const IMMEDIATE_MASKS: readonly (readonly [RegExp, number])[] = [
  [/^CMP[PS][SD]$/, 0x07],
  [/^(ROUND[PS][SD]|BLENDPS)$/, 0x0f],
  [/^(BLENDPD|SHUFPD|EXTRACTPS)$/, 0x03],
  [/^MPSADBW$/, 0x07],
  [/^PCMP[EI]STR[IM]$/, 0x7f],
];

const SETUPS: readonly (readonly [RegExp, Setup])[] = [
  [/^(J(?!RCXZ)|CALL)/, jump],
  [/^(LOOP|JRCXZ)/, loop],
  [/^RET$/, ret],
  [/^(MOVS|CMPS|STOS|LODS|SCAS)$/, stringOperands],
  [/^I?DIV$/, division],
  [/^CMPXCHG/, compareExchange],
  [/^BT[SRC]?$/, bitString],
  [/^LDMXCSR$/, loadMxcsr],
  [/^FLDCW$/, (context) => patchOperand(context, BigInt((context.prng.u32() & 0x1f3f) | 0x40), 2)],
  [/^BOUND$/, bound],
  [/^PCMP[EI]STR/, textCompare],
  [/^(ENTER|LEAVE)$/, frame],
  [/^WR[FG]SBASE$/, segmentBase],
  [/^XLAT$/, (context) => context.setRegister(RBX, context.address(windowOffset(context.prng, 256)))],
  [/^MASKMOV/, (context) => context.setRegister(RDI, context.address(windowOffset(context.prng, 16)))],
  [
    /^AAM$/,
    ({ prng, instruction }) => instruction.trailers.fill(BigInt(prng.pick([10, 10, 16, 0, integer32(prng) & 0xff]))),
  ],
];

/** Shapes a random case so that the instruction does something worth comparing. */
export function applySetups(context: SetupContext): void {
  const { mnemonic, opcode, trailers } = context.instruction.template;
  for (const [pattern, setup] of SETUPS) {
    if (!pattern.test(mnemonic) || (mnemonic === 'MOVSD' && opcode.length > 1)) continue;
    setup(context);
    break;
  }
  const limit = IMMEDIATE_MASKS.find(([pattern]) => pattern.test(mnemonic))?.[1];
  if (limit !== undefined && trailers[0] === 'ib') context.instruction.trailers[0]! &= BigInt(limit);
  if (trailers[0] === 'mo') {
    const offset = windowOffset(context.prng, 8);
    context.instruction.trailers[0] = context.address(offset);
  }
}

/** The address, as code of that size sees it, of an offset in the data window. */
export function windowAddress(codeSize: number, offset: number): bigint {
  return BigInt((codeSize === 16 ? DATA_OFFSET_16 : DATA_BASE) + offset);
}
