import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { installFirmwareTables } from '../../src/boot/firmware-tables.ts';
import { sumOf, viewOf } from '../../src/boot/little-endian.ts';
import { MIB, sharedRam } from './images.ts';
import { acpiTable, listed, scanFor } from './tables.ts';

function machine(vcpus: number) {
  const ram = sharedRam(16 * MIB);
  installFirmwareTables(ram, { vcpus });
  const rsdp = scanFor(ram, 'RSD PTR ', 0xe0000, MIB);
  const view = viewOf(ram);
  const tables = listed(ram, view.getUint32(rsdp + 16, true), 4);
  const tableNamed = (signature: string) => acpiTable(ram, tables.get(signature)!);
  return { ram, view, rsdp, tables, tableNamed };
}

/** The MADT's entries after its fixed part: type and the bytes after the length. */
function madtEntries(madt: Uint8Array): { type: number; body: number[] }[] {
  const entries = [];
  for (let at = 44; at < madt.length; at += madt[at + 1]) {
    entries.push({ type: madt[at], body: [...madt.subarray(at + 2, at + madt[at + 1])] });
  }
  return entries;
}

describe('ACPI tables (ACPI 6.3 5.2)', () => {
  it('puts the RSDP of ACPI 2.0 where kernels search, both checksums right', () => {
    const { ram, rsdp } = machine(4);
    expect(rsdp).to.be.within(0xe0000, 0xfffff);
    expect(ram[rsdp + 15]).to.equal(2);
    expect(sumOf(ram.subarray(rsdp, rsdp + 20))).to.equal(0);
    expect(sumOf(ram.subarray(rsdp, rsdp + 36))).to.equal(0);
  });

  it('lists the same tables in RSDT and XSDT, each with a sum of zero', () => {
    const { ram, view, rsdp, tables } = machine(4);
    const [rsdt, xsdt] = [view.getUint32(rsdp + 16, true), Number(view.getBigUint64(rsdp + 24, true))];
    expect([...tables.keys()]).to.have.members(['FACP', 'APIC', 'HPET']);
    expect(listed(ram, xsdt, 8)).to.deep.equal(tables);
    for (const address of [rsdt, xsdt, ...tables.values()]) expect(sumOf(acpiTable(ram, address))).to.equal(0);
  });

  it("gives the FADT of QEMU's pc: PM1 at 0x600, PM timer of 24 bits at 0x608, SCI 9, always in ACPI mode", () => {
    const fadt = viewOf(machine(4).tableNamed('FACP'));
    expect(fadt.byteLength).to.equal(244);
    const at = { sci: fadt.getUint16(46, true), smiCommand: fadt.getUint32(48, true) };
    expect(at).to.deep.equal({ sci: 9, smiCommand: 0 });
    expect([56, 64, 76].map((offset) => fadt.getUint32(offset, true))).to.deep.equal([0x600, 0x604, 0x608]);
    expect([148, 172, 208].map((offset) => fadt.getUint32(offset + 4, true))).to.deep.equal([0x600, 0x604, 0x608]);
    expect(fadt.getUint32(112, true)).to.equal(0x80a5);
  });

  it('asks for clustered logical destinations beyond the eight that flat ones reach', () => {
    const clustered = (vcpus: number) => viewOf(machine(vcpus).tableNamed('FACP')).getUint32(112, true) >>> 18;
    expect([clustered(8), clustered(9)]).to.deep.equal([0, 1]);
  });

  it('points from the FADT to a FACS on a 64-byte boundary and to a whole DSDT', () => {
    const { ram, tableNamed } = machine(1);
    const fadt = viewOf(tableNamed('FACP'));
    const [facs, dsdt] = [fadt.getUint32(36, true), fadt.getUint32(40, true)];
    expect(facs % 64).to.equal(0);
    expect(new TextDecoder().decode(acpiTable(ram, facs).subarray(0, 4))).to.equal('FACS');
    expect(sumOf(acpiTable(ram, dsdt))).to.equal(0);
    expect(Number(fadt.getBigUint64(140, true))).to.equal(dsdt);
  });

  it('lists every vCPU, the I/O APIC, the overrides and the NMI line in the MADT', () => {
    const madt = machine(64).tableNamed('APIC');
    const entries = madtEntries(madt);
    const ofType = (type: number) => entries.filter((entry) => entry.type === type).map(({ body }) => body);
    expect(viewOf(madt).getUint32(36, true)).to.equal(0xfee0_0000);
    expect(ofType(0)).to.deep.equal(Array.from({ length: 64 }, (_, id) => [id, id, 1, 0, 0, 0]));
    expect(ofType(1)).to.deep.equal([[0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]]);
    const level = [5, 9, 10, 11].map((line) => [0, line, line, 0, 0, 0, 0xd, 0]);
    expect(ofType(2)).to.deep.equal([[0, 0, 2, 0, 0, 0, 0, 0], ...level]);
    expect(ofType(4)).to.deep.equal([[0xff, 0, 0, 1]]);
  });

  it('describes the HPET at 0xfed00000', () => {
    const hpet = viewOf(machine(1).tableNamed('HPET'));
    expect(hpet.getUint32(36, true)).to.equal(0x8086_a201);
    expect(Number(hpet.getBigUint64(44, true))).to.equal(0xfed0_0000);
  });
});

/** Runs Intel's disassembler over a table; returns its source text. */
function disassemble(signature: string, table: Uint8Array): { messages: string; source: string } {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-acpi-'));
  try {
    writeFileSync(join(folder, 'table.dat'), table);
    const { stdout, stderr } = spawnSync('iasl', ['-d', 'table.dat'], { cwd: folder, encoding: 'utf8' });
    return { messages: `${signature}: ${stdout}${stderr}`, source: readFileSync(join(folder, 'table.dsl'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("ACPI tables read by Intel's iasl", () => {
  before(function () {
    if (spawnSync('iasl', ['-v']).error) this.skip();
  });

  it('disassembles every table without a complaint', () => {
    const { ram, tables, tableNamed } = machine(64);
    const dsdt = acpiTable(ram, viewOf(tableNamed('FACP')).getUint32(40, true));
    const all = [...tables.keys()].map((name) => [name, tableNamed(name)] as const);
    for (const [name, table] of [...all, ['DSDT', dsdt] as const]) {
      const { messages } = disassemble(name, table);
      expect(messages).to.match(/Acpi Data Table|ASL Output|Disassembly completed/i);
      expect(messages).to.not.match(/error|warning|incorrect|invalid/i);
    }
  });

  it('finds soft-off, the processors, the PCI root, the serial port and the clock in the DSDT', () => {
    const { ram, tableNamed } = machine(17);
    const dsdt = acpiTable(ram, viewOf(tableNamed('FACP')).getUint32(40, true));
    const { source } = disassemble('DSDT', dsdt);
    expect(source.match(/Processor \(C0/g)).to.have.lengthOf(17);
    expect(source).to.include('Processor (C010, 0x10, 0x00000000, 0x00)');
    expect(source).to.match(/Name \(\\?_S5, Package \(0x04\)/);
    for (const id of ['PNP0A03', 'PNP0501', 'PNP0B00', 'PNP0103']) expect(source).to.include(`EisaId ("${id}")`);
    expect(source).to.match(/IO \(Decode16,\s+0x03F8/);
    expect(source).to.match(/IRQNoFlags \(\)\s+\{4\}/);
    expect(source.match(/0x[0-9A-F]+FFFF,\s+(Zero|One|0x0[23]),\s+Zero,\s+0x0[AB]/g)).to.have.lengthOf(31 * 4);
  });
});
