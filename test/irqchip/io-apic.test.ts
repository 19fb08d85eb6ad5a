import { expect } from 'chai';
import { Board } from './board.ts';

const SELECT = 0xfec0_0000;
const DATA = 0xfec0_0010;
const EOI_REGISTER = 0xfec0_0040;
const EOI = 0xfee0_00b0;
const [LEVEL, MASKED, LOGICAL] = [0x8000, 0x1_0000, 0x800];
const REMOTE_IRR = 0x4000;

const read = (board: Board, register: number): number => {
  board.store(SELECT, register);
  return board.load(DATA);
};
const write = (board: Board, register: number, value: number): void => {
  board.store(SELECT, register);
  board.store(DATA, value);
};
const route = (board: Board, pin: number, low: number, destination = 0): void => {
  write(board, 0x11 + pin * 2, (destination << 24) >>> 0);
  write(board, 0x10 + pin * 2, low);
};
const line = (board: Board, pin: number, high: boolean, source?: number): void => board.chip.setLine(pin, high, source);

describe('I/O APIC registers (82093AA 3)', () => {
  it('tell version 20h with 24 pins, all masked', () => {
    const board = new Board();
    expect(read(board, 1)).to.equal(0x0017_0020);
    for (let pin = 0; pin < 24; pin++) expect(read(board, 0x10 + pin * 2)).to.equal(MASKED);
  });

  it('keep ID bits 27:24, which the arbitration register repeats', () => {
    const board = new Board();
    write(board, 0, 0xffff_ffff);
    write(board, 1, 0);
    write(board, 2, 0);
    expect([read(board, 0), read(board, 1), read(board, 2)]).to.deep.equal([0x0f00_0000, 0x0017_0020, 0x0f00_0000]);
  });

  it('keep delivery status and remote IRR read-only', () => {
    const board = new Board();
    route(board, 5, 0xffff_ffff, 0xab);
    expect(read(board, 0x1a)).to.equal(0x1_afff);
    expect(read(board, 0x1b)).to.equal(0xab00_0000);
    expect(read(board, 0x40)).to.equal(0);
  });
});

describe('I/O APIC, edge-triggered pins', () => {
  it('interrupt for each rising edge, without TMR', () => {
    const board = new Board().enableLapics();
    route(board, 13, 0x75);
    line(board, 13, true);
    expect(board.take()).to.equal(0x75);
    expect(board.load(0xfee0_01b0)).to.equal(0);
    board.store(EOI, 0);
    line(board, 13, true);
    expect(board.take()).to.equal(-1);
    line(board, 13, false);
    line(board, 13, true);
    expect(board.take()).to.equal(0x75);
  });

  it('lose an edge while masked', () => {
    const board = new Board().enableLapics();
    route(board, 13, 0x75 | MASKED);
    line(board, 13, true);
    route(board, 13, 0x75);
    expect(board.take()).to.equal(-1);
  });
});

describe('I/O APIC, level-triggered pins', () => {
  it('set TMR and remote IRR, and interrupt again after EOI while the line is held', () => {
    const board = new Board().enableLapics();
    route(board, 14, 0x76 | LEVEL);
    line(board, 14, true);
    expect(board.take()).to.equal(0x76);
    expect(board.load(0xfee0_01b0)).to.equal(1 << 0x16);
    expect(read(board, 0x10 + 28)).to.equal(0x76 | LEVEL | REMOTE_IRR);
    expect(board.take()).to.equal(-1);
    board.store(EOI, 0);
    expect(board.take()).to.equal(0x76);
    line(board, 14, false);
    board.store(EOI, 0);
    expect(board.take()).to.equal(-1);
    expect(read(board, 0x10 + 28)).to.equal(0x76 | LEVEL);
  });

  it('interrupt when an asserted line is unmasked', () => {
    const board = new Board().enableLapics();
    route(board, 14, 0x76 | LEVEL | MASKED);
    line(board, 14, true);
    expect(board.take()).to.equal(-1);
    route(board, 14, 0x76 | LEVEL);
    expect(board.take()).to.equal(0x76);
  });

  it('stay asserted while one of several sources holds the line', () => {
    const board = new Board().enableLapics();
    route(board, 11, 0x76 | LEVEL);
    line(board, 11, true, 9);
    line(board, 11, true, 10);
    line(board, 11, false, 9);
    expect(board.take()).to.equal(0x76);
    board.store(EOI, 0);
    expect(board.take()).to.equal(0x76);
    line(board, 11, false, 10);
    board.store(EOI, 0);
    expect(board.take()).to.equal(-1);
  });

  it('keep remote IRR when the entry is rewritten in service, and lose it by a switch to edge', () => {
    const board = new Board({ vcpus: 2 }).enableLapics();
    route(board, 14, 0x76 | LEVEL);
    line(board, 14, true);
    expect(board.take()).to.equal(0x76);
    route(board, 14, 0x76 | LEVEL, 1);
    expect(board.take(1)).to.equal(-1);
    board.store(EOI, 0);
    expect(board.take(1)).to.equal(0x76);
    route(board, 14, 0x76, 1);
    expect(read(board, 0x10 + 28)).to.equal(0x76);
  });

  it('end by the EOI register as well', () => {
    const board = new Board().enableLapics();
    route(board, 14, 0x76 | LEVEL);
    line(board, 14, true);
    line(board, 14, false);
    board.store(EOI_REGISTER, 0x76);
    expect(read(board, 0x10 + 28)).to.equal(0x76 | LEVEL);
  });

  it('wait for a local APIC that accepts', () => {
    const board = new Board();
    route(board, 14, 0x76 | LEVEL);
    line(board, 14, true);
    expect(read(board, 0x10 + 28)).to.equal(0x76 | LEVEL);
    board.enableLapics();
    line(board, 14, true);
    expect(board.take()).to.equal(0x76);
  });
});

describe('I/O APIC destinations and delivery modes', () => {
  it('reach x2APIC logical IDs of cluster 0 by their 8 bits', () => {
    const board = new Board({ vcpus: 4 }).enableX2apic();
    route(board, 13, 0x75 | LOGICAL, 0x0d);
    line(board, 13, true);
    expect([0, 1, 2, 3].map((vcpu) => board.take(vcpu))).to.deep.equal([0x75, -1, 0x75, 0x75]);
  });

  it('deliver to one of many by lowest priority', () => {
    const board = new Board({ vcpus: 3 }).enableLapics();
    board.chips[0]!.lapic.setCr8(1);
    route(board, 13, 0x175, 0xff);
    line(board, 13, true);
    expect([0, 1, 2].map((vcpu) => board.take(vcpu))).to.deep.equal([-1, 0x75, -1]);
  });

  it('deliver NMI and INIT', () => {
    const board = new Board({ vcpus: 2 }).enableLapics();
    route(board, 13, 0x400, 1);
    route(board, 15, 0x500, 1);
    line(board, 13, true);
    line(board, 15, true);
    expect(board.requests(1)).to.deep.equal(['nmi', 'init']);
  });
});
