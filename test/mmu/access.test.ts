import { expect } from 'chai';
import { ACCESS } from '../../src/mmu/access.ts';
import { VECTOR } from '../../src/mmu/exception.ts';
import { exceptionOf, MMIO, P, TestMachine, U, W } from './machine.ts';

const LINEAR = 0x7_5000;
const FIRST = 0x20_3000;
const SECOND = 0x30_8000;
const CROSSING = LINEAR + 0xffd;

/** Two neighbouring pages that are far apart in memory. */
function twoPages(second = BigInt(SECOND) | P | W | U): TestMachine {
  const machine = new TestMachine();
  machine.mapPage('4-level', BigInt(LINEAR), BigInt(FIRST) | P | W | U);
  machine.mapPage('4-level', BigInt(LINEAR + 0x1000), second);
  machine.enable('4-level');
  return machine;
}

const bounce = (machine: TestMachine) => [machine.state.bounce.get(0), machine.state.bounce.get(1)];

describe('accesses across a page boundary', () => {
  for (const width of [16, 32, 64]) {
    it(`of ${width} bits join both pages`, () => {
      const machine = twoPages();
      const value = BigInt.asUintN(width, 0x8877_6655_4433_2211n);
      const at = BigInt(LINEAR + 0x1000 - width / 16);
      machine.mmu.write(at, width, value);
      expect(machine.mmu.read(at, width)).to.equal(value);
      const half = width / 16;
      expect(machine.physical.u8[FIRST + 0x1000 - half]).to.equal(0x11);
      expect(machine.physical.u8[SECOND]).to.equal(Number((value >> BigInt(width / 2)) & 0xffn));
      machine.mmu.slowRead(Number(at), 0, width / 8, false);
      expect(bounce(machine)[0]).to.equal(value);
    });
  }

  it('of 16 bytes too', () => {
    const machine = twoPages();
    machine.state.bounce.set(0, 0x0706_0504_0302_0100n);
    machine.state.bounce.set(1, 0x0f0e_0d0c_0b0a_0908n);
    machine.mmu.slowWrite(CROSSING, 0, 16, false);
    expect([...machine.physical.u8.subarray(SECOND, SECOND + 13)]).to.deep.equal(
      [...Array(13).keys()].map((i) => i + 3),
    );
    machine.state.bounce.set(0, 0n);
    machine.mmu.slowRead(CROSSING, 0, 16, false);
    expect(bounce(machine)).to.deep.equal([0x0706_0504_0302_0100n, 0x0f0e_0d0c_0b0a_0908n]);
  });

  it('write nothing if the second page faults, and report its first byte', () => {
    const machine = twoPages(0n);
    const fault = exceptionOf(() => machine.mmu.write(BigInt(CROSSING), 64, -1n));
    expect([fault.vector, fault.errorCode, fault.payload]).to.deep.equal([VECTOR.PF, 2, BigInt(LINEAR + 0x1000)]);
    exceptionOf(() => machine.mmu.writeBytes(BigInt(CROSSING), new Uint8Array(64).fill(0xff)));
    expect(machine.physical.u8.subarray(FIRST, FIRST + 0x1000).every((byte) => byte === 0)).to.equal(true);
  });

  it('report the first page first', () => {
    const machine = twoPages(0n);
    machine.mapPage('4-level', BigInt(LINEAR), 0n);
    machine.mmu.flushAll();
    expect(exceptionOf(() => machine.mmu.read(BigInt(CROSSING), 64)).payload).to.equal(BigInt(CROSSING));
  });

  it('wrap at 4 GiB outside 64-bit mode, and at 2^64 in it', () => {
    const machine = new TestMachine();
    machine.mapPage('32-bit', 0xffff_f000n, BigInt(FIRST) | P | W);
    machine.enable('32-bit');
    machine.mapPage('32-bit', 0xffff_f000n, BigInt(FIRST) | P | W);
    expect(exceptionOf(() => machine.mmu.read(0xffff_fffen, 32)).payload).to.equal(0n);
    const long = new TestMachine();
    long.enable('4-level');
    long.mapPage('4-level', 0xffff_ffff_ffff_f000n, BigInt(FIRST) | P | W);
    expect(exceptionOf(() => long.mmu.read(0xffff_ffff_ffff_fffen, 32)).payload).to.equal(0n);
  });
});

describe('alignment checks (SDM 3A 6.15, interrupt 17)', () => {
  function checking(changes: { cpl?: number; am?: boolean; ac?: boolean } = {}): TestMachine {
    const machine = twoPages();
    const { cpl = 3, am = true, ac = true } = changes;
    machine.state.cpl = cpl;
    if (am) machine.state.cr0 |= 1n << 18n;
    machine.state.systemFlags = ac ? 1 << 18 : 0;
    machine.mmu.updateKey();
    return machine;
  }

  for (const size of [2, 4, 8, 16]) {
    it(`raise #AC(0) for misaligned accesses of ${size} bytes`, () => {
      const machine = checking();
      for (const access of ['slowRead', 'slowWrite', 'slowReadForWrite', 'probeLocked'] as const) {
        const { vector, errorCode } = exceptionOf(() => machine.mmu[access](LINEAR + 1, 0, size, false));
        expect([vector, errorCode]).to.deep.equal([VECTOR.AC, 0]);
        machine.mmu[access](LINEAR + size, 0, size, false);
      }
    });
  }

  it('need CPL 3, CR0.AM and EFLAGS.AC', () => {
    for (const off of [{ cpl: 0 }, { am: false }, { ac: false }]) {
      expect(checking(off).mmu.read(BigInt(LINEAR + 1), 32)).to.equal(0n);
    }
  });

  it('do not apply to implicit supervisor accesses', () => {
    expect(checking().mmu.readSystem(BigInt(LINEAR + 1), 32)).to.equal(0n);
  });

  it('apply to operands, not to areas', () => {
    const { mmu } = checking();
    for (const size of [2, 4, 8, 16]) {
      expect(exceptionOf(() => mmu.probeWrite(BigInt(LINEAR + 0xfff), size)).vector).to.equal(VECTOR.AC);
    }
    mmu.writeBytes(BigInt(LINEAR + 1), new Uint8Array(28));
  });

  it('come after page faults', () => {
    const machine = checking();
    expect(exceptionOf(() => machine.mmu.read(0x1n, 32)).vector).to.equal(VECTOR.PF);
  });
});

describe('slow paths of the engine', () => {
  it('zero-extend what they read to 8 bytes', () => {
    const machine = twoPages();
    machine.physical.write64(FIRST, 0x8877_6655_4433_2211n);
    for (const [size, value] of [
      [1, 0x11n],
      [2, 0x2211n],
      [4, 0x4433_2211n],
      [8, 0x8877_6655_4433_2211n],
    ] as const) {
      machine.state.bounce.set(0, -1n);
      machine.mmu.slowRead(LINEAR, 0, size, false);
      expect(bounce(machine)[0]).to.equal(value);
    }
  });

  it('fault a read-modify-write as a write', () => {
    const machine = twoPages(BigInt(SECOND) | P | U);
    machine.state.cpl = 3;
    machine.mmu.updateKey();
    expect(exceptionOf(() => machine.mmu.slowReadForWrite(LINEAR + 0x1000, 0, 4, false)).errorCode).to.equal(7);
    machine.mmu.slowRead(LINEAR + 0x1000, 0, 4, false);
  });

  it('let locked accesses go on by the TLB where an atomic does, and else alone', () => {
    const machine = twoPages();
    machine.mapPage('4-level', BigInt(LINEAR + 0x2000), BigInt(MMIO) | P | W);
    const way = (at: number, size: number) => machine.mmu.probeLocked(at, 0, size, false);
    expect(way(LINEAR + 8, 8)).to.equal('tlb');
    expect(way(LINEAR + 9, 1)).to.equal('tlb');
    expect(way(LINEAR + 9, 4)).to.equal('exclusive');
    expect(way(LINEAR, 16)).to.equal('exclusive');
    expect(way(CROSSING, 8)).to.equal('exclusive');
    expect(way(LINEAR + 0x2000, 4)).to.equal('exclusive');
    machine.mmu.markCode(FIRST / 0x1000, 0, 16);
    expect(way(LINEAR + 0x800, 8)).to.equal('exclusive');
  });

  it('give string instructions RAM up to the page end, and nothing for MMIO', () => {
    const machine = twoPages();
    machine.mapPage('4-level', BigInt(LINEAR + 0x2000), BigInt(MMIO) | P | W);
    expect(machine.mmu.ramSpan(LINEAR + 0x10, 0, ACCESS.write)).to.deep.equal({ address: FIRST + 0x10, length: 0xff0 });
    expect(machine.mmu.ramSpan(LINEAR + 0x2000, 0, ACCESS.read)).to.equal(null);
  });

  it('move byte strings over page boundaries, RAM or not', () => {
    const machine = twoPages(BigInt(MMIO) | P | W);
    machine.bus.values.set(MMIO, 0xab00_0000);
    const bytes = Uint8Array.of(1, 2, 3, 4);
    machine.mmu.writeBytes(BigInt(LINEAR + 0xffe), bytes);
    expect(machine.bus.writes).to.deep.equal([
      [MMIO, 1, 3],
      [MMIO + 1, 1, 4],
    ]);
    machine.mmu.readBytes(BigInt(LINEAR + 0xffe), bytes);
    expect([...bytes]).to.deep.equal([1, 2, 0xab, 0xff]);
  });

  it('check every page of a range that is to be written', () => {
    const machine = twoPages(BigInt(SECOND) | P);
    machine.state.cr0 |= 1n << 16n;
    machine.mmu.probeWrite(BigInt(LINEAR), 0x1000);
    expect(exceptionOf(() => machine.mmu.probeWrite(BigInt(LINEAR), 0x1001)).errorCode).to.equal(3);
  });
});
