// Where everything lies in the `state` memory. Wasm memory 0; all addresses are byte addresses in it.
import { CONTEXT, SEGMENT_STRIDE, SEGMENTS, SEGMENTS_OFFSET } from './context.ts';
import { struct, viewClass } from './struct.ts';

/** Words of the machine as a whole. Address 0, so that no structure that is pointed to has the address 0. */
export const CONTROL = struct({
  magic: 'u32',
  vcpus: 'u32',
  /** Pages of guest RAM. */
  ramPages: 'u32',
  /** A mutex over devices, interrupt controllers other than LAPICs, and code-page marks: src/state/mutex.ts. */
  deviceLock: 'i32',
  codeLock: 'i32',
  /** The vCPU that holds the world stopped plus 1, or 0. Atomic. */
  worldOwner: 'i32',
  /** Moves when the world runs again. */
  worldGeneration: 'i32',
  /** 0 while running; else STOP reason. Atomic; first writer wins. */
  stopReason: 'i32',
  stopDetail: 'i32',
  stopVcpu: 'i32',
  /** Host monotonic nanoseconds at which machine time was `timeBase` (realtime mode), and whether it stands still. */
  hostOrigin: 'u64',
  timeBase: 'u64',
  clockStopped: 'i32',
  tscKhz: 'u32',
  /** The earliest machine time in ns at which a shared timer (PIT, RTC, HPET) wants service. */
  nextDeadline: 'u64',
});

export const ControlView = viewClass(CONTROL);
export type ControlView = InstanceType<typeof ControlView>;

/** What the engine knows of one page of RAM. Any vCPU changes it, by atomics, under CONTROL.codeLock. */
export const PAGE = struct({
  /** PAGE_FLAG bits. Atomic. */
  flags: 'i32',
  /** Moves when code decoded from this page is no longer what memory holds. Atomic. */
  generation: 'i32',
  /** Bit n: bytes 64n to 64n+63 were decoded. */
  codeMaskLow: 'i32',
  codeMaskHigh: 'i32',
});
export const PAGE_FLAG = { code: 1, dirty: 2, watched: 4 } as const;

/** One translation: SDM 3A 4.10.2. */
export const TLB_ENTRY = struct({
  /** Linear page address with CONTEXT.tlbKey in its low 12 bits. */
  tag: 'u64',
  /** RAM address = low 32 bits of the linear address + addend, modulo 2^32. */
  addend: 'u32',
  /** RAM page number. */
  page: 'u32',
});
export const TLB_ENTRIES = 2048;
/** A tag that no address has: not canonical. */
export const TLB_EMPTY = 0x7fff_ffff_ffff_ffffn;

/** A known block by its instruction pointer. */
export const JUMP_ENTRY = struct({ rip: 'u64', key: 'u32', uop: 'u32' });
export const JUMP_ENTRIES = 4096;

const KIB = 1024;
const CONTEXT_BYTES = 0x2000;

/** Byte offsets inside one vCPU's area. */
export const VCPU_AREA = {
  context: 0,
  lapic: 0x2000,
  /** Current vmcs12 and shadow vmcs12 in KVM's layout, then VMX state that is not in them. */
  vmcs12: 0x3000,
  shadowVmcs12: 0x4000,
  vmx: 0x5000,
  readTlb: 0x8000,
  writeTlb: 0x8000 + TLB_ENTRIES * TLB_ENTRY.size,
  fetchTlb: 0x8000 + 2 * TLB_ENTRIES * TLB_ENTRY.size,
  jumpCache: 0x8000 + 3 * TLB_ENTRIES * TLB_ENTRY.size,
  uops: 0x8000 + 3 * TLB_ENTRIES * TLB_ENTRY.size + JUMP_ENTRIES * JUMP_ENTRY.size,
  uopBytes: 8192 * KIB,
  size: 0x8000 + 3 * TLB_ENTRIES * TLB_ENTRY.size + JUMP_ENTRIES * JUMP_ENTRY.size + 8192 * KIB,
} as const;

if (SEGMENTS_OFFSET + SEGMENTS.length * SEGMENT_STRIDE > CONTEXT_BYTES || CONTEXT.size > CONTEXT_BYTES) {
  throw new RangeError('a vCPU context outgrew its area');
}

export const WASM_PAGE = 64 * KIB;
export const GUEST_PAGE = 4096;
export const MAX_VCPUS = 64;

/** The devices' share of `state`: their structures, and the console rings. */
export const DEVICES_ADDRESS = 0x1000;
export const DEVICES_BYTES = 0x3f000;

export interface StateMap {
  readonly vcpus: number;
  readonly ramPages: number;
  /** Address of PAGE records, one a page of RAM. */
  readonly pages: number;
  /** Address of the area of vCPU `index`. */
  vcpu(index: number): number;
  /** Size of the memory in wasm pages. */
  readonly wasmPages: number;
}

/** @param vcpus 1 to 64. @param ramBytes a multiple of 4096 */
export function stateMap(vcpus: number, ramBytes: number): StateMap {
  const ramPages = ramBytes / GUEST_PAGE;
  const pages = DEVICES_ADDRESS + DEVICES_BYTES;
  const align = (value: number) => Math.ceil(value / WASM_PAGE) * WASM_PAGE;
  const areas = align(pages + ramPages * PAGE.size);
  return {
    vcpus,
    ramPages,
    pages,
    vcpu: (index) => areas + index * VCPU_AREA.size,
    wasmPages: align(areas + vcpus * VCPU_AREA.size) / WASM_PAGE,
  };
}
