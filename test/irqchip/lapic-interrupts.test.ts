import { expect } from 'chai';
import { Board } from './board.ts';

const ICR_LOW = 0xfee0_0300;
const ICR_HIGH = 0xfee0_0310;
const EOI = 0xfee0_00b0;

/** Sends an IPI in xAPIC mode. */
function send(board: Board, low: number, destination = 0, from = 0): void {
  board.store(ICR_HIGH, (destination << 24) >>> 0, from);
  board.store(ICR_LOW, low, from);
}

/** The vCPUs that have a vector to take. */
const receivers = (board: Board): readonly number[] =>
  board.chips.flatMap(({ lapic }, vcpu) => (lapic.pendingVector() >= 0 ? [vcpu] : []));

describe('LAPIC priorities (SDM 3A 10.8.3)', () => {
  it('delivers the highest vector first, and holds back its class until EOI', () => {
    const board = new Board().enableLapics();
    for (const vector of [0x31, 0x45, 0x41]) send(board, 0x4_0000 | vector);
    expect(board.take()).to.equal(0x45);
    expect(board.load(0xfee0_00a0), 'PPR').to.equal(0x40);
    expect(board.take()).to.equal(-1);
    board.store(EOI, 0);
    expect(board.take()).to.equal(0x41);
    board.store(EOI, 0);
    expect(board.take()).to.equal(0x31);
  });

  it('lets a higher class interrupt a handler', () => {
    const board = new Board().enableLapics();
    send(board, 0x4_0031);
    expect(board.take()).to.equal(0x31);
    send(board, 0x4_0052);
    expect(board.take()).to.equal(0x52);
    expect(board.load(0xfee0_0110)).to.equal(1 << 0x11);
    expect(board.load(0xfee0_0120)).to.equal(1 << 0x12);
  });

  it('holds back what TPR covers, and asks the vCPU to look when TPR falls', () => {
    const board = new Board().enableLapics();
    board.chip.lapic.setCr8(4);
    send(board, 0x4_004f);
    expect(board.take()).to.equal(-1);
    board.clearRequests();
    board.chip.lapic.setCr8(3);
    expect(board.requests()).to.deep.equal(['interrupt']);
    expect(board.take()).to.equal(0x4f);
  });

  it('keeps one more interrupt of a vector that is in service', () => {
    const board = new Board().enableLapics();
    send(board, 0x4_0031);
    expect(board.take()).to.equal(0x31);
    send(board, 0x4_0031);
    send(board, 0x4_0031);
    board.store(EOI, 0);
    expect(board.take()).to.equal(0x31);
    board.store(EOI, 0);
    expect(board.take()).to.equal(-1);
  });
});

describe('IPIs (SDM 3A 10.6)', () => {
  it('reach one vCPU by its physical ID, which it may change', () => {
    const board = new Board({ vcpus: 3 }).enableLapics();
    send(board, 0x50, 2);
    expect(receivers(board)).to.deep.equal([2]);
    expect(board.requests(2)).to.deep.equal(['interrupt']);
    expect(board.contexts[2]!.kick).to.equal(0x7fff_ffff);
    board.store(0xfee0_0020, 0x0900_0000, 1);
    send(board, 0x50, 9);
    expect(receivers(board)).to.deep.equal([1, 2]);
  });

  it('reach everybody by broadcast', () => {
    const board = new Board({ vcpus: 3 }).enableLapics();
    send(board, 0x50, 0xff);
    expect(receivers(board)).to.deep.equal([0, 1, 2]);
  });

  const shorthands: readonly [string, number, readonly number[]][] = [
    ['self', 0x4_0000, [1]],
    ['all including self', 0x8_0000, [0, 1, 2]],
    ['all excluding self', 0xc_0000, [0, 2]],
  ];
  for (const [name, bits, expected] of shorthands) {
    it(`follow the shorthand "${name}"`, () => {
      const board = new Board({ vcpus: 3 }).enableLapics();
      send(board, bits | 0x50, 0, 1);
      expect(receivers(board)).to.deep.equal(expected);
    });
  }

  it('match logical IDs of the flat model', () => {
    const board = new Board({ vcpus: 3 }).enableLapics();
    for (const vcpu of [0, 1, 2]) board.store(0xfee0_00d0, 1 << (24 + vcpu), vcpu);
    send(board, 0x850, 0b101);
    expect(receivers(board)).to.deep.equal([0, 2]);
  });

  it('match logical IDs of the cluster model', () => {
    const board = new Board({ vcpus: 4 }).enableLapics();
    [0x11, 0x12, 0x21, 0x22].forEach((id, vcpu) => {
      board.store(0xfee0_00e0, 0, vcpu);
      board.store(0xfee0_00d0, id * 2 ** 24, vcpu);
    });
    send(board, 0x850, 0x23);
    expect(receivers(board)).to.deep.equal([2, 3]);
    send(board, 0x850, 0xf1);
    expect(receivers(board)).to.deep.equal([0, 2, 3]);
  });

  it('reach x2APIC clusters, wide IDs and the 32-bit broadcast', () => {
    const board = new Board({ vcpus: 18 }).enableX2apic();
    const { lapic } = board.chip;
    lapic.writeMsr(0x830, 0x0001_0003_0000_0850n);
    expect(receivers(board)).to.deep.equal([16, 17]);
    lapic.writeMsr(0x830, 0x0000_0005_0000_0050n);
    expect(receivers(board)).to.deep.equal([5, 16, 17]);
    lapic.writeMsr(0x830, 0x0000_00ff_0000_0050n);
    expect(receivers(board)).to.deep.equal([5, 16, 17]);
    lapic.writeMsr(0x830, 0xffff_ffff_0000_0050n);
    expect(receivers(board)).to.have.length(18);
    lapic.writeMsr(0x83f, 0x61n);
    expect(lapic.pendingVector()).to.equal(0x61);
  });

  it('choose the vCPU of lowest priority', () => {
    const board = new Board({ vcpus: 3 }).enableLapics();
    board.chips[0]!.lapic.setCr8(5);
    board.chips[1]!.lapic.setCr8(2);
    board.chips[2]!.lapic.setCr8(3);
    send(board, 0x1f0, 0xff);
    expect(receivers(board)).to.deep.equal([1]);
  });

  it('are dropped by a software-disabled local APIC, save NMI and INIT', () => {
    const board = new Board({ vcpus: 2 });
    send(board, 0x50, 1);
    send(board, 0x400, 1);
    send(board, 0x4500, 1);
    expect(receivers(board)).to.deep.equal([]);
    expect(board.requests(1)).to.deep.equal(['nmi', 'init']);
  });

  it('reach nobody whose local APIC is disabled by IA32_APIC_BASE', () => {
    const board = new Board({ vcpus: 2 }).enableLapics();
    board.chips[1]!.lapic.setApicBase(0xfee0_0000n);
    board.clearRequests();
    send(board, 0xc_4500);
    expect(board.requests(1)).to.deep.equal([]);
  });

  it('count NMIs, so that two are not one', () => {
    const board = new Board({ vcpus: 2 });
    send(board, 0x400, 1);
    send(board, 0x400, 1);
    expect(board.chips[1]!.takeNmis()).to.equal(2);
    expect(board.chips[1]!.takeNmis()).to.equal(0);
  });

  it('start a processor: INIT, then SIPI with its vector; the de-assertion of INIT does nothing', () => {
    const board = new Board({ vcpus: 2 });
    send(board, 0xc500, 1);
    board.clearRequests();
    send(board, 0x8500, 1);
    expect(board.requests(1)).to.deep.equal([]);
    send(board, 0x69e, 1);
    expect(board.requests(1)).to.deep.equal(['sipi']);
    expect(board.contexts[1]!.sipi).to.equal(0x19e);
    send(board, 0xc500, 1);
    expect(board.contexts[1]!.sipi, 'void by a later INIT').to.equal(0);
  });

  it('ask for SMM by SMI', () => {
    const board = new Board({ vcpus: 2 });
    send(board, 0x200, 1);
    expect(board.requests(1)).to.deep.equal(['smi']);
  });
});

describe('LAPIC errors (SDM 3A 10.5.3)', () => {
  it('tell of an illegal vector that is sent, and interrupt once', () => {
    const board = new Board().enableLapics();
    board.store(0xfee0_0370, 0xfe);
    send(board, 0x4_0005);
    expect(board.take()).to.equal(0xfe);
    board.store(EOI, 0);
    send(board, 0x4_0005);
    expect(board.take()).to.equal(-1);
    board.store(0xfee0_0280, 0);
    expect(board.load(0xfee0_0280)).to.equal(0x20);
  });
});

describe('LVT entries', () => {
  it('are masked by a software disable, and cannot be unmasked during it', () => {
    const board = new Board().enableLapics();
    board.store(0xfee0_0320, 0xf0);
    board.store(0xfee0_00f0, 0xff);
    board.store(0xfee0_0350, 0x700);
    expect(board.load(0xfee0_0320)).to.equal(0x1_00f0);
    expect(board.load(0xfee0_0350)).to.equal(0x1_0700);
  });

  it('deliver the NMI line through LINT1, unless port 70h holds it back', () => {
    const board = new Board({ vcpus: 2 }).enableLapics();
    board.store(0xfee0_0360, 0x400, 0);
    board.out(0x70, 0x8f);
    board.chip.raiseNmi();
    expect(board.requests(0)).to.deep.equal([]);
    board.out(0x70, 0x0f);
    board.chip.raiseNmi();
    expect(board.requests(0)).to.deep.equal(['nmi']);
    expect(board.requests(1)).to.deep.equal([]);
  });
});

describe('IPIs to a set of APIC IDs, as hypercalls send them', () => {
  it('reach those that accept them, whatever the ICR has stored, and count them', () => {
    const board = new Board({ vcpus: 4 }).enableLapics();
    board.store(0xfee0_00f0, 0, 3);
    const { lapic } = board.chip;
    const sent = lapic.sendIpi((id) => id !== 1, 0x4052);
    expect(sent, 'vCPU 3 is software-disabled').to.equal(2);
    expect(receivers(board)).to.deep.equal([0, 2]);
    expect(board.load(ICR_LOW)).to.equal(0);
  });

  it('know x2APIC IDs whole', () => {
    const board = new Board({ vcpus: 2 }).enableX2apic();
    expect(board.chip.lapic.sendIpi((id) => id === 1, 0x4052)).to.equal(1);
    expect(receivers(board)).to.deep.equal([1]);
  });
});
