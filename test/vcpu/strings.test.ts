import { expect } from 'chai';
import { setSegment } from '../../src/vcpu/segments.ts';
import { GP, RAX, RCX, RDI, RDX, RSI, SystemVcpu } from './system-vcpu.ts';

const DF = 1 << 10;
const FROM = 0x2000;
const TO = 0x3000;
const PAGE = 0x1000;

const MOVSB = [0xa4];
const MOVSW = [0x66, 0xa5];
const MOVSD = [0xa5];
const MOVSQ = [0x48, 0xa5];
const REP = (code: number[]) => [0xf3, ...code];
const REPNE = (code: number[]) => [0xf2, ...code];

function vcpu64(registers: { rcx?: bigint | number; rsi?: bigint | number; rdi?: bigint | number } = {}): SystemVcpu {
  const vcpu = new SystemVcpu().longMode();
  vcpu.set(RCX, registers.rcx ?? 0);
  vcpu.set(RSI, registers.rsi ?? FROM);
  vcpu.set(RDI, registers.rdi ?? TO);
  return vcpu;
}

const sequence = (length: number, first = 1) => Array.from({ length }, (_, i) => (first + i * 7) & 0xff);
const pointers = (vcpu: SystemVcpu) => [vcpu.get(RCX), vcpu.get(RSI), vcpu.get(RDI)].map(Number);

/** A reference: the memory after REP MOVS, element by element. */
function copied(memory: number[], from: number, to: number, count: number, size: number, down = false): number[] {
  const result = [...memory];
  for (let n = 0; n < count; n++) {
    const offset = (down ? -n : n) * size;
    const element = result.slice(from + offset, from + offset + size);
    result.splice(to + offset, size, ...element);
  }
  return result;
}

describe('MOVS', () => {
  for (const [code, size] of [
    [MOVSB, 1],
    [MOVSW, 2],
    [MOVSD, 4],
    [MOVSQ, 8],
  ] as const) {
    it(`moves one element of ${size} bytes`, () => {
      const vcpu = vcpu64();
      vcpu.poke(FROM, sequence(16));
      vcpu.run(...code);
      expect(vcpu.bytes(TO, 9)).to.deep.equal([...sequence(size), ...Array(9 - size).fill(0)]);
      expect(pointers(vcpu)).to.deep.equal([0, FROM + size, TO + size]);
    });

    it(`repeats by ${size} bytes, upwards and downwards`, () => {
      for (const down of [false, true]) {
        const vcpu = vcpu64({ rcx: 40, rsi: FROM + 0x400, rdi: TO + 0x400 });
        vcpu.poke(FROM, sequence(PAGE));
        if (down) vcpu.cpu.rflags |= DF;
        const before = vcpu.bytes(FROM, 2 * PAGE);
        vcpu.complete(...REP([...code]));
        expect(vcpu.bytes(FROM, 2 * PAGE)).to.deep.equal(copied(before, 0x400, PAGE + 0x400, 40, size, down));
        const moved = 40 * size * (down ? -1 : 1);
        expect(pointers(vcpu)).to.deep.equal([0, FROM + 0x400 + moved, TO + 0x400 + moved]);
      }
    });
  }

  it('behaves as element by element when target and source overlap', () => {
    for (const [code, size] of [
      [MOVSB, 1],
      [MOVSD, 4],
      [MOVSQ, 8],
    ] as const) {
      for (const distance of [-9, -8, -4, -3, -1, 1, 2, 3, 4, 5, 8, 12, 100]) {
        const vcpu = vcpu64({ rcx: 50, rsi: FROM + 0x200, rdi: FROM + 0x200 + distance });
        vcpu.poke(FROM, sequence(PAGE));
        const before = vcpu.bytes(FROM, PAGE);
        vcpu.complete(...REP([...code]));
        const expected = copied(before, 0x200, 0x200 + distance, 50, size);
        expect(vcpu.bytes(FROM, PAGE), `${size} bytes, distance ${distance}`).to.deep.equal(expected);
      }
    }
  });

  it('does nothing for a count of 0', () => {
    const vcpu = vcpu64({ rsi: 0xdead_0000_0000n });
    vcpu.run(...REP(MOVSB));
    expect(vcpu.get(RSI)).to.equal(0xdead_0000_0000n);
  });

  it('stops at the faulting element with all registers there, and goes on from it', () => {
    const vcpu = vcpu64({ rcx: PAGE, rsi: FROM + 0x801, rdi: 0x8000 + 0x123 });
    vcpu.poke(FROM, sequence(3 * PAGE));
    vcpu.setEntry(FROM + PAGE, 0n);
    const fault = vcpu.fault(...REP(MOVSB));
    expect(fault).to.deep.equal({ vector: 14, errorCode: 0, payload: BigInt(FROM + PAGE) });
    expect(pointers(vcpu)).to.deep.equal([PAGE - 0x7ff, FROM + PAGE, 0x8000 + 0x123 + 0x7ff]);
    vcpu.setEntry(FROM + PAGE, BigInt(FROM + PAGE) | 7n);
    vcpu.complete(...REP(MOVSB));
    expect(vcpu.bytes(0x8123, PAGE)).to.deep.equal(vcpu.bytes(FROM + 0x801, PAGE));
  });

  it('faults on an element across two pages before either part is written', () => {
    const vcpu = vcpu64({ rcx: 1, rdi: TO + PAGE - 2 });
    vcpu.poke(FROM, sequence(8));
    vcpu.setEntry(TO + PAGE, 0n);
    expect(vcpu.fault(...REP(MOVSD))).to.include({ vector: 14, errorCode: 2 });
    expect(vcpu.bytes(TO + PAGE - 2, 2)).to.deep.equal([0, 0]);
    expect(pointers(vcpu)).to.deep.equal([1, FROM, TO + PAGE - 2]);
  });

  it('gives way after a while, and when the vCPU is wanted', () => {
    const long = vcpu64({ rcx: 0x3000, rdi: 0x10_000 });
    expect(long.complete(...REP(MOVSB))).to.equal(3);
    const kicked = vcpu64({ rcx: 0x1800, rsi: FROM, rdi: 0x10_000 });
    kicked.cpu.state.kick = 1;
    kicked.run(...REP(MOVSB));
    expect(kicked.cpu.state.rip).to.equal(0n);
    expect(kicked.get(RCX)).to.equal(0x800n);
    expect(kicked.cpu.state.repeating).to.equal(1);
    kicked.run(...REP(MOVSB));
    expect([kicked.get(RCX), kicked.cpu.state.repeating]).to.deep.equal([0n, 0]);
  });

  it('does one element at a time when single-stepped', () => {
    const vcpu = vcpu64({ rcx: 3 });
    vcpu.cpu.state.single = 1;
    vcpu.run(...REP(MOVSB));
    expect(pointers(vcpu)).to.deep.equal([2, FROM + 1, TO + 1]);
    expect(vcpu.cpu.state.rip).to.equal(0n);
    vcpu.run(...REP(MOVSB));
    vcpu.run(...REP(MOVSB));
    expect(pointers(vcpu)).to.deep.equal([0, FROM + 3, TO + 3]);
    expect(vcpu.cpu.state.rip).to.not.equal(0n);
  });

  it('charges the slice for what it does', () => {
    const vcpu = vcpu64({ rcx: 0x1000 });
    vcpu.cpu.state.budget = 1000;
    vcpu.complete(...REP(MOVSB));
    expect(vcpu.cpu.state.budget).to.be.lessThan(900);
  });
});

describe('address sizes', () => {
  it('32 bits zero-extend what they change, in 64-bit mode', () => {
    const vcpu = vcpu64({ rcx: 0xffff_ffff_0000_0002n, rsi: 0x5_0000_2000n, rdi: 0x6_0000_3000n });
    vcpu.poke(FROM, [1, 2]);
    vcpu.complete(0x67, ...REP(MOVSB));
    expect(pointers(vcpu)).to.deep.equal([0, FROM + 2, TO + 2]);
    expect(vcpu.bytes(TO, 2)).to.deep.equal([1, 2]);
  });

  it('32 bits wrap at 4 GiB', () => {
    const vcpu = vcpu64({ rsi: 0xffff_ffffn });
    vcpu.set(RSI, FROM);
    vcpu.cpu.rflags |= DF;
    vcpu.set(RSI, 0);
    vcpu.run(0x67, ...MOVSB);
    expect(vcpu.get(RSI)).to.equal(0xffff_ffffn);
  });

  it('16 bits wrap at 64 KiB and keep the upper halves', () => {
    const vcpu = new SystemVcpu().protectedMode();
    setSegment(vcpu.cpu, 'ds', 16, 0x1_0000n, 0xffff_ffff, 0xc093);
    vcpu.poke(0x1_fffe, [1, 2]);
    vcpu.poke(0x1_0000, [3, 4, 5, 6]);
    vcpu.set(RSI, 0xaaaa_fffe);
    vcpu.set(RDI, 0xbbbb_3000);
    vcpu.set(RCX, 0xcccc_0006);
    vcpu.complete(0x67, ...REP(MOVSB));
    expect(vcpu.bytes(TO, 7)).to.deep.equal([1, 2, 3, 4, 5, 6, 0]);
    expect(pointers(vcpu)).to.deep.equal([0xcccc_0000, 0xaaaa_0004, 0xbbbb_3006]);
  });

  it('a counter of 64 bits may have a low half of 0', () => {
    const vcpu = vcpu64({ rcx: 1n << 32n });
    vcpu.run(...REP(MOVSB));
    expect(vcpu.get(RCX)).to.equal(0xffff_f000n);
  });
});

describe('segments of string operands', () => {
  it('check the limit at each element', () => {
    const vcpu = new SystemVcpu().protectedMode();
    setSegment(vcpu.cpu, 'es', 16, 0n, TO + 9, 0x4093);
    vcpu.set(RSI, FROM);
    vcpu.set(RDI, TO);
    vcpu.set(RCX, 100);
    vcpu.poke(FROM, sequence(100));
    expect(vcpu.fault(...REP(MOVSD))).to.deep.equal(GP);
    expect(pointers(vcpu)).to.deep.equal([98, FROM + 8, TO + 8]);
    expect(vcpu.bytes(TO, 9)).to.deep.equal([...sequence(8), 0]);
  });

  it('take an override for rSI, with FS and GS bases of 64 bits, and none for rDI', () => {
    const vcpu = vcpu64({ rsi: 0x10 });
    vcpu.cpu.segments.gs.base = BigInt.asUintN(64, BigInt(FROM) - 0x10n);
    vcpu.poke(FROM, [9]);
    vcpu.run(0x65, ...MOVSB);
    expect(vcpu.bytes(TO, 1)).to.deep.equal([9]);
    expect(vcpu.get(RSI)).to.equal(0x11n);
  });

  it('raise #SS for a stack segment', () => {
    const vcpu = new SystemVcpu().protectedMode();
    setSegment(vcpu.cpu, 'ss', 16, 0n, 0xff, 0x4093);
    vcpu.set(RSI, 0x100);
    vcpu.set(RDI, TO);
    expect(vcpu.fault(0x36, ...MOVSB)).to.deep.equal({ ...GP, vector: 12 });
  });
});

describe('STOS and LODS', () => {
  const widths = [
    [[0xaa], 1],
    [[0x66, 0xab], 2],
    [[0xab], 4],
    [[0x48, 0xab], 8],
  ] as const;
  for (const [code, size] of widths) {
    it(`store ${size} bytes of rAX, aligned or not, within a page or across`, () => {
      for (const at of [TO, TO + 1, TO + PAGE - 13]) {
        const vcpu = vcpu64({ rcx: 21, rdi: at });
        vcpu.set(RAX, 0x8877_6655_4433_2211n);
        vcpu.complete(...REP([...code]));
        const element = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88].slice(0, size);
        expect(vcpu.bytes(at - 1, 21 * size + 2)).to.deep.equal([0, ...Array(21).fill(element).flat(), 0]);
        expect(pointers(vcpu)).to.deep.equal([0, FROM, at + 21 * size]);
      }
    });
  }

  it('LODS loads by the width rules of registers', () => {
    const vcpu = vcpu64();
    vcpu.poke(FROM, [0x80, 0x81, 0x82, 0x83, 0x84]);
    vcpu.set(RAX, -1);
    vcpu.run(0xac);
    expect(vcpu.get(RAX)).to.equal(0xffff_ffff_ffff_ff80n);
    vcpu.run(0xad);
    expect(vcpu.get(RAX)).to.equal(0x8483_8281n);
    expect(vcpu.get(RSI)).to.equal(BigInt(FROM + 5));
  });

  it('REP LODS leaves the last element', () => {
    const vcpu = vcpu64({ rcx: 5 });
    vcpu.poke(FROM, [1, 2, 3, 4, 5]);
    vcpu.complete(...REP([0xac]));
    expect(vcpu.get(RAX)).to.equal(5n);
  });
});

describe('CMPS and SCAS', () => {
  /** CF PF AF ZF SF OF of a - b at a width, from their definitions. */
  function difference(a: bigint, b: bigint, width: number): number {
    const result = BigInt.asUintN(width, a - b);
    const signed = BigInt.asIntN(width, a) - BigInt.asIntN(width, b);
    const ones = [...(result & 0xffn).toString(2)].filter((digit) => digit === '1').length;
    return (
      (a < b ? 1 : 0) |
      (ones % 2 === 0 ? 4 : 0) |
      ((a & 15n) < (b & 15n) ? 0x10 : 0) |
      (result === 0n ? 0x40 : 0) |
      (result >> BigInt(width - 1) ? 0x80 : 0) |
      (signed !== BigInt.asIntN(width, signed) ? 0x800 : 0)
    );
  }

  const values = [
    0n,
    1n,
    0x7fn,
    0x80n,
    0xffn,
    0x7fffn,
    0x8000n,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    0x7fff_ffff_ffff_ffffn,
    1n << 63n,
  ];
  for (const [prefix, opcode, width] of [
    [[], 0, 8],
    [[0x66], 1, 16],
    [[], 1, 32],
    [[0x48], 1, 64],
  ] as const) {
    it(`set flags as CMP does, ${width} bits`, () => {
      const vcpu = vcpu64();
      for (const a of values) {
        for (const b of values) {
          const [x, y] = [BigInt.asUintN(width, a), BigInt.asUintN(width, b)];
          vcpu.physical.write64(FROM, x);
          vcpu.physical.write64(TO, y);
          vcpu.set(RAX, x);
          vcpu.set(RSI, FROM);
          vcpu.set(RDI, TO);
          vcpu.run(...prefix, 0xa6 + opcode);
          expect(vcpu.cpu.rflags & 0x8d5, `cmps ${x} ${y}`).to.equal(difference(x, y, width));
          vcpu.set(RDI, TO);
          vcpu.run(...prefix, 0xae + opcode);
          expect(vcpu.cpu.rflags & 0x8d5, `scas ${x} ${y}`).to.equal(difference(x, y, width));
        }
      }
    });
  }

  it('REPE ends at the first difference, after it', () => {
    const vcpu = vcpu64({ rcx: 10 });
    vcpu.poke(FROM, [1, 2, 3, 4, 5]);
    vcpu.poke(TO, [1, 2, 3, 9, 5]);
    vcpu.complete(...REP([0xa6]));
    expect(pointers(vcpu)).to.deep.equal([6, FROM + 4, TO + 4]);
  });

  it('REPE goes on over pages, and ends with the flags of the last element', () => {
    const vcpu = vcpu64({ rcx: PAGE + 100, rsi: FROM + 7, rdi: 0x8000 + 99 });
    vcpu.poke(FROM + 7, sequence(PAGE + 100));
    vcpu.poke(0x8000 + 99, sequence(PAGE + 100));
    vcpu.cpu.rflags |= 0x891;
    vcpu.complete(...REP([0xa6]));
    expect(pointers(vcpu)).to.deep.equal([0, FROM + 7 + PAGE + 100, 0x8000 + 99 + PAGE + 100]);
    expect(vcpu.cpu.rflags & 0x8d5).to.equal(0x44);
    vcpu.set(RCX, PAGE);
    vcpu.set(RSI, FROM + 7);
    vcpu.set(RDI, 0x8000 + 99);
    vcpu.poke(0x9000 + 20, [0xff]);
    vcpu.complete(...REP([0xa6]));
    expect(vcpu.get(RDI)).to.equal(0x9015n);
    expect(vcpu.cpu.rflags & 0x40).to.equal(0);
  });

  it('REPNE ends at the first match, after it', () => {
    const vcpu = vcpu64({ rcx: -1n, rdi: TO + PAGE - 10 });
    vcpu.poke(TO + PAGE - 10, Array(100).fill(5));
    vcpu.poke(TO + PAGE + 50, [0]);
    vcpu.complete(...REPNE([0xae]));
    expect(vcpu.get(RDI)).to.equal(BigInt(TO + PAGE + 51));
    expect(BigInt.asIntN(64, vcpu.get(RCX))).to.equal(-62n);
    expect(vcpu.cpu.rflags & 0x40).to.equal(0x40);
  });

  it('the count may run out first, with the flags of the last element', () => {
    const vcpu = vcpu64({ rcx: 20 });
    vcpu.set(RAX, 4);
    vcpu.poke(TO, Array(20).fill(5));
    vcpu.complete(...REPNE([0xae]));
    expect(pointers(vcpu)).to.deep.equal([0, FROM, TO + 20]);
    expect(vcpu.cpu.rflags & 0x8d5).to.equal(difference(4n, 5n, 8));
  });

  it('a fault leaves the flags of the element before', () => {
    const vcpu = vcpu64({ rcx: 100, rdi: TO + PAGE - 20 });
    vcpu.set(RAX, 4);
    vcpu.poke(TO + PAGE - 20, Array(20).fill(5));
    vcpu.setEntry(TO + PAGE, 0n);
    expect(vcpu.fault(...REPNE([0xae])).vector).to.equal(14);
    expect(pointers(vcpu)).to.deep.equal([80, FROM, TO + PAGE]);
    expect(vcpu.cpu.rflags & 0x8d5).to.equal(difference(4n, 5n, 8));
  });
});

describe('INS and OUTS', () => {
  it('move elements between memory and the port in DX', () => {
    const vcpu = vcpu64({ rcx: 3 });
    vcpu.set(RDX, 0xabcd_00e0);
    vcpu.complete(...REP([0x66, 0x6d]));
    expect(vcpu.bytes(TO, 6)).to.deep.equal([1, 0, 2, 0, 3, 0]);
    vcpu.poke(FROM, [0x11, 0x22, 0x33, 0x44]);
    vcpu.run(0x48, 0x6f);
    expect(vcpu.ports.writes).to.deep.equal([[0xe0, 4, 0x4433_2211]]);
  });

  it('do not read the port when memory faults', () => {
    const vcpu = vcpu64({ rcx: 1 });
    vcpu.setEntry(TO, BigInt(TO) | 5n);
    vcpu.cpu.state.cr0 |= 1n << 16n;
    expect(vcpu.fault(...REP([0x6c]))).to.include({ vector: 14, errorCode: 3 });
    expect(vcpu.ports.reads).to.deep.equal([]);
  });
});
