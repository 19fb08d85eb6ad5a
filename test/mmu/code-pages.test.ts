import { expect } from 'chai';
import { CONTEXT, REQUEST, RUN_STATE } from '../../src/state/context.ts';
import { VCPU_AREA } from '../../src/state/map.ts';
import { buffers, TestMachine } from './machine.ts';

const PAGE = 0x200;
const ADDRESS = PAGE * 0x1000;

function twoVcpus() {
  const shared = buffers(2);
  const [self, other] = [0, 1].map((vcpu) => new TestMachine({ buffers: shared, vcpu })) as [TestMachine, TestMachine];
  for (const machine of [self, other]) machine.mmu.updateKey();
  return { self, other };
}

const locked = (machine: TestMachine) => machine.mmu.probeLocked(ADDRESS, 0, 4, false);
const word = (machine: TestMachine, field: 'requests' | 'kick') =>
  machine.memory.i32[(machine.state.address + CONTEXT.offset[field]) >>> 2];

describe('pages that hold code', () => {
  it('leave the write TLB of every vCPU, and do not come back while they hold code', () => {
    const { self, other } = twoVcpus();
    expect([locked(self), locked(other)]).to.deep.equal(['tlb', 'tlb']);
    self.mmu.markCode(PAGE, 0, 16);
    expect([locked(self), locked(other)]).to.deep.equal(['exclusive', 'exclusive']);
    other.mmu.write(BigInt(ADDRESS), 8, 0xccn);
    expect([locked(self), locked(other)]).to.deep.equal(['tlb', 'tlb']);
  });

  it('move their generation when bytes that were decoded are written, and tell everybody', () => {
    const { self, other } = twoVcpus();
    const generation = other.mmu.markCode(PAGE, 0x40, 0x50);
    self.mmu.write(BigInt(ADDRESS + 0x7f), 8, 1n);
    expect(other.mmu.codeGeneration(PAGE)).to.not.equal(generation);
    expect([self.changed, other.changed]).to.deep.equal([[PAGE], []]);
    expect(word(other, 'requests')).to.equal(REQUEST.codeChanged);
    expect(word(other, 'kick')).to.not.equal(0);
    expect(word(self, 'requests')).to.equal(0);
  });

  it('do not mind writes to other 64-byte granules', () => {
    const { self, other } = twoVcpus();
    const generation = other.mmu.markCode(PAGE, 0x40, 0x80);
    for (const offset of [0x38, 0x80, 0xff8]) self.mmu.write(BigInt(ADDRESS + offset), 64, 1n);
    expect(self.mmu.codeGeneration(PAGE)).to.equal(generation);
    expect(self.mmu.slowReadForWrite(ADDRESS + 0x3c, 0, 4, false, false)).to.equal(true);
    expect(self.mmu.slowReadForWrite(ADDRESS + 0x3d, 0, 4, false, false)).to.equal(false);
    self.mmu.write(BigInt(ADDRESS + 0x3d), 32, 1n);
    expect(self.mmu.codeGeneration(PAGE)).to.not.equal(generation);
  });

  for (const [from, to, marked] of [
    [0, 1, [0]],
    [0xfff, 0x1000, [63]],
    [0x7ff, 0x801, [31, 32]],
    [0, 0x1000, Array.from({ length: 64 }, (_, i) => i)],
  ] as const) {
    it(`mark the granules of bytes ${from} to ${to}`, () => {
      const { self } = twoVcpus();
      self.mmu.markCode(PAGE, from, to);
      const { codePages } = self.mmu;
      const held = Array.from({ length: 64 }, (_, i) => i).filter((i) => codePages.holdsCode(PAGE, 64 * i, 64 * i + 1));
      expect(held).to.deep.equal(marked);
    });
  }

  it('notice the accessed flag that a page walk sets in them', () => {
    const machine = new TestMachine();
    const [root] = machine.mapPage('4-level', 0x5000n, 0x20_3000n | 3n);
    machine.enable('4-level');
    machine.mmu.markCode(root! / 0x1000, 0, 64);
    machine.mmu.read(0x5000n, 8);
    expect(machine.changed).to.deep.equal([root! / 0x1000]);
  });

  it('are waited for only if a vCPU may be between its TLB probe and its store', () => {
    const { self, other } = twoVcpus();
    locked(other);
    other.state.runState = RUN_STATE.halted;
    self.mmu.markCode(PAGE, 0, 16);
    const fence = (other.map.vcpu(1) + VCPU_AREA.context + CONTEXT.offset.codeFence) >>> 2;
    expect(other.memory.i32[fence]).to.equal(other.state.safepoints + 1);
  });
});

describe('watched pages', () => {
  it('report every store, until they are no longer watched', () => {
    const { self, other } = twoVcpus();
    locked(other);
    self.mmu.codePages.watch(PAGE);
    expect(locked(other)).to.equal('exclusive');
    other.mmu.write(BigInt(ADDRESS + 8), 32, 7n);
    other.mmu.writeBytes(BigInt(ADDRESS + 16), new Uint8Array(32));
    expect(other.watched).to.deep.equal([
      [ADDRESS + 8, 4],
      [ADDRESS + 16, 32],
    ]);
    self.mmu.codePages.unwatch(PAGE);
    expect(locked(other)).to.equal('tlb');
  });
});

describe('dirty pages', () => {
  it('are those written since the last clearing, page tables included', () => {
    const machine = new TestMachine();
    const entries = machine.mapPage('4-level', 0x5000n, 0x20_3000n | 3n);
    machine.enable('4-level');
    const { codePages } = machine.mmu;
    machine.mmu.read(0x5000n, 8);
    expect(codePages.isDirty(0x203)).to.equal(false);
    expect(entries.every((at) => codePages.isDirty(Math.floor(at / 0x1000)))).to.equal(true);
    machine.mmu.write(0x5000n, 8, 1n);
    expect(codePages.isDirty(0x203)).to.equal(true);
    codePages.clearDirty();
    expect(codePages.isDirty(0x203)).to.equal(false);
    machine.mmu.slowWrite(0x5000, 0, 4, false);
    expect(codePages.isDirty(0x203)).to.equal(true);
  });
});
