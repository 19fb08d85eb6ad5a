import { expect } from 'chai';
import { ACCESS, type Access, PRIVILEGE, type Privilege } from '../../src/mmu/access.ts';
import { GuestException } from '../../src/mmu/exception.ts';
import { exceptionOf, P, TestMachine, U, W, XD } from './machine.ts';

// The rules of SDM 3A 4.6.1 and 4.6.2 once more, in the manual's words and apart from the code: each row forbids.
interface Case {
  readonly access: 'read' | 'write' | 'fetch';
  readonly userAccess: boolean;
  readonly explicit: boolean;
  readonly ac: boolean;
  /** The page: user-mode address, R/W = 1 throughout, XD somewhere. */
  readonly userPage: boolean;
  readonly writable: boolean;
  readonly xd: boolean;
  readonly wp: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  /** AD and WD of the key of this page, of the register that applies; undefined while the feature is off. */
  readonly key?: 'none' | 'AD' | 'WD';
}

const RULES: readonly { readonly forbids: (c: Case) => boolean; readonly key?: true }[] = [
  // User-mode accesses, to supervisor-mode addresses: none.
  { forbids: (c) => c.userAccess && !c.userPage },
  // Data writes: user mode needs R/W; supervisor mode does if CR0.WP = 1.
  { forbids: (c) => c.access === 'write' && !c.writable && c.userAccess },
  { forbids: (c) => c.access === 'write' && !c.writable && !c.userAccess && c.wp },
  // Data reads and writes in supervisor mode of user-mode addresses, CR4.SMAP = 1: EFLAGS.AC and explicit only.
  { forbids: (c) => c.access !== 'fetch' && !c.userAccess && c.userPage && c.smap && !(c.ac && c.explicit) },
  // Instruction fetches: XD, and CR4.SMEP for user-mode addresses in supervisor mode.
  { forbids: (c) => c.access === 'fetch' && c.xd },
  { forbids: (c) => c.access === 'fetch' && !c.userAccess && c.userPage && c.smep },
  // Protection keys.
  { key: true, forbids: (c) => c.access !== 'fetch' && c.key === 'AD' },
  { key: true, forbids: (c) => c.access === 'write' && c.key === 'WD' && c.userPage && (c.userAccess || c.wp) },
  { key: true, forbids: (c) => c.access === 'write' && c.key === 'WD' && !c.userPage && c.wp },
];

/** The error code, or null for an access that succeeds. */
function expected(c: Case): number | null {
  const broken = RULES.filter(({ forbids }) => forbids(c));
  if (broken.length === 0) return null;
  const key = broken.some((rule) => rule.key) ? 32 : 0;
  const kind = c.access === 'write' ? 2 : c.access === 'fetch' ? 16 : 0;
  return 1 | kind | (c.userAccess ? 4 : 0) | key;
}

const ACCESSES: Record<Case['access'], Access> = { read: ACCESS.read, write: ACCESS.write, fetch: ACCESS.execute };
const LINEAR = 0x7_5000n;
const KEY = 11n;
const RIGHTS = { none: 0, AD: 1, WD: 2 };
const bit = (condition: boolean, position: bigint) => (condition ? 1n << position : 0n);

function outcome(machine: TestMachine, c: Case, kind: 'pku' | 'pks' | 'off'): number | null {
  const { state, mmu } = machine;
  const upper = P | W | bit(c.userPage, 2n);
  const leaf = 0x20_3000n | P | (c.userPage ? U : 0n) | (c.writable ? W : 0n) | (c.xd ? XD : 0n) | (KEY << 59n);
  machine.mapPage('4-level', LINEAR, leaf, { upper });
  state.cr0 = (state.cr0 & ~(1n << 16n)) | bit(c.wp, 16n);
  const keys = bit(kind === 'pku', 22n) | bit(kind === 'pks', 24n);
  state.cr4 = (1n << 5n) | bit(c.smep, 20n) | bit(c.smap, 21n) | keys;
  const rights = c.key === undefined ? 3 : RIGHTS[c.key];
  // Every other key denies all: only this page's may count.
  const register = ((0xffff_ffff & ~(3 << 22)) | (rights << 22)) >>> 0;
  state.pkru = kind === 'pku' ? register : 0xffff_ffff;
  state.pkrs = BigInt(kind === 'pks' ? register : 0xffff_ffff);
  state.systemFlags = c.ac ? 1 << 18 : 0;
  state.cpl = c.userAccess ? 3 : 0;
  mmu.flushAll();
  const privilege: Privilege = c.explicit ? PRIVILEGE.current : PRIVILEGE.implicitSupervisor;
  try {
    mmu.translate(Number(LINEAR), 0, ACCESSES[c.access], privilege);
    return null;
  } catch (error) {
    if (error instanceof GuestException) return error.errorCode!;
    throw error;
  }
}

const BOTH = [false, true];

function* cases(): Generator<Case> {
  for (let n = 0; n < 256; n++) {
    const [userPage, writable, xd, wp, smep, smap, ac, userAccess] = bitsOf(n);
    for (const access of ['read', 'write', 'fetch'] as const) {
      for (const explicit of userAccess || access === 'fetch' ? [true] : BOTH) {
        yield { access, explicit, userPage, writable, xd, wp, smep, smap, ac, userAccess };
      }
    }
  }
}

type Eight = [boolean, boolean, boolean, boolean, boolean, boolean, boolean, boolean];
const bitsOf = (n: number) => Array.from({ length: 8 }, (_, i) => (n & (1 << i)) !== 0) as Eight;

describe('access rights (SDM 3A 4.6)', () => {
  const machine = new TestMachine();
  machine.enable('4-level', { efer: 1n << 11n });

  it('follow U/S, R/W, XD, WP, SMEP, SMAP and AC in all combinations', () => {
    for (const c of cases()) expect(outcome(machine, c, 'off'), JSON.stringify(c)).to.equal(expected(c));
  });

  for (const kind of ['pku', 'pks'] as const) {
    it(`follow the protection keys of ${kind.toUpperCase()} besides, for its half of the addresses only`, () => {
      for (const base of cases()) {
        for (const key of ['none', 'AD', 'WD'] as const) {
          const applies = base.userPage === (kind === 'pku');
          const c = applies ? { ...base, key } : base;
          expect(outcome(machine, c, kind), JSON.stringify(c)).to.equal(expected(c));
        }
      }
    });
  }

  it('take R/W and U/S as the least of all levels, and XD as the most', () => {
    const error = (upper: bigint, leaf: bigint, access: Access) => {
      machine.mapPage('4-level', LINEAR, 0x20_3000n | leaf, { upper });
      machine.state.cpl = 3;
      machine.state.systemFlags = 0;
      machine.state.cr4 = 1n << 5n;
      machine.mmu.flushAll();
      try {
        machine.mmu.translate(Number(LINEAR), 0, access);
        return null;
      } catch (fault) {
        return (fault as GuestException).errorCode;
      }
    };
    expect(error(P | W | U, P | W | U, ACCESS.write)).to.equal(null);
    expect(error(P | U, P | W | U, ACCESS.write)).to.equal(7);
    expect(error(P | W, P | W | U, ACCESS.read)).to.equal(5);
    expect(error(P | W | U | XD, P | W | U, ACCESS.execute)).to.equal(21);
  });
});

describe('implicit supervisor accesses (SDM 3A 4.6.1)', () => {
  it('are supervisor accesses at CPL 3 too, and report so', () => {
    const machine = new TestMachine();
    machine.mapPage('4-level', LINEAR, 0x20_3000n | P | W);
    machine.enable('4-level');
    machine.state.cpl = 3;
    machine.mmu.writeSystem(LINEAR, 64, 0x1122_3344_5566_7788n);
    expect(machine.mmu.readSystem(LINEAR + 4n, 32)).to.equal(0x1122_3344n);
    expect(machine.mmu.compareExchangeSystem(LINEAR, 32, 1n, 2n)).to.equal(0x5566_7788n);
    expect(machine.mmu.compareExchangeSystem(LINEAR, 32, 0x5566_7788n, 2n)).to.equal(0x5566_7788n);
    expect(machine.mmu.readSystem(LINEAR, 64)).to.equal(0x1122_3344_0000_0002n);
    expect(exceptionOf(() => machine.mmu.read(LINEAR, 8)).errorCode).to.equal(5);
    machine.state.cr4 |= 1n << 21n;
    machine.mapPage('4-level', LINEAR, 0x20_3000n | P | W | U);
    machine.state.systemFlags = 1 << 18;
    expect(exceptionOf(() => machine.mmu.readSystem(LINEAR, 8)).errorCode).to.equal(1);
  });

  it('are not what an inner stack is pushed with: AC counts there, and CPL does not yet', () => {
    const machine = new TestMachine();
    machine.mapPage('4-level', LINEAR, 0x20_3000n | P | W | U);
    machine.enable('4-level', { cr4: 1n << 21n });
    machine.state.cpl = 3;
    const push = () => machine.mmu.write(LINEAR, 64, 1n, true, PRIVILEGE.supervisor);
    expect(exceptionOf(push).errorCode).to.equal(3);
    machine.state.systemFlags = 1 << 18;
    push();
    expect(machine.physical.read(0x20_3000, 4)).to.equal(1);
  });
});
