import { hex, ImageError } from './image-error.ts';
import { viewOf } from './little-endian.ts';

// Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header": offsets in the image and in boot_params alike.
export const SETUP_HEADER = {
  start: 0x1f1,
  setupSects: 0x1f1,
  syssize: 0x1f4,
  bootFlag: 0x1fe,
  jump: 0x200,
  magic: 0x202,
  version: 0x206,
  typeOfLoader: 0x210,
  loadflags: 0x211,
  code32Start: 0x214,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  cmdLinePtr: 0x228,
  initrdAddrMax: 0x22c,
  kernelAlignment: 0x230,
  relocatableKernel: 0x234,
  cmdlineSize: 0x238,
  prefAddress: 0x258,
  initSize: 0x260,
} as const;

const BOOT_FLAG = 0xaa55;
const HDRS = 0x5372_6448;
const SECTOR = 512;
// "For backwards compatibility, if the setup_sects field contains 0, the real value is 4."
const DEFAULT_SETUP_SECTS = 4;
const LOADED_HIGH = 0x01;

/** The first protocol with cmd_line_ptr, without which the zero page cannot carry a command line. */
const OLDEST_VERSION = 0x0202;
/** Where each protocol version brought the field of the same name; before it, its default. */
const SINCE = { initrdAddrMax: 0x203, syssize: 0x204, cmdlineSize: 0x206, initSize: 0x20a };
const DEFAULT_INITRD_ADDR_MAX = 0x37ff_ffff;
const DEFAULT_CMDLINE_SIZE = 255;

/** The protected-mode kernel of a bzImage is loaded at 1 MiB. */
export const LINUX_LOAD_ADDRESS = 0x10_0000;

/** A bzImage taken apart. */
export interface LinuxImage {
  readonly version: number;
  /** The setup header as it goes into boot_params. */
  readonly setupHeader: Uint8Array;
  /** The protected-mode kernel. */
  readonly kernel: Uint8Array;
  readonly entry: number;
  /** The last address that an initrd may use. */
  readonly initrdAddrMax: number;
  /** The longest command line, without its terminating zero. */
  readonly cmdlineSize: number;
  /** Memory the kernel needs before it can look at the memory map; empty when its version does not tell. */
  readonly workspace: { readonly start: number; readonly size: number };
}

/** Whether the file has a Linux setup header. */
export function isLinux(bytes: Uint8Array): boolean {
  if (bytes.length < SETUP_HEADER.version + 2) return false;
  const view = viewOf(bytes);
  const flagged = view.getUint16(SETUP_HEADER.bootFlag, true) === BOOT_FLAG;
  return flagged && view.getUint32(SETUP_HEADER.magic, true) === HDRS;
}

/**
 * Reads a bzImage. Nothing is copied: `setupHeader` and `kernel` are views of `bytes`.
 * @throws ImageError if it is truncated, older than protocol 2.02, or a zImage, which loads low.
 */
export function readLinuxImage(file: string, bytes: Uint8Array): LinuxImage {
  if (!isLinux(bytes)) throw new ImageError(file, 'has no Linux setup header');
  const view = viewOf(bytes);
  const version = view.getUint16(SETUP_HEADER.version, true);
  if (version < OLDEST_VERSION) {
    const is = `${version >>> 8}.${String(version & 0xff).padStart(2, '0')}`;
    throw new ImageError(file, `has boot protocol ${is}; 2.02 is the oldest supported`, SETUP_HEADER.version);
  }
  // The header ends where the short jump over it lands.
  const headerEnd = SETUP_HEADER.magic + bytes[SETUP_HEADER.jump + 1];
  const setupBytes = ((bytes[SETUP_HEADER.setupSects] || DEFAULT_SETUP_SECTS) + 1) * SECTOR;
  if (setupBytes >= bytes.length) throw new ImageError(file, 'is truncated inside the Linux setup code', bytes.length);
  if ((bytes[SETUP_HEADER.loadflags] & LOADED_HIGH) === 0) {
    throw new ImageError(
      file,
      'is a zImage, which loads below 1 MiB; only bzImages are supported',
      SETUP_HEADER.loadflags,
    );
  }
  const field = (since: number, read: () => number, before: number) => (version >= since ? read() : before);
  const u32At = (offset: number) => view.getUint32(offset, true);
  const kernel = bytes.subarray(setupBytes);
  requireWhole(
    file,
    bytes,
    setupBytes,
    field(SINCE.syssize, () => u32At(SETUP_HEADER.syssize), 0),
  );
  return {
    version,
    setupHeader: bytes.subarray(SETUP_HEADER.start, headerEnd),
    kernel,
    entry: entryOf(file, u32At(SETUP_HEADER.code32Start), kernel.length),
    initrdAddrMax: field(SINCE.initrdAddrMax, () => u32At(SETUP_HEADER.initrdAddrMax), DEFAULT_INITRD_ADDR_MAX),
    cmdlineSize: field(SINCE.cmdlineSize, () => u32At(SETUP_HEADER.cmdlineSize), DEFAULT_CMDLINE_SIZE),
    workspace: version >= SINCE.initSize ? workspaceOf(file, view) : { start: LINUX_LOAD_ADDRESS, size: 0 },
  };
}

/** syssize counts paragraphs of 16 bytes, the last of which the file need not fill. */
function requireWhole(file: string, bytes: Uint8Array, setupBytes: number, syssize: number): void {
  const needed = setupBytes + Math.max(syssize - 1, 0) * 16;
  if (needed >= bytes.length && syssize > 0) {
    throw new ImageError(file, `is truncated: its setup header tells of more than ${hex(needed)} bytes`, bytes.length);
  }
}

function entryOf(file: string, code32Start: number, kernelBytes: number): number {
  if (code32Start < LINUX_LOAD_ADDRESS || code32Start >= LINUX_LOAD_ADDRESS + kernelBytes) {
    const reason = `has its entry point ${hex(code32Start)} outside the kernel loaded at ${hex(LINUX_LOAD_ADDRESS)}`;
    throw new ImageError(file, reason, SETUP_HEADER.code32Start);
  }
  return code32Start;
}

// boot.rst on init_size: a relocatable kernel runs at its load address aligned up, but not below pref_address;
// another one at pref_address.
function workspaceOf(file: string, view: DataView): LinuxImage['workspace'] {
  const preferred = Number(view.getBigUint64(SETUP_HEADER.prefAddress, true));
  const alignment = view.getUint32(SETUP_HEADER.kernelAlignment, true);
  const relocatable = view.getUint8(SETUP_HEADER.relocatableKernel) !== 0;
  if (relocatable && alignment === 0) {
    throw new ImageError(file, 'is relocatable to multiples of 0', SETUP_HEADER.kernelAlignment);
  }
  const aligned = relocatable ? Math.ceil(LINUX_LOAD_ADDRESS / alignment) * alignment : preferred;
  return { start: Math.max(aligned, preferred), size: view.getUint32(SETUP_HEADER.initSize, true) };
}
