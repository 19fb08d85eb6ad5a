// What a task-state segment holds for a task switch: SDM 3A 7.2.1 (32-bit), 7.6 (16-bit).
import type { SegmentName } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { ATTRIBUTE, systemAddress } from './descriptors.ts';

/** Where a TSS format keeps what. Offsets in bytes. */
export interface TssLayout {
  readonly width: 16 | 32;
  /** The smallest limit: SDM 3A 7.2.2. */
  readonly minimumLimit: number;
  readonly cr3: number | null;
  readonly ip: number;
  readonly flags: number;
  /** EAX; the others follow in encoding order. */
  readonly registers: number;
  /** ES; the others follow. */
  readonly selectors: number;
  readonly segments: readonly SegmentName[];
  readonly ldt: number;
  /** The T flag is bit 0 here. */
  readonly trap: number | null;
}

export const TSS_32: TssLayout = {
  width: 32,
  minimumLimit: 0x67,
  cr3: 0x1c,
  ip: 0x20,
  flags: 0x24,
  registers: 0x28,
  selectors: 0x48,
  segments: ['es', 'cs', 'ss', 'ds', 'fs', 'gs'],
  ldt: 0x60,
  trap: 0x64,
};

export const TSS_16: TssLayout = {
  width: 16,
  minimumLimit: 0x2b,
  cr3: null,
  ip: 0x0e,
  flags: 0x10,
  registers: 0x12,
  selectors: 0x22,
  segments: ['es', 'cs', 'ss', 'ds'],
  ldt: 0x2a,
  trap: null,
};

/** Type bit 3 tells 32-bit TSSs from 16-bit ones. */
export const layoutOf = (type: number): TssLayout => (type & ATTRIBUTE.code ? TSS_32 : TSS_16);

/** A task as its TSS holds it. */
export interface TaskImage {
  readonly cr3: bigint | null;
  readonly ip: bigint;
  readonly flags: number;
  readonly registers: readonly bigint[];
  readonly selectors: ReadonlyMap<SegmentName, number>;
  readonly ldt: number;
  readonly trap: boolean;
}

const NO_SELECTOR = 0;

/** Reads a whole task before anything is changed. @throws GuestException #PF */
export function readTask(cpu: Cpu, base: bigint, layout: TssLayout): TaskImage {
  const { width } = layout;
  const read = (offset: number, bits: number) => cpu.mmu.readSystem(systemAddress(cpu, base, offset), bits);
  const bytes = width / 8;
  const registers = Array.from({ length: 8 }, (_, index) => read(layout.registers + index * bytes, width));
  const selectors = new Map<SegmentName, number>([
    ['fs', NO_SELECTOR],
    ['gs', NO_SELECTOR],
  ]);
  for (const [index, name] of layout.segments.entries()) {
    selectors.set(name, Number(read(layout.selectors + index * bytes, 16)));
  }
  return {
    cr3: layout.cr3 === null ? null : read(layout.cr3, 32),
    ip: read(layout.ip, width),
    flags: Number(read(layout.flags, width)),
    registers,
    selectors,
    ldt: Number(read(layout.ldt, 16)),
    trap: layout.trap !== null && (read(layout.trap, 16) & 1n) !== 0n,
  };
}

/**
 * Saves the running task into its TSS: SDM 3A 7.3, step 6. CR3 and LDTR are not saved. A fault halfway leaves a TSS
 * that the repeated instruction overwrites again.
 */
export function saveTask(cpu: Cpu, layout: TssLayout, ip: bigint, flags: number): void {
  const { state, segments } = cpu;
  const { width } = layout;
  const bytes = width / 8;
  const write = (offset: number, value: bigint, bits: number) =>
    cpu.mmu.writeSystem(systemAddress(cpu, segments.tr.base, offset), bits, BigInt.asUintN(bits, value));
  write(layout.ip, ip, width);
  write(layout.flags, BigInt(flags), width);
  for (let index = 0; index < 8; index++) write(layout.registers + index * bytes, state.gpr.get(index), width);
  for (const [index, name] of layout.segments.entries()) {
    write(layout.selectors + index * bytes, BigInt(segments[name].selector), 16);
  }
}
