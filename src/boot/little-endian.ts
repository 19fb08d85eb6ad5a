// Tables are written as lists of fields in the order their manual lists them; these make the bytes of one field.

/** The bytes of one field, or of several in a row. */
export type Field = readonly number[] | Uint8Array;

/** One byte: the low 8 bits of `value`. */
export const u8 = (value: number): Field => [value & 0xff];

/** Two bytes, the lowest first. */
export const u16 = (value: number): Field => [value & 0xff, (value >>> 8) & 0xff];

/** Four bytes, the lowest first; `value` is taken modulo 2^32. */
export const u32 = (value: number): Field => [...u16(value), ...u16(value >>> 16)];

/** Eight bytes, the lowest first; `value` is a whole number from 0 to 2^53 - 1. */
export const u64 = (value: number): Field => [...u32(value % 2 ** 32), ...u32(Math.floor(value / 2 ** 32))];

/** `count` zero bytes: a reserved or unused field. */
export const zeros = (count: number): Field => new Uint8Array(count);

/** Text in ASCII, cut or padded with spaces to `length` bytes, as ACPI and MP identifiers are. */
export function ascii(text: string, length: number): Field {
  return Array.from(text.padEnd(length).slice(0, length), (letter) => letter.charCodeAt(0) & 0x7f);
}

/** Text in UTF-8 and its terminating zero. */
export const cString = (text: string): Uint8Array => Uint8Array.from([...new TextEncoder().encode(text), 0]);

/** All fields one after the other. */
export function concat(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((length, field) => length + field.length, 0));
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += field.length;
  }
  return bytes;
}

/** The sum of all bytes modulo 256: 0 over every table that is whole (ACPI 6.3 5.2.6, MP 1.4 4.1). */
export const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);

/** Sets the byte at `offset` so that the whole table sums to 0; returns the table. */
export function withChecksum(bytes: Uint8Array, offset: number): Uint8Array {
  bytes[offset] = 0;
  bytes[offset] = -sumOf(bytes) & 0xff;
  return bytes;
}

/** A view for reading little-endian fields of a file. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
