/**
 * Measures rookery: guests that are bound by the CPU, beside QEMU's TCG where that is installed, and what a machine
 * costs in start-up, memory and pausing. Figures are the least of several runs.
 */
import { Command, InvalidArgumentError } from 'commander';
import { benchCompute, type ComputeResults, computeTable } from './bench/compute.ts';
import { emulators } from './bench/emulators.ts';
import { COMPUTE_GUESTS } from './bench/guests.ts';
import { benchMachine, type MachineCosts, machineCostsText } from './bench/machine-costs.ts';

interface BenchOptions {
  readonly json?: boolean;
  readonly repeat: number;
  readonly guest: readonly string[];
  readonly machine: boolean;
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('expected a number of at least 1');
  return Number(text);
}

function knownGuest(name: string, chosen: readonly string[]): string[] {
  const names = COMPUTE_GUESTS.map((guest) => guest.name);
  if (!names.includes(name)) throw new InvalidArgumentError(`the guests are ${names.join(', ')}`);
  return [...chosen, name];
}

function readOptions(): BenchOptions {
  return new Command('bench')
    .description('measure rookery, beside QEMU where it is installed')
    .option('--json', 'print the results as JSON')
    .option('--repeat <n>', 'runs of each measurement', positive, 3)
    .option('--guest <name>', 'only this guest (may be given again)', knownGuest, [])
    .option('--no-machine', 'leave out start-up, memory and pausing')
    .parse()
    .opts<BenchOptions>();
}

function report(guests: ComputeResults, machine: MachineCosts | null): string {
  const table = computeTable(guests);
  return machine ? `${table}\n\n${machineCostsText(machine)}` : table;
}

const options = readOptions();
const found = emulators();
const guests = await benchCompute(found, options.guest, options.repeat);
const machine = options.machine ? await benchMachine(found[0]!, options.repeat) : null;
console.log(options.json ? JSON.stringify({ guests, machine }, null, 2) : report(guests, machine));
