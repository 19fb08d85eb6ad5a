import { type CommaOption, parseCommaOptions } from '../comma-options.ts';
import { ValueError } from '../usage-error.ts';
import { parseInteger } from '../values.ts';
import { portCount, type QemuDraft } from './draft.ts';

/** A device that can be added, with the properties that it takes beside `id`. */
export interface DeviceType {
  readonly name: string;
  readonly bus: 'ISA' | 'PCI';
  readonly description: string;
  /** Each property with its form; all are honoured by `add`. */
  readonly properties: Readonly<Record<string, string>>;
  /** Adds the device to the machine. Throws ValueError for a value that it cannot have. */
  readonly add: (draft: QemuDraft, properties: ReadonlyMap<string, string>) => void;
}

export const deviceTypes: readonly DeviceType[] = [
  {
    name: 'isa-debug-exit',
    bus: 'ISA',
    description: 'a write of v ends the machine with exit status (v << 1) | 1',
    properties: { iobase: 'a port (default: 0x501)', iosize: 'a number of ports (default: 2)' },
    add: addDebugExit,
  },
  {
    name: 'pc-testdev',
    bus: 'ISA',
    description: 'ports and memory that tests use to raise interrupts and flush',
    properties: {},
    add: (draft) => {
      if (draft.testDevices.pcTestdev) throw new ValueError('the machine can have one');
      draft.testDevices.pcTestdev = true;
    },
  },
  {
    name: 'pci-testdev',
    bus: 'PCI',
    description: 'BARs whose registers count accesses',
    properties: {},
    add: (draft) => {
      if (draft.testDevices.pciTestdev) throw new ValueError('the machine can have one');
      draft.testDevices.pciTestdev = true;
    },
  },
];

/** Reads one property of isa-debug-exit; also for `-global`. */
export function parseDebugExitProperty(name: string, value: string): { iobase: number } | { iosize: number } {
  if (name === 'iobase') return { iobase: parseInteger(value, 0, portCount - 1) };
  return { iosize: parseInteger(value, 1, portCount) };
}

function addDebugExit(draft: QemuDraft, properties: ReadonlyMap<string, string>): void {
  if (draft.hasDebugExit) throw new ValueError('the machine can have one');
  for (const [name, value] of properties) Object.assign(draft.debugExitGiven, parseDebugExitProperty(name, value));
  draft.hasDebugExit = true;
}

/**
 * `-device NAME[,property=value...]`.
 * @throws ValueError for a device or property that rookery does not have.
 */
export function applyDevice(draft: QemuDraft, value: string): void {
  const [driver, ...options] = parseCommaOptions(value, 'driver');
  const type = findDevice(driver);
  const properties = new Map<string, string>();
  for (const option of options) {
    // An id names the device for a monitor; it changes nothing in the machine.
    if (option.key === 'id') continue;
    if (!Object.hasOwn(type.properties, option.key))
      throw new ValueError(`property '${option.key}' cannot be honoured`);
    properties.set(option.key, option.value ?? 'on');
  }
  type.add(draft, properties);
}

function findDevice(driver: CommaOption | undefined): DeviceType {
  const name = driver?.key === 'driver' ? driver.value : null;
  const type = deviceTypes.find((candidate) => candidate.name === name);
  if (type === undefined) throw new ValueError(`device '${name ?? ''}' is not built ('help' lists what is)`);
  return type;
}

/** What `-device help`, `-device '?'` and `-device NAME,help` print, or null for any other argument. */
export function deviceHelp(value: string): string | null {
  if (value === 'help' || value === '?') return deviceList();
  const [name, asked, ...others] = value.split(',');
  const type = deviceTypes.find((candidate) => candidate.name === name);
  if (type === undefined || others.length > 0 || (asked !== 'help' && asked !== '?')) return null;
  const lines = Object.entries(type.properties).map(([property, form]) => `  ${property.padEnd(22)} - ${form}\n`);
  return lines.length === 0 ? `There are no options for ${type.name}.\n` : `${type.name} options:\n${lines.join('')}`;
}

/** In QEMU's form, which scripts search for `name "pc-testdev"`. */
function deviceList(): string {
  const lines = deviceTypes.map(({ name, bus, description }) => `name "${name}", bus ${bus}, desc "${description}"`);
  return `Misc devices:\n${lines.join('\n')}\n`;
}
