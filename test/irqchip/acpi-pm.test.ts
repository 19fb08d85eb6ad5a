import { expect } from 'chai';
import { timeOfTick } from '../../src/irqchip/clock.ts';
import { Board } from './board.ts';

const [STATUS, ENABLE, CONTROL, TIMER] = [0x600, 0x602, 0x604, 0x608];
const HALF = 2 ** 23;
const afterTicks = (ticks: number): number => timeOfTick(ticks, 3_579_545);

describe('ACPI PM timer (ACPI 6.3 4.8.3.3)', () => {
  it('counts at 3.579545 MHz in 24 bits', () => {
    const board = new Board();
    board.advance(1_000_000_000);
    expect(board.in(TIMER, 4)).to.equal(3_579_545);
    board.advance(4_000_000_000);
    expect(board.in(TIMER, 4)).to.equal((5 * 3_579_545) % 2 ** 24);
    expect(board.in(TIMER + 1)).to.equal(((5 * 3_579_545) >>> 8) & 0xff);
  });

  it('sets its status when bit 23 changes, and interrupts if enabled', () => {
    const board = new Board().enableLapics();
    board.store(0xfec0_0000, 0x22);
    board.store(0xfec0_0010, 0x8039);
    board.advance(afterTicks(HALF));
    expect(board.in(STATUS, 2)).to.equal(1);
    expect(board.take()).to.equal(-1);
    board.outSized(STATUS, 2, 1);
    expect(board.in(STATUS, 2)).to.equal(0);
    board.outSized(ENABLE, 2, 1);
    board.advance(afterTicks(2 * HALF) - afterTicks(HALF));
    expect(board.take()).to.equal(0x39);
    board.outSized(STATUS, 2, 1);
    board.store(0xfee0_00b0, 0);
    expect(board.take()).to.equal(-1);
  });
});

describe('ACPI PM1a registers', () => {
  it('are always in ACPI mode', () => {
    const board = new Board();
    board.outSized(CONTROL, 2, 0);
    expect(board.in(CONTROL, 2)).to.equal(1);
  });

  it('turn the machine off by SLP_EN with sleep type 0 only', () => {
    const board = new Board();
    board.outSized(CONTROL, 2, 0x2400);
    expect(board.powerOffs).to.equal(0);
    expect(board.in(CONTROL, 2)).to.equal(0x401);
    board.outSized(CONTROL, 2, 0x2000);
    expect(board.powerOffs).to.equal(1);
    board.out(CONTROL + 1, 0x20);
    expect(board.powerOffs).to.equal(2);
  });

  it('tell of the power button by the system control interrupt', () => {
    const board = new Board().enableLapics();
    board.store(0xfec0_0000, 0x22);
    board.store(0xfec0_0010, 0x8039);
    board.outSized(ENABLE, 2, 0x100);
    board.chip.pm.pressPowerButton();
    expect(board.in(STATUS, 4)).to.equal(0x0100_0100);
    expect(board.take()).to.equal(0x39);
  });
});
