// VMCALL and VMMCALL outside nested virtualization: calls to the hypervisor that the guest runs on, which is rookery.
import { undefinedOpcode } from '../../mmu/exception.ts';
import type { Cpu } from '../cpu.ts';
import type { CpuVendor } from '../features.ts';
import type { HelperTable } from '../helper-table.ts';
import { hypercall } from '../hypercall.ts';

/**
 * Each vendor's processors know their own instruction only. On bare metal, which a guest without CPUID.01H:ECX[31]
 * believes to have, both are #UD: SDM 3C 31.3 "VMCALL", outside VMX operation; APM 3 "VMMCALL", not intercepted.
 */
function callHypervisor(cpu: Cpu, vendor: CpuVendor): void {
  const { features } = cpu;
  if (features.model !== vendor || !features.has('hypervisor')) throw undefinedOpcode();
  hypercall(cpu);
}

export const hypercallHelpers: HelperTable = {
  vmcall: (cpu) => callHypervisor(cpu, 'intel'),
  vmmcall: (cpu) => callHypervisor(cpu, 'amd'),
};
