import { hex, ImageError } from './image-error.ts';
import { viewOf } from './little-endian.ts';

/** A part of an image to be copied to guest memory: `data`, and zeros after it until `size` bytes are filled. */
export interface LoadSegment {
  readonly address: number;
  readonly data: Uint8Array;
  readonly size: number;
}

export interface ElfImage {
  /** The entry point as a physical address. */
  readonly entry: number;
  readonly segments: readonly LoadSegment[];
}

// ELF specification 1.2, and System V gABI chapters 4 and 5: where the two classes keep the fields read here.
const layouts = {
  // ELFCLASS32 and ELFCLASS64.
  1: {
    header: 52,
    entry: 24,
    phoff: 28,
    phentsize: 42,
    phnum: 44,
    ph: { size: 32, offset: 4, vaddr: 8, paddr: 12, filesz: 16, memsz: 20, flags: 24 },
  },
  2: {
    header: 64,
    entry: 24,
    phoff: 32,
    phentsize: 54,
    phnum: 56,
    ph: { size: 56, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40, flags: 4 },
  },
} as const;
type ElfClass = keyof typeof layouts;

// The first four bytes, 0x7f 'ELF', and the identification bytes after them: gABI 4, "ELF Identification".
const ELF_MAGIC = 0x464c_457f;
const EI_CLASS = 4;
const EI_DATA = 5;
const LITTLE_ENDIAN = 1;
const E_MACHINE = 18;
// EM_386, EM_486 and EM_X86_64.
const X86_MACHINES: readonly number[] = [3, 6, 62];
const PT_LOAD = 1;
const PF_X = 1;

/** A program header of either class; `at` is its own place in the file, for messages. */
interface ProgramHeader {
  readonly at: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly paddr: number;
  readonly filesz: number;
  readonly memsz: number;
  readonly executable: boolean;
}

/** Whether a file begins as an ELF file does. */
export const isElf = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === ELF_MAGIC;

/**
 * Reads the program headers of an x86 ELF file of either class. Nothing is copied: `data` are views of `bytes`.
 * @throws ImageError if it is not such a file, is cut short, or has a segment at or above 4 GiB.
 */
export function readElf(file: string, bytes: Uint8Array): ElfImage {
  if (!isElf(bytes)) throw new ImageError(file, 'is not an ELF file');
  const view = viewOf(bytes);
  const layout = layoutOf(file, bytes);
  const machine = view.getUint16(E_MACHINE, true);
  if (!X86_MACHINES.includes(machine))
    throw new ImageError(file, `is ELF for machine ${machine}, not for x86`, E_MACHINE);
  // Segments without memory are notes to the linker; some linkers leave an empty one for .bss.
  const headers = programHeaders(file, view, layout).filter(({ memsz }) => memsz > 0);
  if (headers.length === 0) throw new ImageError(file, 'has no loadable ELF segment');
  const entry = readAddress(file, view, layout.entry, layout === layouts[2]);
  return {
    entry: physicalEntry(entry, headers),
    segments: headers.map((header) => loadSegment(file, bytes, header)),
  };
}

function layoutOf(file: string, bytes: Uint8Array): (typeof layouts)[ElfClass] {
  const elfClass = bytes[EI_CLASS];
  if (elfClass !== 1 && elfClass !== 2) throw new ImageError(file, `has the unknown ELF class ${elfClass}`, EI_CLASS);
  if (bytes[EI_DATA] !== LITTLE_ENDIAN) throw new ImageError(file, 'is not a little-endian ELF file', EI_DATA);
  const layout = layouts[elfClass];
  if (bytes.length < layout.header) throw new ImageError(file, 'is truncated inside the ELF header', bytes.length);
  return layout;
}

function programHeaders(file: string, view: DataView, layout: (typeof layouts)[ElfClass]): ProgramHeader[] {
  const wide = layout === layouts[2];
  const start = readAddress(file, view, layout.phoff, wide);
  const stride = view.getUint16(layout.phentsize, true);
  const count = view.getUint16(layout.phnum, true);
  if (count === 0) return [];
  if (stride < layout.ph.size)
    throw new ImageError(file, `has ELF program headers of ${stride} bytes`, layout.phentsize);
  if (start + count * stride > view.byteLength) {
    throw new ImageError(file, 'is truncated: its ELF program headers lie past the end', start);
  }
  return Array.from({ length: count }, (_, index) => start + index * stride)
    .filter((at) => view.getUint32(at, true) === PT_LOAD)
    .map((at) => {
      const address = (offset: number) => readAddress(file, view, at + offset, wide);
      const { offset, vaddr, paddr, filesz, memsz, flags } = layout.ph;
      return {
        at,
        offset: address(offset),
        // A 64-bit kernel may be linked high; only its physical addresses must lie below 4 GiB.
        vaddr: wide ? Number(view.getBigUint64(at + vaddr, true)) : address(vaddr),
        paddr: address(paddr),
        filesz: address(filesz),
        memsz: address(memsz),
        executable: (view.getUint32(at + flags, true) & PF_X) !== 0,
      };
    });
}

/** An address, offset or size of the file's class. */
function readAddress(file: string, view: DataView, at: number, wide: boolean): number {
  const value = wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
  if (value > 0xffff_ffffn) throw new ImageError(file, `has the value 0x${value.toString(16)}, above 4 GiB`, at);
  return Number(value);
}

// e_entry is virtual. Where the segment that holds it is linked and loaded at different addresses, the processor,
// which starts without paging, must go to the place where it was loaded.
function physicalEntry(entry: number, headers: readonly ProgramHeader[]): number {
  const home = headers.find(({ executable, vaddr, filesz }) => executable && entry >= vaddr && entry < vaddr + filesz);
  return home ? entry - home.vaddr + home.paddr : entry;
}

function loadSegment(
  file: string,
  bytes: Uint8Array,
  { at, offset, paddr, filesz, memsz }: ProgramHeader,
): LoadSegment {
  if (filesz > memsz)
    throw new ImageError(file, `has a segment of ${hex(filesz)} bytes for ${hex(memsz)} of memory`, at);
  if (offset + filesz > bytes.length) {
    const end = hex(offset + filesz);
    throw new ImageError(file, `is truncated: a segment ends at ${end}, the file at ${hex(bytes.length)}`, at);
  }
  return { address: paddr, data: bytes.subarray(offset, offset + filesz), size: memsz };
}
