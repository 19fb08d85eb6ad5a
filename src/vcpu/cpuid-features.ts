// Every CPUID feature flag that rookery knows, once: parsing of -cpu, CPUID's output, the gating of instructions and
// MSRs, and the documentation all follow from this table. Names are QEMU's, with `-` for `_`. SDM 2A "CPUID",
// APM 3 appendix E.
import type { CpuidRegister, CpuVendor } from './features.ts';

type Bits = Readonly<Record<string, number>>;

interface FeatureWord {
  readonly leaf: number;
  readonly subleaf: number;
  readonly register: CpuidRegister;
  /** Implemented: name and bit. */
  readonly built: Bits;
  /** Known but not implemented: asking for one is an error. */
  readonly planned?: Bits;
}

export interface Feature {
  readonly name: string;
  readonly leaf: number;
  readonly subleaf: number;
  readonly register: CpuidRegister;
  readonly bit: number;
  readonly built: boolean;
  /** Part of the vendor's default model. */
  isDefault(vendor: CpuVendor): boolean;
  /** Without this feature there is none of this one. */
  readonly requires: string | undefined;
}

const WORDS: readonly FeatureWord[] = [
  {
    leaf: 1,
    subleaf: 0,
    register: 'edx',
    built: {
      fpu: 0,
      vme: 1,
      de: 2,
      pse: 3,
      tsc: 4,
      msr: 5,
      pae: 6,
      mce: 7,
      cx8: 8,
      apic: 9,
      sep: 11,
      mtrr: 12,
      pge: 13,
      mca: 14,
      cmov: 15,
      pat: 16,
      pse36: 17,
      clflush: 19,
      mmx: 23,
      fxsr: 24,
      sse: 25,
      sse2: 26,
      ss: 27,
    },
    planned: { pn: 18, ds: 21, acpi: 22, tm: 29, ia64: 30, pbe: 31 },
  },
  {
    leaf: 1,
    subleaf: 0,
    register: 'ecx',
    built: {
      pni: 0,
      monitor: 3,
      ssse3: 9,
      cx16: 13,
      pcid: 17,
      'sse4.1': 19,
      'sse4.2': 20,
      x2apic: 21,
      movbe: 22,
      popcnt: 23,
      'tsc-deadline': 24,
      xsave: 26,
      rdrand: 30,
      hypervisor: 31,
    },
    planned: {
      pclmulqdq: 1,
      dtes64: 2,
      'ds-cpl': 4,
      vmx: 5,
      smx: 6,
      est: 7,
      tm2: 8,
      fma: 12,
      xtpr: 14,
      pdcm: 15,
      dca: 18,
      aes: 25,
      avx: 28,
      f16c: 29,
    },
  },
  {
    leaf: 7,
    subleaf: 0,
    register: 'ebx',
    built: {
      fsgsbase: 0,
      'tsc-adjust': 1,
      bmi1: 3,
      smep: 7,
      bmi2: 8,
      erms: 9,
      invpcid: 10,
      rdseed: 18,
      adx: 19,
      smap: 20,
      clflushopt: 23,
      clwb: 24,
    },
    planned: {
      sgx: 2,
      hle: 4,
      avx2: 5,
      rtm: 11,
      mpx: 14,
      avx512f: 16,
      avx512dq: 17,
      avx512ifma: 21,
      pcommit: 22,
      'intel-pt': 25,
      avx512pf: 26,
      avx512er: 27,
      avx512cd: 28,
      'sha-ni': 29,
      avx512bw: 30,
      avx512vl: 31,
    },
  },
  {
    leaf: 7,
    subleaf: 0,
    register: 'ecx',
    built: { umip: 2, pku: 3, la57: 16, rdpid: 22, pks: 31 },
    planned: {
      avx512vbmi: 1,
      waitpkg: 5,
      'avx512-vbmi2': 6,
      shstk: 7,
      gfni: 8,
      vaes: 9,
      vpclmulqdq: 10,
      avx512vnni: 11,
      'avx512-bitalg': 12,
      'avx512-vpopcntdq': 14,
      'bus-lock-detect': 24,
      cldemote: 25,
      movdiri: 27,
      movdir64b: 28,
      sgxlc: 30,
    },
  },
  {
    leaf: 7,
    subleaf: 0,
    register: 'edx',
    built: { fsrm: 4, 'spec-ctrl': 26, stibp: 27, 'flush-l1d': 28, 'arch-capabilities': 29, ssbd: 31 },
    planned: { 'md-clear': 10, serialize: 14, 'tsx-ldtrk': 16, 'arch-lbr': 19, ibt: 20, 'core-capability': 30 },
  },
  {
    leaf: 0xd,
    subleaf: 1,
    register: 'eax',
    built: { xsaveopt: 0, xsavec: 1, xgetbv1: 2, xsaves: 3 },
    planned: { xfd: 4 },
  },
  {
    leaf: 0x80000001,
    subleaf: 0,
    register: 'ecx',
    built: { 'lahf-lm': 0, 'cmp-legacy': 1, abm: 5, '3dnowprefetch': 8 },
    planned: {
      svm: 2,
      extapic: 3,
      cr8legacy: 4,
      sse4a: 6,
      misalignsse: 7,
      osvw: 9,
      ibs: 10,
      xop: 11,
      skinit: 12,
      wdt: 13,
      lwp: 15,
      fma4: 16,
      tce: 17,
      'nodeid-msr': 19,
      tbm: 21,
      topoext: 22,
      'perfctr-core': 23,
      'perfctr-nb': 24,
    },
  },
  {
    leaf: 0x80000001,
    subleaf: 0,
    register: 'edx',
    built: { syscall: 11, nx: 20, mmxext: 22, pdpe1gb: 26, rdtscp: 27, lm: 29 },
    planned: { 'fxsr-opt': 25, '3dnowext': 30, '3dnow': 31 },
  },
  { leaf: 0x80000007, subleaf: 0, register: 'edx', built: { invtsc: 8 } },
  {
    leaf: 0x80000008,
    subleaf: 0,
    register: 'ebx',
    built: { wbnoinvd: 9, ibpb: 12 },
    planned: { clzero: 0, xsaveerptr: 2, rdpru: 4, ibrs: 14, 'amd-stibp': 15, 'amd-ssbd': 24, 'virt-ssbd': 25 },
  },
  {
    leaf: 0x8000000a,
    subleaf: 0,
    register: 'edx',
    built: {},
    planned: { npt: 0, lbrv: 1, 'svm-lock': 2, 'nrip-save': 3, 'tsc-scale': 4, vgif: 16 },
  },
];

/** Features of one vendor's processors; the other's have them only if asked. */
const ONE_VENDOR: Readonly<Record<string, CpuVendor>> = {
  ss: 'intel',
  pks: 'intel',
  fsrm: 'intel',
  'arch-capabilities': 'intel',
  mmxext: 'amd',
  'cmp-legacy': 'amd',
  wbnoinvd: 'amd',
};

/** Speculation controls, which have nothing to control here: only if asked, since guests pay for using them. */
const ON_REQUEST: ReadonlySet<string> = new Set(['spec-ctrl', 'stibp', 'ssbd', 'flush-l1d', 'ibpb']);

const REQUIRES: Readonly<Record<string, string>> = {
  sse: 'fxsr',
  sse2: 'sse',
  pni: 'sse2',
  ssse3: 'pni',
  'sse4.1': 'ssse3',
  'sse4.2': 'sse4.1',
  mmxext: 'mmx',
  x2apic: 'apic',
  'tsc-deadline': 'apic',
  'tsc-adjust': 'tsc',
  invtsc: 'tsc',
  rdtscp: 'tsc',
  xsave: 'fxsr',
  xsaveopt: 'xsave',
  xsavec: 'xsave',
  xgetbv1: 'xsave',
  xsaves: 'xsavec',
  lm: 'pae',
  nx: 'pae',
  syscall: 'lm',
  'lahf-lm': 'lm',
  pdpe1gb: 'lm',
  fsgsbase: 'lm',
  pcid: 'lm',
  la57: 'lm',
  pku: 'lm',
  pks: 'lm',
  cx16: 'lm',
};

function feature(word: FeatureWord, name: string, bit: number, built: boolean): Feature {
  const { leaf, subleaf, register } = word;
  const isDefault = (vendor: CpuVendor): boolean =>
    built && !ON_REQUEST.has(name) && (ONE_VENDOR[name] ?? vendor) === vendor;
  return { name, leaf, subleaf, register, bit, built, isDefault, requires: REQUIRES[name] };
}

/** Every feature by its name. */
export const FEATURES: ReadonlyMap<string, Feature> = new Map(
  WORDS.flatMap((word) => [
    ...Object.entries(word.built).map(([name, bit]) => feature(word, name, bit, true)),
    ...Object.entries(word.planned ?? {}).map(([name, bit]) => feature(word, name, bit, false)),
  ]).map((entry) => [entry.name, entry]),
);

/** Other names of the same flags: the manuals', and QEMU's older ones. */
const ALIASES: Readonly<Record<string, string>> = {
  sse3: 'pni',
  'sse4-1': 'sse4.1',
  'sse4-2': 'sse4.2',
  cmpxchg8b: 'cx8',
  cmpxchg16b: 'cx16',
  lzcnt: 'abm',
  lahf: 'lahf-lm',
  prefetchw: '3dnowprefetch',
  mwait: 'monitor',
  nodeid: 'nodeid-msr',
  i64: 'lm',
  xd: 'nx',
  ffxsr: 'fxsr-opt',
};

/** The one name of a feature that may be written in several ways. */
export function canonicalFeatureName(name: string): string {
  const dashed = name.toLowerCase().replaceAll('_', '-');
  return ALIASES[dashed] ?? dashed;
}
