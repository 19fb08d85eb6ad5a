import { expect } from 'chai';
import { e820Map, TableArea } from '../../src/boot/bios-area.ts';
import { installFirmwareTables } from '../../src/boot/firmware-tables.ts';
import { ImageError, MachineShapeError } from '../../src/boot/image-error.ts';
import { viewOf } from '../../src/boot/little-endian.ts';
import { RamPlan } from '../../src/boot/ram-plan.ts';
import { MIB, sharedRam, untouched } from './images.ts';

describe('what firmware leaves below 1 MiB', () => {
  const ram = sharedRam(4 * MIB);
  const tables = installFirmwareTables(ram, { vcpus: 2 });
  const view = viewOf(ram);

  const handlerOf = (vector: number) => view.getUint16(vector * 4, true) + view.getUint16(vector * 4 + 2, true) * 16;
  const MASTER_EOI = [0xe6, 0x20]; // OUT 20h, AL
  const SLAVE_EOI = [0xe6, 0xa0];

  it('points the real-mode vectors of no IRQ at an IRET', () => {
    for (let vector = 0; vector < 256; vector++) {
      if ((vector & ~7) !== 0x08 && (vector & ~7) !== 0x70) expect(ram[handlerOf(vector)]).to.equal(0xcf);
    }
  });

  it('ends the interrupts of the first 8259 with an EOI to it', () => {
    for (let vector = 0x08; vector < 0x10; vector++) {
      const code = [...ram.subarray(handlerOf(vector), handlerOf(vector) + 7)];
      expect(code).to.deep.equal([0x50, 0xb0, 0x20, ...MASTER_EOI, 0x58, 0xcf]);
    }
  });

  it('ends the interrupts of the second 8259 with an EOI to both', () => {
    for (let vector = 0x70; vector < 0x78; vector++) {
      const code = [...ram.subarray(handlerOf(vector), handlerOf(vector) + 9)];
      expect(code).to.deep.equal([0x50, 0xb0, 0x20, ...SLAVE_EOI, ...MASTER_EOI, 0x58, 0xcf]);
    }
  });

  it('halts at the reset vector: CLI, HLT, and a jump back to the HLT', () => {
    expect([...ram.subarray(0xffff0, 0xffff4)]).to.deep.equal([0xfa, 0xf4, 0xeb, 0xfd]);
  });

  it('tells of COM1, 639 KiB of base memory and the EBDA above it', () => {
    expect(view.getUint16(0x400, true)).to.equal(0x3f8);
    expect(view.getUint16(0x413, true)).to.equal(639);
    expect(view.getUint16(0x40e, true) * 16).to.equal(0x9fc00);
    expect(ram[0x9fc00]).to.equal(1);
  });

  it('writes nothing outside the areas that the memory map reserves, but vectors and BIOS data', () => {
    expect(untouched(ram.subarray(0x500, 0x9fc00))).to.equal(true);
    expect(untouched(ram.subarray(0xa0000, 0xf0000))).to.equal(true);
    expect(untouched(ram.subarray(MIB))).to.equal(true);
  });

  it('returns where each table lies', () => {
    const signature = (address: number) => new TextDecoder().decode(ram.slice(address, address + 4));
    const { rsdp, rsdt, xsdt, fadt, facs, dsdt, madt, hpet } = tables.acpi;
    const names = [rsdp, rsdt, xsdt, fadt, facs, dsdt, madt, hpet, tables.mp.floatingPointer].map(signature);
    expect(names).to.deep.equal(['RSD ', 'RSDT', 'XSDT', 'FACP', 'FACS', 'DSDT', 'APIC', 'HPET', '_MP_']);
  });

  it('refuses a table that would run into the boot GDT', () => {
    const area = new TableArea(new RamPlan(4 * MIB));
    area.add('one', new Uint8Array(0xd000));
    expect(() => area.add('another', new Uint8Array(0x2000))).to.throw(
      ImageError,
      /another at .* overlaps the boot GDT/,
    );
  });
});

describe('the E820 memory map', () => {
  it('is usable up to the EBDA and from 1 MiB to the end of RAM', () => {
    expect(e820Map(256 * MIB)).to.deep.equal([
      { type: 1, base: 0, length: 0x9fc00 },
      { type: 2, base: 0x9fc00, length: 0x400 },
      { type: 2, base: 0xf0000, length: 0x10000 },
      { type: 1, base: MIB, length: 255 * MIB },
    ]);
  });

  for (const bytes of [0, MIB, 2 * MIB + 1, 3072 * MIB + 4096]) {
    it(`does not exist for ${bytes} bytes of RAM`, () => {
      expect(() => e820Map(bytes)).to.throw(MachineShapeError, String(bytes));
    });
  }

  for (const vcpus of [0, 65, 1.5]) {
    it(`has no machine of ${vcpus} vCPUs to go with`, () => {
      const ram = sharedRam(2 * MIB);
      expect(() => installFirmwareTables(ram, { vcpus })).to.throw(MachineShapeError, 'must be 1 to 64');
      expect(untouched(ram)).to.equal(true);
    });
  }
});
