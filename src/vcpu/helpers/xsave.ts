// FXSAVE, FXRSTOR and the XSAVE family: SDM 2A "FXSAVE", SDM 2D "XSAVE" to "XRSTORS".
import type { Instruction, MemoryOperand } from '../../decode/instruction.ts';
import { deviceNotAvailable, generalProtection, undefinedOpcode } from '../../mmu/exception.ts';
import { CR0, CR4 } from '../control-registers.ts';
import type { Cpu } from '../cpu.ts';
import type { HelperTable } from '../helper-table.ts';
import { INITIAL_MXCSR, imageMxcsr, loadX87, loadXmm, MXCSR_BITS } from '../legacy-region.ts';
import { imageAddress, isStackOperand } from '../memory-image.ts';
import {
  componentsInUse,
  type Header,
  loadComponents,
  type Part,
  readHeader,
  type Save,
  storeComponents,
  storeHeader,
} from '../xsave-area.ts';
import { compactedSize, standardSize, XSAVE_HEADER_BYTES, XSAVE_LEGACY_BYTES, XSTATE } from '../xstate.ts';
import { joinedEdxEax } from './edx-eax.ts';

const FX_ALIGNMENT = 16n;
const XSAVE_ALIGNMENT = 64n;
const LEGACY = XSTATE.x87 | XSTATE.sse;
const FIXED_BYTES = XSAVE_LEGACY_BYTES + XSAVE_HEADER_BYTES;
const REX_W = 8;

const isWide = ({ rex }: Instruction): boolean => (rex & REX_W) !== 0;

/** An area in memory; faults of one in the stack segment are #SS. */
interface Area {
  readonly linear: bigint;
  readonly stack: boolean;
}

/** An aligned area. @throws GuestException #GP(0), #SS(0) */
function areaOf(cpu: Cpu, insn: Instruction, bytes: number, alignment: bigint, write: boolean): Area {
  const operand = insn.operands[0] as MemoryOperand;
  const linear = imageAddress(cpu, operand, insn.addressSize, bytes, write);
  if (linear % alignment !== 0n) throw generalProtection();
  const area = { linear, stack: isStackOperand(operand) };
  if (write) cpu.mmu.probeWrite(linear, bytes, area.stack);
  return area;
}

function writeParts(cpu: Cpu, { linear, stack }: Area, view: DataView, parts: readonly Part[]): void {
  const bytes = new Uint8Array(view.buffer);
  for (const { from, to } of parts) {
    cpu.mmu.writeBytes((linear + BigInt(from)) & cpu.state.linearMask, bytes.subarray(from, to), stack);
  }
}

function readArea(cpu: Cpu, { linear, stack }: Area, bytes: number): DataView {
  const image = new Uint8Array(bytes);
  cpu.mmu.readBytes(linear, image, stack);
  return new DataView(image.buffer);
}

const emptyView = (bytes: number): DataView => new DataView(new ArrayBuffer(bytes));

/** #UD before #NM: SDM 2D "XSAVE", exceptions. */
function requireXsave({ state }: Cpu): void {
  if ((state.cr4 & CR4.OSXSAVE) === 0n) throw undefinedOpcode();
  if (state.cr0 & CR0.TS) throw deviceNotAvailable();
}

/** What XSAVEC and XSAVES say of SSE: MXCSR counts too (SDM 2D "XSAVEC"). */
function compactedInUse(cpu: Cpu): bigint {
  return componentsInUse(cpu) | (cpu.state.mxcsr === INITIAL_MXCSR ? 0n : XSTATE.sse);
}

/** XSAVE and XSAVEOPT: bits of XSTATE_BV for components that were not asked for stay. */
function saveStandard(cpu: Cpu, insn: Instruction, onlyInUse: boolean): void {
  requireXsave(cpu);
  const requested = cpu.state.xcr0 & joinedEdxEax(cpu);
  const bytes = standardSize(requested);
  const area = areaOf(cpu, insn, bytes, XSAVE_ALIGNMENT, true);
  const header = cpu.mmu.read((area.linear + BigInt(XSAVE_LEGACY_BYTES)) & cpu.state.linearMask, 64, area.stack);
  const inUse = componentsInUse(cpu) & requested;
  const save: Save = { requested, written: onlyInUse ? inUse : requested, compacted: null, wide: isWide(insn) };
  const view = emptyView(bytes);
  const parts = storeComponents(cpu, view, save);
  writeParts(cpu, area, view, [...parts, storeHeader(view, (header & ~requested) | inUse, null)]);
}

/** XSAVEC and XSAVES: nothing of the area's old contents counts. */
function saveCompacted(cpu: Cpu, insn: Instruction, available: bigint): void {
  const requested = available & joinedEdxEax(cpu);
  const bytes = compactedSize(requested);
  const area = areaOf(cpu, insn, bytes, XSAVE_ALIGNMENT, true);
  const written = compactedInUse(cpu) & requested;
  const view = emptyView(bytes);
  const parts = storeComponents(cpu, view, { requested, written, compacted: requested, wide: isWide(insn) });
  writeParts(cpu, area, view, [...parts, storeHeader(view, written, requested)]);
}

function restore(cpu: Cpu, insn: Instruction, available: bigint, format: 'standard' | 'compacted' | 'both'): void {
  const area = areaOf(cpu, insn, FIXED_BYTES, XSAVE_ALIGNMENT, false);
  const header = readHeader(readArea(cpu, area, FIXED_BYTES), available, format);
  const requested = available & joinedEdxEax(cpu);
  const view = readArea(cpu, area, restoredBytes(requested, header));
  loadComponents(cpu, view, requested, header, isWide(insn));
}

/** How much of an area a restore looks at. */
function restoredBytes(requested: bigint, { present, compacted }: Header): number {
  return compacted === null ? standardSize(requested & present) : compactedSize(compacted);
}

export const xsaveHelpers: HelperTable = {
  fxsave(cpu, insn) {
    const area = areaOf(cpu, insn, XSAVE_LEGACY_BYTES, FX_ALIGNMENT, true);
    const view = emptyView(XSAVE_LEGACY_BYTES);
    const save: Save = { requested: LEGACY, written: LEGACY, compacted: null, wide: isWide(insn) };
    writeParts(cpu, area, view, storeComponents(cpu, view, save));
  },

  fxrstor(cpu, insn) {
    const area = areaOf(cpu, insn, XSAVE_LEGACY_BYTES, FX_ALIGNMENT, false);
    const view = readArea(cpu, area, XSAVE_LEGACY_BYTES);
    const mxcsr = imageMxcsr(view);
    if (mxcsr & ~MXCSR_BITS) throw generalProtection();
    loadX87(cpu, view, isWide(insn));
    loadXmm(cpu, view);
    cpu.state.mxcsr = mxcsr;
  },

  xsave: (cpu, insn) => saveStandard(cpu, insn, false),
  xsaveopt: (cpu, insn) => saveStandard(cpu, insn, true),

  xsavec(cpu, insn) {
    requireXsave(cpu);
    saveCompacted(cpu, insn, cpu.state.xcr0);
  },

  xsaves(cpu, insn) {
    requireXsave(cpu);
    cpu.requirePrivilege();
    saveCompacted(cpu, insn, cpu.state.xcr0 | cpu.state.xss);
  },

  xrstor(cpu, insn) {
    requireXsave(cpu);
    restore(cpu, insn, cpu.state.xcr0, cpu.features.has('xsavec') ? 'both' : 'standard');
  },

  xrstors(cpu, insn) {
    requireXsave(cpu);
    cpu.requirePrivilege();
    restore(cpu, insn, cpu.state.xcr0 | cpu.state.xss, 'compacted');
  },
};
