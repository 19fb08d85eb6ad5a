// x87 control instructions: SDM 1 8.1, 8.3.1; SDM 2A "FINIT" to "FSTSW".
import type { Instruction, MemoryOperand } from '../../decode/instruction.ts';
import { deviceNotAvailable, GuestException, generalProtection, VECTOR } from '../../mmu/exception.ts';
import { CR0 } from '../control-registers.ts';
import type { Cpu } from '../cpu.ts';
import { UnimplementedError } from '../errors.ts';
import type { HelperTable } from '../helper-table.ts';
import { MXCSR_BITS } from '../legacy-region.ts';
import { loadImage, storeImage } from '../memory-image.ts';
import { environmentBytes, loadEnvironment, storeEnvironment } from '../x87-environment.ts';
import {
  ALL_EMPTY,
  FSW,
  initializeX87,
  loadStackRegister,
  setControlWord,
  storeStackRegister,
  summarizeExceptions,
} from '../x87-state.ts';

/** Masks of FCW. FNSTENV sets them all. */
const EXCEPTION_MASKS = 0x3f;
const REGISTER_BYTES = 10;

const memoryAt = ({ operands }: Instruction): MemoryOperand => operands[0] as MemoryOperand;

/** Waiting instructions first raise what is pending: SDM 1 8.7, "Handling x87 FPU Exceptions in Software". */
function raisePending({ state }: Cpu): void {
  if ((state.fsw & FSW.ES) === 0) return;
  if (state.cr0 & CR0.NE) throw new GuestException(VECTOR.MF);
  throw new UnimplementedError('x87 exceptions by FERR# and IRQ 13 (CR0.NE = 0)');
}

function saveAll(cpu: Cpu, insn: Instruction): void {
  const environment = environmentBytes(insn.operandSize);
  storeImage(cpu, memoryAt(insn), insn.addressSize, environment + 8 * REGISTER_BYTES, (view) => {
    storeEnvironment(cpu, view, insn.operandSize);
    for (let i = 0; i < 8; i++) storeStackRegister(cpu, i, view, environment + i * REGISTER_BYTES);
  });
}

function restoreAll(cpu: Cpu, insn: Instruction): void {
  const environment = environmentBytes(insn.operandSize);
  const view = loadImage(cpu, memoryAt(insn), insn.addressSize, environment + 8 * REGISTER_BYTES);
  // The status word tells where ST(0) is, the registers' contents what their tags are.
  cpu.state.fsw = view.getUint16(insn.operandSize === 16 ? 2 : 4, true);
  for (let i = 0; i < 8; i++) loadStackRegister(cpu, i, view, environment + i * REGISTER_BYTES);
  loadEnvironment(cpu, view, insn.operandSize);
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0').toUpperCase();

export const x87ControlHelpers: HelperTable = {
  fninit: initializeX87,

  fnclex({ state }) {
    state.fsw &= ~(FSW.exceptions | FSW.ES | FSW.B | (1 << 6));
  },

  fsetpm() {},

  fnstcw: (cpu, insn) => cpu.store(insn.operands[0]!, insn.addressSize, BigInt(cpu.state.fcw)),

  fldcw(cpu, insn) {
    raisePending(cpu);
    setControlWord(cpu, Number(cpu.load(insn.operands[0]!, insn.addressSize)));
  },

  fnstsw: (cpu, insn) => cpu.store(insn.operands[0]!, insn.addressSize, BigInt(cpu.state.fsw)),

  fnstenv(cpu, insn) {
    storeImage(cpu, memoryAt(insn), insn.addressSize, environmentBytes(insn.operandSize), (view) =>
      storeEnvironment(cpu, view, insn.operandSize),
    );
    cpu.state.fcw |= EXCEPTION_MASKS;
    summarizeExceptions(cpu);
  },

  fldenv(cpu, insn) {
    raisePending(cpu);
    const view = loadImage(cpu, memoryAt(insn), insn.addressSize, environmentBytes(insn.operandSize));
    loadEnvironment(cpu, view, insn.operandSize);
  },

  fnsave(cpu, insn) {
    saveAll(cpu, insn);
    initializeX87(cpu);
  },

  frstor(cpu, insn) {
    raisePending(cpu);
    restoreAll(cpu, insn);
  },

  /** #NM needs MP and TS: SDM 3A 2.5, table 2-2. */
  fwait(cpu) {
    const both = CR0.MP | CR0.TS;
    if ((cpu.state.cr0 & both) === both) throw deviceNotAvailable();
    raisePending(cpu);
  },

  x87Unimplemented(cpu, insn) {
    raisePending(cpu);
    throw new UnimplementedError(`x87 instruction ${hex(insn.form.opcode)} ${hex(insn.modrm)}`);
  },

  emms(cpu) {
    raisePending(cpu);
    cpu.state.ftw = ALL_EMPTY;
  },

  ldmxcsr(cpu, insn) {
    const value = Number(cpu.load(insn.operands[0]!, insn.addressSize));
    if (value & ~MXCSR_BITS) throw generalProtection();
    cpu.state.mxcsr = value;
  },

  stmxcsr: (cpu, insn) => cpu.store(insn.operands[0]!, insn.addressSize, BigInt(cpu.state.mxcsr)),
};
