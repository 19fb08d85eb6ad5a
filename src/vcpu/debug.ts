// Debug registers and what they detect: SDM 3B 17.2, "Debug Registers"; 17.3, "Debug Exceptions".
import { BLOCKING, type ContextView } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { RFLAGS } from './flags.ts';

/** DR6: SDM 3B 17.2.3. state.pendingDebug and the payload of #DB use the same bits. */
export const DR6 = {
  B: 15n,
  BD: 1n << 13n,
  BS: 1n << 14n,
  BT: 1n << 15n,
} as const;

/** DR7: SDM 3B 17.2.4. L0-G3 are its low byte; R/Wn and LENn follow from bit 16 on, four bits a breakpoint. */
const DR7_ENABLES = 0xffn;
const DR7_GD = 1n << 13n;

/** IA32_DEBUGCTL bits that a debug exception clears: SDM 3B 17.4.1. */
const DEBUGCTL = { LBR: 1n, BTF: 2n } as const;

const CR4_DE = 1n << 3n;

/** R/Wn: SDM 3B 17.2.4. Without CR4.DE, 2 is undefined, and matches nothing here. */
const BREAK_ON = { execution: 0, write: 1, io: 2, access: 3 } as const;
/** Bytes by LENn. */
const LENGTHS = [1n, 2n, 8n, 4n] as const;

/** Is any of DR0-DR3 enabled? */
export const breakpointsArmed = (state: ContextView): boolean => (state.dr7 & DR7_ENABLES) !== 0n;

/** DR6.Bn bits of the enabled breakpoints of the given kinds that touch `bytes` bytes at `address`. */
function matches(state: ContextView, kinds: readonly number[], address: bigint, bytes: bigint): bigint {
  const dr7 = Number(state.dr7 & 0xffff_ffffn);
  let hit = 0n;
  for (let index = 0; index < 4; index++) {
    if (((dr7 >> (2 * index)) & 3) === 0) continue;
    if (!kinds.includes((dr7 >> (16 + 4 * index)) & 3)) continue;
    const length = LENGTHS[(dr7 >> (18 + 4 * index)) & 3]!;
    // SDM 3B 17.2.5: low address bits within the length are ignored.
    const start = breakpointAddress(state, index) & ~(length - 1n);
    if (address < start + length && start < address + bytes) hit |= 1n << BigInt(index);
  }
  return hit;
}

const breakpointAddress = (state: ContextView, index: number): bigint =>
  index === 0 ? state.dr0 : index === 1 ? state.dr1 : index === 2 ? state.dr2 : state.dr3;

const ON_EXECUTION = [BREAK_ON.execution] as const;
const ON_WRITE = [BREAK_ON.write, BREAK_ON.access] as const;
const ON_READ = [BREAK_ON.access] as const;
const ON_IO = [BREAK_ON.io] as const;

/**
 * The instruction breakpoints at RIP, as DR6 bits; 0 for none, with RF set, in a MOV SS shadow (SDM 3A 6.8.3), or
 * between the iterations of a string instruction. Any is a fault: #DB is due before the instruction.
 */
export function breakpointAt(cpu: Cpu): bigint {
  const { state, segments } = cpu;
  if (state.systemFlags & RFLAGS.RF || state.interruptibility & BLOCKING.movSs || state.repeating !== 0) return 0n;
  const linear = cpu.code64 ? state.rip : BigInt.asUintN(32, segments.cs.base + state.rip);
  return matches(state, ON_EXECUTION, linear, 1n);
}

/** Records the data breakpoints that an access touches: a trap after the instruction (SDM 3B 17.3.1.2). */
export function noteDataAccess(cpu: Cpu, linear: bigint, bytes: number, write: boolean): void {
  cpu.state.pendingDebug |= matches(cpu.state, write ? ON_WRITE : ON_READ, linear, BigInt(bytes));
}

/** Records the I/O breakpoints that a port access touches, if CR4.DE enables them. */
export function noteIoAccess(cpu: Cpu, port: number, bytes: number): void {
  const { state } = cpu;
  if ((state.cr4 & CR4_DE) === 0n) return;
  state.pendingDebug |= matches(state, ON_IO, BigInt(port), BigInt(bytes));
}

/**
 * Makes the single-step trap due, if RFLAGS.TF asks for it: to be called before each instruction. A fault, and a
 * software interrupt, take it back (deliverEvent); SYSCALL and SYSRET decide anew by the TF that they load.
 */
export function armSingleStep(state: ContextView): void {
  if (state.systemFlags & RFLAGS.TF) state.pendingDebug |= DR6.BS;
}

/** With IA32_DEBUGCTL.BTF only branches trap: drops the single-step trap of any other instruction (SDM 3B 17.4.3). */
export function disarmUnlessBranch(state: ContextView, branched: boolean): void {
  if (!branched && (state.debugctl & DEBUGCTL.BTF) !== 0n) state.pendingDebug &= ~DR6.BS;
}

/** SYSCALL and SYSRET trap by the TF that they leave, not by the one they found: APM 3 "SYSCALL", "SYSRET". */
export function rearmSingleStep(state: ContextView): void {
  state.pendingDebug &= ~DR6.BS;
  armSingleStep(state);
}

/** What a #DB adds to DR6. Only B0-B3 are ever cleared by the processor: SDM 3B 17.2.3. */
export function recordDebugCause(state: ContextView, payload: bigint): void {
  state.dr6 = (state.dr6 & ~DR6.B) | payload;
}

/** What entering the #DB handler changes: SDM 3B 17.2.4 (GD), 17.4.1 (LBR, BTF). */
export function enterDebugHandler(state: ContextView): void {
  state.dr7 &= ~DR7_GD;
  state.debugctl &= ~(DEBUGCTL.LBR | DEBUGCTL.BTF);
}
