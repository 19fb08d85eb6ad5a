import { expect } from 'chai';
import { Bench } from './bench.ts';

describe('isa-debug-exit', () => {
  it('ends the machine with what is written, in any width, and reads as 0', () => {
    const bench = new Bench();
    bench.out(0xf4, 38, 4);
    bench.out(0xf4, 1);
    expect([bench.events, bench.in(0xf4), bench.in(0xf4, 4)]).to.deep.equal([['exit 38', 'exit 1'], 0, 0]);
  });

  it('is absent where it is not configured', () => {
    const bench = new Bench({ serial: true, testDevices: { pcTestdev: false, pciTestdev: false } });
    bench.out(0xf4, 1);
    expect([bench.events, bench.in(0xf4), bench.in(0xe0, 4)]).to.deep.equal([[], 0xff, 0xffff_ffff]);
  });
});

describe('pc-testdev', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('latches four bytes at 0xe0, each by its own port, and shows them at 0xe8', () => {
    bench.out(0xe0, 0x8765_4321, 4);
    bench.out(0xe1, 0xbeef, 2);
    bench.out(0xe3, 0x12);
    expect([bench.in(0xe0, 4), bench.in(0xe2, 2), bench.in(0xe1)]).to.deep.equal([0x12be_ef21, 0x12be, 0xef]);
    expect(bench.in(0xe8, 4)).to.equal(0x12be_ef21);
  });

  it('accepts page flushes at 0xe4', () => {
    bench.out(0xe4, 0x1234_5000, 4);
    expect(bench.in(0xe0, 4)).to.equal(0);
  });

  it('drives interrupt lines 0 to 23 by ports from 0x2000 on', () => {
    bench.out(0x200b, 1);
    bench.out(0x200b, 0);
    bench.out(0x2017, 0x100, 4);
    expect(bench.takeEdges()).to.equal('+11 -11 +23');
    expect(bench.in(0x2018)).to.equal(0xff);
  });

  it('has 64 KiB of memory at 0xff000000', () => {
    const { mmio } = bench;
    mmio.writeMmio(0xff00_0000, 4, 0x8765_4321);
    mmio.writeMmio(0xff00_fffe, 2, 0xabcd);
    expect([mmio.readMmio(0xff00_0001, 2), mmio.readMmio(0xff00_ffff, 1)]).to.deep.equal([0x6543, 0xab]);
    expect([mmio.readMmio(0xff00_fffe, 4), mmio.readMmio(0xff01_0000, 4)]).to.deep.equal([0xabcd, 0xffff_ffff]);
  });
});

describe('fw_cfg', () => {
  const read = (bench: Bench, key: number, count: number): number[] => {
    bench.out(0x510, key, 2);
    return Array.from({ length: count }, () => bench.in(0x511));
  };
  const text = (bytes: readonly number[]): string => String.fromCharCode(...bytes);

  it('identifies itself, without a DMA interface', () => {
    const bench = new Bench();
    expect(text(read(bench, 0, 4))).to.equal('QEMU');
    expect(read(bench, 1, 4)).to.deep.equal([1, 0, 0, 0]);
  });

  it('tells of RAM and processors, little-endian', () => {
    const bench = new Bench();
    expect(read(bench, 3, 8)).to.deep.equal([0, 0, 0x80, 0, 0, 0, 0, 0]);
    expect([read(bench, 5, 2), read(bench, 0x0f, 2)]).to.deep.equal([
      [3, 0],
      [3, 0],
    ]);
  });

  it('reads as zeros past an item and for items that are not there', () => {
    const bench = new Bench();
    expect(read(bench, 5, 4)).to.deep.equal([3, 0, 0, 0]);
    expect(read(bench, 0x11, 8)).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('lists its files big-endian, and etc/e820 is one of them', () => {
    const bench = new Bench();
    const directory = read(bench, 0x19, 68);
    expect(directory.slice(0, 10)).to.deep.equal([0, 0, 0, 1, 0, 0, 0, 20, 0, 0x20]);
    expect(text(directory.slice(12)).replace(/\0+$/, '')).to.equal('etc/e820');
    const entry = read(bench, 0x20, 20);
    expect(entry.slice(8)).to.deep.equal([0, 0, 0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('ignores writes of data and reads of other widths', () => {
    const bench = new Bench();
    bench.out(0x511, 0x55);
    expect([bench.in(0x511, 2), text(read(bench, 0, 4))]).to.deep.equal([0xffff, 'QEMU']);
  });
});
