import { expect } from 'chai';
import { timeOfTick } from '../../src/irqchip/clock.ts';
import { PIT_HERTZ } from '../../src/irqchip/pit-8254.ts';
import { Board } from './board.ts';

/** Goes to a cycle of the 8254's clock. */
const toCycle = (board: Board, cycle: number): void => {
  board.advance(timeOfTick(cycle, PIT_HERTZ) - board.clock.time);
};
/** Writes a control word, then the bytes of a count. */
const program = (board: Board, control: number, ...bytes: readonly number[]): void => {
  board.out(0x43, control);
  board.out(0x40 + (control >>> 6), ...bytes);
};
const count = (board: Board, counter: number): number => {
  board.out(0x43, counter << 6);
  return board.in(0x40 + counter) | (board.in(0x40 + counter) << 8);
};
const gate = (board: Board, high: boolean): void => board.out(0x61, high ? 1 : 0);
const output = (board: Board): number => (board.in(0x61) >>> 5) & 1;

/** Counter 2 in a mode, both bytes, gate as given; at cycle 0. */
function speaker(mode: number, reload: number, high = true, bcd = 0): Board {
  const board = new Board();
  gate(board, high);
  program(board, 0xb0 | (mode << 1) | bcd, reload & 0xff, reload >>> 8);
  return board;
}

/** OUT of counter 2 at each of the cycles. */
const outputs = (board: Board, cycles: readonly number[]): readonly number[] =>
  cycles.map((cycle) => {
    toCycle(board, cycle);
    return output(board);
  });

describe('8254 modes (datasheet 231164), by OUT of counter 2', () => {
  it('0: low until the count has passed', () => {
    const board = speaker(0, 100);
    expect(outputs(board, [0, 99, 100, 70_000])).to.deep.equal([0, 0, 1, 1]);
    expect(count(board, 2), 'goes on below 0').to.equal((100 - 70_000) & 0xffff);
  });

  it('0: a low gate stops it', () => {
    const board = speaker(0, 100);
    toCycle(board, 40);
    gate(board, false);
    toCycle(board, 1000);
    expect(count(board, 2)).to.equal(60);
    gate(board, true);
    expect(outputs(board, [1059, 1060])).to.deep.equal([0, 1]);
  });

  it('0: the first byte of a new count stops it with OUT low', () => {
    const board = speaker(0, 100);
    toCycle(board, 200);
    board.out(0x42, 10);
    expect(output(board)).to.equal(0);
    board.out(0x42, 0);
    expect(outputs(board, [209, 210])).to.deep.equal([0, 1]);
  });

  it('1: a rising gate starts a pulse, and starts it anew', () => {
    const board = speaker(1, 100, false);
    expect(outputs(board, [0, 500])).to.deep.equal([1, 1]);
    gate(board, true);
    expect(outputs(board, [500, 599])).to.deep.equal([0, 0]);
    gate(board, false);
    gate(board, true);
    expect(outputs(board, [600, 698, 699])).to.deep.equal([0, 0, 1]);
  });

  it('2: low for the last cycle of each period', () => {
    const board = speaker(2, 100);
    expect(outputs(board, [0, 98, 99, 100, 199, 200])).to.deep.equal([1, 1, 0, 1, 0, 1]);
    expect(count(board, 2)).to.equal(100);
  });

  it('2: a new count takes over when the period ends', () => {
    const board = speaker(2, 100);
    toCycle(board, 30);
    board.out(0x42, 10, 0);
    expect(outputs(board, [99, 100, 108, 109, 110])).to.deep.equal([0, 1, 1, 0, 1]);
  });

  it('3: a square wave, whose high half is the longer one of an odd count', () => {
    expect(outputs(speaker(3, 100), [0, 49, 50, 99, 100])).to.deep.equal([1, 1, 0, 0, 1]);
    expect(outputs(speaker(3, 5), [0, 2, 3, 4, 5])).to.deep.equal([1, 1, 0, 0, 1]);
  });

  it('3: counts by two, twice a period', () => {
    const board = speaker(3, 100);
    const counts = [0, 10, 49, 50, 60].map((cycle) => {
      toCycle(board, cycle);
      return count(board, 2);
    });
    expect(counts).to.deep.equal([100, 80, 2, 100, 80]);
  });

  it('2 and 3: a low gate raises OUT, a rising one reloads', () => {
    const board = speaker(3, 100);
    toCycle(board, 60);
    gate(board, false);
    expect(output(board)).to.equal(1);
    toCycle(board, 1000);
    gate(board, true);
    expect(outputs(board, [1049, 1050])).to.deep.equal([1, 0]);
  });

  it('4 and 5: a strobe of one cycle after the count', () => {
    expect(outputs(speaker(4, 100), [0, 99, 100, 101])).to.deep.equal([1, 1, 0, 1]);
    const triggered = speaker(5, 100, false);
    expect(outputs(triggered, [0, 100])).to.deep.equal([1, 1]);
    gate(triggered, true);
    expect(outputs(triggered, [199, 200, 201])).to.deep.equal([1, 0, 1]);
  });

  it('counts in BCD', () => {
    const board = speaker(2, 0x1000, true, 1);
    toCycle(board, 1);
    expect(count(board, 2)).to.equal(0x0999);
  });
});

describe('8254 reads', () => {
  it('hold a latched count until it is read', () => {
    const board = speaker(0, 0x1234);
    board.out(0x43, 0x80);
    toCycle(board, 100);
    board.out(0x43, 0x80);
    expect([board.in(0x42), board.in(0x42)]).to.deep.equal([0x34, 0x12]);
    expect(count(board, 2)).to.equal(0x1234 - 100);
  });

  it('give one byte where the control word asks for one', () => {
    const board = new Board();
    gate(board, true);
    program(board, 0xa0, 0x12);
    expect([board.in(0x42), board.in(0x42)]).to.deep.equal([0x12, 0x12]);
    program(board, 0x90, 0x56);
    expect([board.in(0x42), board.in(0x42)]).to.deep.equal([0x56, 0x56]);
  });

  it('give status and count by one read-back command', () => {
    const board = speaker(3, 0x1234);
    board.out(0x43, 0xc8);
    expect([board.in(0x42), board.in(0x42), board.in(0x42)]).to.deep.equal([0xb6, 0x34, 0x12]);
    board.out(0x43, 0xb6);
    board.out(0x43, 0xe8);
    expect(board.in(0x42), 'null count').to.equal(0xf6);
  });

  it('toggle the refresh bit of port 61h, and keep its low bits', () => {
    const board = new Board();
    board.out(0x61, 0xff);
    const seen = [0, 18, 36].map((cycle) => {
      toCycle(board, cycle);
      return board.in(0x61) & 0x10;
    });
    expect(seen).to.deep.equal([0, 0x10, 0]);
    expect(board.in(0x61) & 0x0f).to.equal(0x0f);
  });
});

describe('8254 counter 0 on interrupt line 0', () => {
  /** Line 0 by pin 2 of the I/O APIC, vector 30h. */
  function board(): Board {
    const made = new Board().enableLapics();
    made.store(0xfec0_0000, 0x14);
    made.store(0xfec0_0010, 0x30);
    return made;
  }
  const taken = (made: Board): boolean => {
    const vector = made.take();
    made.store(0xfee0_00b0, 0);
    return vector === 0x30;
  };

  for (const mode of [2, 3]) {
    it(`interrupts every period of mode ${mode}`, () => {
      const made = board();
      program(made, 0x30 | (mode << 1), 0xe8, 0x03);
      taken(made);
      const ticks = [999, 1000, 1999, 2000].map((cycle) => {
        toCycle(made, cycle);
        return taken(made);
      });
      expect(ticks).to.deep.equal([false, true, false, true]);
    });
  }

  it('interrupts once in mode 0', () => {
    const made = board();
    program(made, 0x30, 0xe8, 0x03);
    toCycle(made, 1000);
    expect(taken(made)).to.equal(true);
    expect(made.chip.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });

  it('discards ticks that nobody served', () => {
    const made = board();
    program(made, 0x34, 0xe8, 0x03);
    taken(made);
    made.clock.time = timeOfTick(5500, PIT_HERTZ);
    made.chip.service(made.clock.time);
    expect([taken(made), taken(made)]).to.deep.equal([true, false]);
    expect(made.chip.deadline()).to.equal(timeOfTick(6000, PIT_HERTZ));
  });

  it('ticks at 18.2 Hz after firmware', async () => {
    const { leaveAsFirmware } = await import('../../src/irqchip/power-on.ts');
    const made = new Board();
    leaveAsFirmware(made.chip);
    made.advance(54_924_999);
    expect(made.take()).to.equal(-1);
    made.advance(1_000);
    expect(made.take()).to.equal(0x08);
  });
});
