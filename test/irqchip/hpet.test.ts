import { expect } from 'chai';
import { Board } from './board.ts';

const HPET = 0xfed0_0000;
const [CONFIG, STATUS, COUNTER] = [HPET + 0x10, HPET + 0x20, HPET + 0xf0];
const timer = (index: number) => ({
  config: HPET + 0x100 + index * 0x20,
  comparator: HPET + 0x108 + index * 0x20,
});

/** Timer 2 on I/O APIC pin 16, vector 50h, level triggered there if told. */
function board(level = false): Board {
  const made = new Board().enableLapics();
  made.store(0xfec0_0000, 0x30);
  made.store(0xfec0_0010, level ? 0x8050 : 0x50);
  return made;
}
const taken = (made: Board): boolean => {
  const vector = made.take();
  made.store(0xfee0_00b0, 0);
  return vector === 0x50;
};
const ROUTE_16 = 16 << 9;

describe('HPET counter (IA-PC HPET 1.0a 2.3)', () => {
  it('tells its capabilities and its period of 10 ns', () => {
    const made = new Board();
    expect([made.load(HPET), made.load(HPET + 4)]).to.deep.equal([0x8086_a201, 10_000_000]);
  });

  it('stands until enabled, can be set while halted, and has 64 bits', () => {
    const made = new Board();
    made.advance(1000);
    expect(made.load(COUNTER)).to.equal(0);
    made.store(COUNTER, 0xffff_fff0);
    made.store(COUNTER + 4, 5);
    made.store(CONFIG, 1);
    made.advance(200);
    expect([made.load(COUNTER), made.load(COUNTER + 4)]).to.deep.equal([4, 6]);
    made.store(COUNTER, 0);
    expect(made.load(COUNTER)).to.equal(4);
    made.store(CONFIG, 0);
    made.advance(1000);
    expect(made.load(COUNTER)).to.equal(4);
  });
});

describe('HPET timers', () => {
  it('interrupt once when the counter reaches the comparator', () => {
    const made = board();
    made.store(timer(2).config, 4 | ROUTE_16);
    made.store(timer(2).comparator, 100);
    made.store(timer(2).comparator + 4, 0);
    made.store(CONFIG, 1);
    expect(made.chip.deadline()).to.equal(1000);
    made.advance(999);
    expect(taken(made)).to.equal(false);
    made.advance(1);
    expect(taken(made)).to.equal(true);
    made.advance(1_000_000);
    expect(taken(made)).to.equal(false);
  });

  it('interrupt periodically after the comparator and the period were written', () => {
    const made = board();
    made.store(timer(2).config, 0x14c | ROUTE_16);
    made.store(timer(2).comparator, 50);
    made.store(timer(2).comparator, 100);
    made.store(CONFIG, 1);
    const times = [500, 999, 1500, 2500].map((time) => {
      made.advance(time - made.clock.time);
      return taken(made);
    });
    expect(times).to.deep.equal([true, false, true, true]);
    expect(made.load(timer(2).comparator)).to.equal(350);
  });

  it('wrap at 32 bits in 32-bit mode', () => {
    const made = board();
    made.store(COUNTER, 0xffff_ff00);
    made.store(COUNTER + 4, 7);
    made.store(timer(2).config, 0x104 | ROUTE_16);
    made.store(timer(2).comparator, 0x100);
    made.store(CONFIG, 1);
    expect(made.chip.deadline()).to.equal(0x200 * 10);
    made.advance(0x200 * 10);
    expect(taken(made)).to.equal(true);
  });

  it('hold a level-triggered line until the status bit is cleared', () => {
    const made = board(true);
    made.store(timer(2).config, 0x106 | ROUTE_16);
    made.store(timer(2).comparator, 100);
    made.store(CONFIG, 1);
    made.advance(1000);
    expect(made.load(STATUS)).to.equal(4);
    expect([taken(made), taken(made)]).to.deep.equal([true, true]);
    made.store(STATUS, 4);
    expect(made.load(STATUS)).to.equal(0);
    taken(made);
    expect(taken(made)).to.equal(false);
  });

  it('keep capability bits, and routes that they have', () => {
    const made = board();
    made.store(timer(2).config, 0xffff_ffff);
    expect(made.load(timer(2).config)).to.equal(0x17e);
    expect(made.load(timer(2).config + 4)).to.equal(0x00ff_0104);
  });

  it('replace the 8254 and the RTC on lines 0 and 8', () => {
    const made = board();
    made.store(0xfec0_0000, 0x14);
    made.store(0xfec0_0010, 0x50);
    made.out(0x43, 0x34);
    made.out(0x40, 0xe8, 0x03);
    taken(made);
    made.store(timer(0).config, 0x104);
    made.store(timer(0).comparator, 1_000_000);
    made.store(CONFIG, 3);
    made.advance(9_000_000);
    expect(taken(made), 'no tick of the 8254').to.equal(false);
    made.advance(1_000_000);
    expect(taken(made), 'timer 0').to.equal(true);
    made.store(CONFIG, 0);
    made.advance(1_000_000);
    expect(taken(made), 'the 8254 again').to.equal(true);
  });
});
