import { applyCommaOptions, parseCommaOptions, type Setting } from '../comma-options.ts';
import { ValueError } from '../usage-error.ts';
import { parseBoolean, parseInteger } from '../values.ts';
import type { QemuDraft } from './draft.ts';

/** A property with its meaning for the documentation. */
export interface Property {
  readonly values: string;
  readonly meaning: string;
  readonly set: Setting<QemuDraft>;
}

const machineTypes: Readonly<Record<string, string>> = {
  pc: 'PC without firmware (i440FX + PIIX registers) (default)',
};

/** An on/off property that can only have the one value that the machine has anyway. */
function fixed(value: 'on' | 'off', meaning: string): Property {
  const set: Setting<QemuDraft> = (_draft, text) => {
    if (text !== 'auto' && parseBoolean(text) !== (value === 'on')) throw new ValueError(`only ${value} can be had`);
  };
  return { values: value, meaning, set };
}

/** A property that acts on nothing here but must have one of its own values. */
function inert(values: readonly string[], meaning: string): Property {
  const set: Setting<QemuDraft> = (_draft, text) => {
    if (!values.includes(text)) throw new ValueError(`'${text}' is not one of ${values.join(', ')}`);
  };
  return { values: values.join('|'), meaning, set };
}

const hostOnly = "without effect: it concerns the host's memory management only";
const irqchip = 'without effect: the interrupt controllers run beside the vCPUs in every case';

export const machineProperties: Readonly<Record<string, Property>> = {
  type: { values: 'pc|pc-i440fx-*', meaning: 'the machine type', set: (_draft, name) => checkMachineType(name) },
  accel: {
    values: 'tcg',
    meaning: 'the accelerator; of a list (`kvm:tcg`) the first that can be had',
    set: (draft, list) => {
      for (const name of list.split(':')) draft.accelerators.push({ option: '-machine accel=', name });
    },
  },
  'kernel-irqchip': inert(['on', 'off', 'split'], irqchip),
  pit: {
    values: 'on|off',
    meaning: 'the 8254 interval timer',
    set: (draft, text) => {
      draft.platform.pit = text === 'auto' || parseBoolean(text);
    },
  },
  hpet: fixed('on', 'the high precision event timer is always there'),
  acpi: fixed('on', 'the ACPI tables and registers are always there'),
  vmport: fixed('off', 'the VMware port is not built'),
  smm: fixed('off', 'system management mode is not built'),
  usb: fixed('off', 'there is no USB controller'),
  graphics: fixed('off', 'there is no display'),
  'dump-guest-core': inert(['on', 'off'], hostOnly),
  'mem-merge': inert(['on', 'off'], hostOnly),
  'suppress-vmdesc': inert(['on', 'off'], "without effect: it concerns QEMU's migration stream only"),
};

export const accelProperties: Readonly<Record<string, Property>> = {
  accel: {
    values: 'tcg',
    meaning: 'the accelerator',
    set: (draft, name) => {
      draft.accelerators.push({ option: '-accel', name });
    },
  },
  'kernel-irqchip': inert(['on', 'off', 'split'], irqchip),
  thread: inert(['multi'], 'every vCPU is a thread'),
  'tb-size': {
    values: 'N',
    meaning: "without effect: it sizes TCG's translation cache",
    set: (_draft, value) => {
      parseInteger(value, 0, Number.MAX_SAFE_INTEGER);
    },
  },
  'split-wx': inert(['on', 'off'], "without effect: it concerns TCG's translation cache"),
};

/** `-machine [type=]NAME[,property=value...]`. */
export function applyMachine(draft: QemuDraft, value: string): void {
  applyCommaOptions(parseCommaOptions(value, 'type'), setters(machineProperties), draft);
}

/** `-accel [accel=]NAME[,property=value...]`. */
export function applyAccel(draft: QemuDraft, value: string): void {
  applyCommaOptions(parseCommaOptions(value, 'accel'), setters(accelProperties), draft);
}

function setters(properties: Readonly<Record<string, Property>>): Record<string, Setting<QemuDraft>> {
  return Object.fromEntries(Object.entries(properties).map(([name, { set }]) => [name, set]));
}

function checkMachineType(name: string): void {
  if (Object.hasOwn(machineTypes, name) || /^pc-i440fx-\d+\.\d+$/.test(name)) return;
  throw new ValueError(`machine '${name}' is not built; 'pc' is what there is`);
}

/** The list that `-machine help` prints. */
export function machineTypeList(): string {
  const lines = Object.entries(machineTypes).map(([name, text]) => `${name.padEnd(20)} ${text}`);
  return `Supported machines are:\n${lines.join('\n')}\n`;
}

/** The list that `-accel help` prints. */
export const acceleratorList = 'Accelerators supported in QEMU binary:\ntcg\n';
