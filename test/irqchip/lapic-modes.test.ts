import { expect } from 'chai';
import { GuestException, VECTOR } from '../../src/mmu/exception.ts';
import { Board } from './board.ts';

const BASE = 0xfee0_0000n;
const [EN, EXTD] = [1n << 11n, 1n << 10n];

/** The exception that an action throws, or null. */
function fault(action: () => unknown): number | null {
  try {
    action();
  } catch (error) {
    if (error instanceof GuestException) return error.vector;
    throw error;
  }
  return null;
}

const setting =
  (board: Board, ...values: readonly bigint[]) =>
  () => {
    for (const value of values) board.chip.lapic.setApicBase(value);
  };

describe('IA32_APIC_BASE (SDM 3A 10.4.4, 10.12.5)', () => {
  const paths = {
    'xAPIC to disabled and back': [BASE, BASE | EN],
    'xAPIC to x2APIC to disabled to xAPIC': [BASE | EN | EXTD, BASE, BASE | EN],
    'the BSP flag cleared': [BASE | EN],
    'another page': [0xfed4_0000n | EN],
  };
  for (const [name, values] of Object.entries(paths)) {
    it(`accepts ${name}`, () => {
      expect(fault(setting(new Board(), ...values))).to.equal(null);
    });
  }

  const faults = {
    'EXTD without EN': [BASE | EXTD],
    'x2APIC to xAPIC': [BASE | EN | EXTD, BASE | EN],
    'disabled to x2APIC': [BASE, BASE | EN | EXTD],
    'reserved bit 0': [BASE | EN | 1n],
    'reserved bit 9': [BASE | EN | 0x200n],
    'an address beyond MAXPHYADDR': [(1n << 40n) | EN],
  };
  for (const [name, values] of Object.entries(faults)) {
    it(`raises #GP for ${name}`, () => {
      expect(fault(setting(new Board(), ...values))).to.equal(VECTOR.GP);
    });
  }

  it('raises #GP for x2APIC mode on a model without it', () => {
    expect(fault(setting(new Board({ without: ['x2apic'] }), BASE | EN | EXTD))).to.equal(VECTOR.GP);
  });

  it('moves the register page', () => {
    const board = new Board();
    board.chip.lapic.setApicBase(0xfed4_0000n | EN);
    expect(board.load(0xfed4_0030)).to.equal(0x0005_0014);
    expect(() => board.load(0xfee0_0030)).to.throw(RangeError);
  });

  it('leaves a page of ones that swallows writes while disabled, and CR8 at work', () => {
    const board = new Board();
    board.chip.lapic.setCr8(5);
    board.chip.lapic.setApicBase(BASE);
    board.store(0xfee0_0080, 0);
    expect(board.load(0xfee0_0030)).to.equal(0xffff_ffff);
    expect(board.chip.lapic.cr8).to.equal(5);
    board.chip.lapic.setCr8(9);
    board.chip.lapic.setApicBase(BASE | EN);
    expect(board.load(0xfee0_0080)).to.equal(0x90);
  });

  it('derives identities from the x2APIC ID', () => {
    const board = new Board({ vcpus: 20 }).enableX2apic();
    const { lapic } = board.chips[18]!;
    expect(lapic.readMsr(0x802)).to.equal(18n);
    expect(lapic.readMsr(0x80d)).to.equal(0x0001_0004n);
  });
});

describe('LAPIC register access', () => {
  it('allows xAPIC registers by aligned 32-bit accesses only, and notes registers that do not exist', () => {
    const board = new Board();
    const page = board.chip.mmio[0]!;
    page.write(0xfee0_0080, 1, 0x33);
    page.write(0xfee0_0084, 4, 0x33);
    expect(board.load(0xfee0_0080)).to.equal(0);
    expect(board.load(0xfee0_0084)).to.equal(0);
    expect(page.read(0xfee0_0032, 1)).to.equal(5);
    board.store(0xfee0_0040, 1);
    expect(board.load(0xfee0_0280), 'before the latching write').to.equal(0);
    board.store(0xfee0_0280, 0);
    expect(board.load(0xfee0_0280)).to.equal(0x80);
    board.store(0xfee0_0280, 0);
    expect(board.load(0xfee0_0280)).to.equal(0);
  });

  it('keeps reserved bits of xAPIC registers at 0, and those of DFR at 1', () => {
    const board = new Board();
    board.store(0xfee0_0350, 0xffff_ffff);
    board.store(0xfee0_00e0, 0);
    board.store(0xfee0_0030, 0);
    expect(board.load(0xfee0_0350)).to.equal(0x0001_a7ff);
    expect(board.load(0xfee0_00e0)).to.equal(0x0fff_ffff);
    expect(board.load(0xfee0_0030)).to.equal(0x0005_0014);
  });

  it('raises #GP for every x2APIC MSR while in xAPIC mode', () => {
    const { lapic } = new Board().chip;
    for (let msr = 0x800; msr <= 0x8ff; msr++) {
      expect(fault(() => lapic.readMsr(msr))).to.equal(VECTOR.GP);
      expect(fault(() => lapic.writeMsr(msr, 0n))).to.equal(VECTOR.GP);
    }
  });

  const readOnly = [0x802, 0x803, 0x80a, 0x80d, 0x810, 0x817, 0x818, 0x81f, 0x820, 0x827, 0x839];
  const writeOnly = [0x80b, 0x83f];
  const readWrite = [0x808, 0x80f, 0x828, 0x830, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x838, 0x83e];

  it('lets x2APIC MSRs be read and written as table 10-6 says', () => {
    const { lapic } = new Board().enableX2apic().chip;
    for (let msr = 0x800; msr <= 0x8ff; msr++) {
      const readable = readOnly.includes(msr) || readWrite.includes(msr) || (msr > 0x810 && msr < 0x827);
      const writable = writeOnly.includes(msr) || readWrite.includes(msr);
      expect(fault(() => lapic.readMsr(msr)) === null, `read of ${msr.toString(16)}`).to.equal(readable);
      // Vector 255 to oneself: harmless, and valid in every register that has a vector.
      const value = msr === 0x80b || msr === 0x828 ? 0n : msr === 0x83e ? 0xbn : 0xffn;
      expect(fault(() => lapic.writeMsr(msr, value)) === null, `write of ${msr.toString(16)}`).to.equal(writable);
    }
  });

  it('raises #GP for reserved bits of x2APIC MSRs', () => {
    const { lapic } = new Board().enableX2apic().chip;
    const values: readonly [number, bigint][] = [
      [0x808, 0x100n],
      [0x808, 1n << 32n],
      [0x80b, 1n],
      [0x828, 1n],
      [0x830, 1n << 13n],
      [0x830, 1n << 20n],
      [0x832, 1n << 19n],
      [0x83e, 4n],
      [0x83f, 0x100n],
    ];
    for (const [msr, value] of values) {
      expect(
        fault(() => lapic.writeMsr(msr, value)),
        `${msr.toString(16)}`,
      ).to.equal(VECTOR.GP);
    }
    expect(fault(() => lapic.writeMsr(0x830, 0xffff_ffff_0000_00f0n))).to.equal(null);
    expect(lapic.readMsr(0x830)).to.equal(0xffff_ffff_0000_00f0n);
  });

  it('reserves the TSC-deadline bit on a model without that mode', () => {
    const { lapic } = new Board({ without: ['tsc-deadline'] }).enableX2apic().chip;
    expect(fault(() => lapic.writeMsr(0x832, 0x4_00f0n))).to.equal(VECTOR.GP);
  });
});

describe('INIT of a local APIC (SDM 3A 10.4.7.3)', () => {
  it('resets all but the ID and the mode', () => {
    const board = new Board().enableLapics();
    board.store(0xfee0_0020, 0x0700_0000);
    board.store(0xfee0_0080, 0x40);
    board.store(0xfee0_0350, 0x700);
    board.store(0xfee0_0380, 1000);
    board.chip.lapic.reset();
    const registers = [0x20, 0x80, 0xe0, 0xf0, 0x320, 0x350, 0x380, 0x390].map((at) => board.load(0xfee0_0000 + at));
    expect(registers).to.deep.equal([0x0700_0000, 0, 0xffff_ffff, 0xff, 0x1_0000, 0x1_0000, 0, 0]);
    expect(board.chip.lapic.timer.deadline()).to.equal(Number.POSITIVE_INFINITY);
  });
});
