import { memorySizeProblem, vcpuCountProblem } from '../machine/config.ts';
import { ValueError } from './usage-error.ts';

/** Binary multiples, as QEMU reads them in sizes. */
const sizeSuffixes: Readonly<Record<string, number>> = {
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

const booleans: Readonly<Record<string, boolean>> = {
  on: true,
  yes: true,
  true: true,
  y: true,
  off: false,
  no: false,
  false: false,
  n: false,
};

/**
 * A whole number: decimal, or hexadecimal after 0x.
 * @throws ValueError outside `min`..`max` or when it is not a number.
 */
export function parseInteger(text: string, min: number, max: number): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new ValueError(`'${text}' is not a number from ${min} to ${max}`);
}

/** The text as a switch, or null when it is not one. */
export function asBoolean(text: string): boolean | null {
  return Object.hasOwn(booleans, text) ? booleans[text]! : null;
}

/** @throws ValueError when the text is neither `on` nor `off` (or another of QEMU's words for them). */
export function parseBoolean(text: string): boolean {
  const value = asBoolean(text);
  if (value === null) throw new ValueError(`'${text}' is neither on nor off`);
  return value;
}

/**
 * A size of RAM in bytes: a number with an optional fraction and suffix b, k, M, G or T; megabytes without one.
 * @throws ValueError when it is not a size or not one that a machine can have.
 */
export function parseMemorySize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([bkmgt])?$/i.exec(text);
  if (match === null) throw new ValueError(`'${text}' is not a size (a number and k, M, G or T)`);
  const bytes = Math.floor(Number(match[1]) * sizeSuffixes[(match[2] ?? 'm').toLowerCase()]!);
  const problem = memorySizeProblem(bytes);
  if (problem !== null) throw new ValueError(problem);
  return bytes;
}

/** @throws ValueError when a machine cannot have that many vCPUs. */
export function parseVcpuCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  const problem = vcpuCountProblem(count);
  if (problem !== null) throw new ValueError(problem);
  return count;
}
