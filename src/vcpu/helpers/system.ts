// System instructions that neither transfer control nor touch control registers: SDM 3A 2.8, "System Instruction
// Summary".
import type { Instruction, RegisterOperand } from '../../decode/instruction.ts';
import { generalProtection, undefinedOpcode } from '../../mmu/exception.ts';
import { ACTIVITY } from '../../state/context.ts';
import { CR4 } from '../control-registers.ts';
import type { Cpu } from '../cpu.ts';
import { RFLAGS, STATUS_FLAGS } from '../flags.ts';
import type { HelperTable } from '../helper-table.ts';
import { requireCanonical } from '../msr.ts';
import { readTsc } from '../tsc.ts';
import { componentsInUse } from '../xsave-area.ts';
import { isValidXcr0, supportedXcr0 } from '../xstate.ts';
import { joinedEdxEax, setEdxEax } from './edx-eax.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;

/** CR4 bits gate instructions for user code (TSD, PCE), or for all. */
const isSet = ({ state }: Cpu, bit: bigint): boolean => (state.cr4 & bit) !== 0n;

function requireTimeStamp(cpu: Cpu): void {
  if (isSet(cpu, CR4.TSD) && cpu.state.cpl !== 0) throw generalProtection();
}

/** IA32_MISC_ENABLE.Enable_Monitor_FSM: SDM 4 table 2-2. */
const MONITOR_ENABLE = 1n << 18n;

/** MONITOR and MWAIT are undefined to user code, and where MISC_ENABLE switches them off. */
function requireMonitor(cpu: Cpu): void {
  const { state, features } = cpu;
  if (features.model === 'intel' && (state.miscEnable & MONITOR_ENABLE) === 0n) throw undefinedOpcode();
  if (state.cpl !== 0) throw undefinedOpcode();
}

const LINE_MASK = ~63n;
/** MWAIT's one extension: a masked interrupt ends the wait. */
const MWAIT_EXTENSIONS = 1n;

const AMD_COUNTERS = 4n;

/** XCR0, and with ECX = 1 what of it is in use: SDM 2D "XGETBV". */
function readExtendedControl(cpu: Cpu): bigint {
  const index = cpu.gpr(RCX, 32);
  if (index === 0n) return cpu.state.xcr0;
  if (index === 1n && cpu.features.has('xgetbv1')) return cpu.state.xcr0 & componentsInUse(cpu);
  throw generalProtection();
}

function requireOsxsave(cpu: Cpu): void {
  if (!isSet(cpu, CR4.OSXSAVE)) throw undefinedOpcode();
}

/** CF says that the number is good; OF, SF, ZF, AF and PF are cleared: SDM 2B "RDRAND". */
function storeRandom(cpu: Cpu, insn: Instruction): void {
  const target = insn.operands[0] as RegisterOperand;
  cpu.setGpr(target.index, target.width, BigInt.asUintN(target.width, cpu.services.random()));
  cpu.rflags = (cpu.rflags & ~STATUS_FLAGS) | RFLAGS.CF;
}

function writeSegmentBase(cpu: Cpu, insn: Instruction, name: 'fs' | 'gs'): void {
  if (!isSet(cpu, CR4.FSGSBASE)) throw undefinedOpcode();
  const source = insn.operands[0] as RegisterOperand;
  const value = cpu.gpr(source.index, source.width);
  requireCanonical(cpu, value);
  cpu.segments[name].base = value;
}

function readSegmentBase(cpu: Cpu, insn: Instruction, name: 'fs' | 'gs'): void {
  if (!isSet(cpu, CR4.FSGSBASE)) throw undefinedOpcode();
  const target = insn.operands[0] as RegisterOperand;
  cpu.setGpr(target.index, target.width, cpu.segments[name].base);
}

function setAlignmentCheck(cpu: Cpu, on: boolean): void {
  if (cpu.state.cpl !== 0) throw undefinedOpcode();
  const { state } = cpu;
  state.systemFlags = on ? state.systemFlags | RFLAGS.AC : state.systemFlags & ~RFLAGS.AC;
  cpu.mmu.updateKey();
}

export const systemHelpers: HelperTable = {
  hlt(cpu) {
    cpu.requirePrivilege();
    cpu.state.activity = ACTIVITY.hlt;
  },

  pause(cpu) {
    cpu.services.spinHint();
  },

  /** Caches are not modelled: memory is what they would hold. */
  wbinvd(cpu) {
    cpu.requirePrivilege();
  },

  /** The access of a load is checked; the line is remembered. SDM 2B "MONITOR". */
  monitor(cpu, insn) {
    requireMonitor(cpu);
    if (cpu.gpr(RCX, 32) !== 0n) throw generalProtection();
    const offset = cpu.gpr(RAX, insn.addressSize);
    const linear = cpu.linear(insn.dataSegment, offset, 1, false);
    cpu.mmu.read(linear, 8);
    cpu.state.monitorAddress = linear & LINE_MASK;
    cpu.state.monitorArmed = 1;
  },

  /**
   * Plain stores of other vCPUs cannot be seen, so the wait ends after a yield of the host's core: the processor may
   * end it for reasons of its own (SDM 3A 8.10.4), and software checks its condition again.
   */
  mwait(cpu) {
    requireMonitor(cpu);
    if (cpu.gpr(RCX, 32) & ~MWAIT_EXTENSIONS) throw generalProtection();
    if (cpu.state.monitorArmed !== 0) cpu.services.rest();
    cpu.state.monitorArmed = 0;
  },

  rdtsc(cpu) {
    requireTimeStamp(cpu);
    setEdxEax(cpu, readTsc(cpu));
  },

  rdtscp(cpu) {
    requireTimeStamp(cpu);
    setEdxEax(cpu, readTsc(cpu));
    cpu.setGpr(RCX, 32, cpu.state.tscAux);
  },

  /** Intel's model has no counters; AMD's has four that stand at 0 (msr-amd.ts). */
  rdpmc(cpu) {
    if (cpu.state.cpl !== 0 && !isSet(cpu, CR4.PCE)) throw generalProtection();
    if (cpu.features.model !== 'amd' || cpu.gpr(RCX, 32) >= AMD_COUNTERS) throw generalProtection();
    setEdxEax(cpu, 0n);
  },

  rdpid(cpu, insn) {
    const target = insn.operands[0] as RegisterOperand;
    cpu.setGpr(target.index, target.width, cpu.state.tscAux);
  },

  rdrand: storeRandom,
  rdseed: storeRandom,

  xgetbv(cpu) {
    requireOsxsave(cpu);
    setEdxEax(cpu, readExtendedControl(cpu));
  },

  xsetbv(cpu) {
    requireOsxsave(cpu);
    cpu.requirePrivilege();
    const value = joinedEdxEax(cpu);
    if (cpu.gpr(RCX, 32) !== 0n || !isValidXcr0(cpu.features, value)) throw generalProtection();
    cpu.state.xcr0 = value & supportedXcr0(cpu.features);
  },

  rdfsbase: (cpu, insn) => readSegmentBase(cpu, insn, 'fs'),
  rdgsbase: (cpu, insn) => readSegmentBase(cpu, insn, 'gs'),
  wrfsbase: (cpu, insn) => writeSegmentBase(cpu, insn, 'fs'),
  wrgsbase: (cpu, insn) => writeSegmentBase(cpu, insn, 'gs'),

  rdpkru(cpu) {
    if (!isSet(cpu, CR4.PKE)) throw undefinedOpcode();
    if (cpu.gpr(RCX, 32) !== 0n) throw generalProtection();
    setEdxEax(cpu, BigInt(cpu.state.pkru));
  },

  wrpkru(cpu) {
    if (!isSet(cpu, CR4.PKE)) throw undefinedOpcode();
    if (cpu.gpr(RCX, 32) !== 0n || cpu.gpr(RDX, 32) !== 0n) throw generalProtection();
    cpu.state.pkru = Number(cpu.gpr(RAX, 32));
    cpu.mmu.updateKey();
  },

  clac: (cpu) => setAlignmentCheck(cpu, false),
  stac: (cpu) => setAlignmentCheck(cpu, true),
};
