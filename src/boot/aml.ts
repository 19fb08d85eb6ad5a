// ACPI Machine Language, as far as a DSDT without methods needs it: ACPI 6.3 chapter 20, "AML Specification".
import { concat, type Field, u8, u16, u32 } from './little-endian.ts';

/** The bytes of one term: an object with all that it contains. */
export type Aml = Uint8Array;

// ACPI 6.3 20.3, "AML Byte Stream Byte Values".
const OP = {
  zero: 0x00,
  one: 0x01,
  name: 0x08,
  bytePrefix: 0x0a,
  wordPrefix: 0x0b,
  dwordPrefix: 0x0c,
  scope: 0x10,
  buffer: 0x11,
  package: 0x12,
  extended: 0x5b,
  device: 0x82,
  processor: 0x83,
  dualName: 0x2e,
  multiName: 0x2f,
};

/**
 * PkgLength, 20.2.4: it counts itself. One byte tells of up to 63 bytes; beyond, the lead byte holds the lowest four
 * bits and, in its top two, how many bytes of eight more bits follow.
 */
function withLength(contents: Uint8Array): Aml {
  if (contents.length + 1 < 0x40) return concat([contents.length + 1], contents);
  const extra = contents.length + 2 < 0x1000 ? 1 : contents.length + 3 < 0x10_0000 ? 2 : 3;
  const length = contents.length + 1 + extra;
  const rest = Array.from({ length: extra }, (_, index) => (length >>> (4 + 8 * index)) & 0xff);
  return concat([(extra << 6) | (length & 0xf)], rest, contents);
}

/**
 * NameString, 20.2.2: a path such as `\_SB.PCI0`, each of its names padded with underscores to four letters.
 */
function nameString(path: string): Aml {
  const root = path.startsWith('\\') ? '\\' : '';
  const names = path.slice(root.length).split('.').filter(Boolean);
  const letters = names.map((name) => name.padEnd(4, '_')).join('');
  const prefixes: Record<number, Field> = { 0: [0], 1: [], 2: [OP.dualName] };
  const prefix = prefixes[names.length] ?? [OP.multiName, names.length];
  return concat(textBytes(root), prefix, textBytes(letters));
}

const textBytes = (text: string): Field => Array.from(text, (letter) => letter.charCodeAt(0));

/** An integer from 0 to 2^32 - 1, in its shortest form: 20.2.3. */
export function integer(value: number): Aml {
  if (value <= 1) return Uint8Array.of(value === 0 ? OP.zero : OP.one);
  if (value < 0x100) return concat([OP.bytePrefix], u8(value));
  if (value < 0x1_0000) return concat([OP.wordPrefix], u16(value));
  return concat([OP.dwordPrefix], u32(value));
}

/** A compressed EISA identifier such as `PNP0A03`: 19.3.4, three letters of five bits and four hex digits. */
export function eisaId(id: string): Aml {
  const [a, b, c] = Array.from(id.slice(0, 3), (letter) => letter.charCodeAt(0) - 0x40);
  const letters = (a << 10) | (b << 5) | c;
  const digits = Number.parseInt(id.slice(3), 16);
  // Stored with the high byte of each half first, unlike everything else.
  return Uint8Array.of(OP.dwordPrefix, letters >>> 8, letters & 0xff, digits >>> 8, digits & 0xff);
}

/** Name (path, value). */
export const name = (path: string, value: Aml): Aml => concat([OP.name], nameString(path), value);

/** Scope (path) { terms }. */
export const scope = (path: string, ...terms: readonly Aml[]): Aml =>
  concat([OP.scope], withLength(concat(nameString(path), ...terms)));

/** Device (path) { terms }. */
export const device = (path: string, ...terms: readonly Aml[]): Aml =>
  concat([OP.extended, OP.device], withLength(concat(nameString(path), ...terms)));

/** Processor (path, id, no P_BLK) {}; `id` is what the MADT calls the ACPI processor UID. */
export const processor = (path: string, id: number): Aml =>
  concat([OP.extended, OP.processor], withLength(concat(nameString(path), u8(id), u32(0), u8(0))));

/** Package () { elements }, of at most 255 elements. */
export const packageOf = (...elements: readonly Aml[]): Aml =>
  concat([OP.package], withLength(concat(u8(elements.length), ...elements)));

/** Buffer () { bytes }. */
export const buffer = (bytes: Uint8Array): Aml => concat([OP.buffer], withLength(concat(integer(bytes.length), bytes)));
