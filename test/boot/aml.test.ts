import { expect } from 'chai';
import { buffer, device, eisaId, integer, name, packageOf, scope } from '../../src/boot/aml.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('AML encoding (ACPI 6.3 chapter 20)', () => {
  it('writes an integer in its shortest form', () => {
    expect(integer(0)).to.deep.equal(bytes(0));
    expect(integer(1)).to.deep.equal(bytes(1));
    expect(integer(2)).to.deep.equal(bytes(0x0a, 2));
    expect(integer(0x1234)).to.deep.equal(bytes(0x0b, 0x34, 0x12));
    expect(integer(0xfedc_ba98)).to.deep.equal(bytes(0x0c, 0x98, 0xba, 0xdc, 0xfe));
  });

  it('compresses EISA identifiers as 19.3.4 does PNP0A03', () => {
    expect(eisaId('PNP0A03')).to.deep.equal(bytes(0x0c, 0x41, 0xd0, 0x0a, 0x03));
  });

  it('pads names, and marks paths of none, two and more names', () => {
    const path = (text: string) => [...name(text, integer(0))].slice(1, -1);
    const letters = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));
    expect(path('RTC')).to.deep.equal(letters('RTC_'));
    expect(path('\\')).to.deep.equal([0x5c, 0]);
    expect(path('\\_SB.PCI0')).to.deep.equal([0x5c, 0x2e, ...letters('_SB_PCI0')]);
    expect(path('_SB.PCI0.ISA')).to.deep.equal([0x2f, 3, ...letters('_SB_PCI0ISA_')]);
  });

  // PkgLength counts itself (20.2.4): one byte reaches 63, two 4,095, three 1,048,575.
  for (const { contents, lead } of [
    { contents: 62, lead: [63] },
    { contents: 63, lead: [0x41, 0x04] },
    { contents: 4093, lead: [0x4f, 0xff] },
    { contents: 4094, lead: [0x81, 0x00, 0x01] },
  ]) {
    it(`counts ${contents} bytes of contents with a PkgLength of ${lead.length}`, () => {
      const terms = new Uint8Array(contents - 'ABCD'.length);
      const [, ...encoded] = scope('ABCD', terms);
      expect(encoded.slice(0, lead.length)).to.deep.equal(lead);
      expect(encoded).to.have.lengthOf(lead.length + contents);
    });
  }

  it('counts the bytes of a buffer and the elements of a package', () => {
    expect(buffer(bytes(7, 8, 9))).to.deep.equal(bytes(0x11, 6, 0x0a, 3, 7, 8, 9));
    expect(packageOf(integer(0), integer(1))).to.deep.equal(bytes(0x12, 4, 2, 0, 1));
  });

  it('nests', () => {
    expect(device('DEV0', name('_UID', integer(1)))).to.deep.equal(
      bytes(0x5b, 0x82, 11, 0x44, 0x45, 0x56, 0x30, 0x08, 0x5f, 0x55, 0x49, 0x44, 1),
    );
  });
});
