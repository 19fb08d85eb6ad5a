/** The vendors that rookery models: GenuineIntel and AuthenticAMD. */
export type CpuVendor = 'intel' | 'amd';

export type CpuidRegister = 'eax' | 'ebx' | 'ecx' | 'edx';

/** How many of each level one level above holds; powers of two within a level that occurs more than once. */
export interface CpuTopology {
  readonly sockets: number;
  readonly dies: number;
  readonly cores: number;
  readonly threads: number;
}

/** What a vCPU model is: its vendor, its CPUID features, its address widths and its place among the others. */
export interface CpuFeatures {
  readonly model: CpuVendor;
  /**
   * Whether the model has a feature, by its QEMU name with `-` for `_`: 'bmi1', 'x2apic', 'sse4.1', 'pni' (or 'sse3').
   * @throws CpuFeatureError for a name that cpuid-features.ts does not have
   */
  has(feature: string): boolean;
  /** The bits of all its features in one CPUID register. */
  word(leaf: number, subleaf: number, register: CpuidRegister): number;
  /** MAXPHYADDR: 32 to 52. */
  readonly physicalBits: number;
  /** Width of canonical addresses that registers take, whatever the paging mode: 48, or 57 with la57. */
  readonly linearBits: 48 | 57;
  readonly topology: CpuTopology;
}
