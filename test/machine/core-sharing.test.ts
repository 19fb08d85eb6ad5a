import { expect } from 'chai';
import { CoreSharing } from '../../src/machine/core-sharing.ts';
import { ContextView } from '../../src/state/context.ts';
import { stateMap, VCPU_AREA, WASM_PAGE } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';

const RAM_BYTES = 0x10_0000;
const BUDGET = 5000;

/** A vCPU among others, on a host with so many cores, on which a PAUSE takes so long. */
function vcpuOf(
  vcpus: number,
  cores: number,
  nsPerPause = 100,
): { spinHint(): void; rest(): void; context: ContextView } {
  const map = stateMap(vcpus, RAM_BYTES);
  const memory = new StateMemory(new SharedArrayBuffer(map.wasmPages * WASM_PAGE));
  const context = new ContextView(memory, map.vcpu(0) + VCPU_AREA.context);
  context.budget = BUDGET;
  // A kicked vCPU does not sleep, so nothing here depends on time passing.
  context.kick = 1;
  let pauses = 0;
  const spinHint = () => {
    pauses++;
    sharing.spinHint();
  };
  const sharing = new CoreSharing(memory, map, 0, { cores, now: () => BigInt(10 ** 9 + pauses * nsPerPause) });
  return { spinHint, rest: sharing.rest, context };
}

/** How many PAUSEs in a row it takes until the vCPU rests, up to 5000. */
function patience(vcpus: number, cores: number, nsPerPause?: number): number {
  const { spinHint, context } = vcpuOf(vcpus, cores, nsPerPause);
  for (let pauses = 1; pauses <= 5000; pauses++) {
    spinHint();
    if (context.budget === 0) return pauses;
  }
  return Number.POSITIVE_INFINITY;
}

describe('sharing of host cores by spinning vCPUs', () => {
  it('lets a vCPU spin for long where every vCPU has a core, and hardly where cores are few', () => {
    // The first round began at no known time, so it takes two to see a loop.
    expect(patience(2, 2)).to.equal(2000);
    expect(patience(3, 2)).to.equal(100);
  });

  it('takes PAUSEs far from each other for no loop', () => {
    expect(patience(2, 2, 10_000)).to.equal(Number.POSITIVE_INFINITY);
  });

  it('never makes a lone vCPU rest', () => {
    expect(patience(1, 1)).to.equal(Number.POSITIVE_INFINITY);
  });

  it('ends the slice with a rest, so that timers that came due meanwhile are served', () => {
    const { rest, context } = vcpuOf(2, 2);
    rest();
    expect(context.budget).to.equal(0);
  });
});
