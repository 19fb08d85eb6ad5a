import { expect } from 'chai';
import { VECTOR } from '../../src/mmu/exception.ts';
import { resolveCpu } from '../../src/vcpu/cpuid-model.ts';
import type { CpuVendor } from '../../src/vcpu/features.ts';
import { RAX, RBX, RCX, RDX, RSI, SystemVcpu } from './system-vcpu.ts';

const VMCALL = [0x0f, 0x01, 0xc1];
const VMMCALL = [0x0f, 0x01, 0xd9];
const SEND_IPI = 10;
const ICR_FIXED = 0x40a5;

const vcpuOf = (model: CpuVendor, hypervisor = true): SystemVcpu =>
  new SystemVcpu(resolveCpu({ model, features: new Map([['hypervisor', hypervisor]]) }));

/** KVM_HC_SEND_IPI to the IDs of a bitmap. @returns what RAX says, and the APIC IDs that the call named */
function sendIpi(vcpu: SystemVcpu, low: bigint, high: bigint, lowest: number, icr = ICR_FIXED) {
  vcpu.services.lapic.sent = [];
  vcpu.set(RAX, SEND_IPI);
  vcpu.set(RBX, low);
  vcpu.set(RCX, high);
  vcpu.set(RDX, lowest);
  vcpu.set(RSI, icr);
  vcpu.run(...VMCALL);
  return { result: BigInt.asIntN(64, vcpu.get(RAX)), sent: vcpu.services.lapic.sent };
}

describe('VMCALL and VMMCALL to rookery itself', () => {
  it('exist on their vendor`s processors only, and not for a guest that was told of no hypervisor', () => {
    expect(
      vcpuOf('intel')
        .longMode(0)
        .fault(...VMMCALL).vector,
    ).to.equal(VECTOR.UD);
    expect(
      vcpuOf('amd')
        .longMode(0)
        .fault(...VMCALL).vector,
    ).to.equal(VECTOR.UD);
    expect(
      vcpuOf('intel', false)
        .longMode(0)
        .fault(...VMCALL).vector,
    ).to.equal(VECTOR.UD);
    expect(
      vcpuOf('amd', false)
        .longMode(0)
        .fault(...VMMCALL).vector,
    ).to.equal(VECTOR.UD);
  });

  it('answer an unknown number with -KVM_ENOSYS, and user code with -KVM_EPERM', () => {
    const kernel = vcpuOf('amd').longMode(0);
    kernel.set(RAX, 12345);
    kernel.run(...VMMCALL);
    expect(BigInt.asIntN(64, kernel.get(RAX))).to.equal(-1000n);
    const user = vcpuOf('intel').longMode(3);
    user.set(RAX, SEND_IPI);
    user.run(...VMCALL);
    expect(BigInt.asIntN(64, user.get(RAX))).to.equal(-1n);
  });

  it('outside 64-bit mode take 32 bits of RAX, and return 32', () => {
    const vcpu = vcpuOf('intel').protectedMode(0);
    vcpu.set(RAX, (1n << 40n) | 1n);
    vcpu.run(...VMCALL);
    expect(vcpu.get(RAX)).to.equal(0n);
  });

  it('KVM_HC_SEND_IPI sends to the APIC IDs of a bitmap that begins at any ID, and counts who accepts', () => {
    const vcpu = vcpuOf('intel').longMode(0);
    expect(sendIpi(vcpu, 0b101n, 0n, 0)).to.deep.equal({ result: 2n, sent: [0, 2] });
    expect(sendIpi(vcpu, 0b101n, 0n, 1)).to.deep.equal({ result: 2n, sent: [1, 3] });
    expect(sendIpi(vcpu, 0n, 1n, 1)).to.deep.equal({ result: 1n, sent: [65] });
    expect(sendIpi(vcpu, 0xffff_ffffn, 0n, 0xffff_ffff)).to.deep.equal({ result: 0n, sent: [] });
  });

  it('KVM_HC_SEND_IPI refuses an ICR that names a destination of its own', () => {
    const vcpu = vcpuOf('intel').longMode(0);
    for (const bits of [0x800, 0x4_0000, 0xc_0000]) {
      expect(sendIpi(vcpu, 1n, 0n, 0, ICR_FIXED | bits)).to.deep.equal({ result: -22n, sent: [] });
    }
  });
});
