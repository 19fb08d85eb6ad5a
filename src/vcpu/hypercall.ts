// What a guest may ask of rookery by VMCALL or VMMCALL: the calls of KVM's guest interface that need no set-up. Numbers,
// arguments and errors are those of linux/kvm_para.h and of the kernel's Documentation/virt/kvm/x86/hypercalls.rst.
import type { Cpu } from './cpu.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSI = 6;

/** KVM_HC_*. */
const HYPERCALL = { vapicPollIrq: 1n, sendIpi: 10n } as const;
/** KVM_E*, which are returned negated. */
const ERROR = { notPermitted: 1n, invalid: 22n, noSuchCall: 1000n } as const;

/** ICR bits that name a destination of their own: destination mode, destination shorthand. */
const ICR_DESTINATION = 0xc_0800n;

/** KVM_HC_SEND_IPI: words of a bitmap of APIC IDs that begins at the ID in the third argument. */
function sendIpi(cpu: Cpu, width: number): bigint {
  const icr = cpu.gpr(RSI, width);
  if (icr & ICR_DESTINATION) return -ERROR.invalid;
  const lowest = Number(cpu.gpr(RDX, 32));
  const bitmap = cpu.gpr(RBX, width) | (cpu.gpr(RCX, width) << BigInt(width));
  const isNamed = (apicId: number) => apicId >= lowest && (bitmap >> BigInt(apicId - lowest)) & 1n;
  return BigInt(cpu.services.lapic.sendIpi((apicId) => Boolean(isNamed(apicId)), Number(icr & 0xffff_ffffn)));
}

const CALLS: ReadonlyMap<bigint, (cpu: Cpu, width: number) => bigint> = new Map([
  // Interrupts are looked at after every helper that ends its block, which this one does.
  [HYPERCALL.vapicPollIrq, () => 0n],
  [HYPERCALL.sendIpi, sendIpi],
]);

/** Performs the call that RAX names. Its result goes to RAX: a count or 0, or an error below 0. */
export function hypercall(cpu: Cpu): void {
  const width = cpu.code64 ? 64 : 32;
  const call = CALLS.get(cpu.gpr(RAX, width));
  const allowed = cpu.state.cpl === 0;
  const result = allowed ? (call?.(cpu, width) ?? -ERROR.noSuchCall) : -ERROR.notPermitted;
  cpu.setGpr(RAX, width, BigInt.asUintN(width, result));
}
