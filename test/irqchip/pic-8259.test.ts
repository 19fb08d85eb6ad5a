import { expect } from 'chai';
import { Board } from './board.ts';

/** Both controllers initialised with vectors 20h and 28h, all inputs open. @param icw4 of both */
function initialised(icw4 = 0x01): Board {
  const board = new Board();
  board.out(0x20, 0x11);
  board.out(0x21, 0x20, 0x04, icw4);
  board.out(0xa0, 0x11);
  board.out(0xa1, 0x28, 0x02, icw4);
  // LINT0 takes the pair's interrupts.
  return board.enableLapics();
}

const listening = (board: Board): Board => {
  board.store(0xfee0_0350, 0x700);
  return board;
};
const pulse = (board: Board, ...lines: readonly number[]): void => {
  for (const line of lines) {
    board.chip.setLine(line, true);
    board.chip.setLine(line, false);
  }
};
const registers = (board: Board, port: number): { irr: number; isr: number } => {
  board.out(port, 0x0a);
  const irr = board.in(port);
  board.out(port, 0x0b);
  return { irr, isr: board.in(port) };
};

describe('8259 pair: initialization and masks', () => {
  it('takes ICW1 to ICW4, then reads back masks', () => {
    const board = initialised();
    board.out(0x21, 0xa5);
    board.out(0xa1, 0x5a);
    expect([board.in(0x21), board.in(0xa1)]).to.deep.equal([0xa5, 0x5a]);
  });

  it('expects no ICW3 of a single controller, and no ICW4 when ICW1 says so', () => {
    const board = new Board();
    board.out(0x20, 0x12);
    board.out(0x21, 0x20, 0x77);
    expect(board.in(0x21)).to.equal(0x77);
  });

  it('holds a masked request until it is unmasked', () => {
    const board = listening(initialised());
    board.out(0x21, 0xff);
    pulse(board, 3);
    expect(board.take()).to.equal(-1);
    board.out(0x21, 0x00);
    expect(board.take()).to.equal(0x23);
  });

  it('keeps the two fixed bits groups of the edge/level registers', () => {
    const board = initialised();
    board.out(0x4d0, 0xff);
    board.out(0x4d1, 0xff);
    expect([board.in(0x4d0), board.in(0x4d1)]).to.deep.equal([0xf8, 0xde]);
  });
});

describe('8259 pair: priorities', () => {
  it('serves lower numbers first, those of the slave at input 2', () => {
    const board = listening(initialised());
    pulse(board, 3, 10, 8, 1);
    const order: number[] = [];
    for (let n = 0; n < 4; n++) {
      order.push(board.take());
      board.out(0xa0, 0x20);
      board.out(0x20, 0x20);
    }
    expect(order).to.deep.equal([0x21, 0x28, 0x2a, 0x23]);
  });

  it('holds back equal and lower priority until EOI', () => {
    const board = listening(initialised());
    pulse(board, 3);
    expect(board.take()).to.equal(0x23);
    pulse(board, 3, 5);
    expect(board.take()).to.equal(-1);
    pulse(board, 1);
    expect(board.take()).to.equal(0x21);
    expect(registers(board, 0x20)).to.deep.equal({ irr: 0x28, isr: 0x0a });
    board.out(0x20, 0x20);
    expect(registers(board, 0x20).isr, 'the highest in service ended').to.equal(0x08);
    board.out(0x20, 0x63);
    expect(board.take()).to.equal(0x23);
  });

  it('rotates by the rotate commands', () => {
    const board = listening(initialised());
    pulse(board, 3);
    board.take();
    board.out(0x20, 0xa0);
    pulse(board, 3, 4);
    expect(board.take(), '3 has the lowest priority now').to.equal(0x24);
    board.out(0x20, 0x20);
    board.out(0x20, 0xc7);
    pulse(board, 1);
    expect(board.take(), 'priorities set to the normal order').to.equal(0x21);
  });

  it('lets unmasked lower priorities through in special mask mode', () => {
    const board = listening(initialised());
    pulse(board, 3);
    board.take();
    board.out(0x21, 0x08);
    board.out(0x20, 0x68);
    pulse(board, 6);
    expect(board.take()).to.equal(0x26);
  });

  it('ends interrupts by itself in automatic EOI mode, and rotates if told', () => {
    const board = listening(initialised(0x03));
    board.out(0x20, 0x80);
    pulse(board, 0, 1);
    expect(board.take()).to.equal(0x20);
    pulse(board, 0);
    expect(board.take()).to.equal(0x21);
    expect(board.take()).to.equal(0x20);
    expect(registers(board, 0x20).isr).to.equal(0);
  });

  it('lets the slave interrupt its own handler in special fully nested mode', () => {
    const board = listening(initialised(0x11));
    pulse(board, 12);
    expect(board.take()).to.equal(0x2c);
    pulse(board, 9);
    expect(board.take()).to.equal(0x29);
  });
});

describe('8259 pair: requests', () => {
  it('of level-triggered inputs last as long as their line', () => {
    const board = listening(initialised());
    board.out(0x4d1, 0x04);
    board.chip.setLine(10, true);
    expect(board.take()).to.equal(0x2a);
    board.out(0xa0, 0x20);
    board.out(0x20, 0x20);
    expect(board.take()).to.equal(0x2a);
    board.chip.setLine(10, false);
    board.out(0xa0, 0x20);
    board.out(0x20, 0x20);
    expect(board.take()).to.equal(-1);
  });

  it('that vanish before INTA leave nothing to take', () => {
    const board = listening(initialised());
    board.out(0x4d0, 0x20);
    board.chip.setLine(5, true);
    expect(board.chip.pending()).to.equal(true);
    board.chip.setLine(5, false);
    expect(board.chip.acknowledge()).to.equal(-1);
    expect(board.chip.pics.readInterrupt(), 'a spurious vector').to.equal(0x27);
  });

  it('are taken by a poll', () => {
    const board = initialised();
    pulse(board, 6);
    board.out(0x20, 0x0c);
    expect(board.in(0x20)).to.equal(0x86);
    expect(registers(board, 0x20)).to.deep.equal({ irr: 0, isr: 0x40 });
    board.out(0x20, 0x0c);
    expect(board.in(0x20) & 0x80).to.equal(0);
  });
});

describe('Virtual wire mode (MP 1.4 3.6.2.2)', () => {
  it('passes the pair`s interrupts through LINT0 in ExtINT mode, past the LAPIC`s priorities', () => {
    const board = listening(initialised());
    board.chip.lapic.setCr8(15);
    pulse(board, 4);
    expect(board.requests()).to.include('interrupt');
    expect(board.take()).to.equal(0x24);
  });

  it('passes them to a vCPU whose local APIC is disabled', () => {
    const board = initialised();
    board.chip.lapic.setApicBase(0xfee0_0000n);
    pulse(board, 4);
    expect(board.take()).to.equal(0x24);
  });

  it('waits for LINT0 to be unmasked', () => {
    const board = initialised();
    pulse(board, 4);
    expect(board.take()).to.equal(-1);
    board.clearRequests();
    listening(board);
    expect(board.requests()).to.deep.equal(['interrupt']);
    expect(board.take()).to.equal(0x24);
  });

  it('passes them through pin 0 of the I/O APIC to one vCPU', () => {
    const board = new Board({ vcpus: 2 });
    board.out(0x20, 0x11);
    board.out(0x21, 0x20, 0x04, 0x01, 0x00);
    board.enableLapics();
    board.store(0xfec0_0000, 0x11);
    board.store(0xfec0_0010, 0x0100_0000);
    board.store(0xfec0_0000, 0x10);
    board.store(0xfec0_0010, 0x700);
    pulse(board, 4, 5);
    expect(board.take(0)).to.equal(-1);
    expect(board.take(1)).to.equal(0x24);
    board.out(0x20, 0x20);
    expect(board.take(1)).to.equal(0x25);
  });

  it('turns INTR into NMIs or a vector of LINT0`s own', () => {
    const board = initialised();
    board.store(0xfee0_0350, 0x400);
    pulse(board, 4);
    expect(board.chip.takeNmis()).to.equal(1);
    const level = initialised();
    level.store(0xfee0_0350, 0x8051);
    pulse(level, 4);
    expect(level.take()).to.equal(0x51);
    expect(level.load(0xfee0_0350)).to.equal(0xc051);
    level.store(0xfee0_00b0, 0);
    expect(level.take(), 'INTR is still high').to.equal(0x51);
  });
});
