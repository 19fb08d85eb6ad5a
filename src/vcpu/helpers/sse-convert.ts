// Conversions on the exact library, and all of those with MMX operands. Each helper does a whole instruction and is named
// after it.
import type { Instruction } from '../../decode/instruction.ts';
import { doubleToSingle, singleToDouble } from '../../isa/float/operations.ts';
import type { Cpu } from '../cpu.ts';
import type { Helper, HelperTable } from '../helper-table.ts';
import { computeFloats, doubles, type ElementFormat, readElements, singles, writeElements } from './sse-elements.ts';
import { checkPendingX87, enterMmx, registerOperand, registerView, sourceBytes, writeMmx } from './sse-operands.ts';

const XMM_BYTES = 16;

const sourceView = (cpu: Cpu, insn: Instruction, bytes: number): DataView =>
  sourceBytes(cpu, insn, insn.operands[1], bytes);
const targetView = (cpu: Cpu, insn: Instruction): DataView => registerView(cpu, registerOperand(insn.operands[0]));

/** CVTSS2SI, CVTTSD2SI and kin. */
const toGeneral =
  <V>(format: ElementFormat<V>, truncate: boolean): Helper =>
  (cpu, insn) => {
    const target = registerOperand(insn.operands[0]);
    const value = format.read(sourceView(cpu, insn, format.bytes), 0);
    const { operations } = format;
    const result = computeFloats(cpu, (env) =>
      target.width === 64 ? operations.toInt64(env, value, truncate) : BigInt(operations.toInt32(env, value, truncate)),
    );
    cpu.setGpr(target.index, target.width, BigInt.asUintN(target.width, result));
  };

/** CVTSI2SS and CVTSI2SD. */
const fromGeneral =
  <V>(format: ElementFormat<V>): Helper =>
  (cpu, insn) => {
    const source = insn.operands[1];
    const value = BigInt.asIntN(source.width, cpu.load(source, insn.addressSize));
    const result = computeFloats(cpu, (env) => format.operations.fromInt64(env, value));
    format.write(targetView(cpu, insn), 0, result);
  };

/** Packed floats of 16 bytes to integers; two of them leave the upper half zero. */
const toIntegers =
  <V>(format: ElementFormat<V>, truncate: boolean): Helper =>
  (cpu, insn) => {
    const values = readElements(format, sourceView(cpu, insn, XMM_BYTES), XMM_BYTES / format.bytes);
    const results = computeFloats(cpu, (env) => values.map((value) => format.operations.toInt32(env, value, truncate)));
    const target = targetView(cpu, insn);
    for (let index = 0; index < 4; index++) target.setInt32(index * 4, results[index] ?? 0, true);
  };

/** CVTDQ2PS; CVTDQ2PD needs no help. */
function integersToSingles(cpu: Cpu, insn: Instruction): void {
  const values = readElements(singles, sourceView(cpu, insn, XMM_BYTES), 4);
  const results = computeFloats(cpu, (env) => values.map((value) => singles.operations.fromInt32(env, value | 0)));
  writeElements(singles, targetView(cpu, insn), results);
}

const widen =
  (count: 1 | 2): Helper =>
  (cpu, insn) => {
    const values = readElements(singles, sourceView(cpu, insn, count * singles.bytes), count);
    const results = computeFloats(cpu, (env) => values.map((value) => singleToDouble(env, value)));
    writeElements(doubles, targetView(cpu, insn), results);
  };

/** The packed form clears the upper half. */
const narrow =
  (count: 1 | 2): Helper =>
  (cpu, insn) => {
    const values = readElements(doubles, sourceView(cpu, insn, count * doubles.bytes), count);
    const results = computeFloats(cpu, (env) => values.map((value) => doubleToSingle(env, value)));
    writeElements(singles, targetView(cpu, insn), count === 1 ? results : [...results, 0, 0]);
  };

// ---- MMX operands: the x87 state changes even if #XM follows

const MMX_BYTES = 8;

/** CVTPI2PS and CVTPI2PD, which leave the x87 state alone if their source is memory: SDM 2A "CVTPI2PD". */
const fromMmx =
  <V>(format: ElementFormat<V>): Helper =>
  (cpu, insn) => {
    const enters = insn.operands[1].kind === 'register';
    if (enters) checkPendingX87(cpu);
    const source = sourceView(cpu, insn, MMX_BYTES);
    const values = [source.getInt32(0, true), source.getInt32(4, true)];
    if (enters) enterMmx(cpu);
    const results = computeFloats(cpu, (env) => values.map((value) => format.operations.fromInt32(env, value)));
    writeElements(format, targetView(cpu, insn), results);
  };

/** CVTPS2PI, CVTPD2PI and their truncating forms. */
const toMmx =
  <V>(format: ElementFormat<V>, truncate: boolean): Helper =>
  (cpu, insn) => {
    checkPendingX87(cpu);
    const values = readElements(format, sourceView(cpu, insn, 2 * format.bytes), 2);
    enterMmx(cpu);
    const [low, high] = computeFloats(cpu, (env) =>
      values.map((value) => BigInt.asUintN(32, BigInt(format.operations.toInt32(env, value, truncate)))),
    );
    writeMmx(cpu, registerOperand(insn.operands[0]), low | (high << 32n));
  };

export const sseConvertHelpers: HelperTable = {
  cvtss2si: toGeneral(singles, false),
  cvttss2si: toGeneral(singles, true),
  cvtsd2si: toGeneral(doubles, false),
  cvttsd2si: toGeneral(doubles, true),
  cvtsi2ss: fromGeneral(singles),
  cvtsi2sd: fromGeneral(doubles),
  cvtps2dq: toIntegers(singles, false),
  cvttps2dq: toIntegers(singles, true),
  cvtpd2dq: toIntegers(doubles, false),
  cvttpd2dq: toIntegers(doubles, true),
  cvtdq2ps: integersToSingles,
  cvtss2sd: widen(1),
  cvtps2pd: widen(2),
  cvtsd2ss: narrow(1),
  cvtpd2ps: narrow(2),
  cvtpi2ps: fromMmx(singles),
  cvtpi2pd: fromMmx(doubles),
  cvtps2pi: toMmx(singles, false),
  cvttps2pi: toMmx(singles, true),
  cvtpd2pi: toMmx(doubles, false),
  cvttpd2pi: toMmx(doubles, true),
};
