import { expect } from 'chai';
import type { AccessSize } from '../../src/mmu/bus.ts';
import { Bench } from './bench.ts';

const address = (device: number, fn: number, register: number): number =>
  (0x8000_0000 | (device << 11) | (fn << 8) | register) >>> 0;

function config(bench: Bench, device: number, fn: number, register: number, size: AccessSize = 4): number {
  bench.out(0xcf8, address(device, fn, register & 0xfc), 4);
  return bench.in(0xcfc + (register & 3), size);
}

function setConfig(bench: Bench, device: number, fn: number, register: number, value: number, size: AccessSize = 4) {
  bench.out(0xcf8, address(device, fn, register & 0xfc), 4);
  bench.out(0xcfc + (register & 3), value, size);
}

describe('PCI configuration mechanism 1', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('latches the address in whole double words only', () => {
    bench.out(0xcf8, 0xffff_ffff, 4);
    bench.out(0xcfb, 1);
    bench.out(0xcf8, 0, 2);
    expect([bench.in(0xcf8, 4), bench.in(0xcf8), bench.in(0xcf8, 2)]).to.deep.equal([0x80ff_fffc, 0xff, 0xffff]);
  });

  it('shows the chipset and the test device, and nobody else, on bus 0', () => {
    const found: string[] = [];
    for (let device = 0; device < 32; device++) {
      for (let fn = 0; fn < 8; fn++) {
        const id = config(bench, device, fn, 0);
        if (id !== 0xffff_ffff) found.push(`${device}.${fn} ${id.toString(16)}`);
      }
    }
    expect(found).to.deep.equal(['0.0 12378086', '1.0 70008086', '1.3 71138086', '2.0 51b36']);
  });

  it('has no other bus and answers nothing while it is not enabled', () => {
    bench.out(0xcf8, 0x8001_0000, 4);
    expect(bench.in(0xcfc, 4)).to.equal(0xffff_ffff);
    bench.out(0xcf8, 0, 4);
    bench.out(0xcfc, 0, 4);
    expect(bench.in(0xcfc, 2)).to.equal(0xffff);
  });

  it('reads bytes and words at their place; what reaches past the register is all ones', () => {
    expect([config(bench, 0, 0, 2, 2), config(bench, 0, 0, 1, 1), config(bench, 0, 0, 2, 4)]).to.deep.equal([
      0x1237, 0x80, 0xffff_1237,
    ]);
  });

  it('lets software write what is writable and keeps the rest', () => {
    setConfig(bench, 1, 3, 0x00, 0);
    setConfig(bench, 1, 3, 0x3c, 0xffff, 2);
    setConfig(bench, 1, 3, 0x40, 0xdead_beef);
    const registers = [0x00, 0x3c, 0x40].map((register) => config(bench, 1, 3, register));
    expect(registers).to.deep.equal([0x7113_8086, 0x0000_01ff, 0x0000_0601]);
  });

  it('tells where the firmware put power management, SMBus and interrupts', () => {
    expect([config(bench, 1, 3, 0x90), config(bench, 1, 3, 0x3d, 1), config(bench, 1, 0, 0x60)]).to.deep.equal([
      0x701, 1, 0x0b0b_0a0a,
    ]);
    expect([config(bench, 1, 0, 0x0e, 1), config(bench, 0, 0, 0x0a, 2)]).to.deep.equal([0x80, 0x0600]);
  });
});

describe('pci-testdev', () => {
  const MEMORY = 0xfebf_f000;
  const IO = 0xc000;
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('has a 4 KiB memory region and 256 ports, assigned and enabled', () => {
    expect([config(bench, 2, 0, 0x10), config(bench, 2, 0, 0x14), config(bench, 2, 0, 0x18)]).to.deep.equal([
      MEMORY,
      IO | 1,
      0,
    ]);
    setConfig(bench, 2, 0, 0x10, 0xffff_ffff);
    setConfig(bench, 2, 0, 0x14, 0xffff_ffff);
    expect([config(bench, 2, 0, 0x10), config(bench, 2, 0, 0x14)]).to.deep.equal([0xffff_f000, 0xffff_ff01]);
  });

  const name = (index: number, io: boolean): string => {
    if (io) bench.out(IO, index);
    else bench.mmio.writeMmio(MEMORY, 1, index);
    let text = '';
    for (let at = 16; ; at++) {
      const byte = io ? bench.in(IO + at) : bench.mmio.readMmio(MEMORY + at, 1);
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
  };

  it('offers three tests in each region, and none beyond', () => {
    expect([0, 1, 2, 3, 255].map((index) => name(index, false))).to.deep.equal([
      'mmio-no-eventfd',
      'mmio-wildcard-eventfd',
      'mmio-datamatch-eventfd',
      '',
      '',
    ]);
    expect([0, 1, 2, 3].map((index) => name(index, true))).to.deep.equal([
      'portio-no-eventfd',
      'portio-wildcard-eventfd',
      'portio-datamatch-eventfd',
      '',
    ]);
    expect(bench.in(IO + 1)).to.equal(0, 'no test has a width');
  });

  it('tells width, place and data of a test', () => {
    bench.mmio.writeMmio(MEMORY, 1, 1);
    expect([1, 4, 8].map((at) => bench.mmio.readMmio(MEMORY + at, 4) & 0xffff)).to.deep.equal([1, 2049, 0xce]);
    bench.out(IO, 2);
    expect([bench.in(IO + 1), bench.in(IO + 4, 4), bench.in(IO + 8, 4)]).to.deep.equal([1, 128 + 5, 0xfa]);
  });

  it('counts the writes that match, from 0 when a test starts', () => {
    bench.out(IO, 2);
    for (const value of [0xfa, 0xfb, 0xfa]) bench.out(IO + 133, value);
    bench.out(IO + 132, 0xfa);
    expect(bench.in(IO + 12, 4)).to.equal(2);
    bench.mmio.writeMmio(MEMORY, 1, 1);
    for (const value of [0, 1, 2]) bench.mmio.writeMmio(MEMORY + 2049, 1, value);
    expect(bench.mmio.readMmio(MEMORY + 12, 4)).to.equal(3);
    bench.out(IO, 2);
    expect(bench.in(IO + 12, 4)).to.equal(0);
  });

  it('moves with its base address registers and disappears with the command register', () => {
    setConfig(bench, 2, 0, 0x10, 0xe000_0000);
    setConfig(bench, 2, 0, 0x14, 0xd000);
    bench.out(0xd000, 0);
    expect([bench.in(0xd001), bench.in(IO + 1), bench.mmio.readMmio(0xe000_0001, 1)]).to.deep.equal([1, 0xff, 1]);
    setConfig(bench, 2, 0, 0x04, 0, 2);
    expect([bench.in(0xd001), bench.mmio.readMmio(0xe000_0001, 1)]).to.deep.equal([0xff, 0xff]);
  });
});

describe('the SMBus host', () => {
  it('ends every transaction with an error, because nobody is on the bus', () => {
    const bench = new Bench();
    bench.out(0x704, 0xa1);
    bench.out(0x702, 0x48);
    expect([bench.in(0x700), bench.in(0x702), bench.in(0x704)]).to.deep.equal([0x04, 0x08, 0xa1]);
    bench.out(0x700, 0xff);
    expect([bench.in(0x700), bench.takeEdges()]).to.deep.equal([0, '']);
  });

  it('interrupts by IRQ 9 when asked to', () => {
    const bench = new Bench();
    bench.out(0x702, 0x49);
    expect(bench.takeEdges()).to.equal('+9');
    bench.out(0x700, 0x04);
    expect(bench.takeEdges()).to.equal('-9');
  });
});
