import { concat, type Field, u8, u16 } from './little-endian.ts';

/** A segment register with its hidden part. `attributes` are VMX access rights: SDM 3C 24.4.1, table 24-2. */
export interface BootSegment {
  readonly selector: number;
  readonly base: number;
  /** In bytes, after the granularity bit has been applied. */
  readonly limit: number;
  readonly attributes: number;
}

export interface BootDescriptorTable {
  readonly base: number;
  readonly limit: number;
}

export type BootRegister = 'eax' | 'ebx' | 'ecx' | 'edx' | 'esi' | 'edi' | 'ebp' | 'esp' | 'eip';
export type BootSegmentName = 'cs' | 'ds' | 'es' | 'fs' | 'gs' | 'ss';

/** The bootstrap processor as the boot loader hands it to the image. Whatever is not named is as after INIT. */
export interface BootState {
  readonly mode: 'protected32' | 'real';
  readonly registers: Readonly<Record<BootRegister, number>>;
  readonly eflags: number;
  readonly cr0: number;
  readonly segments: Readonly<Record<BootSegmentName, BootSegment>>;
  readonly gdt: BootDescriptorTable;
  readonly idt: BootDescriptorTable;
  /** What the image asked for and goes without, one line each, for the user to see. */
  readonly warnings: readonly string[];
}

// CR0.PE and CR0.ET; ET is fixed to 1 (SDM 3A 2.5).
const CR0_PE_ET = 0x11;
// Bit 1 is fixed to 1; interrupts are off (SDM 1 3.4.3).
const EFLAGS_FIXED = 0x2;
// Free RAM between the BIOS data area and every table below 1 MiB, for images that push before they set a stack.
const STACK_TOP = 0x7000;
// Where BIOS programs leave IDTR: the real-mode vectors. Interrupts are off, so that no one looks there.
const REAL_MODE_IDT = { base: 0, limit: 0x3ff };

// SDM 3A 3.4.5: base 0, limit 4 GiB in pages, 32-bit, present, DPL 0, accessed.
const FLAT_CODE = 0xc09b;
const FLAT_DATA = 0xc093;
// The same for real-mode sized segments: byte granularity, 16-bit; conforming code, as option ROMs use for return.
const CODE_16 = 0x009f;
const DATA_16 = 0x0093;

const descriptor = (limit: number, attributes: number): Field => [
  ...u16(limit & 0xffff),
  ...[0, 0, 0],
  ...u8(attributes),
  ...u8(((attributes >>> 8) & 0xf0) | (limit >>> 16)),
  0,
];

const flatCode = descriptor(0xfffff, FLAT_CODE);
const flatData = descriptor(0xfffff, FLAT_DATA);
const empty = descriptor(0, 0);

/** A GDT and the selectors of its flat 4 GiB segments. */
export interface BootGdt {
  readonly bytes: Uint8Array;
  readonly code: number;
  readonly data: number;
}

/** QEMU's multiboot loader: flat segments at 8 and 0x10, 16-bit ones at 0x18 and 0x20. */
export const multibootGdt: BootGdt = {
  bytes: concat(empty, flatCode, flatData, descriptor(0xffff, CODE_16), descriptor(0xffff, DATA_16)),
  code: 0x08,
  data: 0x10,
};

/** The Linux 32-bit boot protocol: __BOOT_CS at 0x10 and __BOOT_DS at 0x18. */
export const linuxGdt: BootGdt = { bytes: concat(empty, empty, flatCode, flatData), code: 0x10, data: 0x18 };

/** Flat 32-bit protected mode without paging, interrupts off, at `registers.eip`; registers not given are 0. */
export function flatProtectedMode(
  gdt: BootGdt,
  gdtBase: number,
  registers: Partial<Record<BootRegister, number>>,
  warnings: readonly string[] = [],
): BootState {
  const data = { selector: gdt.data, base: 0, limit: 0xffff_ffff, attributes: FLAT_DATA };
  const code = { selector: gdt.code, base: 0, limit: 0xffff_ffff, attributes: FLAT_CODE };
  const cleared = { eax: 0, ebx: 0, ecx: 0, edx: 0, esi: 0, edi: 0, ebp: 0, esp: STACK_TOP, eip: 0 };
  return {
    mode: 'protected32',
    registers: { ...cleared, ...registers },
    eflags: EFLAGS_FIXED,
    cr0: CR0_PE_ET,
    segments: { cs: code, ds: data, es: data, fs: data, gs: data, ss: data },
    gdt: { base: gdtBase, limit: gdt.bytes.length - 1 },
    idt: REAL_MODE_IDT,
    warnings,
  };
}
