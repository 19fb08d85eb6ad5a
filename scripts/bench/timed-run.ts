import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Emulator } from './emulators.ts';
import { imageOf } from './guests.ts';

/** A run that did not end as it should: the guest found its result wrong, or the emulator failed. */
export class BenchError extends Error {
  override name = 'BenchError';
}

/** Seconds of one run. */
export interface Timing {
  /** From the process's start to the guest's first line. */
  readonly untilStart: number;
  /** Between the guest's lines before and after its work. */
  readonly work: number;
  /** CPU time of all of the emulator's threads over the same work, in steps of 10 ms; NaN where the host has no /proc. */
  readonly cpu: number;
}

const TIMEOUT_MS = 180_000;
/** Turned off, or ended by the debug-exit port with 0, which QEMU may look at first: the guest writes to both. */
const GOOD_STATUSES: readonly (number | null)[] = [0, 1];
/** USER_HZ: the unit of times in /proc, 100 on every Linux. */
const TICKS_PER_SECOND = 100;
const MS_PER_SECOND = 1000;

/** User and system time of a process so far: fields 14 and 15 of proc(5)'s stat, counted behind the name. */
function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

/** The moment at which a line of a guest arrived. */
interface Mark {
  readonly time: number;
  readonly cpu: number;
}

/** Runs a bench guest and times it by the lines that it prints. @throws BenchError */
export function timedRun(emulator: Emulator, guest: string, vcpus: number): Promise<Timing> {
  const { file, args } = emulator.commandLine(imageOf(guest), vcpus);
  const began = performance.now();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  const mark = (): Mark => ({ time: performance.now(), cpu: cpuSeconds(child.pid ?? 0) });
  let text = '';
  let errors = '';
  let start: Mark | null = null;
  let end: Mark | null = null;
  child.stderr.setEncoding('latin1').on('data', (chunk: string) => {
    errors += chunk;
  });
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    if (start === null && /start\r?\n/.test(text)) start = mark();
    if (end === null && /end \d+/.test(text)) end = mark();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (start && end && GOOD_STATUSES.includes(status)) resolve(timingOf(began, start, end));
      else reject(new BenchError(`${emulator.name} ${guest}: status ${status ?? signal}: ${text.trim()} ${errors}`));
    });
  });
}

const timingOf = (began: number, start: Mark, end: Mark): Timing => ({
  untilStart: (start.time - began) / MS_PER_SECOND,
  work: (end.time - start.time) / MS_PER_SECOND,
  cpu: end.cpu - start.cpu,
});

/** The least of several runs, each figure by itself: other processes only ever add to a run. */
export function fastest(timings: readonly Timing[]): Timing {
  const least = (field: keyof Timing) => Math.min(...timings.map((timing) => timing[field]));
  return { untilStart: least('untilStart'), work: least('work'), cpu: least('cpu') };
}
