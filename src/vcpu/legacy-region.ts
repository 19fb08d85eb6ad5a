// The 512-byte region of FXSAVE, with which an XSAVE area begins as well: SDM 1 10.5.1, 13.4.1.
import type { Cpu } from './cpu.ts';
import {
  abridgedTags,
  initializeX87,
  loadStackRegister,
  setAbridgedTags,
  setControlWord,
  storeStackRegister,
  summarizeExceptions,
} from './x87-state.ts';

/** MXCSR bits that may be set; the others are reserved: SDM 1 10.2.3. Also MXCSR_MASK. */
export const MXCSR_BITS = 0xffff;
export const INITIAL_MXCSR = 0x1f80;

const AT = { fcw: 0, fsw: 2, ftw: 4, fop: 6, fip: 8, fdp: 16, mxcsr: 24, mxcsrMask: 28, st: 32, xmm: 160 } as const;
const ST_STRIDE = 16;
const OPCODE_BITS = 0x7ff;

/** Bytes of the parts of the region, which the XSAVE family writes apart: SDM 1 13.4.1. */
export const LEGACY_PARTS = {
  x87: [
    { from: 0, to: 24 },
    { from: 32, to: 160 },
  ],
  mxcsr: { from: 24, to: 32 },
  /** Behind what 64-bit mode stores; elsewhere XMM8-XMM15 are left out. */
  xmm64: { from: 160, to: 416 },
  xmm32: { from: 160, to: 288 },
} as const;

/** XMM registers that the current mode can see. */
export const visibleXmm = (cpu: Cpu): number => (cpu.code64 ? 16 : 8);

/** With REX.W pointers have 64 bits and no selectors: SDM 1 10.5.1.2. */
function storePointers({ state }: Cpu, view: DataView, wide: boolean): void {
  if (wide) {
    view.setBigUint64(AT.fip, state.fip, true);
    view.setBigUint64(AT.fdp, state.fdp, true);
    return;
  }
  view.setUint32(AT.fip, Number(state.fip & 0xffff_ffffn), true);
  view.setUint16(AT.fip + 4, state.fcs, true);
  view.setUint32(AT.fdp, Number(state.fdp & 0xffff_ffffn), true);
  view.setUint16(AT.fdp + 4, state.fds, true);
}

export function storeX87(cpu: Cpu, view: DataView, wide: boolean): void {
  const { state } = cpu;
  view.setUint16(AT.fcw, state.fcw, true);
  view.setUint16(AT.fsw, state.fsw, true);
  view.setUint8(AT.ftw, abridgedTags(cpu));
  view.setUint16(AT.fop, state.fop, true);
  storePointers(cpu, view, wide);
  for (let i = 0; i < 8; i++) storeStackRegister(cpu, i, view, AT.st + i * ST_STRIDE);
}

export function storeMxcsr({ state }: Cpu, view: DataView): void {
  view.setUint32(AT.mxcsr, state.mxcsr, true);
  view.setUint32(AT.mxcsrMask, MXCSR_BITS, true);
}

export function storeXmm(cpu: Cpu, view: DataView): void {
  for (let i = 0; i < 2 * visibleXmm(cpu); i++) view.setBigUint64(AT.xmm + 8 * i, cpu.state.xmm.get(i), true);
}

function loadPointers({ state }: Cpu, view: DataView, wide: boolean): void {
  state.fip = wide ? view.getBigUint64(AT.fip, true) : BigInt(view.getUint32(AT.fip, true));
  state.fdp = wide ? view.getBigUint64(AT.fdp, true) : BigInt(view.getUint32(AT.fdp, true));
  state.fcs = wide ? 0 : view.getUint16(AT.fip + 4, true);
  state.fds = wide ? 0 : view.getUint16(AT.fdp + 4, true);
}

export function loadX87(cpu: Cpu, view: DataView, wide: boolean): void {
  const { state } = cpu;
  state.fsw = view.getUint16(AT.fsw, true);
  setControlWord(cpu, view.getUint16(AT.fcw, true));
  summarizeExceptions(cpu);
  state.fop = view.getUint16(AT.fop, true) & OPCODE_BITS;
  loadPointers(cpu, view, wide);
  for (let i = 0; i < 8; i++) loadStackRegister(cpu, i, view, AT.st + i * ST_STRIDE);
  setAbridgedTags(cpu, view.getUint8(AT.ftw));
}

/** MXCSR of an image; a reserved bit in it is the caller's #GP(0). */
export const imageMxcsr = (view: DataView): number => view.getUint32(AT.mxcsr, true);

export function loadXmm(cpu: Cpu, view: DataView): void {
  for (let i = 0; i < 2 * visibleXmm(cpu); i++) cpu.state.xmm.set(i, view.getBigUint64(AT.xmm + 8 * i, true));
}

/** The initial configuration of x87 state: SDM 1 13.6. Unlike FNINIT it clears the registers. */
export function resetX87(cpu: Cpu): void {
  initializeX87(cpu);
  for (let i = 0; i < 16; i++) cpu.state.fpr.set(i, 0n);
}

export function resetXmm(cpu: Cpu): void {
  for (let i = 0; i < 2 * visibleXmm(cpu); i++) cpu.state.xmm.set(i, 0n);
}
