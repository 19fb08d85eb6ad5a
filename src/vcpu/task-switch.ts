// Hardware task switches: SDM 3A 7.3, "Task Switching", and table 7-1 for the order of checks.
import { generalProtection, VECTOR } from '../mmu/exception.ts';
import type { SegmentName } from '../state/context.ts';
import type { Cpu } from './cpu.ts';
import { DR6 } from './debug.ts';
import {
  type Descriptor,
  findDescriptor,
  isNull,
  markAccessed,
  markBusy,
  readDescriptor,
  SYSTEM_TYPE,
  selectorFault,
  systemAddress,
} from './descriptors.ts';
import { RFLAGS } from './flags.ts';
import { refreshMode } from './mode.ts';
import {
  checkDataSegment,
  checkStackSegment,
  installNull,
  installSegment,
  installTaskRegister,
  installUnprotected,
  loadLdtr,
} from './segments.ts';
import { CurrentStack } from './segments-push.ts';
import { layoutOf, readTask, saveTask, type TaskImage } from './task-switch-tss.ts';

export interface TaskSwitch {
  /** What asks for the switch. Calls and interrupts nest the new task; IRET returns from one: SDM 3A 7.4. */
  readonly cause: 'jump' | 'call' | 'interrupt' | 'iret';
  /** Where the old task goes on. */
  readonly returnRip: bigint;
  /** RFLAGS.RF, or 0: what the saved flags get besides (SDM 3B 17.3.1.1). */
  readonly resumeFlag: number;
}

const CR0_TS = 8n;
const CR0_PG = 0x8000_0000n;
const LINK = 0;

/**
 * Switches to the task of a TSS descriptor. Faults before the commit point leave the old task as it was. Later ones
 * belong to the new task: `instructionRip` and `state.rip` are its EIP by then (SDM 3A 7.3, step 12 and after).
 * @throws GuestException #GP, #NP, #TS, #SS, #PF
 */
export function switchTask(cpu: Cpu, selector: number, { cause, returnRip, resumeFlag }: TaskSwitch): void {
  const { state, segments } = cpu;
  const target = checkTarget(cpu, selector, cause);
  const layout = layoutOf(target.type);
  if (target.limit < layout.minimumLimit) throw selectorFault(VECTOR.TS, selector);
  const old = currentTask(cpu);
  const image = readTask(cpu, target.base, layout);

  const nested = cause === 'call' || cause === 'interrupt';
  const saved = (cpu.rflags & ~(cause === 'iret' ? RFLAGS.NT : 0)) | resumeFlag;
  saveTask(cpu, layoutOf(segments.tr.attributes), returnRip, saved);
  if (nested) {
    cpu.mmu.writeSystem(systemAddress(cpu, target.base, LINK), 16, BigInt(segments.tr.selector));
  } else if (old) markBusy(cpu, old, false);
  if (cause !== 'iret') markBusy(cpu, target, true);

  // The commit point: SDM 3A 7.3, steps 10 to 12.
  installTaskRegister(cpu, selector, target);
  state.cr0 |= CR0_TS;
  adoptTask(cpu, image, nested);
  loadTaskSegments(cpu, image);
  refreshMode(cpu);
  const limit = BigInt(segments.cs.limit);
  if (image.ip > limit) throw generalProtection();
  if (image.trap) state.pendingDebug |= DR6.BT;
}

/** SDM 3A 7.3, steps 1 to 5: the TSS must be in the GDT, present, and available; for IRET busy. */
function checkTarget(cpu: Cpu, selector: number, cause: TaskSwitch['cause']): Descriptor {
  const vector = cause === 'iret' ? VECTOR.TS : VECTOR.GP;
  if (selector & 4 || isNull(selector)) throw selectorFault(vector, selector);
  const target = readDescriptor(cpu, selector, vector);
  const [narrow, wide] =
    cause === 'iret' ? [SYSTEM_TYPE.tss16Busy, SYSTEM_TYPE.tssBusy] : [SYSTEM_TYPE.tss16, SYSTEM_TYPE.tss];
  if (!target.isSystem || (target.type !== narrow && target.type !== wide)) throw selectorFault(vector, selector);
  if (!target.present) throw selectorFault(VECTOR.NP, selector);
  return target;
}

/** The running task's descriptor, to clear its busy bit. TR may be older than the GDT: then nothing is cleared. */
function currentTask(cpu: Cpu): Descriptor | undefined {
  const { tr } = cpu.segments;
  if (tr.limit < layoutOf(tr.attributes).minimumLimit) throw selectorFault(VECTOR.TS, tr.selector);
  return isNull(tr.selector) ? undefined : findDescriptor(cpu, tr.selector);
}

/** Loads all that needs no check. Segment registers hold their selectors, and nothing else yet. */
function adoptTask(cpu: Cpu, image: TaskImage, nested: boolean): void {
  const { state } = cpu;
  for (const [index, value] of image.registers.entries()) state.gpr.set(index, value);
  cpu.rflags = image.flags | (nested ? RFLAGS.NT : 0);
  state.rip = image.ip;
  cpu.instructionRip = image.ip;
  state.dr7 &= ~LOCAL_ENABLES;
  // CPL is the RPL of the new CS, whatever the DPL of a conforming segment: SDM 3A 7.3, step 12.
  state.cpl = cpu.virtual8086 ? 3 : selectorOf(image, 'cs') & 3;
  for (const [name, selector] of image.selectors) installNull(cpu, name, selector);
  installNull(cpu, 'ldtr', image.ldt);
  if (image.cr3 !== null && (state.cr0 & CR0_PG) !== 0n) {
    state.cr3 = image.cr3;
    cpu.mmu.loadCr3();
  }
  refreshMode(cpu);
}

/** A task switch clears L0-L3 and LE: SDM 3B 17.2.4. */
const LOCAL_ENABLES = 0x155n;

const selectorOf = (image: TaskImage, name: SegmentName): number => image.selectors.get(name) ?? 0;

const DATA_SEGMENTS = ['ds', 'es', 'fs', 'gs'] as const;

/** Loads LDTR, then the segment registers, with #TS in place of #GP: SDM 3A 7.3, table 7-1. */
function loadTaskSegments(cpu: Cpu, image: TaskImage): void {
  loadLdtr(cpu, image.ldt, VECTOR.TS, VECTOR.TS);
  if (cpu.virtual8086) {
    for (const [name, selector] of image.selectors) installUnprotected(cpu, name, selector);
    return;
  }
  const { cpl } = cpu.state;
  loadTaskCode(cpu, selectorOf(image, 'cs'));
  const stack = selectorOf(image, 'ss');
  installSegment(cpu, 'ss', stack, checkStackSegment(cpu, stack, cpl, VECTOR.TS));
  for (const name of DATA_SEGMENTS) {
    const selector = selectorOf(image, name);
    const descriptor = checkDataSegment(cpu, selector, VECTOR.TS);
    if (descriptor) installSegment(cpu, name, selector, descriptor);
  }
}

function loadTaskCode(cpu: Cpu, selector: number): void {
  if (isNull(selector)) throw selectorFault(VECTOR.TS, selector);
  const code = readDescriptor(cpu, selector, VECTOR.TS);
  const rpl = selector & 3;
  const fits = code.isConforming ? code.dpl <= rpl : code.dpl === rpl;
  if (!code.isCode || !fits) throw selectorFault(VECTOR.TS, selector);
  if (!code.present) throw selectorFault(VECTOR.NP, selector);
  markAccessed(cpu, code);
  installSegment(cpu, 'cs', selector, code);
}

/** Pushes an exception's error code onto the new task's stack, as wide as its TSS: SDM 3A 6.12.2. */
export function pushTaskErrorCode(cpu: Cpu, errorCode: number): void {
  const stack = new CurrentStack(cpu);
  stack.push(BigInt(errorCode), layoutOf(cpu.segments.tr.attributes).width);
  cpu.state.gpr.set(4, stack.pointer);
}

/** The task that NT says to return to, from the link field of the current TSS: SDM 3A 7.4. @throws #PF */
export function linkedTask(cpu: Cpu): number {
  return Number(cpu.mmu.readSystem(systemAddress(cpu, cpu.segments.tr.base, LINK), 16));
}
