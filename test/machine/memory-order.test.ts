import { expect } from 'chai';
import { hostHasTotalStoreOrder } from '../../src/host/memory-order.ts';

describe('the memory order of the host', () => {
  it('is enough for several vCPUs on x86 hosts only', () => {
    expect(['x64', 'ia32', 'arm64', 'riscv64', 'ppc64'].map(hostHasTotalStoreOrder)).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
