import { expect } from 'chai';
import { ACCESS } from '../../src/mmu/access.ts';
import { VECTOR } from '../../src/mmu/exception.ts';
import { A, D, exceptionOf, high, low, MODES, type ModeName, P, PS, ROOT, TestMachine, U, W, XD } from './machine.ts';

const NXE = 1n << 11n;
const NAMES = Object.keys(MODES) as ModeName[];
const LINEAR: Record<ModeName, bigint> = {
  '32-bit': 0xc123_4567n,
  PAE: 0xc123_4567n,
  '4-level': 0xffff_9234_5678_9567n,
  '5-level': 0xff12_3456_789a_b567n,
};

const translate = (machine: TestMachine, linear: bigint, access: (typeof ACCESS)[keyof typeof ACCESS] = ACCESS.read) =>
  machine.mmu.translate(low(linear), high(linear), access);

/** A machine whose tables map LINEAR[mode] by `leaf`, at a depth of `levels` tables. */
function mapped(mode: ModeName, leaf: bigint, levels?: number, parts = {}) {
  const machine = new TestMachine(parts);
  const entries = machine.mapPage(mode, LINEAR[mode], leaf, levels === undefined ? {} : { levels });
  machine.enable(mode, { efer: mode === '32-bit' ? 0n : NXE });
  return { machine, entries, linear: LINEAR[mode] };
}

describe('linear-address translation (SDM 3A 4.3-4.5)', () => {
  it('is the identity without paging', () => {
    const machine = new TestMachine();
    machine.mmu.updateKey();
    expect(machine.mmu.translate(0x1234_5678, 0, ACCESS.write)).to.equal(0x1234_5678);
  });

  for (const mode of NAMES) {
    it(`finds 4-KByte pages in ${mode} paging`, () => {
      const { machine, linear } = mapped(mode, 0x20_3000n | P | W);
      expect(translate(machine, linear)).to.equal(0x20_3567);
    });
  }

  const large: [ModeName, levels: number, frame: bigint, expected: number][] = [
    ['32-bit', 1, 0x1040_0000n, 0x1040_0000 + (0xc123_4567 % 0x40_0000)],
    ['PAE', 2, 0x1020_0000n, 0x1020_0000 + (0xc123_4567 % 0x20_0000)],
    ['4-level', 3, 0x1020_0000n, 0x1020_0000 + (0x5678_9567 % 0x20_0000)],
    ['4-level', 2, 0x4000_0000n, 0x4000_0000 + (0x5678_9567 % 0x4000_0000)],
    ['5-level', 3, 0x4000_0000n, 0x4000_0000 + (0x789a_b567 % 0x4000_0000)],
  ];
  for (const [mode, levels, frame, expected] of large) {
    it(`finds a large page at level ${levels} of ${mode} paging`, () => {
      const { machine, linear } = mapped(mode, frame | P | W | PS, levels);
      expect(translate(machine, linear)).to.equal(expected);
    });
  }

  it('takes bits 39:32 of a 4-MByte page from bits 20:13 (PSE-36)', () => {
    const { machine, linear } = mapped('32-bit', 0x0040_0000n | (0x5n << 13n) | P | PS, 1);
    expect(translate(machine, linear)).to.equal(0x5_0040_0000 + (0xc123_4567 % 0x40_0000));
  });

  it('reads PS in 32-bit paging as ignored without CR4.PSE', () => {
    const machine = new TestMachine();
    machine.mapPage('32-bit', LINEAR['32-bit'], 0x20_3000n | P, { upper: P | PS });
    machine.enable('32-bit');
    machine.state.cr4 = 0n;
    expect(translate(machine, LINEAR['32-bit'])).to.equal(0x20_3567);
  });

  it('uses the PDPTE registers, not memory, in PAE paging (4.4.1)', () => {
    const { machine, entries, linear } = mapped('PAE', 0x20_3000n | P);
    machine.setEntry(entries[0]!, 0n);
    machine.mmu.flushAll();
    expect(translate(machine, linear)).to.equal(0x20_3567);
    machine.mmu.loadPdptes(machine.state.cr3);
    machine.mmu.flushAll();
    expect(exceptionOf(() => translate(machine, linear)).errorCode).to.equal(0);
  });

  for (const bit of [1n, 2n, 5n, 8n, 39n, 63n]) {
    it(`refuses a present PDPTE with bit ${bit} set, and loads none (table 4-8)`, () => {
      const machine = new TestMachine();
      machine.state.pdpte.set(0, 0x77n);
      machine.setEntry(ROOT + 8, P | (1n << bit));
      const { vector, errorCode } = exceptionOf(() => machine.mmu.loadPdptes(BigInt(ROOT)));
      expect([vector, errorCode, machine.state.pdpte.get(0)]).to.deep.equal([VECTOR.GP, 0, 0x77n]);
      machine.setEntry(ROOT + 8, 1n << bit);
      machine.mmu.loadPdptes(BigInt(ROOT));
      expect(machine.state.pdpte.get(1)).to.equal(1n << bit);
    });
  }

  it('reads tables outside RAM from the bus, which answers all ones: reserved bits', () => {
    const machine = new TestMachine();
    machine.enable('4-level', { efer: NXE });
    machine.state.cr3 = 0xfee0_0000n;
    machine.mmu.cr3Written();
    expect(exceptionOf(() => translate(machine, 0n)).errorCode).to.equal(9);
  });

  it('gives MMIO pages no TLB entry', () => {
    const { machine, linear } = mapped('4-level', 0xfee0_0000n | P | W);
    machine.bus.values.set(0xfee0_0560, 0x1234_5678);
    const aligned = linear & ~0xfn;
    expect(machine.mmu.read(aligned, 32)).to.equal(0x1234_5678n);
    machine.mmu.write(aligned, 32, 5n);
    expect(machine.bus.writes).to.deep.equal([[0xfee0_0560, 4, 5]]);
    machine.mmu.write(aligned, 64, 0x2_0000_0001n);
    expect(machine.bus.writes.slice(1)).to.deep.equal([
      [0xfee0_0560, 4, 1],
      [0xfee0_0564, 4, 2],
    ]);
  });
});

describe('canonical addresses (SDM 1 3.3.7.1)', () => {
  const edge = (mode: ModeName, linear: bigint) => {
    const machine = new TestMachine();
    machine.enable(mode);
    return exceptionOf(() => translate(machine, linear)).vector;
  };
  it('have 48 bits in 4-level and 57 in 5-level paging', () => {
    expect(edge('4-level', 0x7fff_ffff_ffffn)).to.equal(VECTOR.PF);
    expect(edge('4-level', 0x8000_0000_0000n)).to.equal(VECTOR.GP);
    expect(edge('4-level', 0xffff_7fff_ffff_ffffn)).to.equal(VECTOR.GP);
    expect(edge('4-level', 0xffff_8000_0000_0000n)).to.equal(VECTOR.PF);
    expect(edge('5-level', 0x8000_0000_0000n)).to.equal(VECTOR.PF);
    expect(edge('5-level', 0x00ff_ffff_ffff_ffffn)).to.equal(VECTOR.PF);
    expect(edge('5-level', 0x0100_0000_0000_0000n)).to.equal(VECTOR.GP);
    expect(edge('5-level', 0xff00_0000_0000_0000n)).to.equal(VECTOR.PF);
  });

  it('matter to the whole access before any page fault, and are #SS(0) for the stack', () => {
    const machine = new TestMachine();
    machine.enable('4-level');
    const { vector, errorCode } = exceptionOf(() => machine.mmu.read(0x7fff_ffff_fffcn, 64, true));
    expect([vector, errorCode]).to.deep.equal([VECTOR.SS, 0]);
    expect(exceptionOf(() => machine.mmu.write(0x7fff_ffff_fffcn, 64, 0n)).vector).to.equal(VECTOR.GP);
  });

  it('are never reached by a removed TLB entry', () => {
    const machine = new TestMachine();
    machine.mapPage('4-level', 0x5000n, 0x20_3000n | P | W);
    machine.enable('4-level');
    machine.mmu.write(0x5000n, 8, 1n);
    machine.mmu.markCode(0x203, 0, 64);
    expect(exceptionOf(() => machine.mmu.write(0x7fff_ffff_0000_5000n, 8, 1n)).vector).to.equal(VECTOR.GP);
  });
});

describe('page faults on the way down (SDM 3A 4.7)', () => {
  for (const mode of NAMES) {
    // PAE's PDPTE is a register, and tested above.
    const first = mode === 'PAE' ? 1 : 0;
    for (let level = first; level < MODES[mode].shifts.length; level++) {
      it(`have P=0 where level ${level} of ${mode} paging is not present, whatever else is set`, () => {
        const { machine, entries, linear } = mapped(mode, 0x20_3000n | P | W);
        const entry = machine.physical.read(entries[level]!, 4);
        machine.physical.write(entries[level]!, 4, entry & ~1);
        if (mode !== '32-bit') machine.physical.write(entries[level]! + 4, 4, 0x7fff_ffff);
        const fault = exceptionOf(() => translate(machine, linear, ACCESS.write));
        expect([fault.vector, fault.errorCode, fault.payload]).to.deep.equal([VECTOR.PF, 2, linear]);
      });
    }
  }

  interface Reserved {
    mode: ModeName;
    level: number;
    bits: readonly number[];
    /** Set besides, and not reserved. */
    with?: bigint;
    free?: readonly number[];
    nxe?: boolean;
  }
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  // MAXPHYADDR is 39 here.
  const reserved: Reserved[] = [
    { mode: '32-bit', level: 0, with: PS, bits: [20, 21], free: range(9, 19) },
    { mode: 'PAE', level: 1, bits: range(39, 62), free: [6, 8, 9, 10, 11, 63] },
    { mode: 'PAE', level: 1, bits: [63], nxe: false },
    { mode: 'PAE', level: 1, with: PS, bits: range(13, 20), free: [12] },
    { mode: 'PAE', level: 2, bits: range(39, 62), free: [7, 8, 9, 10, 11] },
    { mode: '4-level', level: 0, bits: [7, ...range(39, 51)], free: range(52, 63) },
    { mode: '4-level', level: 0, bits: [63], nxe: false },
    { mode: '4-level', level: 1, with: PS, bits: [...range(13, 29), ...range(39, 51)], free: [12, ...range(52, 62)] },
    { mode: '4-level', level: 2, with: PS, bits: [...range(13, 20), 39, 51], free: [12] },
    { mode: '4-level', level: 3, bits: range(39, 51), free: [7, ...range(52, 63)] },
    { mode: '5-level', level: 0, bits: [7, 39, 51] },
    { mode: '5-level', level: 1, bits: [7, 39, 51] },
  ];
  for (const row of reserved) {
    const { mode, level, nxe = true } = row;
    const title = `${mode} level ${level}${row.with ? ' large page' : ''}${nxe ? '' : ' without NXE'}`;
    const attempt = (bit: number) => {
      const { machine, entries, linear } = mapped(mode, 0x20_3000n | P | W);
      if (!nxe) machine.state.efer &= ~NXE;
      const at = entries[level]!;
      const frame = row.with ? 0n : machine.entry(at);
      const value = frame | P | W | U | (row.with ?? 0n) | (1n << BigInt(bit));
      if (mode === '32-bit') machine.physical.write(at, 4, Number(value));
      else machine.setEntry(at, value);
      return () => translate(machine, linear, ACCESS.write);
    };
    it(`have P=1 RSVD=1 for each reserved bit of ${title}`, () => {
      for (const bit of row.bits) expect(exceptionOf(attempt(bit)).errorCode, `bit ${bit}`).to.equal(0b1011);
    });
    if (row.free) {
      it(`do not come of the other bits of ${title}`, () => {
        for (const bit of row.free!) {
          const error = (() => {
            try {
              attempt(bit)();
              return 0;
            } catch (fault) {
              return (fault as { errorCode: number }).errorCode;
            }
          })();
          // A moved table may hold nothing; it is not a reserved bit that faults then.
          expect(error & 8, `bit ${bit}`).to.equal(0);
        }
      });
    }
  }

  it('have PS reserved in a PDPTE where the processor has no 1-GByte pages', () => {
    const { machine, linear } = mapped('4-level', 0x4000_0000n | P | PS, 2, { gigabytePages: false });
    expect(exceptionOf(() => translate(machine, linear)).errorCode).to.equal(9);
  });

  it('report fetches with NXE or SMEP only', () => {
    const fetchError = (cr4: bigint, efer: bigint, mode: ModeName) => {
      const machine = new TestMachine();
      machine.enable(mode, { cr4, efer });
      return exceptionOf(() => machine.mmu.fetchPage(0, 0)).errorCode;
    };
    const smep = 1n << 20n;
    expect(fetchError(0n, 0n, '4-level')).to.equal(0);
    expect(fetchError(0n, NXE, '4-level')).to.equal(16);
    expect(fetchError(smep, 0n, '4-level')).to.equal(16);
    expect(fetchError(0n, NXE, '32-bit')).to.equal(0);
    expect(fetchError(smep, 0n, '32-bit')).to.equal(16);
  });
});

describe('accessed and dirty flags (SDM 3A 4.8)', () => {
  for (const mode of NAMES) {
    it(`are set in every entry used, D only where a write maps the page, in ${mode} paging`, () => {
      const { machine, entries, linear } = mapped(mode, 0x20_3000n | P | W);
      const flags = () => entries.slice(mode === 'PAE' ? 1 : 0).map((at) => machine.physical.read(at, 4) & 0x60);
      const upper = MODES[mode].shifts.length - (mode === 'PAE' ? 2 : 1);
      const all = (leaf: bigint) => [...Array.from({ length: upper }, () => Number(A)), Number(leaf)];
      translate(machine, linear);
      expect(flags()).to.deep.equal(all(A));
      translate(machine, linear, ACCESS.write);
      expect(flags()).to.deep.equal(all(A | D));
    });
  }

  it('are set in a large page by its own entry', () => {
    const { machine, entries, linear } = mapped('4-level', 0x20_0000n | P | W | PS, 3);
    translate(machine, linear, ACCESS.write);
    expect(machine.entry(entries[2]!) & 0x60n).to.equal(A | D);
  });

  it('stay clear in an entry whose page may not be accessed so', () => {
    const { machine, entries, linear } = mapped('4-level', 0x20_3000n | P | W | XD);
    expect(exceptionOf(() => machine.mmu.fetchPage(low(linear), high(linear))).errorCode).to.equal(17);
    expect(machine.entry(entries[3]!) & 0x60n).to.equal(0n);
    expect(machine.entry(entries[0]!) & A).to.equal(A);
  });

  it('are set anew after INVLPG, and not before', () => {
    const { machine, entries, linear } = mapped('4-level', 0x20_3000n | P | W);
    machine.mmu.write(linear, 8, 1n);
    machine.setEntry(entries[3]!, 0x20_3000n | P | W);
    machine.mmu.write(linear, 8, 1n);
    expect(machine.entry(entries[3]!) & D).to.equal(0n);
    machine.mmu.invalidatePage(linear);
    machine.mmu.write(linear, 8, 1n);
    expect(machine.entry(entries[3]!) & D).to.equal(D);
  });
});
