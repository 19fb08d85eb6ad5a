import type { SetupContext } from './setup.ts';
import { shiftCount } from './undefined-flags.ts';

/** What the oracle does not generate, and why: either nothing could be compared, or CPUs differ by design. */
export interface Exclusion {
  what: string;
  reason: string;
  /** Rejects a generated case; absent where no template makes such cases to begin with. */
  rejects?(context: SetupContext): boolean;
}

const lastCl = ({ initial }: SetupContext) => Number(initial.gpr[1]! & 0xffn);

/** Results that the manual leaves undefined, or that depend on the maker of the CPU. */
const UNDEFINED_RESULTS: readonly Exclusion[] = [
  {
    what: 'SHLD and SHRD of 16-bit operands by more than 16',
    reason: 'result and flags are undefined (SDM 2B SHLD)',
    rejects: (context) =>
      /^SH[LR]D$/.test(context.instruction.template.mnemonic) &&
      context.instruction.operandSize === 16 &&
      shiftCount({ instruction: context.instruction, cl: lastCl(context) }) > 16,
  },
  {
    what: 'operand-size prefix on near branches in 64-bit code',
    reason: 'Intel ignores it, AMD truncates RIP to 16 bits',
  },
  {
    what: 'near branches to non-canonical addresses',
    reason: 'Intel raises #GP at the branch, AMD at its target',
  },
  { what: 'BSWAP of 16-bit registers', reason: 'the result is undefined (SDM 2A BSWAP)' },
  { what: 'MXCSR bit 17', reason: "AMD's misaligned-SSE mode; reserved on Intel" },
  { what: 'LOCK and XCHG across cache lines', reason: 'hosts may trap or delay split locks' },
  { what: 'reserved bits of immediates (CMPPS, ROUNDPS, PCMPxSTRx ...)', reason: 'their effect is not defined' },
  {
    what: 'MOVSXD with 16-bit operands',
    reason: "AMD's processors read 32 bits of memory, where the SDM has 16 (SDM 2B MOVSXD)",
    rejects: ({ instruction }) => instruction.template.mnemonic === 'MOVSXD' && instruction.operandSize === 16,
  },
  { what: 'F3 on opcode 90 with REX.B', reason: 'PAUSE or XCHG: makers differ' },
  {
    what: 'F2 and F3 on LOOPE and LOOPNE',
    reason: "measured on an AMD processor: the prefix replaces the opcode's condition; the manuals ignore it",
    rejects: ({ instruction }) =>
      /^LOOPN?E$/.test(instruction.template.mnemonic) && instruction.prefixes.some((byte) => byte >= 0xf2),
  },
];

/** Results that depend on the host, its kernel or its clock rather than on the operands. */
const HOST_STATE: readonly Exclusion[] = [
  { what: 'CPUID, RDTSC, RDTSCP, RDPMC, RDPID, RDRAND, RDSEED, XGETBV', reason: 'results belong to the host' },
  {
    what: 'INT n, SYSCALL, SYSENTER, far branches, IRET',
    reason: 'they enter the host kernel or need its descriptors',
  },
  { what: 'MOV to and POP of segment registers, LDS family, LAR, LSL, VERR, VERW', reason: 'need the same GDT' },
  { what: 'SGDT, SIDT, SLDT, SMSW, STR', reason: 'Linux emulates them under UMIP' },
  {
    what: 'INT1',
    reason: 'hosts under a hypervisor report RIP before it; it is a trap (SDM 3A 6.15, "Interrupt 1")',
    rejects: ({ instruction }) => instruction.template.mnemonic === 'INT1',
  },
  { what: 'VMX and SVM instructions, rest of 0F 01', reason: 'the host may itself be a guest' },
  { what: 'FXSAVE, FXRSTOR, XSAVE family', reason: 'their images hold MXCSR_MASK and components of the host' },
  { what: 'x87 arithmetic, AVX, AVX-512, AES, SHA, PCLMULQDQ, XOP, SSE4A, 3DNow!', reason: 'not offered by rookery' },
];

/** Everything that is left out; where an entry has no rule, the templates and setups avoid it. */
export const EXCLUSIONS: readonly Exclusion[] = [...UNDEFINED_RESULTS, ...HOST_STATE];

/** True if the case must not be compared. */
export function isExcluded(context: SetupContext): boolean {
  return EXCLUSIONS.some((exclusion) => exclusion.rejects?.(context) ?? false);
}
