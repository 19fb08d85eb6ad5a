// RDMSR and WRMSR: SDM 2B, 2D.
import type { HelperTable } from '../helper-table.ts';
import { readMsr, writeMsr } from '../msr-table.ts';
import { joinedEdxEax, setEdxEax } from './edx-eax.ts';

const RCX = 1;

export const msrHelpers: HelperTable = {
  rdmsr(cpu) {
    cpu.requirePrivilege();
    setEdxEax(cpu, readMsr(cpu, cpu.gpr32(RCX)));
  },

  wrmsr(cpu) {
    cpu.requirePrivilege();
    writeMsr(cpu, cpu.gpr32(RCX), joinedEdxEax(cpu));
    // IA32_PKRS and IA32_EFER are among what a translation depends on.
    cpu.mmu.updateKey();
  },
};
