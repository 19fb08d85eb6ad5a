import { resolveCpu } from '../../src/vcpu/cpuid-model.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';

/** The features of a model without switches. */
export const defaultFeatures = (model: 'intel' | 'amd' = 'intel'): CpuFeatures =>
  resolveCpu({ model, features: new Map() });
