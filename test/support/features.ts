import { resolveCpu } from '../../src/vcpu/cpuid-model.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';

/** The features of a model, with switches. */
export const featuresOf = (
  model: 'intel' | 'amd' = 'intel',
  switches: ReadonlyMap<string, boolean> = new Map(),
): CpuFeatures => resolveCpu({ model, features: switches });
