// SYSENTER, SYSEXIT, SYSCALL and SYSRET: SDM 3A 5.8.7 and 5.8.8, and their pages in SDM 2B; APM 2 6.1 for what
// AMD's SYSCALL does outside 64-bit mode.
import { generalProtection, undefinedOpcode } from '../mmu/exception.ts';
import type { SegmentName } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { rearmSingleStep } from './debug.ts';
import { ATTRIBUTE, isCanonical, isNull } from './descriptors.ts';
import { RFLAGS } from './flags.ts';
import { setSegment } from './segments.ts';

const RCX = 1;
const RDX = 2;
const RSP = 4;
const R11 = 11;

const EFER_SCE = 1n;
const LOW_32 = 0xffff_ffffn;
const FLAT = ATTRIBUTE.present | ATTRIBUTE.notSystem | ATTRIBUTE.readWrite | ATTRIBUTE.accessed | ATTRIBUTE.granularity;

/** The fixed flat descriptors that these instructions load without looking at the GDT. */
function loadFlat(cpu: Cpu, name: SegmentName, selector: number, cpl: number, extra: number): void {
  const attributes = FLAT | extra | (cpl << ATTRIBUTE.dplShift);
  setSegment(cpu, name, selector, 0n, 0xffff_ffff, attributes);
}

/** CS and SS of a fast transfer, and CPL with them. */
function enterFlat(cpu: Cpu, cs: number, ss: number, cpl: number, code64: boolean): void {
  cpu.state.cpl = cpl;
  loadFlat(cpu, 'cs', cs, cpl, ATTRIBUTE.code | (code64 ? ATTRIBUTE.long : ATTRIBUTE.big));
  loadFlat(cpu, 'ss', ss, cpl, ATTRIBUTE.big);
}

const isAmd = (cpu: Cpu): boolean => cpu.features.model === 'amd';

/** SYSENTER: to CPL 0, at the SYSENTER MSRs. AMD has none in long mode (APM 2 6.1.2). */
export function sysenter(cpu: Cpu): void {
  const { state } = cpu;
  if (isAmd(cpu) && cpu.longMode) throw undefinedOpcode();
  const selector = Number(state.sysenterCs & 0xfffcn);
  if (!cpu.protectedMode || isNull(selector)) throw generalProtection();
  const width = cpu.longMode ? 64 : 32;
  state.systemFlags &= ~(RFLAGS.VM | RFLAGS.IF | RFLAGS.RF);
  state.gpr.set(RSP, BigInt.asUintN(width, state.sysenterEsp));
  state.rip = BigInt.asUintN(width, state.sysenterEip);
  enterFlat(cpu, selector, selector + 8, 0, cpu.longMode);
}

/** SYSEXIT: to CPL 3 at RDX, with the stack at RCX. @param width operand size: 64 stays in 64-bit mode */
export function sysexit(cpu: Cpu, width: number): void {
  const { state } = cpu;
  if (isAmd(cpu) && cpu.longMode) throw undefinedOpcode();
  const base = Number(state.sysenterCs & 0xffffn);
  if (!cpu.protectedMode || isNull(base)) throw generalProtection();
  cpu.requirePrivilege();
  const code64 = width === 64;
  const [rip, rsp] = [state.gpr.get(RDX), state.gpr.get(RCX)];
  if (code64 && !(isCanonical(cpu, rip) && isCanonical(cpu, rsp))) throw generalProtection();
  const cs = (base + (code64 ? 32 : 16)) | 3;
  state.gpr.set(RSP, code64 ? rsp : rsp & LOW_32);
  state.rip = code64 ? rip : rip & LOW_32;
  enterFlat(cpu, cs & 0xffff, (cs + 8) & 0xffff, 3, code64);
}

/** SYSCALL and SYSRET are undefined without EFER.SCE; on Intel also outside 64-bit mode. */
function requireSyscall(cpu: Cpu): void {
  const enabled = (cpu.state.efer & EFER_SCE) !== 0n;
  const here = cpu.code64 || (isAmd(cpu) && cpu.protectedMode);
  if (!enabled || !here) throw undefinedOpcode();
}

/** SYSCALL: to CPL 0 at LSTAR; at CSTAR from compatibility mode, and at STAR in legacy mode (AMD only). */
export function syscall(cpu: Cpu): void {
  const { state } = cpu;
  requireSyscall(cpu);
  const cs = Number((state.star >> 32n) & 0xfffcn);
  state.gpr.set(RCX, state.rip);
  if (cpu.longMode) {
    state.gpr.set(R11, BigInt(cpu.rflags & ~RFLAGS.RF));
    state.rip = cpu.code64 ? state.lstar : state.cstar;
    cpu.rflags &= ~(Number(state.fmask & LOW_32) | RFLAGS.RF);
  } else {
    state.rip = state.star & LOW_32;
    state.systemFlags &= ~(RFLAGS.VM | RFLAGS.IF | RFLAGS.RF);
  }
  enterFlat(cpu, cs, (cs + 8) & 0xffff, 0, cpu.longMode);
  rearmSingleStep(state);
}

/** Flags that SYSRET takes from R11: all but RF and VM. */
const SYSRET_FLAGS = 0x3c_7fd7;

/** SYSRET: to CPL 3 at RCX. @param width operand size: 64 returns to 64-bit code */
export function sysret(cpu: Cpu, width: number): void {
  const { state } = cpu;
  requireSyscall(cpu);
  cpu.requirePrivilege();
  const code64 = width === 64;
  const target = state.gpr.get(RCX);
  if (code64 && !isCanonical(cpu, target)) throw generalProtection();
  const base = Number((state.star >> 48n) & 0xffffn);
  const cs = (base + (code64 ? 16 : 0)) | 3;
  if (cpu.longMode) cpu.rflags = Number(state.gpr.get(R11) & LOW_32) & SYSRET_FLAGS;
  else state.systemFlags |= RFLAGS.IF;
  state.rip = code64 ? target : target & LOW_32;
  enterFlat(cpu, cs & 0xffff, ((base + 8) | 3) & 0xffff, 3, code64);
  rearmSingleStep(state);
}

/** SWAPGS: 64-bit mode, CPL 0. */
export function swapGs(cpu: Cpu): void {
  if (!cpu.code64) throw undefinedOpcode();
  cpu.requirePrivilege();
  const { state, segments } = cpu;
  const base = segments.gs.base;
  segments.gs.base = state.kernelGsBase;
  state.kernelGsBase = base;
}
