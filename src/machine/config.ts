/**
 * What a machine is made of, as plain data, and what it is given to run with. Every front end (the commands, the
 * library) describes a machine by a `MachineConfig` and hands it to the `MachineModule`.
 */

import type { CpuTopology, CpuVendor } from '../vcpu/features.ts';

export type { CpuTopology, CpuVendor } from '../vcpu/features.ts';

/** Bounds that hold for every machine. */
export const machineLimits = {
  /** One state context a vCPU is laid out for this many; xAPIC ids (8 bits) would allow 255. */
  maxVcpus: 64,
  /** Real-mode memory, the legacy holes and the start-up tables lie below this. */
  minMemoryBytes: 1024 * 1024,
  /** RAM is a wasm memory, which comes in pages of this size. */
  memoryGranule: 64 * 1024,
} as const;

/**
 * The CPU as asked for. Feature names are QEMU's in the one form that `canonicalFeatureName` gives (`tsc-deadline`);
 * `true` and `false` switch a feature, a string sets a property (`phys-bits` to `'36'`).
 */
export interface CpuModelConfig {
  readonly model: CpuVendor;
  /** The model as the user wrote it (`Skylake-Server`), for messages. */
  readonly name: string;
  readonly features: ReadonlyMap<string, boolean | string>;
}

/**
 * What the first serial port is connected to. `none` means that the machine has no serial port at all; `null` that
 * it has one whose output is dropped. With `escape` (QEMU's `mon:stdio`) Ctrl-A x quits and Ctrl-C goes to the guest.
 */
export type SerialConfig =
  | { readonly kind: 'stdio'; readonly escape: boolean }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'none' };

/** QEMU's `isa-debug-exit`: a write of `v` to its ports ends the machine with exit status (v << 1) | 1. */
export interface DebugExitConfig {
  readonly iobase: number;
  readonly iosize: number;
}

/** Parts of the PC that can be left out. */
export interface PlatformConfig {
  /** The 8254 interval timer (ports 0x40-0x43, and channel 2's gate in port 0x61). */
  readonly pit: boolean;
}

export interface MachineConfig {
  /** 1 to `machineLimits.maxVcpus`. */
  readonly vcpus: number;
  /**
   * How CPUID arranges the vCPUs (SDM 3A 8.9). The product is `vcpus`, and APIC id n belongs to vCPU n whatever the
   * arrangement: inside a level that occurs more than once every number is a power of two.
   */
  readonly topology: CpuTopology;
  /** A multiple of `machineLimits.memoryGranule`. */
  readonly memoryBytes: number;
  /** Path of a multiboot or Linux-boot-protocol image. */
  readonly kernel: string;
  /** The guest's command line without the image's own name; may be empty. */
  readonly append: string;
  /** As QEMU's -initrd takes it: multiboot modules separated by commas (`parseModuleList`), or Linux's one initrd. */
  readonly initrd?: string;
  readonly cpu: CpuModelConfig;
  readonly serial: SerialConfig;
  /** Absent: the machine has no debug-exit port. */
  readonly debugExit?: DebugExitConfig;
  readonly testDevices: { readonly pcTestdev: boolean; readonly pciTestdev: boolean };
  readonly platform: PlatformConfig;
  /** A guest reset ends the machine with status 0 instead of restarting it. */
  readonly noReboot: boolean;
  /** A guest shutdown leaves the machine paused, until `MachineIo.signal` ends it. */
  readonly noShutdown: boolean;
}

/** The host's end of the first serial port. Bytes pass unchanged in both directions. */
export interface SerialBackend {
  /** Takes the guest's output; has reached the terminal, pipe or file when it returns. */
  write(bytes: Uint8Array): void;
  /** Begins reading the host's input. Called at most once, when the machine is ready to queue it. */
  onInput(listener: (bytes: Uint8Array) => void): void;
}

/** What a running machine may touch of the process that runs it. */
export interface MachineIo {
  readonly serial: SerialBackend;
  /** Aborted when the user ends the machine (a signal, Ctrl-A x): `runMachine` then resolves soon, with any status. */
  readonly signal: AbortSignal;
  /** One line for standard error, without the command's name or a line end. */
  warn(message: string): void;
}

/** The machine, as the commands see it: `src/machine/run.ts` has this shape. */
export interface MachineModule {
  /**
   * Runs a machine until its guest ends it and resolves to the exit status: 0 after a guest shutdown (or a reset with
   * `noReboot`), (v << 1) | 1 after a write of `v` to the debug-exit port.
   * @throws when the machine cannot be built (image, memory) or stops on what is not implemented; the message is one line.
   */
  runMachine(config: MachineConfig, io: MachineIo): Promise<number>;
  /** Says in one line why this CPU cannot be had (unknown or unsupported feature), or null when it can. */
  validateCpu(cpu: CpuModelConfig): string | null;
}

/** Why a machine of this many vCPUs cannot be, or null. */
export function vcpuCountProblem(vcpus: number): string | null {
  if (Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= machineLimits.maxVcpus) return null;
  return `a machine has 1 to ${machineLimits.maxVcpus} vCPUs`;
}

/** Why a machine cannot have this much RAM, or null. */
export function memorySizeProblem(bytes: number): string | null {
  if (!Number.isSafeInteger(bytes) || bytes < machineLimits.minMemoryBytes)
    return 'a machine has at least 1 MiB of RAM';
  if (bytes % machineLimits.memoryGranule !== 0) return 'RAM comes in multiples of 64 KiB';
  return null;
}
