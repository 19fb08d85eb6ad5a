import { applyCommaOptions, parseCommaOptions, type Setting } from '../comma-options.ts';
import { ValueError } from '../usage-error.ts';
import { parseBoolean } from '../values.ts';
import type { AppliedOption } from './option.ts';

/** An option that may only say that there is none of something which rookery does not have. */
export function onlyNone(name: string, what: string, also: readonly string[] = []): AppliedOption {
  const values = ['none', ...also];
  return {
    kind: 'applied',
    names: [name],
    argument: values.join('|'),
    help: `there is no ${what}`,
    apply: (_draft, value) => {
      if (!values.includes(value)) throw new ValueError(`there is no ${what} (only ${values.join(' or ')} can be had)`);
    },
  };
}

/** An option whose comma-separated settings must each have one of the values of the table; none has an effect. */
export function onlySettings(
  name: string,
  values: Readonly<Record<string, readonly string[]>>,
  help: string,
): AppliedOption {
  const settings: Record<string, Setting<null>> = {};
  for (const [key, known] of Object.entries(values)) {
    settings[key] = (_target, value) => {
      if (!known.includes(value)) throw new ValueError(`only ${known.join(' or ')} can be had`);
    };
  }
  const argument = Object.entries(values)
    .map(([key, known]) => `${key}=${known.join('|')}`)
    .join(',');
  return {
    kind: 'applied',
    names: [name],
    argument,
    help,
    apply: (_draft, value) => applyCommaOptions(parseCommaOptions(value, null), settings, null),
  };
}

/** An option that takes on or off and may only be off. */
export function onlyOff(name: string, help: string): AppliedOption {
  return {
    kind: 'applied',
    names: [name],
    argument: 'off',
    help,
    apply: (_draft, value) => {
      if (parseBoolean(value)) throw new ValueError('only off can be had');
    },
  };
}
