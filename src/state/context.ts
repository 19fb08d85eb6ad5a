// One vCPU's context: every architectural register, pending event and engine word. Written by the thread that hosts
// the vCPU only, except where a field's comment names another writer; read by others while the vCPU is parked.
import { type StateMemory, struct, viewClass } from './struct.ts';

/** A segment register with its hidden part (SDM 3A 3.4.3), and bounds derived from it for the engine's checks. */
export const SEGMENT = struct({
  base: 'u64',
  /** An access of n bytes at offset o may read if (o - readLow) + n - 1 <= readSpan, all unsigned. */
  readLow: 'u64',
  readSpan: 'u64',
  writeLow: 'u64',
  writeSpan: 'u64',
  /** Limit in bytes, after scaling by G. */
  limit: 'u32',
  /** Access rights as in the VMCS: SDM 3C 24.4.1, table 24-2; bit 16 = unusable. */
  attributes: 'u32',
  selector: 'u32',
});

/** Segment registers in their encoding order (SDM 2 2.1.5 Sreg); `flat` has base 0 and no limit, for 64-bit
 * code; `flatStack` too, but its faults are #SS. */
export const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr', 'flat', 'flatStack'] as const;
export type SegmentName = (typeof SEGMENTS)[number];
export const SEGMENT_INDEX = Object.fromEntries(SEGMENTS.map((name, index) => [name, index])) as Readonly<
  Record<SegmentName, number>
>;

export const CONTEXT = struct({
  /** In encoding order: RAX RCX RDX RBX RSP RBP RSI RDI R8-R15. Offset 0, so that AH is the byte at offset 1. */
  gpr: ['u64', 16],
  /** While wasm runs: the start of the current block. Elsewhere: the current instruction pointer. */
  rip: 'u64',
  /** Always 0: the base or index register of an address that has none. */
  zero: 'u64',
  /** ZF is set if this is 0. */
  flagZ: 'u64',
  /** SF is its bit 63, PF the parity of its low byte. */
  flagS: 'u64',
  /** CF, OF, AF: 0 or 1. */
  flagC: 'u32',
  flagO: 'u32',
  flagA: 'u32',
  /** RFLAGS without CF PF AF ZF SF OF. Bit 1 is set. */
  systemFlags: 'u32',
  /** Instructions that may still run in this slice; negative when spent. */
  budget: 'i32',
  /** The link slot (address in `state`) that the last EXIT.lookup wants filled, or 0. */
  linkSlot: 'u32',
  /** What TLB tags carry in their low 12 bits: address-space epoch << 2 | MMU index. */
  tlbKey: 'u64',
  /** Width of the stack pointer (SS.B, or 64-bit mode). */
  stackMask: 'u64',
  /** Width of linear addresses: all ones in 64-bit mode, else 32 bits. */
  linearMask: 'u64',
  /** Offset in the context of the segment that the stack is in: SS, or flatStack in 64-bit mode. */
  stackSegment: 'u32',
  /** Identifies mode and address space of a jump-cache entry. */
  jumpKey: 'u32',
  /** The decoder's mode (src/decode/mode.ts). */
  mode: 'u32',
  /** Values that cross between wasm and the slow paths. */
  bounce: ['u64', 4],
  /** Non-zero while a block of one instruction runs for the run loop (single step, shadows, own-code stores). */
  single: 'u32',

  /** 0, or 0x7fffffff when the vCPU must leave wasm. Any thread stores and notifies; the vCPU clears. Atomic. */
  kick: 'i32',
  /** REQUEST bits. Any thread ORs; the vCPU exchanges with 0. Atomic. */
  requests: 'i32',
  /** RUN_STATE: what the hosting thread does. The vCPU writes, the coordinator and other vCPUs read. Atomic. */
  runState: 'i32',
  /** Counts safe points passed (out of wasm, no lock held). The vCPU writes; others wait for it to move. Atomic. */
  safepoints: 'i32',

  vcpuIndex: 'u32',
  apicId: 'u32',
  cpl: 'u32',
  /** ACTIVITY: SDM 3C 24.4.2. */
  activity: 'u32',
  /** Blocking by STI (bit 0), MOV SS (1), SMI (2), NMI (3): SDM 3C 24.4.2, table 24-3. */
  interruptibility: 'u32',
  /** NMIs waiting: 0, 1 or 2. */
  nmiPending: 'u32',
  /** #DB causes that wait for the end of the MOV SS shadow: SDM 3C 24.4.2, table 24-4. */
  pendingDebug: 'u64',
  /** An exception being delivered when its delivery faulted: EVENT (interruption-information format). */
  idtVectoring: 'u32',
  idtVectoringError: 'u32',
  /** An event to deliver before the next instruction (event injection of a restored state), same format; 0 none. */
  injectedEvent: 'u32',
  injectedError: 'u32',
  injectedLength: 'u32',
  /** SIPI vector received while waiting for it, plus 0x100; 0 none. */
  sipi: 'u32',

  gdtrBase: 'u64',
  idtrBase: 'u64',
  gdtrLimit: 'u32',
  idtrLimit: 'u32',
  cr0: 'u64',
  cr2: 'u64',
  cr3: 'u64',
  cr4: 'u64',
  efer: 'u64',
  xcr0: 'u64',
  dr0: 'u64',
  dr1: 'u64',
  dr2: 'u64',
  dr3: 'u64',
  dr6: 'u64',
  dr7: 'u64',
  /** The four PDPTEs of PAE paging, loaded with CR3: SDM 3A 4.4.1. */
  pdpte: ['u64', 4],
  pkru: 'u32',
  mxcsr: 'u32',
  fcw: 'u16',
  fsw: 'u16',
  /** Full tag word: 2 bits a physical register, 3 = empty (SDM 1 8.1.7). */
  ftw: 'u16',
  fop: 'u16',
  fip: 'u64',
  fdp: 'u64',
  fcs: 'u16',
  fds: 'u16',
  /** Physical registers R0-R7, 16 bytes each of which 10 hold the value. MM0-MM7 are their low 8 bytes. */
  fpr: ['u64', 16],
  /** XMM0-XMM15, 16 bytes each. */
  xmm: ['u64', 32],

  // Model-specific registers (SDM 4), by their names without the IA32_ prefix.
  apicBase: 'u64',
  sysenterCs: 'u64',
  sysenterEsp: 'u64',
  sysenterEip: 'u64',
  star: 'u64',
  lstar: 'u64',
  cstar: 'u64',
  fmask: 'u64',
  kernelGsBase: 'u64',
  tscAux: 'u64',
  /** Guest TSC = machine TSC + tscOffset. */
  tscOffset: 'u64',
  tscAdjust: 'u64',
  pat: 'u64',
  miscEnable: 'u64',
  debugctl: 'u64',
  lastBranchFromIp: 'u64',
  lastBranchToIp: 'u64',
  lastIntFromIp: 'u64',
  lastIntToIp: 'u64',
  featureControl: 'u64',
  specCtrl: 'u64',
  xss: 'u64',
  pkrs: 'u64',
  umwaitControl: 'u64',
  mtrrDefType: 'u64',
  mtrrFixed: ['u64', 11],
  mtrrVariable: ['u64', 20],
  biosSignId: 'u64',
  mcgStatus: 'u64',
  mcgCtl: 'u64',
  mcBanks: ['u64', 40],
  hwcr: 'u64',

  /** MONITOR: the watched cache line's physical address, and whether it is armed. */
  monitorAddress: 'u64',
  monitorArmed: 'u32',
  /** EXIT_REASON of the last run(), with its details (KVM_EXIT_*). */
  exitReason: 'u32',
  exitDetail: ['u64', 8],
  /**
   * `safepoints` + 1 as of the last time another vCPU took an entry from this one's write TLB: until `safepoints`
   * moves on, a store through that entry may be under way. Written under CONTROL.codeLock. Atomic.
   */
  codeFence: 'i32',
  /** 1 while RIP is at a repeated string instruction that has done some of its iterations: SDM 3B 17.3.1.1. */
  repeating: 'u32',
});

/** CONTEXT.activity. */
export const ACTIVITY = { active: 0, hlt: 1, shutdown: 2, waitForSipi: 3 } as const;

/** CONTEXT.interruptibility bits. */
export const BLOCKING = { sti: 1, movSs: 2, smi: 4, nmi: 8 } as const;

/** CONTEXT.requests bits. */
export const REQUEST = {
  /** Park at the next instruction boundary. */
  pause: 1 << 0,
  /** Look at the LAPIC: an interrupt may have become deliverable. */
  interrupt: 1 << 1,
  nmi: 1 << 2,
  init: 1 << 3,
  sipi: 1 << 4,
  /** Drop decoded code of pages whose generation moved. */
  codeChanged: 1 << 5,
  /** Drop all translations. */
  flushTlb: 1 << 6,
  /** Park until the world runs again (stop-the-world section of another vCPU). */
  stopWorld: 1 << 7,
  /** Leave run(): the machine shuts down or resets. */
  stop: 1 << 8,
  smi: 1 << 9,
  /** The memories were replaced: drop everything derived from them. */
  restored: 1 << 10,
} as const;

/** CONTEXT.runState. */
export const RUN_STATE = { outside: 0, inside: 1, halted: 2, parked: 3 } as const;

/** The segments of a context follow its registers. */
export const SEGMENTS_OFFSET = Math.ceil(CONTEXT.size / 64) * 64;
export const SEGMENT_STRIDE = 64;

/** Byte offset in a context of a segment register. */
export const segmentOffset = (name: SegmentName): number => SEGMENTS_OFFSET + SEGMENT_INDEX[name] * SEGMENT_STRIDE;

export const ContextView = viewClass(CONTEXT);
export type ContextView = InstanceType<typeof ContextView>;
export const SegmentView = viewClass(SEGMENT);
export type SegmentView = InstanceType<typeof SegmentView>;

/** Byte offset in a context of general register `index` (0-15). */
export const gprOffset = (index: number): number => CONTEXT.offset.gpr + index * 8;
/** Byte offset in a context of XMM register `index`. */
export const xmmOffset = (index: number): number => CONTEXT.offset.xmm + index * 16;
/** Byte offset in a context of MMX register `index`. */
export const mmxOffset = (index: number): number => CONTEXT.offset.fpr + index * 16;

/** The segment registers of the context at `address`. */
export function segmentViews(memory: StateMemory, address: number): Readonly<Record<SegmentName, SegmentView>> {
  return Object.fromEntries(
    SEGMENTS.map((name) => [name, new SegmentView(memory, address + segmentOffset(name))]),
  ) as unknown as Readonly<Record<SegmentName, SegmentView>>;
}
