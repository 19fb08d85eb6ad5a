import { BOOT_GDT_ADDRESS, e820Map, MIB, RSDP_ADDRESS } from './bios-area.ts';
import { type BootState, flatProtectedMode, linuxGdt } from './boot-state.ts';
import { hex, ImageError } from './image-error.ts';
import { LINUX_LOAD_ADDRESS, type LinuxImage, readLinuxImage, SETUP_HEADER } from './linux-header.ts';
import { concat, cString, type Field, u8, u16, u32, u64 } from './little-endian.ts';
import type { BootFile } from './multiboot.ts';
import type { RamPlan } from './ram-plan.ts';

const PAGE = 0x1000;
// High in base memory: images that move themselves low (memtest86+ goes to 0x10000) must not run over them.
const BOOT_PARAMS = 0x90000;
const COMMAND_LINE = 0x91000;

// boot.rst: 0xff is a loader without a number of its own.
const TYPE_OF_LOADER = 0xff;
const ACPI_RSDP_SINCE = 0x20e;

// Linux, Documentation/arch/x86/zero-page.rst: offsets in struct boot_params outside the setup header.
const ZERO_PAGE = { screenInfo: 0x000, acpiRsdpAddr: 0x070, altMemK: 0x1e0, e820Entries: 0x1e8, e820Table: 0x2d0 };

// struct screen_info of 80x25 colour text with the cursor at the top left.
const screenInfo: Field = concat(
  u8(0), // orig_x
  u8(0), // orig_y
  u16(0), // ext_mem_k, filled in with the memory sizes
  u16(0), // orig_video_page
  u8(3), // orig_video_mode
  u8(80), // orig_video_cols
  u16(0), // flags
  u16(0), // orig_video_ega_bx
  u16(0), // unused
  u8(25), // orig_video_lines
  u8(1), // orig_video_isVGA
  u16(16), // orig_video_points
);
const EXT_MEM_K = 0x002;
// INT 15h function 88h cannot tell of more than 63 MiB.
const EXT_MEM_K_MAX = 0xfc00;

/**
 * Plans a Linux bzImage for the 32-bit boot protocol (Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"), with
 * at most one initrd, as high as the kernel allows.
 * @throws ImageError if the image, the command line or the initrd is bad or does not fit.
 */
export function planLinux(plan: RamPlan, kernel: BootFile, append: string, initrds: readonly BootFile[]): BootState {
  const image = readLinuxImage(kernel.name, kernel.bytes);
  const commandLine = cString(append);
  if (commandLine.length - 1 > image.cmdlineSize) {
    const given = commandLine.length - 1;
    throw new ImageError(kernel.name, `takes a command line of ${image.cmdlineSize} bytes, not ${given}`);
  }
  plan.claim(kernel.name, LINUX_LOAD_ADDRESS, image.kernel.length, 'the kernel');
  plan.claim(kernel.name, BOOT_PARAMS, PAGE, 'the zero page');
  plan.claim(kernel.name, COMMAND_LINE, commandLine.length, 'the command line');
  requireWorkspace(plan, kernel.name, image);
  const initrd = placeInitrd(plan, kernel.name, image, initrds);

  plan.write(LINUX_LOAD_ADDRESS, image.kernel);
  plan.write(COMMAND_LINE, commandLine);
  plan.write(BOOT_PARAMS, bootParams(plan.ramBytes, image, initrd));
  plan.write(BOOT_GDT_ADDRESS, linuxGdt.bytes);
  return flatProtectedMode(linuxGdt, BOOT_GDT_ADDRESS, { esi: BOOT_PARAMS, eip: image.entry });
}

function requireWorkspace(plan: RamPlan, file: string, { workspace: { start, size } }: LinuxImage): void {
  if (start + size > plan.ramBytes) {
    const [needs, has] = [hex(start + size), hex(plan.ramBytes)];
    throw new ImageError(file, `the kernel needs ${needs} bytes of RAM to start, the machine has ${has}`);
  }
}

interface PlacedInitrd {
  readonly address: number;
  readonly size: number;
}

function placeInitrd(plan: RamPlan, file: string, image: LinuxImage, initrds: readonly BootFile[]): PlacedInitrd {
  const [initrd, ...others] = initrds;
  if (!initrd) return { address: 0, size: 0 };
  if (others.length > 0) throw new ImageError(file, `is a Linux image: it takes one initrd, not ${initrds.length}`);
  if (initrd.args) throw new ImageError(initrd.name, `is an initrd, which takes no arguments: '${initrd.args}'`);
  const { start, size } = image.workspace;
  const kernelEnd = Math.max(start + size, LINUX_LOAD_ADDRESS + image.kernel.length);
  const room = { size: initrd.bytes.length, alignment: PAGE, from: kernelEnd, below: image.initrdAddrMax + 1 };
  const address = plan.highest(room);
  if (address === null) {
    const space = hex(Math.max(Math.min(room.below, plan.ramBytes) - kernelEnd, 0));
    throw new ImageError(initrd.name, `the initrd needs ${hex(room.size)} bytes, above the kernel there are ${space}`);
  }
  plan.claim(initrd.name, address, initrd.bytes.length, 'the initrd');
  plan.write(address, initrd.bytes);
  return { address, size: initrd.bytes.length };
}

/** The zero page: all zero but the setup header out of the image and what the loader knows. */
function bootParams(ramBytes: number, image: LinuxImage, initrd: PlacedInitrd): Uint8Array {
  const page = new Uint8Array(PAGE);
  const put = (offset: number, field: Field) => page.set(field, offset);
  const aboveMib = (ramBytes - MIB) / 1024;
  const map = e820Map(ramBytes);

  put(SETUP_HEADER.start, image.setupHeader);
  put(SETUP_HEADER.typeOfLoader, u8(TYPE_OF_LOADER));
  put(SETUP_HEADER.ramdiskImage, u32(initrd.address));
  put(SETUP_HEADER.ramdiskSize, u32(initrd.size));
  put(SETUP_HEADER.cmdLinePtr, u32(COMMAND_LINE));
  put(ZERO_PAGE.screenInfo, screenInfo);
  put(EXT_MEM_K, u16(Math.min(aboveMib, EXT_MEM_K_MAX)));
  put(ZERO_PAGE.altMemK, u32(aboveMib));
  if (image.version >= ACPI_RSDP_SINCE) put(ZERO_PAGE.acpiRsdpAddr, u64(RSDP_ADDRESS));
  put(ZERO_PAGE.e820Entries, u8(map.length));
  put(ZERO_PAGE.e820Table, concat(...map.map(({ base, length, type }) => concat(u64(base), u64(length), u32(type)))));
  return page;
}
