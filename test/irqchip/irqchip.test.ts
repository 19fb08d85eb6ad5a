import { expect } from 'chai';
import fc from 'fast-check';
import { LAPIC } from '../../src/irqchip/layout.ts';
import { leaveAsFirmware } from '../../src/irqchip/power-on.ts';
import { GuestException } from '../../src/mmu/exception.ts';
import { Board } from './board.ts';

describe('Irqchip', () => {
  it('keeps the earliest deadline of the shared timers in CONTROL, for all run loops', () => {
    const board = new Board({ vcpus: 2 });
    expect(board.control.nextDeadline).to.equal(0xffff_ffff_ffff_ffffn);
    board.out(0x43, 0x34);
    board.out(0x40, 0xa9, 0x04); // 1193 cycles: a millisecond
    expect(board.control.nextDeadline).to.equal(999_848n);
    expect(board.chips[1]!.deadline()).to.equal(999_848);
    board.clock.time = 999_848;
    board.chips[1]!.service(999_848);
    expect(board.control.nextDeadline).to.equal(1_999_695n);
  });

  it('adds the vCPU`s own timer to them', () => {
    const board = new Board({ vcpus: 2 }).enableLapics();
    board.store(0xfee0_0320, 0xf0, 1);
    board.store(0xfee0_0380, 500, 1);
    expect(board.chips[1]!.deadline()).to.equal(1000);
    expect(board.chips[0]!.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });

  it('takes ExtINT before the local APIC`s interrupts', () => {
    const board = new Board();
    leaveAsFirmware(board.chip);
    board.store(0xfee0_0300, 0x4_00f0);
    board.chip.setLine(1, true);
    expect([board.take(), board.take(), board.take()]).to.deep.equal([0x09, 0xf0, -1]);
  });

  it('works without an 8254', () => {
    const board = new Board({ pit: false });
    leaveAsFirmware(board.chip);
    expect(() => board.in(0x40)).to.throw(RangeError);
    expect(board.chip.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });

  it('lays the register page out as KVM`s kvm_lapic_state', () => {
    const board = new Board().enableLapics();
    board.store(0xfee0_0320, 0xf0);
    const { u32 } = board.memory;
    const page = board.chip.lapic.state.view.address;
    expect(u32[(page + 0x30) >>> 2]).to.equal(0x0005_0014);
    expect(u32[(page + 0x320) >>> 2]).to.equal(0xf0);
    expect(LAPIC.offset.timerExpiry).to.equal(0x400);
  });
});

describe('Whatever a guest does to the interrupt controllers', () => {
  const ports = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x600, 0x602, 0x604];
  const pages = [0xfee0_0000, 0xfec0_0000, 0xfed0_0000];
  const step = fc.oneof(
    fc.record({ kind: fc.constant('port' as const), at: fc.constantFrom(...ports), value: fc.nat(0xff) }),
    fc.record({ kind: fc.constant('mmio' as const), at: fc.constantFrom(...pages), value: fc.nat(0xffff_ffff) }),
    fc.record({ kind: fc.constant('msr' as const), at: fc.nat(0xff), value: fc.nat(0xffff_ffff) }),
    fc.record({ kind: fc.constant('time' as const), at: fc.nat(40), value: fc.nat(0xffff) }),
    fc.record({ kind: fc.constant('take' as const), at: fc.nat(0x3f), value: fc.nat(1) }),
  );

  it('they neither throw nor leave a deadline that its service does not pass', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.tuple(step, fc.nat(0x3f)), { size: 'large' }), (x2apic, steps) => {
        const board = x2apic ? new Board({ vcpus: 2 }).enableX2apic() : new Board({ vcpus: 2 }).enableLapics();
        const { chip } = board;
        for (const [{ kind, at, value }, register] of steps) {
          if (kind === 'port') {
            board.out(at, value);
            expect(board.in(at)).to.be.within(0, 0xff);
          } else if (kind === 'mmio') {
            board.store(at + register * 16 + (at === 0xfed0_0000 ? (value & 3) * 4 : 0), value);
            expect(board.load(at + register * 16)).to.be.within(0, 0xffff_ffff);
          } else if (kind === 'msr') writeMsr(board, 0x800 + at, BigInt(value));
          else if (kind === 'time') board.clock.time += value * 2 ** at;
          else {
            board.take();
            board.chip.setLine(1 + (at % 23), value === 1);
          }
          board.clock.time = Math.min(board.clock.time, 2 ** 52);
          chip.service(board.clock.time);
          expect(chip.deadline()).to.be.greaterThan(board.clock.time);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});

function writeMsr(board: Board, msr: number, value: bigint): void {
  try {
    board.chip.lapic.writeMsr(msr, value);
    board.chip.lapic.writeTscDeadline(value * 16n);
  } catch (error) {
    if (!(error instanceof GuestException)) throw error;
  }
}
