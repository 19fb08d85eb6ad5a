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
    const leaf = cpu.gpr32(RAX);
    const [eax, ebx, ecx, edx] = cpuid(cpu.features, cpuidState(cpu), leaf, cpu.gpr32(RCX));
    cpu.setGpr32(RAX, eax);
    cpu.setGpr32(RBX, ebx);
    cpu.setGpr32(RCX, ecx);
    cpu.setGpr32(RDX, edx);
    // Leaf 1 puts the revision into IA32_BIOS_SIGN_ID: SDM 3A 9.11.7.1, "Determining the Signature".
    if (leaf === 1) cpu.state.biosSignId = MICROCODE_REVISION[cpu.features.model];
  },
};
