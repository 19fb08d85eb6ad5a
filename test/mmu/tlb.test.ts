import { expect } from 'chai';
import { ACCESS } from '../../src/mmu/access.ts';
import { JUMP_ENTRIES, JUMP_ENTRY, TLB_ENTRIES, TLB_ENTRY, VCPU_AREA } from '../../src/state/map.ts';
import { exceptionOf, P, PS, ROOT, TestMachine, U, W } from './machine.ts';

const LINEAR = 0x1_2345_6000n;
const PAGE = 0x20_3000n;
const PCIDE = 1n << 17n;
const NO_SIZE = 1;

/** The probe of the wasm handlers, as src/state/map.ts promises it: a RAM address, or null. */
function probe(machine: TestMachine, table: 'readTlb' | 'writeTlb', linear: bigint, size = NO_SIZE): number | null {
  const slot = Number((linear >> 12n) & BigInt(TLB_ENTRIES - 1));
  const entry = machine.map.vcpu(0) + VCPU_AREA[table] + slot * TLB_ENTRY.size;
  const wanted = (BigInt.asUintN(64, linear + BigInt(size - 1)) & ~0xfffn) | machine.state.tlbKey;
  if (machine.memory.u64[(entry + TLB_ENTRY.offset.tag) >>> 3] !== wanted) return null;
  const addend = machine.memory.u32[(entry + TLB_ENTRY.offset.addend) >>> 2]!;
  return Number(BigInt.asUintN(32, linear + BigInt(addend)));
}

function machineWith(leaf = PAGE | P | W | U, cr4 = 0n): { machine: TestMachine; leafAt: number } {
  const machine = new TestMachine();
  const entries = machine.mapPage('4-level', LINEAR, leaf);
  machine.enable('4-level', { cr4 });
  return { machine, leafAt: entries.at(-1)! };
}

describe('TLBs as wasm probes them', () => {
  it('hold a page for reads after a read, for reads and writes after a write', () => {
    const { machine } = machineWith();
    expect(probe(machine, 'readTlb', LINEAR)).to.equal(null);
    machine.mmu.slowRead(Number(LINEAR & 0xffff_ffffn), 1, 4, false);
    expect(probe(machine, 'readTlb', LINEAR + 0x123n)).to.equal(0x20_3123);
    expect(probe(machine, 'writeTlb', LINEAR)).to.equal(null);
    machine.mmu.slowWrite(Number(LINEAR & 0xffff_ffffn), 1, 4, false);
    expect(probe(machine, 'writeTlb', LINEAR + 0xff8n, 8)).to.equal(0x20_3ff8);
  });

  it('miss an access that crosses the page', () => {
    const { machine } = machineWith();
    machine.mmu.write(LINEAR, 8, 0n);
    expect(probe(machine, 'writeTlb', LINEAR + 0xff9n, 8)).to.equal(null);
  });

  it('hold what one privilege may do apart from what others may', () => {
    const { machine } = machineWith(PAGE | P | W);
    machine.mmu.write(LINEAR, 8, 0n);
    machine.state.cpl = 3;
    machine.mmu.updateKey();
    expect(probe(machine, 'readTlb', LINEAR)).to.equal(null);
    expect(exceptionOf(() => machine.mmu.read(LINEAR, 8)).errorCode).to.equal(5);
    machine.state.cpl = 0;
    machine.mmu.updateKey();
    expect(probe(machine, 'readTlb', LINEAR)).to.equal(0x20_3000);
  });

  it('hold user pages that AC opens to the supervisor only while it does', () => {
    const { machine } = machineWith(PAGE | P | W | U, 1n << 21n);
    machine.state.systemFlags = 1 << 18;
    machine.mmu.updateKey();
    machine.mmu.write(LINEAR, 8, 0n);
    expect(probe(machine, 'writeTlb', LINEAR)).to.equal(0x20_3000);
    machine.state.systemFlags = 0;
    machine.mmu.updateKey();
    expect(probe(machine, 'writeTlb', LINEAR)).to.equal(null);
  });

  it('are never filled for a vCPU whose alignment is checked', () => {
    const { machine } = machineWith();
    machine.state.cr0 |= 1n << 18n;
    machine.state.systemFlags = 1 << 18;
    machine.state.cpl = 3;
    machine.mmu.updateKey();
    expect(machine.state.tlbKey & 3n).to.equal(3n);
    machine.mmu.write(LINEAR, 8, 0n);
    expect(probe(machine, 'writeTlb', LINEAR)).to.equal(null);
  });
});

describe('data breakpoints (SDM 3B 17.2.4)', () => {
  const L0 = 1n;
  const kind = (n: bigint) => n << 16n;
  const armed = (dr7: bigint) => {
    const { machine } = machineWith();
    const seen: string[] = [];
    machine.mmu.watchData((linear, bytes, write) =>
      seen.push(`${write ? 'write' : 'read'} ${linear - LINEAR} ${bytes}`),
    );
    machine.state.dr7 = dr7;
    machine.mmu.updateKey();
    return { machine, seen };
  };

  for (const [name, dr7, watches] of [
    ['disabled', kind(1n), false],
    ['on execution', L0, false],
    ['on writes', L0 | kind(1n), true],
    ['on I/O', L0 | kind(2n), false],
    ['on accesses, by G3', 0x80n | (3n << 28n), true],
  ] as const) {
    it(`${name}: ${watches ? 'bring every access to TypeScript' : 'leave the TLBs to wasm'}`, () => {
      const { machine } = armed(dr7);
      machine.mmu.write(LINEAR, 8, 0n);
      expect(probe(machine, 'writeTlb', LINEAR)).to.equal(watches ? null : 0x20_3000);
      expect(machine.mmu.ramSpan(Number(LINEAR & 0xffff_ffffn), 1, ACCESS.read) === null).to.equal(watches);
    });
  }

  it("hear of what an instruction accesses, but not of the processor's own accesses, nor of faults", () => {
    const { machine, seen } = armed(L0 | kind(3n));
    machine.mmu.read(LINEAR + 4n, 32);
    machine.mmu.writeBytes(LINEAR + 16n, new Uint8Array(16));
    machine.mmu.readSystem(LINEAR, 64);
    expect(exceptionOf(() => machine.mmu.read(LINEAR + 0xffcn, 64)).vector).to.equal(14);
    expect(seen).to.deep.equal(['read 4 4', 'write 16 1', 'write 16 16']);
  });
});

describe('invalidation (SDM 3A 4.10.4)', () => {
  const OTHER = 0x20_4000n;
  const read = (machine: TestMachine, linear = LINEAR) =>
    machine.mmu.translate(Number(linear & 0xffff_ffffn), 1, ACCESS.read);

  it('happens with INVLPG, and not by itself', () => {
    const { machine, leafAt } = machineWith();
    read(machine);
    machine.setEntry(leafAt, OTHER | P);
    expect(read(machine)).to.equal(Number(PAGE));
    machine.mmu.invalidatePage(LINEAR + 0xabcn);
    expect(read(machine)).to.equal(Number(OTHER));
  });

  it('leaves other pages alone, those in the same TLB slot too', () => {
    const { machine, leafAt } = machineWith();
    read(machine);
    machine.setEntry(leafAt, OTHER | P);
    machine.mmu.invalidatePage(LINEAR + BigInt(TLB_ENTRIES * 0x1000));
    machine.mmu.invalidatePage(LINEAR ^ (1n << 32n));
    expect(read(machine)).to.equal(Number(PAGE));
  });

  it('reaches the writes to a page that holds code', () => {
    const { machine, leafAt } = machineWith();
    machine.mmu.markCode(Number(PAGE) / 0x1000, 0, 16);
    const write = () => machine.mmu.translate(Number(LINEAR & 0xffff_ffffn), 1, ACCESS.write);
    expect(write()).to.equal(Number(PAGE));
    machine.setEntry(leafAt, OTHER | P | W);
    expect(write()).to.equal(Number(PAGE));
    machine.mmu.invalidatePage(LINEAR);
    expect(write()).to.equal(Number(OTHER));
  });

  it('of any address in a large page drops all of it', () => {
    const machine = new TestMachine();
    const [, , at] = machine.mapPage('4-level', LINEAR, 0x20_0000n | P | PS, { levels: 3 });
    machine.enable('4-level');
    read(machine);
    machine.setEntry(at!, P | PS);
    machine.mmu.invalidatePage(LINEAR ^ 0x1f_0000n);
    expect(read(machine)).to.equal(0x5_6000);
  });

  it('happens with MOV to CR3', () => {
    const { machine, leafAt } = machineWith();
    read(machine);
    machine.setEntry(leafAt, OTHER | P);
    machine.mmu.cr3Written();
    expect(read(machine)).to.equal(Number(OTHER));
  });

  for (const [name, change] of [
    ['CR0.WP', (m: TestMachine) => (m.state.cr0 ^= 1n << 16n)],
    ['CR4.PGE', (m: TestMachine) => (m.state.cr4 ^= 1n << 7n)],
    ['CR4.SMEP', (m: TestMachine) => (m.state.cr4 ^= 1n << 20n)],
    ['EFER.NXE', (m: TestMachine) => (m.state.efer ^= 1n << 11n)],
  ] as const) {
    it(`happens with a change of ${name}`, () => {
      const { machine, leafAt } = machineWith();
      read(machine);
      machine.setEntry(leafAt, OTHER | P);
      change(machine);
      machine.mmu.updateKey();
      expect(probe(machine, 'readTlb', LINEAR)).to.equal(null);
      expect(read(machine)).to.equal(Number(OTHER));
    });
  }

  describe('with PCIDs (4.10.1)', () => {
    const select = (machine: TestMachine, pcid: number, keep: boolean) => {
      machine.state.cr3 = BigInt(ROOT + pcid);
      machine.mmu.cr3Written(keep);
    };

    it('keeps what CR3 is written for, if bit 63 says so', () => {
      const { machine, leafAt } = machineWith(undefined, PCIDE);
      select(machine, 5, false);
      read(machine);
      select(machine, 6, false);
      machine.setEntry(leafAt, OTHER | P);
      expect(read(machine)).to.equal(Number(OTHER));
      machine.setEntry(leafAt, PAGE | P);
      select(machine, 6, true);
      expect(read(machine)).to.equal(Number(OTHER));
      select(machine, 6, false);
      expect(read(machine)).to.equal(Number(PAGE));
    });

    it('drops one PCID by INVPCID and leaves others', () => {
      const { machine } = machineWith(undefined, PCIDE);
      select(machine, 5, false);
      const five = machine.state.tlbKey;
      select(machine, 6, false);
      const six = machine.state.tlbKey;
      machine.mmu.flushPcid(5);
      expect(machine.state.tlbKey).to.equal(six);
      select(machine, 5, true);
      expect(machine.state.tlbKey).to.not.equal(five);
      select(machine, 6, true);
      expect(machine.state.tlbKey).to.equal(six);
      machine.mmu.flushPcid(6);
      expect(machine.state.tlbKey).to.not.equal(six);
    });

    it('takes bit 63 for nothing without CR4.PCIDE', () => {
      const { machine } = machineWith();
      const { tlbKey } = machine.state;
      select(machine, 0, true);
      expect(machine.state.tlbKey).to.not.equal(tlbKey);
    });
  });

  it('keeps translations made under another value of PKRU for when it returns', () => {
    const { machine } = machineWith(PAGE | P | W | U | (1n << 59n), 1n << 22n);
    machine.mmu.write(LINEAR, 8, 0n);
    const { tlbKey } = machine.state;
    machine.state.pkru = 4;
    machine.mmu.updateKey();
    expect(probe(machine, 'readTlb', LINEAR)).to.equal(null);
    expect(exceptionOf(() => machine.mmu.read(LINEAR, 8)).errorCode).to.equal(33);
    machine.state.pkru = 0;
    machine.mmu.updateKey();
    expect(machine.state.tlbKey).to.equal(tlbKey);
    expect(probe(machine, 'writeTlb', LINEAR)).to.equal(0x20_3000);
  });

  it('never lets an epoch return while entries carry it', () => {
    const { machine, leafAt } = machineWith();
    for (let round = 0; round < 3000; round++) {
      const frame = round & 1 ? OTHER : PAGE;
      machine.setEntry(leafAt, frame | P | W);
      machine.mmu.cr3Written();
      // Only now and then, so that old entries survive for a whole turn of the numbers.
      if (round % 97 === 0) machine.mmu.write(LINEAR, 8, 0n);
      expect(probe(machine, 'writeTlb', LINEAR), `round ${round}`).to.equal(round % 97 === 0 ? Number(frame) : null);
      expect(machine.state.tlbKey & 0xfffn).to.not.equal(0xfffn);
    }
  });
});

describe('jump keys', () => {
  const key = (machine: TestMachine) => {
    machine.mmu.updateKey();
    machine.mmu.updateJumpKey();
    return machine.state.jumpKey;
  };

  it('are the same in the same situation only', () => {
    const { machine } = machineWith(undefined, PCIDE);
    const seen = new Set<number>();
    const first = key(machine);
    const situations: ((m: TestMachine) => void)[] = [
      (m) => (m.state.mode = 2),
      (m) => (m.state.cpl = 3),
      (m) => m.mmu.cr3Written(),
      (m) => m.mmu.codeChanged(),
      (m) => m.mmu.flushAll(),
    ];
    seen.add(first);
    for (const change of situations) {
      change(machine);
      expect(seen.has(key(machine))).to.equal(false);
      seen.add(machine.state.jumpKey);
      expect(key(machine)).to.equal(machine.state.jumpKey);
    }
  });

  it('change with INVLPG of a page that code was fetched from, or of the large page around it', () => {
    const machine = new TestMachine();
    machine.mapPage('4-level', LINEAR, 0x20_0000n | P | PS, { levels: 3 });
    machine.mapPage('4-level', LINEAR + 0x40_0000n, PAGE | P);
    machine.enable('4-level');
    const low = Number(LINEAR & 0xffff_ffffn);
    const first = key(machine);
    machine.mmu.fetchPage(low, 1);
    machine.mmu.fetchPage(low + 0x40_0000, 1);
    machine.mmu.invalidatePage(LINEAR + 0x80_0000n);
    expect(key(machine)).to.equal(first);
    machine.mmu.invalidatePage(LINEAR ^ 0x1f_0000n);
    const second = key(machine);
    expect(second).to.not.equal(first);
    machine.mmu.fetchPage(low + 0x40_0000, 1);
    machine.mmu.invalidatePage(LINEAR + 0x40_0fffn);
    expect(key(machine)).to.not.equal(second);
  });

  it('return with the PCID, the privilege and the mode', () => {
    const { machine } = machineWith(undefined, PCIDE);
    const first = key(machine);
    machine.state.cpl = 3;
    expect(key(machine)).to.not.equal(first);
    machine.state.cpl = 0;
    expect(key(machine)).to.equal(first);
  });

  it('are never 0, which untouched jump-cache entries hold', () => {
    const { machine } = machineWith();
    const cache = machine.map.vcpu(0) + VCPU_AREA.jumpCache;
    const bytes = machine.memory.u8.subarray(cache, cache + JUMP_ENTRIES * JUMP_ENTRY.size);
    expect(bytes.every((byte) => byte === 0)).to.equal(true);
    expect(key(machine)).to.not.equal(0);
  });
});
