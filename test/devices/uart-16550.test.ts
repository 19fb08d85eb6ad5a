import { expect } from 'chai';
import { Bench } from './bench.ts';

const THR = 0x3f8;
const RBR = 0x3f8;
const IER = 0x3f9;
const IIR = 0x3fa;
const FCR = 0x3fa;
const LCR = 0x3fb;
const MCR = 0x3fc;
const LSR = 0x3fd;
const MSR = 0x3fe;
const SCR = 0x3ff;
const OUT2 = 8;
const LOOP = 0x10;

describe('the 16550A UART', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('resets to an empty transmitter, no interrupt and a connected line', () => {
    expect([IER, IIR, LCR, MCR, LSR, MSR].map((port) => bench.in(port))).to.deep.equal([0, 1, 0, 0, 0x60, 0xb0]);
  });

  it('keeps a scratch register and, behind DLAB, a divisor', () => {
    bench.out(SCR, 0xa5);
    bench.out(LCR, 0x83);
    bench.out(0x3f8, 0x34);
    bench.out(0x3f9, 0x12);
    expect([bench.in(0x3f8), bench.in(0x3f9)]).to.deep.equal([0x34, 0x12]);
    bench.out(LCR, 0x03);
    expect([bench.in(IER), bench.in(SCR), bench.transmitted()]).to.deep.equal([0, 0xa5, '']);
  });

  it('transmits each byte, and the whole of a string written by a wider access', () => {
    for (const letter of 'Hello') bench.out(THR, letter.charCodeAt(0));
    expect(bench.transmitted()).to.equal('Hello');
  });

  it('performs wide accesses as bytes of the registers that follow', () => {
    bench.out(LCR, 0x1b_03, 2);
    expect([bench.in(LCR), bench.in(MCR), bench.in(LCR, 2)]).to.deep.equal([0x03, 0x1b, 0x1b03]);
  });

  it('shows received bytes in order by LSR bit 0', () => {
    bench.type('ab');
    expect(bench.in(LSR)).to.equal(0x61);
    expect(bench.in(RBR)).to.equal(0x61);
    expect([bench.in(LSR), bench.in(RBR), bench.in(LSR)]).to.deep.equal([0x61, 0x62, 0x60]);
  });

  it('loses nothing that is typed faster than the guest reads, up to what the ring holds', () => {
    const text = 'x'.repeat(5000);
    const taken = bench.type(text);
    expect(taken).to.equal(4096);
    expect(bench.type('y')).to.equal(1, 'the receiver took a byte off the ring');
    let read = 0;
    for (; bench.in(LSR) & 1; read++) bench.in(RBR);
    expect(read).to.equal(4097);
  });

  describe('interrupts', () => {
    it('reach IRQ 4 only with OUT2', () => {
      bench.out(IER, 1);
      bench.type('a');
      expect([bench.in(IIR), bench.takeEdges()]).to.deep.equal([4, '']);
      bench.out(MCR, OUT2);
      expect(bench.takeEdges()).to.equal('+4');
      bench.in(RBR);
      expect([bench.takeEdges(), bench.in(IIR)]).to.deep.equal(['-4', 1]);
    });

    it('tell of the empty transmitter when enabled, once, and after each byte', () => {
      bench.out(MCR, OUT2);
      bench.out(IER, 2);
      expect(bench.takeEdges()).to.equal('+4');
      expect([bench.in(IIR), bench.in(IIR), bench.takeEdges()]).to.deep.equal([2, 1, '-4']);
      bench.out(THR, 0x41);
      expect(bench.takeEdges()).to.equal('+4');
      bench.out(THR, 0x42);
      expect(bench.takeEdges()).to.equal('-4 +4', 'an edge for every byte');
    });

    it('identify the receiver before the transmitter before the modem', () => {
      bench.out(MCR, LOOP);
      bench.out(MCR, LOOP | 2);
      bench.out(IER, 0x0f);
      bench.out(THR, 0x41);
      bench.out(THR, 0x42);
      expect(bench.in(IIR)).to.equal(6, 'overrun');
      expect(bench.in(LSR)).to.equal(0x63);
      expect([bench.in(IIR), bench.in(RBR)]).to.deep.equal([4, 0x42]);
      expect([bench.in(IIR), bench.in(IIR)]).to.deep.equal([2, 0]);
      bench.in(MSR);
      expect(bench.in(IIR)).to.equal(1);
    });
  });

  describe('FIFOs', () => {
    it('announce themselves in IIR while enabled', () => {
      bench.out(FCR, 0xc7);
      expect(bench.in(IIR)).to.equal(0xc1);
      bench.out(FCR, 0xc6);
      expect(bench.in(IIR)).to.equal(0x01);
    });

    it('report a timeout below the trigger level and data at it', () => {
      bench.out(FCR, 0x41);
      bench.out(IER, 1);
      bench.type('abc');
      expect(bench.in(IIR)).to.equal(0xcc);
      bench.type('d');
      expect(bench.in(IIR)).to.equal(0xc4);
    });

    it('are emptied by FCR bit 1, of the sixteen bytes that had arrived', () => {
      bench.out(FCR, 0x01);
      bench.type('0123456789abcdefXY');
      bench.out(FCR, 0x03);
      expect(String.fromCharCode(bench.in(RBR), bench.in(RBR))).to.equal('XY');
      expect(bench.in(LSR)).to.equal(0x60);
    });

    it('overrun at the seventeenth byte, which is lost', () => {
      bench.out(FCR, 0x01);
      bench.out(MCR, LOOP);
      for (let byte = 0; byte < 17; byte++) bench.out(THR, byte);
      expect(bench.in(LSR)).to.equal(0x63);
      const bytes = Array.from({ length: 16 }, () => bench.in(RBR));
      expect(bytes).to.deep.equal(Array.from({ length: 16 }, (_, byte) => byte));
      expect(bench.in(LSR)).to.equal(0x60);
    });
  });

  describe('loopback', () => {
    it('turns the transmitter to the receiver and keeps the host out', () => {
      bench.out(MCR, LOOP);
      bench.type('host');
      bench.out(THR, 0x55);
      expect([bench.in(RBR), bench.in(LSR), bench.transmitted()]).to.deep.equal([0x55, 0x60, '']);
      bench.out(MCR, 0);
      expect(bench.in(RBR)).to.equal('h'.charCodeAt(0));
    });

    for (const [output, input] of [
      [1, 0x20],
      [2, 0x10],
      [4, 0x40],
      [8, 0x80],
    ] as const) {
      it(`feeds MCR ${output} to MSR 0x${input.toString(16)}`, () => {
        bench.out(MCR, LOOP);
        bench.in(MSR);
        bench.out(MCR, LOOP | output);
        const rising = output === 4 ? 0 : input >>> 4; // RI tells of its trailing edge only.
        expect(bench.in(MSR)).to.equal(input | rising);
        bench.out(MCR, LOOP);
        expect([bench.in(MSR), bench.in(MSR)]).to.deep.equal([input >>> 4, 0]);
      });
    }
  });

  it('answers from any thread: a second set of objects continues where the first was', () => {
    bench.type('ab');
    bench.out(IER, 5);
    const other = new Bench(undefined, bench.memory);
    expect([other.in(IER), other.in(RBR), bench.in(RBR)]).to.deep.equal([5, 0x61, 0x62]);
  });

  it('gives up on output when the machine has ended and nobody takes it', () => {
    bench.ended = true;
    for (let i = 0; i < 0x1_0000 + 10; i++) bench.out(THR, 0x2e);
    expect(bench.board.transmit.length).to.equal(0x1_0000);
  });

  it('is absent from a machine without serial port', () => {
    const none = new Bench({ serial: false, testDevices: { pcTestdev: false, pciTestdev: false } });
    expect([none.board.uart, none.in(LSR)]).to.deep.equal([null, 0xff]);
  });
});
