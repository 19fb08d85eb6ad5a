import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Emulator } from './emulators.ts';
import { partsFor, startedGuest } from './machines.ts';
import { figure, quantile } from './table.ts';
import { fastest, timedRun } from './timed-run.ts';

/** What a machine costs apart from its speed. */
export interface MachineCosts {
  /** Seconds until a guest's first line on 4 vCPUs. */
  readonly startUp: { readonly fromProcess: number; readonly fromCreate: number };
  /** MiB of resident memory that each vCPU adds to a machine, and an empty worker thread to a process. */
  readonly idleVcpu: { readonly total: number; readonly worker: number };
  /** Milliseconds from pause() to all 4 busy vCPUs parked. */
  readonly pause: { readonly p50: number; readonly p99: number };
}

const VCPUS = 4;
const PAUSES = 200;
const MS_PER_SECOND = 1000;

export async function benchMachine(rookery: Emulator, repeats: number): Promise<MachineCosts> {
  const processes = [];
  const machines = [];
  for (let run = 0; run < repeats; run++) {
    processes.push(await timedRun(rookery, 'empty', VCPUS));
    machines.push(await createToFirstLine());
  }
  return {
    startUp: { fromProcess: fastest(processes).untilStart, fromCreate: Math.min(...machines) },
    idleVcpu: { total: memoryEach('vcpus'), worker: memoryEach('workers') },
    pause: await pauseLatency(),
  };
}

async function createToFirstLine(): Promise<number> {
  const parts = partsFor(VCPUS);
  const began = performance.now();
  const machine = await startedGuest(parts, 'empty');
  const elapsed = performance.now() - began;
  await machine.close();
  return elapsed / MS_PER_SECOND;
}

/** What each of the threads beyond the first adds; in processes of their own, whose heaps hold nothing else. */
function memoryEach(kind: 'vcpus' | 'workers'): number {
  const few = 1;
  const many = 16;
  const resident = (threads: number) =>
    Number(execFileSync(process.execPath, [join(import.meta.dirname, 'resident.ts'), kind, `${threads}`]).toString());
  return (resident(many) - resident(few)) / (many - few);
}

async function pauseLatency(): Promise<MachineCosts['pause']> {
  const machine = await startedGuest(partsFor(VCPUS), 'busy');
  const latencies: number[] = [];
  for (let round = 0; round < PAUSES; round++) {
    // At some moment of the guest's work, not always at the same.
    await delay(1 + (round % 5));
    const began = performance.now();
    await machine.pause();
    latencies.push(performance.now() - began);
    machine.resume();
  }
  await machine.close();
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

export function machineCostsText({ startUp, idleVcpu, pause }: MachineCosts): string {
  return [
    `start-up, ${VCPUS} vCPUs, to the first line: ${figure(startUp.fromProcess, 2)} s from the process's start, ` +
      `${figure(startUp.fromCreate, 2)} s from Machine.create`,
    `memory of an idle vCPU: ${figure(idleVcpu.total, 1)} MiB, of which ${figure(idleVcpu.worker, 1)} an empty worker's`,
    `pause of ${VCPUS} busy vCPUs: p50 ${figure(pause.p50, 2)} ms, p99 ${figure(pause.p99, 2)} ms (${PAUSES} pauses)`,
  ].join('\n');
}
