import { expect } from 'chai';
import { firmwareMemoryTypes } from '../../src/boot/memory-types.ts';
import { contextOf } from '../../src/vcpu/world.ts';
import { machineWith } from '../machine/support.ts';

describe('the MTRRs that an image finds (SDM 3A 11.11)', () => {
  const { defaultType, fixed, variable } = firmwareMemoryTypes(40);

  it('are on, and RAM is write-back', () => {
    expect(defaultType).to.equal(0xc06n);
    expect(fixed[0]).to.equal(0x0606_0606_0606_0606n);
  });

  it('leave video memory and the hole for option ROMs uncacheable and the BIOS write-protected', () => {
    expect(fixed).to.have.length(11);
    expect(fixed.slice(2, 9)).to.deep.equal(Array(7).fill(0n));
    expect(fixed.slice(9)).to.deep.equal([0x0505_0505_0505_0505n, 0x0505_0505_0505_0505n]);
  });

  it('make 3 to 4 GiB uncacheable, by a mask as wide as physical addresses are', () => {
    expect(variable).to.deep.equal([0xc000_0000n, 0xff_c000_0800n]);
    expect(firmwareMemoryTypes(36).variable[1]).to.equal(0xf_c000_0800n);
  });

  it('are the same on every vCPU (SDM 3A 11.11.8)', async () => {
    const machine = machineWith('demo', 2);
    const { memory, map } = machine.view;
    for (const index of [0, 1]) expect(contextOf(memory, map, index).mtrrDefType).to.equal(defaultType);
    expect(contextOf(memory, map, 1).mtrrFixed.get(10)).to.equal(fixed[10]);
    expect(contextOf(memory, map, 1).mtrrVariable.get(1)).to.equal(0xff_c000_0800n);
    await machine.close();
  });
});
