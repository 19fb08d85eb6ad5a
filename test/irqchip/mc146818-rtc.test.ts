import { expect } from 'chai';
import { Board, LEAP_EVENING } from './board.ts';

const SECOND = 1_000_000_000;
const read = (board: Board, register: number): number => {
  board.out(0x70, register);
  return board.in(0x71);
};
const write = (board: Board, register: number, value: number): void => {
  board.out(0x70, register);
  board.out(0x71, value);
};
/** Century, year, month, day, weekday, hour, minute, second. */
const time = (board: Board): readonly number[] => [0x32, 9, 8, 7, 6, 4, 2, 0].map((register) => read(board, register));

/** Line 8 by the I/O APIC, level triggered, vector 38h. */
function board(): Board {
  const made = new Board().enableLapics();
  made.store(0xfec0_0000, 0x20);
  made.store(0xfec0_0010, 0x8038);
  return made;
}
const interrupts = (made: Board): boolean => {
  const vector = made.take();
  made.store(0xfee0_00b0, 0);
  return vector === 0x38;
};

describe('RTC time', () => {
  it('is BCD and of 24 hours at first, and passes into a leap day`s end', () => {
    const made = new Board();
    expect(time(made)).to.deep.equal([0x20, 0x20, 0x02, 0x29, 7, 0x23, 0x59, 0x58]);
    made.advance(2 * SECOND);
    expect(time(made)).to.deep.equal([0x20, 0x20, 0x03, 0x01, 1, 0, 0, 0]);
  });

  it('can be binary, and of 12 hours', () => {
    const made = new Board();
    write(made, 0xb, 0x04);
    expect(time(made)).to.deep.equal([0x20, 20, 2, 29, 7, 0x8b, 59, 58]);
    const midnight = new Board({ epochSeconds: LEAP_EVENING + 2 });
    write(midnight, 0xb, 0x00);
    expect(read(midnight, 4)).to.equal(0x12);
  });

  it('can be set, with and without SET', () => {
    const made = new Board();
    write(made, 0xb, 0x82);
    for (const [register, value] of [
      [0x32, 0x19],
      [9, 0x99],
      [8, 0x12],
      [7, 0x31],
      [4, 0x23],
      [2, 0x59],
      [0, 0x59],
    ] as const) {
      write(made, register, value);
    }
    made.advance(10 * SECOND);
    expect(read(made, 0), 'stopped').to.equal(0x59);
    write(made, 0xb, 0x02);
    made.advance(SECOND);
    expect(time(made)).to.deep.equal([0x20, 0, 1, 1, 7, 0, 0, 0]);
    write(made, 2, 0x30);
    expect(time(made).slice(5)).to.deep.equal([0, 0x30, 0]);
  });

  it('starts half a second early after a divider reset', () => {
    const made = new Board();
    write(made, 0xa, 0x70);
    made.advance(5 * SECOND);
    write(made, 0xa, 0x26);
    made.advance(SECOND / 2);
    expect(read(made, 0)).to.equal(0x59);
  });

  it('warns of an update for 244 us', () => {
    const made = new Board();
    made.advance(SECOND - 244_001);
    expect(read(made, 0xa)).to.equal(0x26);
    made.advance(1);
    expect(read(made, 0xa)).to.equal(0xa6);
    made.advance(244_000);
    expect(read(made, 0xa)).to.equal(0x26);
  });

  it('survives fields without sense', () => {
    const made = new Board();
    for (const register of [0, 2, 4, 6, 7, 8, 9, 0x32]) write(made, register, 0xff);
    made.advance(SECOND);
    for (const value of time(made)) expect(value).to.be.within(0, 255);
  });
});

describe('RTC interrupts on line 8', () => {
  it('come once a second after updates, until register C is read', () => {
    const made = board();
    write(made, 0xb, 0x12);
    made.advance(SECOND);
    expect(interrupts(made)).to.equal(true);
    expect(read(made, 0xc)).to.equal(0xd0);
    expect(read(made, 0xc)).to.equal(0);
    made.store(0xfee0_00b0, 0);
    made.take();
    made.store(0xfee0_00b0, 0);
    made.advance(SECOND - 1);
    expect(interrupts(made)).to.equal(false);
    made.advance(1);
    expect(interrupts(made)).to.equal(true);
  });

  it('come at the periodic rate', () => {
    const made = board();
    write(made, 0xb, 0x42);
    made.advance(976_562);
    expect(interrupts(made)).to.equal(false);
    made.advance(1);
    expect(interrupts(made)).to.equal(true);
  });

  it('come at the alarm, with 0xc0 to 0xff as "any"', () => {
    const made = board();
    write(made, 1, 0x01);
    write(made, 3, 0xff);
    write(made, 5, 0xff);
    write(made, 0xb, 0x22);
    made.advance(2 * SECOND);
    expect(interrupts(made)).to.equal(false);
    made.advance(SECOND);
    expect(interrupts(made)).to.equal(true);
    expect(read(made, 0xc) & 0xa0).to.equal(0xa0);
  });

  it('set flags without interrupting when not enabled', () => {
    const made = board();
    made.advance(SECOND);
    expect(made.chip.deadline()).to.equal(Number.POSITIVE_INFINITY);
    expect(read(made, 0xc)).to.equal(0x50);
  });
});

describe('CMOS RAM', () => {
  it('tells the memory size', () => {
    const made = new Board();
    const word = (register: number) => read(made, register) | (read(made, register + 1) << 8);
    expect([0x15, 0x17, 0x30, 0x34].map(word)).to.deep.equal([640, 63 * 1024, 63 * 1024, (48 * 1024) / 64]);
  });

  it('keeps bytes, such as the shutdown byte, and tells valid RAM', () => {
    const made = new Board();
    write(made, 0xf, 0x0a);
    write(made, 0xd, 0);
    expect([read(made, 0xf), read(made, 0xd), read(made, 0x8f)]).to.deep.equal([0x0a, 0x80, 0x0a]);
  });
});
