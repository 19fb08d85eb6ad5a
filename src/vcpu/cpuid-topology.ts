// CPUID leaves that describe caches and the place of a logical processor among the others: SDM 3A 8.9, "Hierarchical
// Mapping of Shared Resources"; SDM 2A "CPUID" leaves 4, 0BH and 1FH.
import type { CpuFeatures, CpuTopology } from './features.ts';

/** EAX, EBX, ECX, EDX. */
export type CpuidResult = readonly [number, number, number, number];

const bitsFor = (count: number): number => Math.ceil(Math.log2(count));

/** Logical processors of one package. */
export const packageProcessors = ({ dies, cores, threads }: CpuTopology): number => dies * cores * threads;

/** Bits of an APIC ID below the package's number. */
export const packageShift = ({ dies, cores, threads }: CpuTopology): number =>
  bitsFor(dies) + bitsFor(cores) + bitsFor(threads);

interface Level {
  /** Level type of ECX[15:8]. */
  readonly type: number;
  /** Bits of an APIC ID up to and including this level. */
  readonly shift: number;
  readonly processors: number;
}

const LEVEL_TYPE = { smt: 1, core: 2, die: 5 } as const;

/** Leaf 0BH knows threads and cores only; 1FH shows dies where there are several. */
function levelsOf(topology: CpuTopology, withDies: boolean): Level[] {
  const { dies, cores, threads } = topology;
  const smt = { type: LEVEL_TYPE.smt, shift: bitsFor(threads), processors: threads };
  const whole = { shift: packageShift(topology), processors: packageProcessors(topology) };
  if (!withDies || dies === 1) return [smt, { type: LEVEL_TYPE.core, ...whole }];
  const core = { type: LEVEL_TYPE.core, shift: bitsFor(threads) + bitsFor(cores), processors: cores * threads };
  return [smt, core, { type: LEVEL_TYPE.die, ...whole }];
}

/** Leaves 0BH and 1FH. */
export function topologyLeaf(topology: CpuTopology, apicId: number, subleaf: number, withDies: boolean): CpuidResult {
  const index = subleaf & 0xff;
  const level = levelsOf(topology, withDies)[subleaf];
  if (!level) return [0, 0, index, apicId];
  return [level.shift, level.processors, index | (level.type << 8), apicId];
}

interface Cache {
  /** 1 data, 2 instruction, 3 unified. */
  readonly type: 1 | 2 | 3;
  readonly level: number;
  readonly ways: number;
  readonly sets: number;
  readonly shared: boolean;
}

const LINE_BYTES = 64;
const CACHES: readonly Cache[] = [
  { type: 1, level: 1, ways: 8, sets: 64, shared: false },
  { type: 2, level: 1, ways: 8, sets: 64, shared: false },
  { type: 3, level: 2, ways: 16, sets: 1024, shared: false },
  { type: 3, level: 3, ways: 16, sets: 16384, shared: true },
];

/** Leaf 4, "Deterministic Cache Parameters". */
export function cacheLeaf(topology: CpuTopology, subleaf: number): CpuidResult {
  const cache = CACHES[subleaf];
  if (!cache) return [0, 0, 0, 0];
  const sharing = cache.shared ? 1 << packageShift(topology) : topology.threads;
  const cores = 1 << (packageShift(topology) - bitsFor(topology.threads));
  const selfInitializing = 1 << 8;
  const eax = cache.type | (cache.level << 5) | selfInitializing | ((sharing - 1) << 14) | ((cores - 1) << 26);
  return [eax, (LINE_BYTES - 1) | ((cache.ways - 1) << 22), cache.sets - 1, 0];
}

const kib = ({ ways, sets }: Cache): number => (ways * sets * LINE_BYTES) / 1024;
const L2 = CACHES[2]!;
const L3 = CACHES[3]!;
/** APM 3 table E-6: the code of 8 for 16 ways. */
const SIXTEEN_WAYS = 8;
const ONE_LINE_A_TAG = 1 << 8;

/** Leaf 80000005H, AMD's first-level caches and TLBs. */
export function amdL1Leaf(): CpuidResult {
  const cache = ((kib(CACHES[0]!) << 24) | (8 << 16) | ONE_LINE_A_TAG | LINE_BYTES) >>> 0;
  const tlb = 0xff40ff40;
  return [tlb, tlb, cache, cache];
}

/** Leaf 80000006H: the second-level cache; AMD adds the third, in units of 512 KiB. */
export function l2Leaf({ model }: CpuFeatures): CpuidResult {
  const ecx = ((kib(L2) << 16) | (SIXTEEN_WAYS << 12) | (model === 'amd' ? ONE_LINE_A_TAG : 0) | LINE_BYTES) >>> 0;
  const edx = ((kib(L3) / 512) << 18) | (SIXTEEN_WAYS << 12) | ONE_LINE_A_TAG | LINE_BYTES;
  return [0, 0, ecx, model === 'amd' ? edx : 0];
}

/** Leaf 2: Intel's descriptor bytes, which refer to leaf 4 for caches (FFH). SDM 2A table 3-12. */
export const CACHE_DESCRIPTORS: CpuidResult = [0x76036301, 0x00f0b5ff, 0, 0x00c30000];
