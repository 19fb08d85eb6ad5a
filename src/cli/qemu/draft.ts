import type { CpuModelConfig, DebugExitConfig, MachineConfig, PlatformConfig } from '../../machine/config.ts';
import { parseCpu } from '../cpu-spec.ts';
import { parseSerial } from '../serial-spec.ts';
import { oneSocket, type Smp } from '../smp.ts';
import { inOption, UsageError } from '../usage-error.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The I/O address space (SDM 1, "I/O Address Space"). */
export const portCount = 0x10000;

/** What the options seen so far ask for. Later ones may change what earlier ones mean, so nothing is final yet. */
export interface QemuDraft {
  kernel: string | null;
  append: string;
  initrd: string | null;
  memoryBytes: number;
  smp: Smp;
  cpu: CpuModelConfig;
  /** The arguments of `-serial`, one a port. */
  serials: string[];
  hasDebugExit: boolean;
  /** What `-device isa-debug-exit` means by itself; `-global` changes it. */
  debugExitDefaults: Mutable<DebugExitConfig>;
  /** A property that `-device isa-debug-exit` gave explicitly, which wins over `-global`. */
  debugExitGiven: Partial<DebugExitConfig>;
  testDevices: { pcTestdev: boolean; pciTestdev: boolean };
  platform: Mutable<PlatformConfig>;
  /** The accelerators named, in order, with the option that named them. */
  accelerators: { option: '-accel' | '-machine accel='; name: string }[];
  defaultDevices: boolean;
  nographic: boolean;
  noReboot: boolean;
  noShutdown: boolean;
}

/** A machine as QEMU starts it when no option is given. */
export function emptyDraft(): QemuDraft {
  return {
    kernel: null,
    append: '',
    initrd: null,
    memoryBytes: 128 * 2 ** 20,
    smp: oneSocket(1),
    cpu: parseCpu('qemu64'),
    serials: [],
    hasDebugExit: false,
    debugExitDefaults: { iobase: 0x501, iosize: 2 },
    debugExitGiven: {},
    testDevices: { pcTestdev: false, pciTestdev: false },
    platform: { pit: true },
    accelerators: [],
    defaultDevices: true,
    nographic: false,
    noReboot: false,
    noShutdown: false,
  };
}

/**
 * The machine that a complete command line describes.
 * @throws UsageError when the options together cannot be honoured.
 */
export function finishDraft(draft: QemuDraft): MachineConfig {
  checkAccelerators(draft);
  if (draft.kernel === null)
    throw new UsageError('-kernel', 'none given, and there is no firmware to boot without one');
  const { smp, memoryBytes, append, cpu, testDevices, platform, noReboot, noShutdown } = draft;
  return {
    vcpus: smp.vcpus,
    topology: smp.topology,
    memoryBytes,
    kernel: draft.kernel,
    append,
    ...(draft.initrd === null ? {} : { initrd: draft.initrd }),
    cpu,
    serial: serialOf(draft),
    ...debugExitOf(draft),
    testDevices,
    platform,
    noReboot,
    noShutdown,
  };
}

/** The debug-exit port with what -global, wherever it stood, and -device said of it. */
function debugExitOf(draft: QemuDraft): Pick<MachineConfig, 'debugExit'> {
  if (!draft.hasDebugExit) return {};
  const debugExit = { ...draft.debugExitDefaults, ...draft.debugExitGiven };
  if (debugExit.iobase + debugExit.iosize <= portCount) return { debugExit };
  throw new UsageError(
    '-device isa-debug-exit',
    `${debugExit.iosize} ports from ${debugExit.iobase} end after the last`,
  );
}

/** As in QEMU the first accelerator of a list that can be had is taken; of those there is one, tcg. */
function checkAccelerators({ accelerators }: QemuDraft): void {
  if (new Set(accelerators.map(({ option }) => option)).size > 1) {
    throw new UsageError('-accel', 'cannot be combined with -machine accel=');
  }
  const [first] = accelerators;
  if (first === undefined || accelerators.some(({ name }) => name === 'tcg')) return;
  const option = first.option === '-accel' ? `-accel ${first.name}` : `${first.option}${first.name}`;
  throw new UsageError(option, 'rookery interprets and translates; it can only take the place of tcg');
}

/** The first port; by default a display's console, which nobody sees here, or the terminal with -nographic. */
function serialOf({ serials, nographic, defaultDevices }: QemuDraft): MachineConfig['serial'] {
  const [first, ...others] = serials;
  const extra = others.find((serial) => serial !== 'none');
  if (extra !== undefined) throw new UsageError(`-serial ${extra}`, 'the machine has one serial port');
  if (first !== undefined) return inOption(`-serial ${first}`, () => parseSerial(first));
  if (!defaultDevices) return { kind: 'none' };
  return nographic ? { kind: 'stdio', escape: true } : { kind: 'null' };
}
