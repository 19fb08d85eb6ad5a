import { isElf, type LoadSegment, readElf } from './elf.ts';
import { hex, ImageError } from './image-error.ts';
import { viewOf } from './little-endian.ts';

// Multiboot specification 0.6.96, 3.1.1 "The layout of Multiboot header" and 3.1.2 "The magic fields".
const MAGIC = 0x1bad_b002;
const SEARCH_BYTES = 8192;
const FIELD = { flags: 4, checksum: 8, headerAddr: 12, loadAddr: 16, loadEnd: 20, bssEnd: 24, entry: 28 };
const HEADER_BYTES = 12;
const ADDRESS_FIELDS_END = 32;

const FLAG = {
  // Bits 0 and 1, page-aligned modules and the memory map, are always granted.
  videoMode: 1 << 2,
  addresses: 1 << 16,
};
// An image must not be started by a loader that does not know a flag among bits 0-15; bits above are only hints.
const REQUIRED_UNKNOWN = 0xfff8;

/** A multiboot image taken apart: what to load where, and where to begin. Addresses are physical. */
export interface MultibootImage {
  readonly entry: number;
  readonly segments: readonly LoadSegment[];
  readonly warnings: readonly string[];
}

/** The file offset of the multiboot header in the first 8 KiB, or null. */
export function findMultibootHeader(bytes: Uint8Array): number | null {
  const view = viewOf(bytes);
  const last = Math.min(SEARCH_BYTES, bytes.length) - HEADER_BYTES;
  for (let at = 0; at <= last; at += 4) {
    if (view.getUint32(at, true) !== MAGIC) continue;
    const flags = view.getUint32(at + FIELD.flags, true);
    const checksum = view.getUint32(at + FIELD.checksum, true);
    if (((MAGIC + flags + checksum) | 0) === 0) return at;
  }
  return null;
}

/**
 * Reads the image whose multiboot header is at `at`: by its own address fields if it has them, else as ELF of 32 or
 * 64 bits, which starts in 32-bit mode all the same.
 * @throws ImageError if it is truncated, contradicts itself, or demands what this loader does not have.
 */
export function readMultibootImage(file: string, bytes: Uint8Array, at: number): MultibootImage {
  const flags = viewOf(bytes).getUint32(at + FIELD.flags, true);
  if (flags & REQUIRED_UNKNOWN) {
    const unknown = hex(flags & REQUIRED_UNKNOWN);
    throw new ImageError(file, `requires the unknown multiboot features ${unknown}`, at + FIELD.flags);
  }
  const wantsVideo = (flags & FLAG.videoMode) !== 0;
  const warnings = wantsVideo ? [`${file}: asks for a video mode; the machine has no video`] : [];
  if (flags & FLAG.addresses) return { ...readAddressFields(file, bytes, at), warnings };
  if (!isElf(bytes)) throw new ImageError(file, 'is neither ELF nor has multiboot address fields', at);
  return { ...readElf(file, bytes), warnings };
}

/** The address fields: 3.1.3. They make one segment of the file from the header's own place on. */
function readAddressFields(file: string, bytes: Uint8Array, at: number): Omit<MultibootImage, 'warnings'> {
  if (at + ADDRESS_FIELDS_END > bytes.length) {
    throw new ImageError(file, 'is truncated inside the multiboot header', bytes.length);
  }
  const field = (offset: number) => viewOf(bytes).getUint32(at + offset, true);
  const address = field(FIELD.loadAddr);
  const start = at - (field(FIELD.headerAddr) - address);
  if (start > at || start < 0) {
    throw new ImageError(file, 'has a load_addr that its header_addr contradicts', at + FIELD.loadAddr);
  }
  // Zero means "to the end of the file", and "no .bss".
  const loadEnd = field(FIELD.loadEnd) || address + bytes.length - start;
  const bssEnd = field(FIELD.bssEnd) || loadEnd;
  if (loadEnd < address) throw new ImageError(file, 'has a load_end_addr below load_addr', at + FIELD.loadEnd);
  if (bssEnd < loadEnd) throw new ImageError(file, 'has a bss_end_addr below load_end_addr', at + FIELD.bssEnd);
  const end = start + loadEnd - address;
  if (end > bytes.length) {
    throw new ImageError(file, `is truncated: its load_end_addr needs ${hex(end)} bytes of file`, bytes.length);
  }
  return {
    entry: field(FIELD.entry),
    segments: [{ address, data: bytes.subarray(start, end), size: bssEnd - address }],
  };
}
