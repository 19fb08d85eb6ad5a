import { expect } from 'chai';
import { Board } from './board.ts';

const LVT_TIMER = 0xfee0_0320;
const INITIAL = 0xfee0_0380;
const CURRENT = 0xfee0_0390;
const DIVIDE = 0xfee0_03e0;
const EOI = 0xfee0_00b0;

/** A local APIC whose timer has vector F0h, in a mode (0 one-shot, 1 periodic, 2 TSC deadline), dividing by 1. */
function timerIn(mode: number): Board {
  const board = new Board().enableLapics();
  board.store(DIVIDE, 0xb);
  board.store(LVT_TIMER, 0xf0 | (mode << 17));
  return board;
}

const elapse = (board: Board, nanoseconds: number): number => {
  board.advance(nanoseconds);
  const vector = board.take();
  if (vector >= 0) board.store(EOI, 0);
  return vector;
};

describe('LAPIC timer, one-shot (SDM 3A 10.5.4)', () => {
  it('counts nanoseconds down to one interrupt', () => {
    const board = timerIn(0);
    board.store(INITIAL, 1000);
    expect(elapse(board, 400)).to.equal(-1);
    expect(board.load(CURRENT)).to.equal(600);
    expect(board.chip.deadline()).to.equal(1000);
    expect(elapse(board, 600)).to.equal(0xf0);
    expect(board.load(CURRENT)).to.equal(0);
    expect(elapse(board, 100_000)).to.equal(-1);
  });

  const divisors = [
    [0x0, 2],
    [0x1, 4],
    [0x2, 8],
    [0x3, 16],
    [0x8, 32],
    [0x9, 64],
    [0xa, 128],
    [0xb, 1],
  ] as const;
  for (const [configuration, divisor] of divisors) {
    it(`divides by ${divisor} with configuration ${configuration}`, () => {
      const board = timerIn(0);
      board.store(DIVIDE, configuration);
      board.store(INITIAL, 1000);
      expect(board.chip.deadline()).to.equal(1000 * divisor);
    });
  }

  it('keeps its count when the divisor changes', () => {
    const board = timerIn(0);
    board.store(INITIAL, 1000);
    board.advance(500);
    board.store(DIVIDE, 0);
    expect(board.load(CURRENT)).to.equal(500);
    expect(board.chip.deadline()).to.equal(500 + 1000);
  });

  it('stops when 0 is written, and loses the interrupt of a masked entry', () => {
    const board = timerIn(0);
    board.store(INITIAL, 1000);
    board.store(INITIAL, 0);
    expect(elapse(board, 2000)).to.equal(-1);
    board.store(INITIAL, 1000);
    board.store(LVT_TIMER, 0x1_00f0);
    board.advance(2000);
    board.store(LVT_TIMER, 0xf0);
    expect(elapse(board, 0)).to.equal(-1);
  });
});

describe('LAPIC timer, periodic', () => {
  it('starts again at once, and keeps its phase when it was served late', () => {
    const board = timerIn(1);
    board.store(INITIAL, 1000);
    expect(elapse(board, 1000)).to.equal(0xf0);
    expect(board.load(CURRENT)).to.equal(1000);
    board.clock.time = 4500;
    board.chip.service(4500);
    expect(board.take()).to.equal(0xf0);
    expect(board.chip.deadline()).to.equal(5000);
  });

  it('goes on counting when the mode changes, but does not begin again by it', () => {
    const board = timerIn(1);
    board.store(INITIAL, 1000);
    board.advance(300);
    board.store(LVT_TIMER, 0xf0);
    expect(board.load(CURRENT)).to.equal(700);
    board.advance(700);
    board.store(LVT_TIMER, 0x2_00f0);
    expect(board.load(CURRENT)).to.equal(0);
    expect(board.chip.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });

  it('does not begin again either when the one-shot count is spent and its vCPU has not been served yet', () => {
    const board = timerIn(0);
    board.store(INITIAL, 1000);
    board.clock.time += 1001;
    expect(board.load(CURRENT)).to.equal(0);
    board.store(LVT_TIMER, 0x2_00f0);
    expect(board.load(CURRENT)).to.equal(0);
    expect(board.take(), 'the interrupt of the count').to.equal(0xf0);
    expect(board.chip.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });

  it('with the shortest period fires once a service', () => {
    const board = timerIn(1);
    board.store(INITIAL, 1);
    board.clock.time = 1_000_000;
    board.chip.service(1_000_000);
    expect(board.take()).to.equal(0xf0);
    expect(board.chip.deadline()).to.equal(1_000_001);
  });
});

describe('LAPIC timer, TSC-deadline mode (SDM 3A 10.5.4.1)', () => {
  it('interrupts once when the TSC reaches the deadline, and then reads as 0', () => {
    const board = timerIn(2);
    board.chip.lapic.writeTscDeadline(3001n);
    expect(board.chip.lapic.readTscDeadline()).to.equal(3001n);
    expect(board.chip.deadline()).to.equal(1501);
    expect(elapse(board, 1500)).to.equal(-1);
    expect(elapse(board, 1)).to.equal(0xf0);
    expect(board.chip.lapic.readTscDeadline()).to.equal(0n);
    expect(elapse(board, 10_000)).to.equal(-1);
  });

  it('fires at once for a deadline that has passed', () => {
    const board = timerIn(2);
    board.clock.time = 1000;
    board.chip.lapic.writeTscDeadline(1n);
    expect(board.take()).to.equal(0xf0);
    expect(board.chip.lapic.readTscDeadline()).to.equal(0n);
  });

  it('follows the TSC when the guest moves it', () => {
    const board = timerIn(2);
    board.chip.lapic.writeTscDeadline(1_000_000n);
    board.contexts[0]!.tscOffset = 999_000n;
    expect(board.chip.deadline()).to.equal(500);
    board.contexts[0]!.tscOffset = BigInt.asUintN(64, -1_000_000n);
    expect(board.chip.lapic.readTscDeadline(), 'a TSC below 0 is far ahead').to.equal(0n);
  });

  it('is disarmed by a change of mode, and by 0', () => {
    const board = timerIn(2);
    board.chip.lapic.writeTscDeadline(5000n);
    board.store(LVT_TIMER, 0xf0);
    board.store(LVT_TIMER, 0x4_00f0);
    expect(board.chip.lapic.readTscDeadline()).to.equal(0n);
    board.chip.lapic.writeTscDeadline(5000n);
    board.chip.lapic.writeTscDeadline(0n);
    expect(board.chip.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });

  it('and the counting modes ignore each other`s registers', () => {
    const board = timerIn(2);
    board.store(INITIAL, 1000);
    expect(board.load(CURRENT)).to.equal(0);
    board.store(LVT_TIMER, 0xf0);
    board.chip.lapic.writeTscDeadline(5000n);
    expect(board.chip.lapic.readTscDeadline()).to.equal(0n);
  });
});
