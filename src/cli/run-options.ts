import type { CpuModelConfig, DebugExitConfig, MachineConfig, SerialConfig } from '../machine/config.ts';
import { parseCpu } from './cpu-spec.ts';
import { parseSerial } from './serial-spec.ts';
import { oneSocket } from './smp.ts';
import { parseMemorySize, parseVcpuCount } from './values.ts';

/** The options of `rookery run` as read; a switch `--no-x` is `x`, true unless given. */
export interface RunOptions {
  readonly smp: number;
  readonly memory: number;
  readonly append: string;
  readonly initrd?: string;
  readonly cpu: CpuModelConfig;
  readonly serial: SerialConfig;
  readonly pit: boolean;
  readonly testDevices: boolean;
  readonly reboot: boolean;
}

/** One option of `rookery run`, in commander's notation. */
export interface RunOption {
  readonly flags: string;
  readonly help: string;
  /** Reads the argument; throws ValueError. */
  readonly parse?: (value: string) => unknown;
  /** As it would be written. */
  readonly default?: string;
}

/** The option that `rookery demo` takes too. */
export const smpOption: RunOption = {
  flags: '--smp <n>',
  help: 'number of vCPUs, 1 to 64',
  parse: parseVcpuCount,
  default: '1',
};

export const runOptions: readonly RunOption[] = [
  smpOption,
  { flags: '-m, --memory <size>', help: 'RAM: a number and k, M or G', parse: parseMemorySize, default: '128M' },
  { flags: '--append <text>', help: "the guest's command line", parse: (value) => value, default: '' },
  { flags: '--initrd <file>', help: "Linux's initial ramdisk, or multiboot modules separated by commas" },
  {
    flags: '--cpu <model>',
    help: 'intel or amd, then features: intel,+x2apic,-pku',
    parse: parseCpu,
    default: 'intel',
  },
  {
    flags: '--serial <backend>',
    help: 'serial port: stdio, mon:stdio (Ctrl-A x quits), file:FILE, null or none',
    parse: parseSerial,
    default: 'stdio',
  },
  { flags: '--no-pit', help: 'leave out the 8254 interval timer' },
  { flags: '--no-test-devices', help: 'leave out isa-debug-exit (port 0xf4), pc-testdev and pci-testdev' },
  { flags: '--no-reboot', help: 'a guest reset ends the machine' },
];

/** Where test suites written for QEMU put isa-debug-exit. */
const debugExit: DebugExitConfig = { iobase: 0xf4, iosize: 4 };

/** The machine that `rookery run IMAGE` describes. */
export function runConfig(image: string, options: RunOptions): MachineConfig {
  const { smp, memory, append, initrd, cpu, serial, pit, testDevices, reboot } = options;
  const { vcpus, topology } = oneSocket(smp);
  return {
    vcpus,
    topology,
    memoryBytes: memory,
    kernel: image,
    append,
    ...(initrd === undefined ? {} : { initrd }),
    cpu,
    serial,
    ...(testDevices ? { debugExit } : {}),
    testDevices: { pcTestdev: testDevices, pciTestdev: testDevices },
    platform: { pit },
    noReboot: !reboot,
    noShutdown: false,
  };
}

/** The machine of `rookery demo`: the prebuilt guest, its console on the terminal. */
export function demoConfig(image: string, smp: number): MachineConfig {
  return runConfig(image, {
    smp,
    memory: parseMemorySize('64M'),
    append: '',
    cpu: parseCpu('intel'),
    serial: { kind: 'stdio', escape: false },
    pit: true,
    testDevices: true,
    reboot: false,
  });
}
