import type { Cpu } from '../cpu.ts';
import { type CpuidState, cpuid } from '../cpuid.ts';
import type { HelperTable } from '../helper-table.ts';
import { MICROCODE_REVISION } from '../msr.ts';
import { machineTscKhz } from '../tsc.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;

function cpuidState(cpu: Cpu): CpuidState {
  const { cr4, apicBase, apicId, xcr0, xss, miscEnable } = cpu.state;
  return { cr4, apicBase, apicId, xcr0, xss, miscEnable, code64: cpu.code64, tscKhz: machineTscKhz(cpu) };
}

export const cpuidHelpers: HelperTable = {
  cpuid(cpu) {
    const leaf = Number(cpu.gpr(RAX, 32));
    const [eax, ebx, ecx, edx] = cpuid(cpu.features, cpuidState(cpu), leaf, Number(cpu.gpr(RCX, 32)));
    cpu.setGpr(RAX, 32, BigInt(eax));
    cpu.setGpr(RBX, 32, BigInt(ebx));
    cpu.setGpr(RCX, 32, BigInt(ecx));
    cpu.setGpr(RDX, 32, BigInt(edx));
    // Leaf 1 puts the revision into IA32_BIOS_SIGN_ID: SDM 3A 9.11.7.1, "Determining the Signature".
    if (leaf === 1) cpu.state.biosSignId = MICROCODE_REVISION[cpu.features.model];
  },
};
