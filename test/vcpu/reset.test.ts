import { expect } from 'chai';
import { initialise, powerUp } from '../../src/vcpu/reset.ts';
import { SystemVcpu } from './system-vcpu.ts';

describe('power-up and INIT (SDM 3A table 9-1)', () => {
  it('begin at FFFF0H below 4 GiB, in real-address mode', () => {
    const { cpu } = new SystemVcpu();
    const { state, segments } = cpu;
    expect(segments.cs.base + state.rip).to.equal(0xffff_fff0n);
    expect(segments.cs.selector).to.equal(0xf000);
    expect(cpu.rflags).to.equal(2);
    expect(state).to.include({ cr0: 0x6000_0010n, cr4: 0n, efer: 0n, dr6: 0xffff_0ff0n, dr7: 0x400n, mxcsr: 0x1f80 });
    expect(state).to.include({ fcw: 0x37f, ftw: 0xffff, pat: 0x0007_0406_0007_0406n, xcr0: 1n, cpl: 0 });
    expect(state.gpr.get(2)).to.equal(0x50657n);
    expect(state.idtrLimit).to.equal(0xffff);
  });

  it('INIT keeps floating-point state, MSRs and the cache bits of CR0', () => {
    const { cpu } = new SystemVcpu().longMode();
    const { state } = cpu;
    Object.assign(state, { mxcsr: 0x1fa0, lstar: 5n, tscOffset: 9n, cr0: 0x8001_0031n, pkru: 7 });
    state.xmm.set(3, 3n);
    initialise(cpu);
    expect(state).to.include({ mxcsr: 0x1fa0, lstar: 5n, tscOffset: 9n, cr0: 0x10n, efer: 0n, cr3: 0n });
    expect(state.xmm.get(3)).to.equal(3n);
    powerUp(cpu);
    expect(state).to.include({ mxcsr: 0x1f80, lstar: 0n, tscOffset: 0n, cr0: 0x6000_0010n, pkru: 0 });
  });

  it('make vCPU 0 the bootstrap processor', () => {
    const { cpu } = new SystemVcpu();
    expect(cpu.state.apicBase).to.equal(0xfee0_0900n);
    cpu.state.vcpuIndex = 1;
    powerUp(cpu);
    expect(cpu.state.apicBase).to.equal(0xfee0_0800n);
  });
});
