// What the XSAVE family writes and reads: SDM 1 13.4, "XSAVE Area", 13.7 to 13.12.
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import {
  INITIAL_MXCSR,
  imageMxcsr,
  LEGACY_PARTS,
  loadX87,
  loadXmm,
  MXCSR_BITS,
  resetX87,
  resetXmm,
  storeMxcsr,
  storeX87,
  storeXmm,
} from './legacy-region.ts';
import { ALL_EMPTY, INITIAL_FCW } from './x87-state.ts';
import { compactedOffset, EXTENDED_COMPONENTS, XSAVE_LEGACY_BYTES, XSTATE } from './xstate.ts';

/** Offsets of the header's fields. */
const XSTATE_BV = XSAVE_LEGACY_BYTES;
const XCOMP_BV = XSAVE_LEGACY_BYTES + 8;
const HEADER_REST = XSAVE_LEGACY_BYTES + 16;
const HEADER_END = XSAVE_LEGACY_BYTES + 64;
const COMPACTED = 1n << 63n;
const PKRU = 9;

/** A part of an area, `to` not included. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

function x87InUse({ state }: Cpu): boolean {
  if (state.fcw !== INITIAL_FCW || state.fsw !== 0 || state.ftw !== ALL_EMPTY || state.fop !== 0) return true;
  if (state.fip !== 0n || state.fdp !== 0n || state.fcs !== 0 || state.fds !== 0) return true;
  for (let i = 0; i < 16; i++) if (state.fpr.get(i) !== 0n) return true;
  return false;
}

function xmmInUse({ state }: Cpu): boolean {
  for (let i = 0; i < 32; i++) if (state.xmm.get(i) !== 0n) return true;
  return false;
}

/** XINUSE: the components that are not in their initial configuration. SDM 1 13.6. */
export const componentsInUse = (cpu: Cpu): bigint =>
  (x87InUse(cpu) ? XSTATE.x87 : 0n) | (xmmInUse(cpu) ? XSTATE.sse : 0n) | (cpu.state.pkru === 0 ? 0n : XSTATE.pkru);

/** Where PKRU lies, in an area that is compacted to `compacted`, or in the standard format (null). */
const pkruOffset = (compacted: bigint | null): number =>
  compacted === null
    ? EXTENDED_COMPONENTS.find(({ index }) => index === PKRU)!.standardOffset
    : compactedOffset(compacted, PKRU);

/** What one instruction of the XSAVE family stores. */
export interface Save {
  /** RFBM: the components asked for. */
  readonly requested: bigint;
  /** Those whose data are written. */
  readonly written: bigint;
  /** Components of a compacted area, or null for the standard format. */
  readonly compacted: bigint | null;
  /** FXSAVE64's pointers. */
  readonly wide: boolean;
}

/**
 * Writes components into a buffer as large as the area, and says which parts of it count. Memory in between keeps what
 * it had.
 */
export function storeComponents(cpu: Cpu, view: DataView, { requested, written, compacted, wide }: Save): Part[] {
  const parts: Part[] = [];
  if (written & XSTATE.x87) {
    storeX87(cpu, view, wide);
    parts.push(...LEGACY_PARTS.x87);
  }
  if (written & XSTATE.sse) {
    storeXmm(cpu, view);
    parts.push(cpu.code64 ? LEGACY_PARTS.xmm64 : LEGACY_PARTS.xmm32);
  }
  // MXCSR belongs to SSE, but the standard format stores it for AVX too; there is none. SDM 1 13.7.
  if ((compacted === null ? requested : written) & XSTATE.sse) {
    storeMxcsr(cpu, view);
    parts.push(LEGACY_PARTS.mxcsr);
  }
  if (written & XSTATE.pkru) {
    const from = pkruOffset(compacted);
    view.setBigUint64(from, BigInt(cpu.state.pkru), true);
    parts.push({ from, to: from + 8 });
  }
  return parts;
}

/** Writes the header: the standard format has only XSTATE_BV of it written. */
export function storeHeader(view: DataView, stateBits: bigint, compacted: bigint | null): Part {
  view.setBigUint64(XSTATE_BV, stateBits, true);
  if (compacted === null) return { from: XSTATE_BV, to: XCOMP_BV };
  view.setBigUint64(XCOMP_BV, compacted | COMPACTED, true);
  return { from: XSTATE_BV, to: HEADER_REST };
}

/** A header that passed its checks. */
export interface Header {
  /** XSTATE_BV. */
  readonly present: bigint;
  readonly compacted: bigint | null;
}

function requireZero(view: DataView, from: number): void {
  for (let at = from; at < HEADER_END; at += 8) if (view.getBigUint64(at, true) !== 0n) throw generalProtection();
}

/**
 * Reads an area's header: SDM 1 13.8.1, 13.12.
 * @param allowed components that may occur: XCR0, for XRSTORS with IA32_XSS
 * @param format what the instruction takes; XRSTOR takes both where XSAVEC exists
 * @throws GuestException #GP(0)
 */
export function readHeader(view: DataView, allowed: bigint, format: 'standard' | 'compacted' | 'both'): Header {
  const present = view.getBigUint64(XSTATE_BV, true);
  const layout = view.getBigUint64(XCOMP_BV, true);
  const isCompacted = (layout & COMPACTED) !== 0n;
  if (!isCompacted) {
    if (format === 'compacted' || present & ~allowed) throw generalProtection();
    if (layout !== 0n || view.getBigUint64(HEADER_REST, true) !== 0n) throw generalProtection();
    return { present, compacted: null };
  }
  const compacted = layout & ~COMPACTED;
  if (format === 'standard' || compacted & ~allowed || present & ~compacted) throw generalProtection();
  requireZero(view, HEADER_REST);
  return { present, compacted };
}

/** The MXCSR that a restore brings, or null if it leaves it. @throws GuestException #GP(0) */
function restoredMxcsr(view: DataView, requested: bigint, { present, compacted }: Header): number | null {
  if ((requested & XSTATE.sse) === 0n) return null;
  if (compacted !== null && (present & XSTATE.sse) === 0n) return INITIAL_MXCSR;
  const value = imageMxcsr(view);
  if (value & ~MXCSR_BITS) throw generalProtection();
  return value;
}

/** XRSTOR's effect: components that are asked for and not present get their initial configuration (SDM 1 13.8). */
export function loadComponents(cpu: Cpu, view: DataView, requested: bigint, header: Header, wide: boolean): void {
  const { state } = cpu;
  const mxcsr = restoredMxcsr(view, requested, header);
  const present = requested & header.present;
  if (requested & XSTATE.x87) {
    if (present & XSTATE.x87) loadX87(cpu, view, wide);
    else resetX87(cpu);
  }
  if (requested & XSTATE.sse) {
    if (present & XSTATE.sse) loadXmm(cpu, view);
    else resetXmm(cpu);
  }
  if (mxcsr !== null) state.mxcsr = mxcsr;
  if (requested & XSTATE.pkru) {
    state.pkru = present & XSTATE.pkru ? view.getUint32(pkruOffset(header.compacted), true) : 0;
    cpu.mmu.updateKey();
  }
}
