import { ValueError } from './usage-error.ts';

/** One element of `a,b=c,d`: QEMU's way to put several settings into one argument. */
export interface CommaOption {
  /** Empty for a first element without `=` when no key is implied for it. */
  readonly key: string;
  /** Null for an element without `=`. */
  readonly value: string | null;
}

/**
 * Splits at single commas; a doubled comma is a comma that belongs to the text.
 * `a,,b,c` gives `a,b` and `c`.
 */
export function splitCommas(text: string): string[] {
  const parts = [''];
  for (let i = 0; i < text.length; i++) {
    const doubled = text[i] === ',' && text[i + 1] === ',';
    if (text[i] === ',' && !doubled) parts.push('');
    else parts[parts.length - 1] += text[i];
    if (doubled) i++;
  }
  return parts;
}

/**
 * Reads `key=value,key=value`. The first element may stand without its key when `implied` names it, as in
 * `-smp 4,cores=2`, where 4 is `cpus`.
 * @throws ValueError for an empty element (`4,,`, `,x=1` and the like are slips, not settings).
 */
export function parseCommaOptions(text: string, implied: string | null): CommaOption[] {
  return splitCommas(text).map((part, index) => {
    const equals = part.indexOf('=');
    if (part === '' || equals === 0) throw new ValueError(`'${text}' has an empty setting`);
    if (equals > 0) return { key: part.slice(0, equals), value: part.slice(equals + 1) };
    return index === 0 && implied !== null ? { key: implied, value: part } : { key: part, value: null };
  });
}

/** What a table of settings does with one value; throws ValueError when it cannot honour it. */
export type Setting<T> = (target: T, value: string) => void;

/**
 * Applies each element through its entry of the table. An element without a value means `on`; `_` in a key is `-`,
 * as QEMU's machine and accelerator properties have it.
 * @throws ValueError naming a key that the table does not have.
 */
export function applyCommaOptions<T>(
  options: readonly CommaOption[],
  table: Readonly<Record<string, Setting<T>>>,
  target: T,
): void {
  for (const { key, value } of options) {
    const name = key.replaceAll('_', '-');
    if (!Object.hasOwn(table, name)) {
      throw new ValueError(`'${key}' cannot be honoured (known: ${Object.keys(table).sort().join(', ')})`);
    }
    try {
      table[name]!(target, value ?? 'on');
    } catch (error) {
      throw error instanceof ValueError ? new ValueError(`${key}: ${error.message}`) : error;
    }
  }
}
