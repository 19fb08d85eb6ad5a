import { expect } from 'chai';
import { UnimplementedError } from '../../src/vcpu/errors.ts';
import { Bench } from './bench.ts';

describe('system control ports', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('0x92 says that A20 is on, and bit 0 resets', () => {
    expect(bench.in(0x92)).to.equal(2);
    bench.out(0x92, 2);
    expect(bench.events).to.deep.equal([]);
    bench.out(0x92, 3);
    expect(bench.events).to.deep.equal(['reset']);
  });

  it('masking A20 is refused by name, and leaves the device lock free', () => {
    expect(() => bench.out(0x92, 0)).to.throw(UnimplementedError, 'A20 masked by port 92h');
    expect(bench.in(0x92)).to.equal(2);
  });

  it('0xcf9 resets when bit 2 rises', () => {
    bench.out(0xcf9, 0x02);
    expect([bench.in(0xcf9), bench.events]).to.deep.equal([2, []]);
    bench.out(0xcf9, 0x06);
    bench.out(0xcf9, 0x06);
    expect(bench.events).to.deep.equal(['reset']);
  });

  it('0x8900 turns off at the last letter of the word, wherever it begins', () => {
    for (const letter of 'ShutShutdow') bench.out(0x8900, letter.charCodeAt(0));
    expect(bench.events).to.deep.equal([]);
    bench.out(0x8900, 'n'.charCodeAt(0));
    expect(bench.events).to.deep.equal(['power off']);
  });

  it('0xb2 and 0xb3 keep a byte each', () => {
    bench.out(0xb2, 0x1234, 2);
    expect([bench.in(0xb2), bench.in(0xb3)]).to.deep.equal([0x34, 0x12]);
  });

  it('the POST code port and a VGA are nobody: writes vanish, reads are all ones', () => {
    bench.out(0x80, 0x12);
    expect([bench.in(0x80), bench.in(0x3da)]).to.deep.equal([0xff, 0xff]);
  });
});

describe('the keyboard controller', () => {
  const CONFIG = { read: 0x20, write: 0x60 };
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  const ask = (command: number, ...data: number[]): number => {
    bench.out(0x64, command);
    for (const byte of data) bench.out(0x60, byte);
    return bench.in(0x64) & 1 ? bench.in(0x60) : -1;
  };

  it('is idle and takes input at once', () => {
    expect(bench.in(0x64)).to.equal(0x14);
  });

  it('passes its self-test and finds its interfaces in order', () => {
    expect([ask(0xaa), ask(0xab), ask(0xa9)]).to.deep.equal([0x55, 0, 0]);
  });

  it('keeps its command byte, and interface commands change it', () => {
    expect(ask(CONFIG.write, 0x47)).to.equal(-1);
    expect(ask(CONFIG.read)).to.equal(0x47);
    ask(0xad);
    ask(0xa7);
    expect(ask(CONFIG.read)).to.equal(0x77);
    ask(0xae);
    ask(0xa8);
    expect(ask(CONFIG.read)).to.equal(0x47);
  });

  it('raises IRQ 1 while its output is full, if the command byte says so', () => {
    ask(CONFIG.write, 0x01);
    bench.out(0x64, 0xaa);
    expect([bench.takeEdges(), bench.in(0x60), bench.takeEdges()]).to.deep.equal(['+1', 0x55, '-1']);
  });

  it('times out when a byte is sent to a keyboard or mouse that is not there', () => {
    bench.out(0x60, 0xff);
    expect([bench.in(0x64), bench.in(0x60)]).to.deep.equal([0x55, 0xfe]);
    bench.out(0x64, 0xd4);
    bench.out(0x60, 0xff);
    expect([bench.in(0x64), bench.in(0x60), bench.in(0x64)]).to.deep.equal([0x75, 0xfe, 0x14]);
  });

  it('skips commands that it does not have', () => {
    expect(ask(0x99)).to.equal(-1);
  });

  for (const [what, command, data] of [
    ['pulses the reset line', 0xfe, []],
    ['holds the reset line', 0xd1, [0xfe]],
  ] as const) {
    it(`resets when it ${what}`, () => {
      ask(command, ...data);
      expect(bench.events).to.deep.equal(['reset']);
    });
  }

  it('does not reset when it pulses other lines or none', () => {
    for (const command of [0xff, 0xfd, 0xf1]) ask(command);
    expect(bench.events).to.deep.equal([]);
  });

  it('has an output port, by which A20 cannot be masked', () => {
    ask(0xd1, 0xdf);
    expect(ask(0xd0)).to.equal(0xdf);
    expect(() => ask(0xd1, 0xdd)).to.throw(UnimplementedError, 'A20');
  });
});
