// From what the user asked for to what a vCPU is.
import { canonicalFeatureName, FEATURES, type Feature } from './cpuid-features.ts';
import type { CpuFeatures, CpuidRegister, CpuTopology, CpuVendor } from './features.ts';

/** A CPU as asked for: switches by QEMU's feature names, and properties with a value. */
export interface CpuConfig {
  readonly model: CpuVendor;
  readonly features: ReadonlyMap<string, boolean | string>;
}

/** What is wrong with a requested CPU feature. */
export type CpuFeatureProblem = 'unknown' | 'not built' | 'needs' | 'value';

/** A CPU that rookery cannot have. */
export class CpuFeatureError extends Error {
  override name = 'CpuFeatureError';
  readonly feature: string;
  readonly problem: CpuFeatureProblem;

  constructor(feature: string, problem: CpuFeatureProblem, message: string) {
    super(message);
    this.feature = feature;
    this.problem = problem;
  }
}

const ONE_CPU: CpuTopology = { sockets: 1, dies: 1, cores: 1, threads: 1 };
const PHYSICAL_BITS = { least: 32, most: 52, usual: 40 } as const;
const PHYSICAL_BITS_PROPERTY = 'phys-bits';
/** Accepted only as off: there is no performance monitoring unit (CPUID leaf 0AH says version 0). */
const PMU_PROPERTY = 'pmu';

/**
 * Makes a vCPU model from a request.
 * @throws CpuFeatureError for an unknown feature, one that is not implemented, or one whose prerequisite is switched off
 */
export function resolveCpu(config: CpuConfig, topology: CpuTopology = ONE_CPU): CpuFeatures {
  const { model } = config;
  let physicalBits: number = PHYSICAL_BITS.usual;
  const asked = new Map<Feature, boolean>();
  for (const [name, value] of config.features) {
    if (name === PHYSICAL_BITS_PROPERTY) physicalBits = parsePhysicalBits(value);
    else if (name === PMU_PROPERTY) refusePmu(value);
    else asked.set(knownFeature(name), switchValue(name, value));
  }
  for (const [feature, on] of asked) if (on) requireBuilt(feature);
  const enabled = new Set<string>();
  for (const feature of FEATURES.values()) {
    if (asked.get(feature) ?? feature.isDefault(model)) enabled.add(feature.name);
  }
  dropDependents(enabled, asked);
  return new ResolvedCpu(model, enabled, physicalBits, topology);
}

function knownFeature(name: string): Feature {
  const feature = FEATURES.get(canonicalFeatureName(name));
  if (!feature) throw new CpuFeatureError(name, 'unknown', `no CPU feature '${name}'`);
  return feature;
}

function switchValue(name: string, value: boolean | string): boolean {
  if (typeof value === 'boolean') return value;
  throw new CpuFeatureError(name, 'value', `CPU feature '${name}' is on or off, not '${value}'`);
}

function requireBuilt({ name, built }: Feature): void {
  if (!built) throw new CpuFeatureError(name, 'not built', `CPU feature '${name}' is not built`);
}

function parsePhysicalBits(value: boolean | string): number {
  const bits = Number(value);
  const { least, most } = PHYSICAL_BITS;
  if (typeof value === 'string' && Number.isInteger(bits) && bits >= least && bits <= most) return bits;
  throw new CpuFeatureError(PHYSICAL_BITS_PROPERTY, 'value', `phys-bits is a number from ${least} to ${most}`);
}

function refusePmu(value: boolean | string): void {
  if (value !== false) throw new CpuFeatureError(PMU_PROPERTY, 'not built', "CPU feature 'pmu' is not built");
}

/** Switching a feature off takes those along that cannot be without it, unless one was asked for by name. */
function dropDependents(enabled: Set<string>, asked: ReadonlyMap<Feature, boolean>): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const name of enabled) {
      const feature = FEATURES.get(name)!;
      if (feature.requires === undefined || enabled.has(feature.requires)) continue;
      if (asked.get(feature)) {
        throw new CpuFeatureError(name, 'needs', `CPU feature '${name}' needs '${feature.requires}'`);
      }
      changed = enabled.delete(name);
    }
  }
}

const REGISTER_NUMBER: Readonly<Record<CpuidRegister, number>> = { eax: 0, ebx: 1, ecx: 2, edx: 3 };
const SUBLEAVES = 64;

/** A register of a leaf as one number: CPUID is asked often enough for strings to cost. */
const wordKey = (leaf: number, subleaf: number, register: CpuidRegister): number =>
  (leaf * SUBLEAVES + subleaf) * 4 + REGISTER_NUMBER[register];

class ResolvedCpu implements CpuFeatures {
  readonly model: CpuVendor;
  readonly physicalBits: number;
  readonly linearBits: 48 | 57;
  readonly topology: CpuTopology;
  readonly #enabled: ReadonlySet<string>;
  readonly #words: ReadonlyMap<number, number>;

  constructor(model: CpuVendor, enabled: ReadonlySet<string>, physicalBits: number, topology: CpuTopology) {
    this.model = model;
    this.physicalBits = physicalBits;
    this.linearBits = enabled.has('la57') ? 57 : 48;
    this.topology = topology;
    this.#enabled = enabled;
    this.#words = wordsOf(enabled);
  }

  has(feature: string): boolean {
    return this.#enabled.has(feature) || this.#enabled.has(knownFeature(feature).name);
  }

  word(leaf: number, subleaf: number, register: CpuidRegister): number {
    return this.#words.get(wordKey(leaf, subleaf, register)) ?? 0;
  }
}

function wordsOf(enabled: ReadonlySet<string>): ReadonlyMap<number, number> {
  const words = new Map<number, number>();
  for (const name of enabled) {
    const { leaf, subleaf, register, bit } = FEATURES.get(name)!;
    const key = wordKey(leaf, subleaf, register);
    words.set(key, ((words.get(key) ?? 0) | (1 << bit)) >>> 0);
  }
  return words;
}
