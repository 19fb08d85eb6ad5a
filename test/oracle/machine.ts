/** The contract between the host-CPU oracle and whatever executes an instruction: see README.md of this folder. */

/** Everything that a user-mode instruction can read or change. */
export interface MachineState {
  /** RAX RCX RDX RBX RSP RBP RSI RDI R8-R15. In 16- and 32-bit code the upper halves and R8-R15 are not compared. */
  gpr: BigUint64Array;
  rflags: number;
  /** XMM0-15, 16 bytes each. */
  xmm: Uint8Array;
  mxcsr: number;
  /** MM0-7, that is the significands of the x87 registers, 8 bytes each. The x87 TOP is 0 before each case. */
  mm: Uint8Array;
  /** x87 control word, status word, and tags in FXSAVE's abridged form (bit set: register not empty). */
  fcw: number;
  fsw: number;
  ftw: number;
  /** The data window. Cases share one array as their initial memory: nobody writes into it. */
  memory: Uint8Array;
}

/** Code size of the segment that the instruction runs in, at CPL 3 in IA-32e mode. */
export type CodeSize = 16 | 32 | 64;

/** One instruction, to be placed at CODE_START and executed once. */
export interface TestCase {
  bytes: Uint8Array;
  codeSize: CodeSize;
  initial: MachineState;
}

/** An exception raised by the instruction itself; a fault at the next instruction's fetch is not one. */
export interface RaisedException {
  vector: number;
  /** Given by vectors that push one: 10-14 and 17. */
  errorCode?: number;
  /** The faulting linear address of a #PF. */
  cr2?: bigint;
}

/** What executing the instruction led to. */
export interface Outcome {
  state: MachineState;
  /** Offset of the next instruction (for a fault: of this one, 0) from the instruction's start, signed. */
  rip: bigint;
  exception: RaisedException | null;
}

/** Executes cases independently of each other, in order. */
export type Runner = (cases: TestCase[]) => Promise<Outcome[]> | Outcome[];

/** RFLAGS bits. */
export const FLAG = {
  CF: 0x1,
  PF: 0x4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  OF: 0x800,
  NT: 0x4000,
  AC: 0x4_0000,
  ID: 0x20_0000,
} as const;

/** CF PF AF ZF SF OF. */
export const STATUS_FLAGS = 0x8d5;
