import { type CpuTopology, machineLimits } from '../machine/config.ts';
import { applyCommaOptions, parseCommaOptions, type Setting } from './comma-options.ts';
import { ValueError } from './usage-error.ts';

/** A number of vCPUs and how CPUID arranges them. */
export interface Smp {
  readonly vcpus: number;
  readonly topology: CpuTopology;
}

type SmpKey = 'cpus' | 'maxcpus' | 'sockets' | 'dies' | 'clusters' | 'cores' | 'threads';
type SmpRequest = Partial<Record<SmpKey, number>>;

const smpKeys: readonly SmpKey[] = ['cpus', 'maxcpus', 'sockets', 'dies', 'clusters', 'cores', 'threads'];

const settings: Readonly<Record<string, Setting<SmpRequest>>> = Object.fromEntries(
  smpKeys.map((key) => [
    key,
    (request: SmpRequest, value: string) => {
      if (!/^[1-9]\d{0,4}$/.test(value)) throw new ValueError(`'${value}' is not a number of at least 1`);
      request[key] = Number(value);
    },
  ]),
);

/** All vCPUs in one socket, one thread a core: what a count alone means, as in QEMU since its machine type 6.2. */
export function oneSocket(vcpus: number): Smp {
  return { vcpus, topology: { sockets: 1, dies: 1, cores: vcpus, threads: 1 } };
}

/**
 * Reads `-smp [cpus=]N[,sockets=S][,dies=D][,cores=C][,threads=T][,maxcpus=N]`. What is left out follows from the rest.
 * @throws ValueError when the numbers contradict each other or exceed the machine's limit.
 */
export function parseSmp(text: string): Smp {
  const request: SmpRequest = {};
  applyCommaOptions(parseCommaOptions(text, 'cpus'), settings, request);
  if ((request.clusters ?? 1) > 1) throw new ValueError('a PC has no clusters of cores');
  const smp = completeTopology(request);
  // The text "SMP CPUs", with the limit at the end of the line, is what kvm-unit-tests' --probe-maxsmp looks for.
  if (smp.vcpus > machineLimits.maxVcpus) {
    throw new ValueError(`invalid number of SMP CPUs, the most that a machine has is ${machineLimits.maxVcpus}`);
  }
  return smp;
}

/** Fills what was left out, in QEMU's order: cores first, then sockets, and threads when both of those are given. */
function completeTopology(request: SmpRequest): Smp {
  const total = request.maxcpus ?? request.cpus ?? product(request);
  const given = { ...request, dies: request.dies ?? 1 };
  if (given.cores === undefined) given.sockets ??= 1;
  if (given.cores === undefined || given.sockets === undefined) given.threads ??= 1;
  const cores = given.cores ?? share(total, given);
  const sockets = given.sockets ?? share(total, { ...given, cores });
  const threads = given.threads ?? share(total, { ...given, cores, sockets });
  const topology = { sockets, dies: given.dies, cores, threads };
  if (product(topology) !== total) {
    const factors = `${sockets} * ${given.dies} * ${cores} * ${threads}`;
    throw new ValueError(`sockets * dies * cores * threads (${factors}) is not ${total}`);
  }
  checkApicIds(topology);
  const vcpus = request.cpus ?? total;
  if (vcpus > total) throw new ValueError(`maxcpus=${total} is less than ${vcpus}`);
  if (vcpus < total) throw new ValueError(`maxcpus=${total}: vCPUs cannot be added to a running machine`);
  return { vcpus, topology };
}

/**
 * APIC ids are consecutive, and CPUID leaf 0BH finds a level by shifting them (SDM 3A, "Hierarchical Mapping of Shared
 * Resources"): what is inside a repeated part must fill its bits.
 */
function checkApicIds({ sockets, dies, cores, threads }: CpuTopology): void {
  const inner = sockets > 1 ? [dies, cores, threads] : dies > 1 ? [cores, threads] : cores > 1 ? [threads] : [];
  const odd = inner.find((count) => (count & (count - 1)) !== 0);
  if (odd !== undefined) throw new ValueError(`${odd} in each of several is not a power of two, which APIC ids need`);
}

/** How many vCPUs the parts that are given make. */
function product({ sockets = 1, dies = 1, cores = 1, threads = 1 }: SmpRequest): number {
  return sockets * dies * cores * threads;
}

/** What is left for the one part that is not given. */
function share(total: number, given: SmpRequest): number {
  return Math.max(1, Math.floor(total / product(given)));
}
