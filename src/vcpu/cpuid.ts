// CPUID: SDM 2A "CPUID", APM 3 appendix E.
import type { ContextView } from '../state/context.ts';
import {
  amdL1Leaf,
  CACHE_DESCRIPTORS,
  type CpuidResult,
  cacheLeaf,
  l2Leaf,
  packageProcessors,
  packageShift,
  topologyLeaf,
} from './cpuid-topology.ts';
import type { CpuFeatures, CpuVendor } from './features.ts';
import { compactedSize, EXTENDED_COMPONENTS, SUPPORTED_XSS, standardSize, supportedXcr0 } from './xstate.ts';

export type { CpuidResult } from './cpuid-topology.ts';

/** The state that CPUID's answers depend on. */
export interface CpuidState extends Pick<ContextView, 'cr4' | 'apicBase' | 'apicId' | 'xcr0' | 'xss' | 'miscEnable'> {
  /** Runs 64-bit code. */
  readonly code64: boolean;
  readonly tscKhz: number;
}

type Leaf = (model: CpuFeatures, state: CpuidState, subleaf: number) => CpuidResult;

const ZERO: CpuidResult = [0, 0, 0, 0];
const EXTENDED = 0x80000000;
const HYPERVISOR = 0x40000000;

interface Identity {
  readonly vendor: string;
  readonly maxBasic: number;
  readonly maxExtended: number;
  /** CPUID.01H:EAX. */
  readonly signature: number;
  /** What leaves behind the last one answer. */
  readonly beyond: 'last leaf' | 'zero';
}

/** Intel family 6, model 55H (a Xeon of the Skylake line), stepping 7; AMD family 17H, model 1, stepping 2. */
const IDENTITIES: Readonly<Record<CpuVendor, Identity>> = {
  intel: {
    vendor: 'GenuineIntel',
    maxBasic: 0x1f,
    maxExtended: 0x80000008,
    signature: 0x00050657,
    beyond: 'last leaf',
  },
  amd: { vendor: 'AuthenticAMD', maxBasic: 0xd, maxExtended: 0x8000000a, signature: 0x00800f12, beyond: 'zero' },
};

const BRAND = 'rookery x86-64 processor'.padEnd(48, '\0');
const HYPERVISOR_SIGNATURE = 'rookery'.padEnd(12, '\0');

/** The rate at which the LAPIC timer counts, which leaf 15H calls the core crystal clock. */
export const CRYSTAL_HZ = 1_000_000_000;

/** Four characters as a register holds them. */
const characters = (text: string, at: number): number =>
  [0, 1, 2, 3].reduce((value, i) => value | (text.charCodeAt(at + i) << (8 * i)), 0) >>> 0;

/** IA32_MISC_ENABLE bits that change what CPUID shows: SDM 4 table 2-2. */
const MISC_ENABLE = { monitor: 1n << 18n, limitCpuid: 1n << 22n, xdDisable: 1n << 34n } as const;

function vendorLeaf(model: CpuFeatures, { miscEnable }: CpuidState): CpuidResult {
  const { vendor, maxBasic } = IDENTITIES[model.model];
  const limited = model.model === 'intel' && (miscEnable & MISC_ENABLE.limitCpuid) !== 0n;
  return [limited ? 2 : maxBasic, characters(vendor, 0), characters(vendor, 8), characters(vendor, 4)];
}

const HTT = 1 << 28;
const OSXSAVE = 1 << 27;
const OSPKE = 1 << 4;
const APIC = 1 << 9;
const MONITOR = 1 << 3;
const CLFLUSH_QWORDS = 8 << 8;

/** CPUID.01H:EDX as it stands: APIC follows IA32_APIC_BASE.EN (SDM 3A 10.4.3). */
function leaf1Edx(model: CpuFeatures, { apicBase }: CpuidState): number {
  const bits = model.word(1, 0, 'edx') | (packageProcessors(model.topology) > 1 ? HTT : 0);
  return (apicBase & 0x800n) === 0n ? bits & ~APIC : bits;
}

function leaf1Ecx(model: CpuFeatures, { cr4, miscEnable }: CpuidState): number {
  const bits = model.word(1, 0, 'ecx') | ((cr4 & (1n << 18n)) === 0n ? 0 : OSXSAVE);
  const monitorOff = model.model === 'intel' && (miscEnable & MISC_ENABLE.monitor) === 0n;
  return monitorOff ? bits & ~MONITOR : bits;
}

function versionLeaf(model: CpuFeatures, state: CpuidState): CpuidResult {
  const ebx = (state.apicId << 24) | ((1 << packageShift(model.topology)) << 16) | CLFLUSH_QWORDS;
  return [IDENTITIES[model.model].signature, ebx, leaf1Ecx(model, state), leaf1Edx(model, state)];
}

/** Leaf 5: lines of 64 bytes; MWAIT takes extensions and can treat masked interrupts as break events. */
const monitorLeaf: Leaf = (model) => (model.has('monitor') ? [64, 64, 3, 0] : ZERO);

/** Leaf 6: the LAPIC timer runs in every power state (ARAT). */
const powerLeaf: Leaf = (model) => [model.has('apic') ? 4 : 0, 0, 0, 0];

const structuredLeaf: Leaf = (model, { cr4 }, subleaf) => {
  if (subleaf !== 0) return ZERO;
  const ospke = (cr4 & (1n << 22n)) === 0n ? 0 : OSPKE;
  return [0, model.word(7, 0, 'ebx'), model.word(7, 0, 'ecx') | ospke, model.word(7, 0, 'edx')];
};

/** Leaf 0DH: SDM 1 13.2. */
const xsaveLeaf: Leaf = (model, { xcr0, xss }, subleaf) => {
  if (!model.has('xsave')) return ZERO;
  const supported = supportedXcr0(model);
  if (subleaf === 0) return [Number(supported), standardSize(xcr0), standardSize(supported), 0];
  if (subleaf === 1) {
    const compacts = model.has('xsavec');
    return [model.word(0xd, 1, 'eax'), compacts ? compactedSize(xcr0 | xss) : 0, Number(SUPPORTED_XSS), 0];
  }
  const component = EXTENDED_COMPONENTS.find(({ index, feature }) => index === subleaf && model.has(feature));
  return component ? [component.size, component.standardOffset, 0, 0] : ZERO;
};

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Leaf 15H: TSC frequency = crystal frequency * EBX / EAX. */
const tscLeaf: Leaf = (_model, { tscKhz }) => {
  const crystalKhz = CRYSTAL_HZ / 1000;
  const divisor = gcd(tscKhz, crystalKhz);
  return tscKhz === 0 ? ZERO : [crystalKhz / divisor, tscKhz / divisor, CRYSTAL_HZ, 0];
};

const BUS_MHZ = 100;
const frequencyLeaf: Leaf = (_model, { tscKhz }) => {
  const mhz = Math.round(tscKhz / 1000);
  return [mhz, mhz, BUS_MHZ, 0];
};

const topology =
  (withDies: boolean): Leaf =>
  (model, { apicId }, subleaf) =>
    topologyLeaf(model.topology, apicId, subleaf, withDies);

const SYSCALL = 1 << 11;
const NX = 1 << 20;
/** Bits of 80000001H:EDX that repeat those of leaf 1 on AMD's processors: APM 3 E.4.2. */
const AMD_REPEATED = 0x0183f3ff;

function extendedFeatureLeaf(model: CpuFeatures, state: CpuidState): CpuidResult {
  const { signature } = IDENTITIES[model.model];
  const ecx = model.word(0x80000001, 0, 'ecx');
  const edx = model.word(0x80000001, 0, 'edx');
  if (model.model === 'amd') return [signature, 0, ecx, edx | (leaf1Edx(model, state) & AMD_REPEATED)];
  // Intel's has SYSCALL in 64-bit code only, and lists it only there.
  const hidden = (state.code64 ? 0 : SYSCALL) | (state.miscEnable & MISC_ENABLE.xdDisable ? NX : 0);
  return [0, 0, ecx, edx & ~hidden];
}

const brandLeaf =
  (part: number): Leaf =>
  () =>
    [0, 4, 8, 12].map((at) => characters(BRAND, 16 * part + at)) as unknown as CpuidResult;

const addressLeaf: Leaf = (model) => {
  const { physicalBits, linearBits, topology: places } = model;
  const eax = physicalBits | ((model.has('lm') ? linearBits : 32) << 8);
  const cores = (packageProcessors(places) - 1) | (packageShift(places) << 12);
  return [eax, model.word(0x80000008, 0, 'ebx'), model.model === 'amd' ? cores : 0, 0];
};

const maximumExtendedLeaf: Leaf = ({ model }) => {
  const { vendor, maxExtended } = IDENTITIES[model];
  const name = [0, 8, 4].map((at) => characters(vendor, at));
  return model === 'amd' ? [maxExtended, name[0]!, name[1]!, name[2]!] : [maxExtended, 0, 0, 0];
};

const COMMON: readonly (readonly [number, Leaf])[] = [
  [0, vendorLeaf],
  [1, versionLeaf],
  [5, monitorLeaf],
  [6, powerLeaf],
  [7, structuredLeaf],
  [0xb, (model, state, subleaf) => (model.has('x2apic') ? topology(false)(model, state, subleaf) : ZERO)],
  [0xd, xsaveLeaf],
  [EXTENDED, maximumExtendedLeaf],
  [0x80000001, extendedFeatureLeaf],
  [0x80000002, brandLeaf(0)],
  [0x80000003, brandLeaf(1)],
  [0x80000004, brandLeaf(2)],
  [0x80000006, l2Leaf],
  [0x80000007, (model) => [0, 0, 0, model.word(0x80000007, 0, 'edx')]],
  [0x80000008, addressLeaf],
];

const LEAVES: Readonly<Record<CpuVendor, ReadonlyMap<number, Leaf>>> = {
  // Leaf 0AH is left out: architectural performance monitoring, version 0.
  intel: new Map([
    ...COMMON,
    [2, () => CACHE_DESCRIPTORS],
    [4, (model, _state, subleaf) => cacheLeaf(model.topology, subleaf)],
    [0x15, tscLeaf],
    [0x16, frequencyLeaf],
    [0x1f, topology(true)],
  ]),
  amd: new Map([...COMMON, [0x80000005, amdL1Leaf]]),
};

/** Leaves 40000000H up are for software, by convention a hypervisor's: who it is, and nothing more. */
function hypervisorLeaf(leaf: number): CpuidResult {
  if (leaf !== HYPERVISOR) return ZERO;
  const name = [0, 4, 8].map((at) => characters(HYPERVISOR_SIGNATURE, at));
  return [HYPERVISOR, name[0]!, name[1]!, name[2]!];
}

/** The leaf that answers: itself, or for Intel's models the last basic one when there is none so high. */
function effectiveLeaf({ model }: CpuFeatures, leaf: number): number | null {
  const { maxBasic, maxExtended, beyond } = IDENTITIES[model];
  if (leaf >= EXTENDED ? leaf <= maxExtended : leaf <= maxBasic) return leaf;
  return beyond === 'last leaf' ? maxBasic : null;
}

/** What CPUID leaves in EAX, EBX, ECX and EDX. @param leaf, subleaf unsigned 32 bits */
export function cpuid(model: CpuFeatures, state: CpuidState, leaf: number, subleaf: number): CpuidResult {
  if (leaf >>> 28 === 4 && model.has('hypervisor')) return hypervisorLeaf(leaf);
  const effective = effectiveLeaf(model, leaf);
  const answer = effective === null ? undefined : LEAVES[model.model].get(effective);
  const [eax, ebx, ecx, edx] = answer ? answer(model, state, subleaf) : ZERO;
  return [eax >>> 0, ebx >>> 0, ecx >>> 0, edx >>> 0];
}

/** CPUID.01H:EAX of a vendor's model: EDX after reset as well (SDM 3A 9.1.2). */
export const processorSignature = (vendor: CpuVendor): number => IDENTITIES[vendor].signature;
