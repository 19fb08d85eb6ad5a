// Finds firmware tables as a kernel does: by searching memory for signatures and following addresses.
import { viewOf } from '../../src/boot/little-endian.ts';

const signatureAt = (ram: Uint8Array, address: number, length: number) =>
  String.fromCharCode(...ram.subarray(address, address + length));

/** The address of a signature on a 16-byte boundary of [start, end), or -1. */
export function scanFor(ram: Uint8Array, signature: string, start: number, end: number): number {
  for (let at = start; at < end; at += 16) if (signatureAt(ram, at, signature.length) === signature) return at;
  return -1;
}

/** An ACPI table's bytes, copied. */
export const acpiTable = (ram: Uint8Array, address: number): Uint8Array =>
  ram.slice(address, address + viewOf(ram).getUint32(address + 4, true));

/** The tables that an RSDT (4-byte entries) or an XSDT (8-byte entries) lists, by signature. */
export function listed(ram: Uint8Array, address: number, entryBytes: 4 | 8): Map<string, number> {
  const table = acpiTable(ram, address);
  const view = viewOf(table);
  const tables = new Map<string, number>();
  for (let at = 36; at < table.length; at += entryBytes) {
    const pointer = entryBytes === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
    tables.set(signatureAt(ram, pointer, 4), pointer);
  }
  return tables;
}
