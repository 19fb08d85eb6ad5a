// Resource descriptors for _CRS: ACPI 6.3 6.4, "Resource Data Types for ACPI".
import { type Aml, buffer } from './aml.ts';
import { concat, type Field, u8, u16, u32 } from './little-endian.ts';

// 6.4.3.5.5: a range a bridge passes on has both of its ends fixed; bit 0 would make it consumed by the device.
const PRODUCED_FIXED = 0x0c;
const ENTIRE_IO_RANGE = 0x03;
const WRITABLE = 0x01;
const RESOURCE_TYPE = { memory: 0, io: 1, busNumber: 2 };

/** I/O ports that a device decodes with all 16 address bits: 6.4.2.5. */
export const ioPorts = (first: number, count: number): Field =>
  concat(u8(0x47), u8(1), u16(first), u16(first), u8(1), u8(count));

/** One edge-triggered, active-high interrupt line: 6.4.2.1 in its two-byte form. */
export const irqLine = (line: number): Field => concat(u8(0x22), u16(1 << line));

/** Read-only memory registers at a fixed 32-bit address: 6.4.3.4. */
export const fixedMemory = (base: number, length: number): Field =>
  concat(u8(0x86), u16(9), u8(0), u32(base), u32(length));

function wordRange(type: number, typeFlags: number, first: number, last: number): Field {
  const range = concat(u16(0), u16(first), u16(last), u16(0), u16(last - first + 1));
  return concat(u8(0x88), u16(3 + range.length), u8(type), u8(PRODUCED_FIXED), u8(typeFlags), range);
}

/** The buses behind a bridge: 6.4.3.5.3. */
export const busNumbers = (first: number, last: number): Field => wordRange(RESOURCE_TYPE.busNumber, 0, first, last);

/** I/O ports that a bridge passes on, not all 65,536 at once: 6.4.3.5.3. */
export const ioWindow = (first: number, last: number): Field =>
  wordRange(RESOURCE_TYPE.io, ENTIRE_IO_RANGE, first, last);

/** Memory that a bridge passes on: 6.4.3.5.2. */
export function memoryWindow(first: number, last: number): Field {
  const range = concat(u32(0), u32(first), u32(last), u32(0), u32(last - first + 1));
  return concat(u8(0x87), u16(3 + range.length), u8(RESOURCE_TYPE.memory), u8(PRODUCED_FIXED), u8(WRITABLE), range);
}

// 6.4.2.9: a checksum of 0 says that there is none.
const END_TAG: Field = [0x79, 0];

/** ResourceTemplate () { descriptors }. */
export const resources = (...descriptors: readonly Field[]): Aml => buffer(concat(...descriptors, END_TAG));
