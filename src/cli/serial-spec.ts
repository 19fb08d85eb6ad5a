import type { SerialConfig } from '../machine/config.ts';
import { ValueError } from './usage-error.ts';

/** The serial backends and what they mean, in the order in which help shows them. */
export const serialForms: readonly {
  readonly form: string;
  readonly meaning: string;
  readonly config: SerialConfig;
}[] = [
  { form: 'stdio', meaning: 'standard input and output', config: { kind: 'stdio', escape: false } },
  {
    form: 'mon:stdio',
    meaning: 'the same; Ctrl-A x quits, Ctrl-C goes to the guest',
    config: { kind: 'stdio', escape: true },
  },
  { form: 'file:FILE', meaning: 'output into FILE, which is emptied first', config: { kind: 'file', path: 'FILE' } },
  { form: 'null', meaning: 'a port whose output is dropped', config: { kind: 'null' } },
  { form: 'none', meaning: 'no serial port', config: { kind: 'none' } },
];

/** @throws ValueError for a backend that rookery does not have. */
export function parseSerial(text: string): SerialConfig {
  if (text.startsWith('file:') && text.length > 'file:'.length) return { kind: 'file', path: text.slice(5) };
  const found = serialForms.find(({ form, config }) => form === text && config.kind !== 'file');
  if (found === undefined) {
    const forms = serialForms.map(({ form }) => form).join(', ');
    throw new ValueError(`'${text}' is not a serial backend here (${forms})`);
  }
  return found.config;
}
