import { parseCommaOptions } from '../comma-options.ts';
import { ValueError } from '../usage-error.ts';
import { asBoolean } from '../values.ts';
import { parseDebugExitProperty } from './device-option.ts';
import type { QemuDraft } from './draft.ts';

/** A driver's property that `-global` may set. */
export interface GlobalProperty {
  readonly name: string;
  readonly values: string;
  readonly meaning: string;
  readonly set: (draft: QemuDraft, value: string) => void;
}

const debugExitProperties: readonly GlobalProperty[] = (['iobase', 'iosize'] as const).map((property) => ({
  name: `isa-debug-exit.${property}`,
  values: 'N',
  meaning: `what -device isa-debug-exit takes without ${property}=`,
  set: (draft, value) => {
    Object.assign(draft.debugExitDefaults, parseDebugExitProperty(property, value));
  },
}));

/** The machine offers no sleep states, so that they can be switched off but not on. */
const sleepStates: readonly GlobalProperty[] = ['PIIX4_PM.disable_s3', 'PIIX4_PM.disable_s4'].map((name) => ({
  name,
  values: '1|on',
  meaning: 'without effect: no sleep state is offered',
  set: (_draft, value) => {
    if (value !== '1' && asBoolean(value) !== true) throw new ValueError(`'${value}': sleep states are not built`);
  },
}));

export const globalProperties: readonly GlobalProperty[] = [
  ...debugExitProperties,
  {
    name: 'kvm-pit.lost_tick_policy',
    values: 'discard|delay',
    meaning: "without effect: it is about KVM's own interval timer",
    set: (_draft, value) => {
      if (value !== 'discard' && value !== 'delay') throw new ValueError(`'${value}' is neither discard nor delay`);
    },
  },
  ...sleepStates,
];

/**
 * `-global DRIVER.property=value`, or `driver=D,property=P,value=V`.
 * @throws ValueError for a property that is not in the table above.
 */
export function applyGlobal(draft: QemuDraft, text: string): void {
  const [name, value] = /^\w[\w-]*\.[\w.-]+=/.test(text) ? shortForm(text) : longForm(text);
  const property = globalProperties.find((candidate) => candidate.name === name);
  if (property === undefined) {
    const known = globalProperties.map((candidate) => candidate.name).join(', ');
    throw new ValueError(`'${name}' cannot be honoured (known: ${known})`);
  }
  property.set(draft, value);
}

function shortForm(text: string): [string, string] {
  const equals = text.indexOf('=');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function longForm(text: string): [string, string] {
  const given = new Map(parseCommaOptions(text, null).map(({ key, value }) => [key, value]));
  const [driver, property, value] = [given.get('driver'), given.get('property'), given.get('value')];
  if (given.size !== 3 || driver == null || property == null || value == null) {
    throw new ValueError('takes DRIVER.property=value or driver=DRIVER,property=PROPERTY,value=VALUE');
  }
  return [`${driver}.${property}`, value];
}
