import type { CpuModelConfig, CpuVendor } from '../machine/config.ts';
import { canonicalFeatureName } from '../vcpu/cpuid-features.ts';
import { type CommaOption, parseCommaOptions } from './comma-options.ts';
import { type CpuModelName, findCpuModel } from './cpu-models.ts';
import { ValueError } from './usage-error.ts';
import { asBoolean } from './values.ts';

/** What CPUID leaf 0 says, as QEMU's `vendor=` takes it. */
const vendorStrings: Readonly<Record<string, CpuVendor>> = { GenuineIntel: 'intel', AuthenticAMD: 'amd' };

/**
 * Properties that have nothing to act on here, and why they may be given all the same. `check` and `enforce` choose
 * between a warning and an error for a missing feature; here it is always an error.
 */
export const inertCpuProperties: Readonly<Record<string, string>> = {
  check: 'a feature that is not there is always refused',
  enforce: 'a feature that is not there is always refused',
  migratable: 'every feature can be saved and restored',
};

/**
 * Reads a CPU: a model's name, then `+f` and `-f`, `f=on`, `f=off`, `f=value`, or a bare `f` that means on.
 * As in QEMU `-f` wins over `+f`, and both over `f=...`, in whatever order they stand. Whether a feature is known is
 * for `MachineModule.validateCpu` to say.
 * @throws ValueError for an unknown model or vendor.
 */
export function parseCpu(text: string): CpuModelConfig {
  const [first, ...options] = parseCommaOptions(text, 'model');
  const name = first?.key === 'model' ? (first.value ?? '') : '';
  const model = findCpuModel(name);
  if (model === undefined)
    throw new ValueError(`unable to find CPU model '${name}' (rookery-qemu -cpu help lists them)`);
  const features = new Map<string, boolean | string>(model.longMode ? [] : [['lm', false]]);
  for (const option of options.sort((a, b) => rank(a) - rank(b))) setFeature(features, option);
  const vendor = takeVendor(model, features);
  for (const property of Object.keys(inertCpuProperties)) features.delete(property);
  takeHostWidth(features);
  return { model: vendor, name, features };
}

/** The place of an element in the order in which they take effect: later ones win. */
function rank({ key, value }: CommaOption): number {
  if (value !== null) return 0;
  return key.startsWith('-') ? 2 : key.startsWith('+') ? 1 : 0;
}

function setFeature(features: Map<string, boolean | string>, { key, value }: CommaOption): void {
  const sign = value === null && /^[+-]/.test(key) ? key[0] : '';
  const name = canonicalFeatureName(key.slice(sign === '' ? 0 : 1));
  if (name === '') throw new ValueError(`'${key}' names no feature`);
  if (value === null) features.set(name, sign !== '-');
  else features.set(name, asBoolean(value) ?? value);
}

/** The widest physical addresses that there are: SDM 3A 4.1.4. */
const WIDEST_PHYSICAL_ADDRESS = '52';

/** `host-phys-bits`: physical addresses as wide as the host's, which here means as wide as can be. */
function takeHostWidth(features: Map<string, boolean | string>): void {
  if (features.get('host-phys-bits') === true) features.set('phys-bits', WIDEST_PHYSICAL_ADDRESS);
  features.delete('host-phys-bits');
}

/** The vendor: what `vendor=` says, else the model's own, else the one whose virtualization is switched on. */
function takeVendor(model: CpuModelName, features: Map<string, boolean | string>): CpuVendor {
  const asked = features.get('vendor');
  features.delete('vendor');
  if (asked === undefined) return model.vendor ?? (features.get('svm') === true ? 'amd' : 'intel');
  const vendor = vendorStrings[String(asked)];
  if (vendor === undefined) throw new ValueError(`vendor '${asked}' is not GenuineIntel or AuthenticAMD`);
  return vendor;
}
