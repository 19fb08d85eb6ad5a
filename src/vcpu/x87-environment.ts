// The x87 environment in memory: SDM 1 figures 8-9 to 8-12. 14 bytes with 16-bit operands, else 28; in real-address
// and virtual-8086 mode pointers are 20- or 32-bit linear addresses, in protected mode selector and offset.
import type { Cpu } from './cpu.ts';
import { fullTags, setControlWord, setFullTags, summarizeExceptions } from './x87-state.ts';

export const environmentBytes = (operandSize: number): number => (operandSize === 16 ? 14 : 28);

const OPCODE_BITS = 0x7ff;

const hasSelectors = (cpu: Cpu): boolean => cpu.protectedMode && !cpu.virtual8086;

/** The seven fields in their order: FCW FSW FTW, then what the pointers come to. */
function pointerFields(cpu: Cpu, wide: boolean): readonly number[] {
  const { state } = cpu;
  const ip = Number(state.fip & 0xffff_ffffn);
  const dp = Number(state.fdp & 0xffff_ffffn);
  if (hasSelectors(cpu)) {
    const opcode = wide ? (state.fop << 16) | state.fcs : state.fcs;
    return [ip, opcode, dp, state.fds];
  }
  if (wide) return [ip & 0xffff, ((ip >>> 16) << 12) | state.fop, dp & 0xffff, (dp >>> 16) << 12];
  return [ip, ((ip >>> 4) & 0xf000) | state.fop, dp, (dp >>> 4) & 0xf000];
}

/** Unused upper halves of 32-bit fields are stored as ones. */
const PADDED_WIDE: ReadonlySet<number> = new Set([0, 1, 2, 6]);
const PADDED_WIDE_LINEAR: ReadonlySet<number> = new Set([0, 1, 2, 3, 5]);

/** FNSTENV's image at the start of `view`. */
export function storeEnvironment(cpu: Cpu, view: DataView, operandSize: number): void {
  const { state } = cpu;
  const wide = operandSize !== 16;
  const padded = hasSelectors(cpu) ? PADDED_WIDE : PADDED_WIDE_LINEAR;
  const fields = [state.fcw, state.fsw, fullTags(cpu), ...pointerFields(cpu, wide)];
  for (const [index, field] of fields.entries()) {
    if (wide) view.setUint32(4 * index, padded.has(index) ? field | 0xffff_0000 : field, true);
    else view.setUint16(2 * index, field, true);
  }
}

function loadPointers(cpu: Cpu, fields: readonly number[], wide: boolean): void {
  const { state } = cpu;
  const [ip, code, dp, data] = fields as readonly [number, number, number, number];
  if (hasSelectors(cpu)) {
    state.fip = BigInt(ip);
    state.fcs = code & 0xffff;
    if (wide) state.fop = (code >>> 16) & OPCODE_BITS;
    state.fdp = BigInt(dp);
    state.fds = data & 0xffff;
    return;
  }
  const linear = (low: number, high: number) =>
    wide ? ((((high >>> 12) & 0xffff) << 16) | (low & 0xffff)) >>> 0 : low | ((high & 0xf000) << 4);
  state.fop = code & OPCODE_BITS;
  state.fip = BigInt(linear(ip, code));
  state.fdp = BigInt(linear(dp, data));
}

/** FLDENV: the stack registers must hold already what the tags will be computed from. */
export function loadEnvironment(cpu: Cpu, view: DataView, operandSize: number): void {
  const wide = operandSize !== 16;
  const fields = Array.from({ length: 7 }, (_, index) =>
    wide ? view.getUint32(4 * index, true) : view.getUint16(2 * index, true),
  );
  setControlWord(cpu, fields[0]! & 0xffff);
  cpu.state.fsw = fields[1]! & 0xffff;
  summarizeExceptions(cpu);
  setFullTags(cpu, fields[2]! & 0xffff);
  loadPointers(cpu, fields.slice(3), wide);
}
