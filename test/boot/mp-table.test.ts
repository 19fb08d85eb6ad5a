import { expect } from 'chai';
import { installFirmwareTables } from '../../src/boot/firmware-tables.ts';
import { sumOf, viewOf } from '../../src/boot/little-endian.ts';
import { MIB, sharedRam } from './images.ts';
import { scanFor } from './tables.ts';

const ENTRY_BYTES = [20, 8, 8, 8, 8];

function mpTable(vcpus: number) {
  const ram = sharedRam(4 * MIB);
  installFirmwareTables(ram, { vcpus, processor: { signature: 0x6f1, features: 0x78b_fbff } });
  const pointer = ram.slice(scanFor(ram, '_MP_', 0xf0000, MIB)).subarray(0, 16);
  const address = viewOf(pointer).getUint32(4, true);
  const table = ram.slice(address, address + viewOf(ram).getUint16(address + 4, true));
  const entries: number[][] = [];
  for (let at = 44; at < table.length; at += ENTRY_BYTES[table[at]]) {
    entries.push([...table.subarray(at, at + ENTRY_BYTES[table[at]])]);
  }
  const ofType = (type: number) => entries.filter(([first]) => first === type);
  return { pointer, table, entries, ofType };
}

describe('MP tables (Intel MultiProcessor Specification 1.4)', () => {
  it('can be found in the BIOS area, and both structures sum to zero', () => {
    const { pointer, table } = mpTable(4);
    expect(sumOf(pointer)).to.equal(0);
    expect([pointer[8], pointer[9]]).to.deep.equal([1, 4]);
    expect(sumOf(table)).to.equal(0);
    expect(new TextDecoder().decode(table.subarray(0, 4))).to.equal('PCMP');
  });

  it('counts its entries and orders them by type', () => {
    const { table, entries } = mpTable(64);
    expect(viewOf(table).getUint16(34, true)).to.equal(entries.length);
    const types = entries.map(([type]) => type);
    expect(types).to.deep.equal([...types].sort());
  });

  it('lists every vCPU by its index, the first as the bootstrap processor, with what CPUID says', () => {
    const processors = mpTable(3).ofType(0);
    expect(processors.map((entry) => [entry[1], entry[3]])).to.deep.equal([
      [0, 3],
      [1, 1],
      [2, 1],
    ]);
    expect(processors[2].slice(4, 12)).to.deep.equal([0xf1, 0x06, 0, 0, 0xff, 0xfb, 0x8b, 0x07]);
  });

  it("sends the PIT's ISA line 0 to pin 2, the level lines as level, and leaves the cascade out", () => {
    const isa = mpTable(1)
      .ofType(3)
      .filter((entry) => entry[4] === 1);
    const pinOf = new Map(isa.map((entry) => [entry[5], { flags: entry[2], pin: entry[7] }]));
    expect(pinOf.size).to.equal(15);
    expect(pinOf.get(0)).to.deep.equal({ flags: 0, pin: 2 });
    expect(pinOf.get(4)).to.deep.equal({ flags: 0, pin: 4 });
    expect(pinOf.get(9)).to.deep.equal({ flags: 0xd, pin: 9 });
    expect(pinOf.has(2)).to.equal(false);
  });

  it('routes the four pins of a PCI slot over lines 10 and 11, rotated from slot to slot', () => {
    const pci = mpTable(1)
      .ofType(3)
      .filter((entry) => entry[4] === 0);
    const lines = (slot: number) => pci.filter((entry) => entry[5] >> 2 === slot).map((entry) => entry[7]);
    expect(lines(1)).to.deep.equal([10, 10, 11, 11]);
    expect(lines(2)).to.deep.equal([10, 11, 11, 10]);
    expect(lines(0)).to.deep.equal([]);
  });

  it("wires the 8259 pair to the first vCPU's LINT0 and NMI to every LINT1", () => {
    expect(mpTable(2).ofType(4)).to.deep.equal([
      [4, 3, 0, 0, 1, 0, 0, 0],
      [4, 1, 0, 0, 1, 0, 0xff, 1],
    ]);
  });
});
