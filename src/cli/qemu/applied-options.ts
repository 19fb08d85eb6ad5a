import { cpuModelList } from '../cpu-models.ts';
import { parseCpu } from '../cpu-spec.ts';
import { parseSmp } from '../smp.ts';
import { ValueError } from '../usage-error.ts';
import { parseMemorySize } from '../values.ts';
import { onlyNone, onlyOff, onlySettings } from './choices.ts';
import { applyDevice, deviceHelp } from './device-option.ts';
import { applyGlobal } from './global-option.ts';
import { acceleratorList, applyAccel, applyMachine, machineTypeList } from './machine-option.ts';
import { type AppliedOption, asksForHelp } from './option.ts';

/** What is loaded into the machine. */
const bootOptions: readonly AppliedOption[] = [
  {
    kind: 'applied',
    names: ['kernel'],
    argument: 'FILE',
    help: 'the image to boot: multiboot or Linux',
    apply: (draft, value) => {
      draft.kernel = value;
    },
  },
  {
    kind: 'applied',
    names: ['append'],
    argument: 'TEXT',
    help: "the guest's command line",
    apply: (draft, value) => {
      draft.append = value;
    },
  },
  {
    kind: 'applied',
    names: ['initrd'],
    argument: 'FILE',
    help: "Linux's initial ramdisk; for multiboot `FILE ARGUMENTS,FILE,...`, with `,,` for a comma",
    apply: (draft, value) => {
      draft.initrd = value;
    },
  },
];

/** What the machine is. */
const hardwareOptions: readonly AppliedOption[] = [
  {
    kind: 'applied',
    names: ['machine', 'M'],
    argument: '[type=]NAME[,PROPERTY=VALUE...]',
    help: 'the machine type and its properties',
    apply: applyMachine,
    answer: (value) => (asksForHelp(value) ? machineTypeList() : null),
  },
  {
    kind: 'applied',
    names: ['accel'],
    argument: '[accel=]NAME[,PROPERTY=VALUE...]',
    help: 'the accelerator whose place rookery takes: tcg',
    apply: applyAccel,
    answer: (value) => (asksForHelp(value) ? acceleratorList : null),
  },
  {
    kind: 'applied',
    names: ['cpu'],
    argument: 'MODEL[,+F][,-F][,F=VALUE]',
    help: 'the CPU model and its features',
    apply: (draft, value) => {
      draft.cpu = parseCpu(value);
    },
    answer: (value) => (asksForHelp(value) ? cpuModelList() : null),
  },
  {
    kind: 'applied',
    names: ['smp'],
    argument: '[cpus=]N[,sockets=N][,dies=N][,cores=N][,threads=N][,maxcpus=N]',
    help: 'the number of vCPUs and how they are enumerated (default: 1)',
    apply: (draft, value) => {
      draft.smp = parseSmp(value);
    },
  },
  {
    kind: 'applied',
    names: ['m'],
    argument: '[size=]SIZE',
    help: 'RAM, in megabytes unless k, M or G follows (default: 128M)',
    apply: (draft, value) => {
      draft.memoryBytes = parseMemorySize(value.replace(/^size=/, ''));
    },
  },
  {
    kind: 'applied',
    names: ['device'],
    argument: 'NAME[,PROPERTY=VALUE...]',
    help: "adds a device; help or '?' lists them",
    apply: applyDevice,
    answer: deviceHelp,
  },
  {
    kind: 'applied',
    names: ['global'],
    argument: 'DRIVER.PROPERTY=VALUE',
    help: "sets a driver's default",
    apply: applyGlobal,
  },
  {
    kind: 'applied',
    names: ['nodefaults'],
    help: 'no serial port unless -serial gives one',
    apply: (draft) => {
      draft.defaultDevices = false;
    },
  },
];

/** How it runs, and what the user sees of it. */
const runOptions: readonly AppliedOption[] = [
  {
    kind: 'applied',
    names: ['serial'],
    argument: 'stdio|mon:stdio|file:FILE|null|none',
    help: 'what the first serial port is connected to; there is no second one, so that further ones must be none',
    apply: (draft, value) => {
      draft.serials.push(value);
    },
  },
  {
    kind: 'applied',
    names: ['nographic'],
    help: 'the first serial port is mon:stdio unless -serial says otherwise',
    apply: (draft) => {
      draft.nographic = true;
    },
  },
  {
    kind: 'applied',
    names: ['no-reboot'],
    help: 'a guest reset ends the machine',
    apply: (draft) => {
      draft.noReboot = true;
    },
  },
  {
    kind: 'applied',
    names: ['no-shutdown'],
    help: 'a guest shutdown leaves the machine paused',
    apply: (draft) => {
      draft.noShutdown = true;
    },
  },
];

/** Options that say what is the case anyway, and those that act on nothing here. */
const inertOptions: readonly AppliedOption[] = [
  onlyNone('display', 'display'),
  onlyNone('vnc', 'VNC server'),
  onlyNone('vga', 'display adapter'),
  onlyNone('monitor', 'monitor', ['null']),
  onlyNone('parallel', 'parallel port'),
  onlyNone('net', 'network card'),
  onlyNone('nic', 'network card'),
  onlyOff('sandbox', 'there is no system call filter'),
  onlySettings(
    'overcommit',
    { 'cpu-pm': ['on', 'off'], 'mem-lock': ['off'] },
    'without effect: HLT, MWAIT and PAUSE never reach the host; memory cannot be locked',
  ),
  onlySettings(
    'rtc',
    { base: ['utc'], clock: ['host'], driftfix: ['none'] },
    'what the real-time clock does in any case',
  ),
  {
    kind: 'applied',
    names: ['name'],
    argument: 'TEXT',
    help: 'without effect: the name is for displays and monitors',
    apply: (_draft, value) => {
      if (value === '') throw new ValueError('the name is empty');
    },
  },
  {
    kind: 'applied',
    names: ['no-user-config'],
    help: 'without effect: no configuration file is read',
    apply: () => undefined,
  },
  {
    kind: 'applied',
    names: ['no-fd-bootchk'],
    help: 'without effect: there are no disks',
    apply: () => undefined,
  },
];

/** Every option that rookery-qemu honours, by subject. */
export const appliedOptions: readonly { readonly subject: string; readonly options: readonly AppliedOption[] }[] = [
  { subject: 'Boot', options: bootOptions },
  { subject: 'Machine', options: hardwareOptions },
  { subject: 'Running', options: runOptions },
  { subject: 'Accepted, because they ask for nothing that is missing', options: inertOptions },
];
