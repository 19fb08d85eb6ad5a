import { closeSync, openSync, readSync } from 'node:fs';

/** The file has no such section, or is not a 64-bit ELF file. */
export class SectionError extends Error {
  override readonly name = 'SectionError';
}

/** ELF64 offsets: System V ABI, "ELF Header" and "Section Header". */
const ELF_MAGIC = 0x7f454c46;
const SECTION_TABLE_OFFSET = 0x28;
const SECTION_ENTRY_SIZE = 0x3a;
const SECTION_COUNT = 0x3c;
const SECTION_TYPE = 0x04;
const SECTION_FLAGS = 0x08;
const SECTION_OFFSET = 0x18;
const SECTION_SIZE = 0x20;
const PROGBITS = 1;
const EXECUTABLE = 4n;

/**
 * Up to `limit` bytes from the middle of an ELF64 file's largest executable section: by default of Node itself, a
 * large program that is there wherever the tests run. Throws SectionError if there is none.
 */
export function readMachineCode(limit: number, path: string = process.execPath): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const section = largestExecutableSection(file, path);
    const size = Math.min(limit, section.size);
    return readAt(file, section.offset + Math.floor((section.size - size) / 2), size);
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, position: number, size: number): Buffer {
  const buffer = Buffer.alloc(size);
  const read = readSync(file, buffer, 0, size, position);
  return buffer.subarray(0, read);
}

function largestExecutableSection(file: number, path: string): { offset: number; size: number } {
  const header = readAt(file, 0, 0x40);
  if (header.length < 0x40 || header.readUInt32BE(0) !== ELF_MAGIC) throw new SectionError(`${path} is no ELF file`);
  const entry = header.readUInt16LE(SECTION_ENTRY_SIZE);
  const count = header.readUInt16LE(SECTION_COUNT);
  const table = readAt(file, Number(header.readBigUInt64LE(SECTION_TABLE_OFFSET)), entry * count);
  let largest = { offset: 0, size: 0 };
  for (let at = 0; at + entry <= table.length; at += entry) {
    const executable = table.readBigUInt64LE(at + SECTION_FLAGS) & EXECUTABLE;
    const size = Number(table.readBigUInt64LE(at + SECTION_SIZE));
    if (table.readUInt32LE(at + SECTION_TYPE) !== PROGBITS || !executable || size <= largest.size) continue;
    largest = { offset: Number(table.readBigUInt64LE(at + SECTION_OFFSET)), size };
  }
  if (largest.size === 0) throw new SectionError(`${path} has no executable section`);
  return largest;
}
