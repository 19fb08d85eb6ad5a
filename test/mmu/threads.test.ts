import { expect } from 'chai';
import { CONTROL } from '../../src/state/map.ts';
import { Mutex } from '../../src/state/mutex.ts';
import { runGuest, WORDS } from './guest.ts';
import { A, buffers, D, P, TestMachine, W } from './machine.ts';

describe('accessed and dirty flags while another vCPU changes the entry', () => {
  it('lose no update of either', async () => {
    const shared = buffers(2);
    const machine = new TestMachine({ buffers: shared });
    const LINEAR = 0x7_5000n;
    const entry = machine.mapPage('4-level', LINEAR, 0x20_3000n | P | W).at(-1)!;
    machine.enable('4-level');
    const rounds = 100_000;
    const changer = runGuest<number>('entry-changer.ts', { buffers: shared, vcpu: 1, rounds, entry });
    const words = machine.physical.i32;
    await Atomics.waitAsync(words, WORDS / 4, 0).value;
    while (Atomics.load(words, WORDS / 4) !== 2) {
      Atomics.and(machine.physical.u64, entry / 8, ~(A | D));
      machine.mmu.cr3Written();
      machine.mmu.write(LINEAR, 8, 1n);
      expect(machine.entry(entry) & (A | D)).to.equal(A | D);
    }
    await changer;
    expect((machine.entry(entry) >> 52n) & 0x7ffn).to.equal(BigInt(rounds % 2048));
    expect(machine.entry(entry) & ~(0x7ffn << 52n)).to.equal(0x20_3000n | P | W | A | D);
  });
});

describe('code that another vCPU changes', () => {
  it('is never executed stale once a later store of that vCPU was seen', async () => {
    const shared = buffers(2);
    const rounds = 100_000;
    const [runner, writer] = await Promise.all([
      runGuest<{ stale: number; decodes: number }>('code-runner.ts', { buffers: shared, vcpu: 1, rounds }),
      runGuest<{ fast: number }>('code-writer.ts', { buffers: shared, vcpu: 0, rounds }),
    ]);
    expect(runner.stale).to.equal(0);
    // Both ways were exercised: stores past the slow path, and code decoded again.
    expect(writer.fast).to.be.greaterThan(0);
    expect(runner.decodes).to.be.greaterThan(1);
  });

  it('lets two vCPUs that wait for each other go on', async () => {
    const shared = buffers(2);
    const rounds = 5000;
    const guests = [0, 1].map((vcpu) => runGuest<number>('mutual-marker.ts', { buffers: shared, vcpu, rounds }));
    expect(await Promise.all(guests)).to.deep.equal([rounds, rounds]);
  });
});

describe('a mutex in state', () => {
  it('is released when its action throws', () => {
    const { memory } = new TestMachine();
    const mutex = new Mutex(memory, CONTROL.offset.deviceLock);
    expect(() => mutex.run(() => expect.fail('thrown inside'))).to.throw('thrown inside');
    expect(mutex.run(() => memory.i32[CONTROL.offset.deviceLock >>> 2])).to.equal(1);
    expect(memory.i32[CONTROL.offset.deviceLock >>> 2]).to.equal(0);
  });
});
