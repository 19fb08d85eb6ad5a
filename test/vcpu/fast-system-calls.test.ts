import { expect } from 'chai';
import { VECTOR } from '../../src/mmu/exception.ts';
import { DR6 } from '../../src/vcpu/debug.ts';
import { swapGs, syscall, sysenter, sysexit, sysret } from '../../src/vcpu/far-transfer-fast.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { refreshMode } from '../../src/vcpu/mode.ts';
import { longMachine, protectedMachine, SEL, type SystemMachine } from './system-machine.ts';

const { IF, TF, CF, RF, NT } = RFLAGS;
const CS = 0x1234n << 48n;

function syscallMachine(cpl: 0 | 3, model: 'intel' | 'amd' = 'intel'): SystemMachine {
  const machine = longMachine(cpl, { model });
  const { state } = machine.cpu;
  state.star = (0x0023n << 48n) | (0x0010n << 32n);
  state.lstar = 0xffff_8000_0000_1000n;
  state.cstar = 0xffff_8000_0000_2000n;
  state.fmask = BigInt(IF | TF);
  return machine;
}

describe('SYSCALL and SYSRET (SDM 3A 5.8.8)', () => {
  it('SYSCALL saves RIP and RFLAGS in RCX and R11, and masks flags', () => {
    const { cpu } = syscallMachine(3);
    cpu.rflags = IF | CF | NT | 2;
    syscall(cpu);
    const { state, segments } = cpu;
    expect([state.rip, state.gpr.get(1), state.gpr.get(11)]).to.deep.equal([
      0xffff_8000_0000_1000n,
      0x5555n,
      BigInt(IF | CF | NT | 2),
    ]);
    expect([state.cpl, segments.cs.selector, segments.ss.selector, cpu.rflags]).to.deep.equal([
      0,
      0x10,
      0x18,
      CF | NT | 2,
    ]);
    expect([segments.cs.attributes, segments.ss.attributes]).to.deep.equal([0xa09b, 0xc093]);
  });

  it('SYSRET goes back to 64-bit or to compatibility code', () => {
    for (const [width, selector, code64] of [
      [64, 0x33, true],
      [32, 0x23, false],
    ] as const) {
      const { cpu } = syscallMachine(0);
      cpu.state.gpr.set(1, 0x7777n);
      cpu.state.gpr.set(11, BigInt(IF | CF | RF));
      sysret(cpu, width);
      expect([cpu.state.rip, cpu.segments.cs.selector, cpu.segments.ss.selector]).to.deep.equal([
        0x7777n,
        selector,
        0x2b,
      ]);
      expect([cpu.state.cpl, cpu.code64, cpu.rflags]).to.deep.equal([3, code64, IF | CF | 2]);
    }
  });

  it('SYSRET is #GP(0) at CPL 0 for a target that is not canonical', () => {
    const machine = syscallMachine(0);
    machine.cpu.state.gpr.set(1, 1n << 47n);
    expect(machine.faultOf(() => sysret(machine.cpu, 64))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
    expect(machine.cpu.state.cpl).to.equal(0);
  });

  it('are undefined without EFER.SCE, and on Intel outside 64-bit mode', () => {
    const disabled = syscallMachine(0);
    disabled.cpu.state.efer &= ~1n;
    const compatibility = syscallMachine(0);
    compatibility.force('cs', SEL.code);
    for (const machine of [disabled, compatibility]) {
      for (const instruction of [() => syscall(machine.cpu), () => sysret(machine.cpu, 64)]) {
        expect(machine.faultOf(instruction).vector).to.equal(VECTOR.UD);
      }
    }
  });

  it('on AMD, SYSCALL from compatibility mode goes to CSTAR', () => {
    const machine = syscallMachine(3, 'amd');
    machine.force('cs', SEL.userCode);
    refreshMode(machine.cpu);
    syscall(machine.cpu);
    expect(machine.cpu.state.rip).to.equal(0xffff_8000_0000_2000n);
  });

  it('trap by the TF that they load', () => {
    const masked = syscallMachine(3);
    masked.cpu.rflags = TF | 2;
    masked.cpu.state.pendingDebug = DR6.BS;
    syscall(masked.cpu);
    expect(masked.cpu.state.pendingDebug).to.equal(0n);
    const loaded = syscallMachine(0);
    loaded.cpu.state.gpr.set(11, BigInt(TF));
    sysret(loaded.cpu, 64);
    expect(loaded.cpu.state.pendingDebug).to.equal(DR6.BS);
  });
});

describe('SYSENTER and SYSEXIT (SDM 3A 5.8.7)', () => {
  it('enter level 0 at the MSRs, and leave by RDX and RCX', () => {
    const { cpu } = protectedMachine(3);
    const { state, segments } = cpu;
    state.sysenterCs = 0x0bn;
    state.sysenterEsp = 0x1_0000_8000n;
    state.sysenterEip = 0x4000n;
    cpu.rflags = IF | 2;
    sysenter(cpu);
    expect([state.cpl, segments.cs.selector, segments.ss.selector]).to.deep.equal([0, 8, 0x10]);
    expect([state.rip, state.gpr.get(4), cpu.rflags]).to.deep.equal([0x4000n, 0x8000n, 2]);
    state.gpr.set(2, 0x1234n);
    state.gpr.set(1, 0x5678n);
    sysexit(cpu, 32);
    expect([state.rip, state.gpr.get(4), segments.cs.selector, segments.ss.selector]).to.deep.equal([
      0x1234n,
      0x5678n,
      0x1b,
      0x23,
    ]);
  });

  it('are #GP(0) with a null SYSENTER_CS, and SYSEXIT outside CPL 0', () => {
    const machine = protectedMachine(3);
    expect(machine.faultOf(() => sysenter(machine.cpu))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
    machine.cpu.state.sysenterCs = 8n;
    expect(machine.faultOf(() => sysexit(machine.cpu, 32))).to.deep.equal({ vector: VECTOR.GP, errorCode: 0 });
  });
});

describe('SWAPGS', () => {
  it('exchanges the base of GS with IA32_KERNEL_GS_BASE', () => {
    const { cpu } = longMachine();
    cpu.segments.gs.base = 1n;
    cpu.state.kernelGsBase = CS;
    swapGs(cpu);
    expect([cpu.segments.gs.base, cpu.state.kernelGsBase]).to.deep.equal([CS, 1n]);
  });

  it('is #GP(0) outside CPL 0, and undefined outside 64-bit mode', () => {
    const user = longMachine(3);
    expect(user.faultOf(() => swapGs(user.cpu)).vector).to.equal(VECTOR.GP);
    const legacy = protectedMachine();
    expect(legacy.faultOf(() => swapGs(legacy.cpu)).vector).to.equal(VECTOR.UD);
  });
});
