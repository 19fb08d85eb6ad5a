// Small boot images made by hand, so that a test can bend any one field of them.
import { ascii, concat, type Field, u8, u16, u32, u64, viewOf, zeros } from '../../src/boot/little-endian.ts';

export const MIB = 0x10_0000;

/** Guest RAM as the machine has it: over shared memory. Filled with a byte that no loader writes. */
export function sharedRam(bytes: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(bytes)).fill(0xee);
}

export const untouched = (ram: Uint8Array): boolean => ram.every((byte) => byte === 0xee);

/** The NUL-terminated text at `address`. */
export function textAt(ram: Uint8Array, address: number): string {
  return new TextDecoder().decode(ram.slice(address, ram.indexOf(0, address)));
}

export const read32 = (bytes: Uint8Array, address: number): number => viewOf(bytes).getUint32(address, true);

export interface ElfSegmentSpec {
  readonly vaddr: number;
  readonly paddr?: number;
  readonly data: Uint8Array;
  readonly memsz?: number;
}

export interface ElfSpec {
  readonly bits?: 32 | 64;
  readonly machine?: number;
  readonly entry?: number;
  readonly segments: readonly ElfSegmentSpec[];
}

/** An executable ELF file whose segments follow its headers in order. */
export function elf({ bits = 32, machine = bits === 64 ? 62 : 3, entry, segments }: ElfSpec): Uint8Array {
  const wide = bits === 64;
  const address = wide ? u64 : u32;
  const [ehsize, phsize] = wide ? [64, 56] : [52, 32];
  const dataStart = ehsize + phsize * segments.length;
  const header = concat(
    [0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1],
    zeros(9),
    concat(u16(2), u16(machine), u32(1)),
    address(entry ?? segments[0].vaddr),
    address(ehsize),
    address(0),
    concat(u32(0), u16(ehsize), u16(phsize), u16(segments.length), u16(0), u16(0), u16(0)),
  );
  const sizes = segments.map(({ data }) => data.length);
  const programHeaders = segments.map(({ vaddr, paddr = vaddr, data, memsz = data.length }, index) => {
    const offset = dataStart + sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    const place = concat(...[offset, vaddr, paddr, data.length, memsz].map(address));
    // The flags (read, write, execute) stand second in ELF64, and second to last in ELF32.
    return wide ? concat(u32(1), u32(7), place, u64(1)) : concat(u32(1), place, u32(7), u32(1));
  });
  return concat(header, ...programHeaders, ...segments.map(({ data }) => data));
}

/** A multiboot header with the given flags, and address fields if they are given. */
export function multibootHeader(flags: number, ...addressFields: readonly number[]): Uint8Array {
  const magic = 0x1bad_b002;
  return concat(u32(magic), u32(flags), u32(-(magic + flags)), ...addressFields.map(u32));
}

/** An ELF multiboot image: its one segment begins with the header, then 0x90 bytes as code. */
export function multibootElf(spec: Partial<ElfSegmentSpec & ElfSpec> & { flags?: number } = {}): Uint8Array {
  const { vaddr = 4 * MIB, flags = 0, data = concat(multibootHeader(flags), new Uint8Array(100).fill(0x90)) } = spec;
  return elf({ ...spec, segments: spec.segments ?? [{ ...spec, vaddr, data }] });
}

export interface LinuxSpec {
  readonly version?: number;
  readonly loadflags?: number;
  readonly code32Start?: number;
  readonly initrdAddrMax?: number;
  readonly initSize?: number;
  readonly prefAddress?: number;
  readonly kernelAlignment?: number;
  readonly relocatable?: number;
  readonly syssize?: number;
  readonly kernel?: Uint8Array;
}

/** A bzImage with one sector of setup code and the header of protocol 2.15. */
export function bzImage(spec: LinuxSpec = {}): Uint8Array {
  const { kernel = new Uint8Array(1000).fill(0x90), version = 0x20f, loadflags = 1 } = spec;
  const bytes = concat(zeros(1024), kernel);
  const put = (offset: number, field: Field) => bytes.set(field, offset);
  put(0x1f1, u8(1));
  put(0x1f4, u32(spec.syssize ?? Math.ceil(kernel.length / 16)));
  put(0x1fe, concat(u16(0xaa55), [0xeb, 0x6a], ascii('HdrS', 4), u16(version)));
  put(0x211, u8(loadflags));
  put(0x214, u32(spec.code32Start ?? MIB));
  put(0x22c, u32(spec.initrdAddrMax ?? 0x7fff_ffff));
  put(0x230, concat(u32(spec.kernelAlignment ?? 0x20_0000), u8(spec.relocatable ?? 1)));
  put(0x238, u32(100)); // cmdline_size
  put(0x258, concat(u64(spec.prefAddress ?? 0x100_0000), u32(spec.initSize ?? 0x80_0000)));
  return bytes;
}
