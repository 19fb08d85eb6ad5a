import { BASE_MEMORY_KIB, BOOT_GDT_ADDRESS, type E820Entry, e820Map, MIB } from './bios-area.ts';
import { type BootState, flatProtectedMode, multibootGdt } from './boot-state.ts';
import { hex, ImageError } from './image-error.ts';
import { concat, cString, u32, u64, zeros } from './little-endian.ts';
import { findMultibootHeader, type MultibootImage, readMultibootImage } from './multiboot-header.ts';
import type { RamPlan } from './ram-plan.ts';

/** A file for the guest: `name` as the user wrote it, and the words after it, if any. */
export interface BootFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly args?: string;
}

// What EAX holds at entry: Multiboot specification 0.6.96, 3.2 "Machine state".
const BOOTLOADER_MAGIC = 0x2bad_b002;

// Where QEMU puts the memory map and the information structure; elsewhere if the image itself lies there.
const INFO_ADDRESS = 0x9000;
const INFO_OFFSET = 0x500;
const INFO_BYTES = 88;
const INFO_ALIGNMENT = 0x1000;

// 3.3 "Boot information format": which fields are valid.
const INFO_FLAGS = {
  memory: 1 << 0,
  bootDevice: 1 << 1,
  commandLine: 1 << 2,
  modules: 1 << 3,
  memoryMap: 1 << 6,
  loaderName: 1 << 9,
};
const ALL_INFO_FLAGS = Object.values(INFO_FLAGS).reduce((all, flag) => all | flag, 0);

// The first hard disk, no partition: what QEMU says whether or not there is one.
const BOOT_DEVICE = 0x8000_ffff;
const LOADER_NAME = 'rookery';
const MODULE_ENTRY_BYTES = 16;
const PAGE = 0x1000;

/** Whether the file has a multiboot 1 header. */
export const isMultiboot = (bytes: Uint8Array): boolean => findMultibootHeader(bytes) !== null;

/**
 * Plans a multiboot 1 image with its modules, as QEMU's -kernel and -initrd lay them out: after the image's end a
 * module table and the strings, then each module on a page of its own.
 * @throws ImageError if the image or a module is bad or does not fit.
 */
export function planMultiboot(
  plan: RamPlan,
  kernel: BootFile,
  append: string,
  modules: readonly BootFile[],
): BootState {
  const header = findMultibootHeader(kernel.bytes);
  if (header === null) throw new ImageError(kernel.name, 'has no multiboot header in its first 8 KiB');
  const image = readMultibootImage(kernel.name, kernel.bytes, header);
  const imageEnd = planSegments(plan, kernel.name, image);

  const info = placeInfo(plan, kernel.name);
  const lines = [...modules.map(moduleLine), `${kernel.name} ${append}`, LOADER_NAME];
  const strings = placeStrings(plan, kernel.name, imageEnd, modules.length, lines);
  const [commandLine, loader] = strings.addresses.slice(modules.length);
  planModules(plan, modules, strings);

  const map = memoryMap(e820Map(plan.ramBytes));
  const fields = { map: { address: info, length: map.length }, modules: strings.table, commandLine, loader };
  plan.write(info, concat(map, zeros(INFO_OFFSET - map.length)));
  plan.write(info + INFO_OFFSET, information(plan.ramBytes, modules.length, fields));
  plan.write(BOOT_GDT_ADDRESS, multibootGdt.bytes);
  const registers = { eax: BOOTLOADER_MAGIC, ebx: info + INFO_OFFSET, ecx: image.entry, eip: image.entry };
  return flatProtectedMode(multibootGdt, BOOT_GDT_ADDRESS, registers, image.warnings);
}

/** A module's string is the whole of what the user wrote, its file name too. */
const moduleLine = ({ name, args }: BootFile): string => (args ? `${name} ${args}` : name);

/** Plans the image itself; returns the address where it ends. */
function planSegments(plan: RamPlan, file: string, image: MultibootImage): number {
  for (const { address, data, size } of image.segments) {
    plan.claim(file, address, size, 'a segment');
    plan.write(address, data, size - data.length);
  }
  requireEntry(file, image);
  return Math.max(...image.segments.map(({ address, size }) => address + size));
}

/** An entry outside everything that was loaded would execute zeros: better said here than found by the guest. */
function requireEntry(file: string, { entry, segments }: MultibootImage): void {
  if (!segments.some(({ address, size }) => entry >= address && entry < address + size)) {
    throw new ImageError(file, `has its entry point ${hex(entry)} outside its segments`);
  }
}

function placeInfo(plan: RamPlan, file: string): number {
  const size = INFO_OFFSET + INFO_BYTES;
  const room = { size, alignment: INFO_ALIGNMENT, from: INFO_ADDRESS };
  const address = plan.lowest(room);
  if (address === null) throw new ImageError(file, 'leaves no room for the multiboot information');
  plan.claim(file, address, size, 'the multiboot information');
  return address;
}

interface PlacedStrings {
  /** The module table; the strings follow it. */
  readonly table: number;
  readonly addresses: readonly number[];
  readonly end: number;
}

/** Plans the strings, after room for the module table, which is filled in once the modules have their places. */
function placeStrings(
  plan: RamPlan,
  file: string,
  from: number,
  moduleCount: number,
  lines: readonly string[],
): PlacedStrings {
  const texts = lines.map(cString);
  const bytes = concat(...texts);
  const tableBytes = moduleCount * MODULE_ENTRY_BYTES;
  const size = tableBytes + bytes.length;
  const table = plan.lowest({ size, alignment: PAGE, from });
  if (table === null) throw new ImageError(file, 'leaves no room for the command line and the module table');
  plan.claim(file, table, size, 'the command line');
  plan.write(table + tableBytes, bytes);
  const addresses: number[] = [];
  let next = table + tableBytes;
  for (const { length } of texts) {
    addresses.push(next);
    next += length;
  }
  return { table, addresses, end: next };
}

/** Plans the modules and the table of them. */
function planModules(plan: RamPlan, modules: readonly BootFile[], strings: PlacedStrings): void {
  const entries = modules.map((module, index) => {
    const start = placeModule(plan, module, strings.end);
    return concat(u32(start), u32(start + module.bytes.length), u32(strings.addresses[index]), u32(0));
  });
  plan.write(strings.table, concat(...entries));
}

function placeModule(plan: RamPlan, { name, bytes }: BootFile, from: number): number {
  const address = plan.lowest({ size: bytes.length, alignment: PAGE, from });
  if (address === null) {
    const [needs, has] = [hex(bytes.length), hex(plan.ramBytes)];
    throw new ImageError(name, `does not fit: the module needs ${needs} bytes, the machine has ${has} in all`);
  }
  plan.claim(name, address, bytes.length, 'the module');
  plan.write(address, bytes);
  return address;
}

/** The E820 map in multiboot's form: each entry is led by the size of what follows. */
function memoryMap(entries: readonly E820Entry[]): Uint8Array {
  return concat(...entries.map(({ base, length, type }) => concat(u32(20), u64(base), u64(length), u32(type))));
}

interface InfoFields {
  readonly map: { readonly address: number; readonly length: number };
  readonly modules: number;
  readonly commandLine: number;
  readonly loader: number;
}

function information(ramBytes: number, moduleCount: number, at: InfoFields): Uint8Array {
  return concat(
    u32(ALL_INFO_FLAGS),
    u32(BASE_MEMORY_KIB), // mem_lower
    u32((ramBytes - MIB) / 1024), // mem_upper
    u32(BOOT_DEVICE),
    u32(at.commandLine),
    u32(moduleCount),
    u32(at.modules),
    zeros(16), // syms: neither a.out symbols nor an ELF section table
    u32(at.map.length),
    u32(at.map.address),
    zeros(12), // drives_length, drives_addr, config_table
    u32(at.loader),
    zeros(20), // apm_table, and VBE's fields
  );
}
