// Writes docs/cli.md from the tables that the commands themselves are made of.
import { writeFileSync } from 'node:fs';
import { cpuModelNames } from '../src/cli/cpu-models.ts';
import { inertCpuProperties } from '../src/cli/cpu-spec.ts';
import { appliedOptions } from '../src/cli/qemu/applied-options.ts';
import { deviceTypes } from '../src/cli/qemu/device-option.ts';
import { globalProperties } from '../src/cli/qemu/global-option.ts';
import { optionUsage, qemuVersion } from '../src/cli/qemu/help.ts';
import { accelProperties, machineProperties, type Property } from '../src/cli/qemu/machine-option.ts';
import type { QemuOption } from '../src/cli/qemu/option.ts';
import { printingOptions } from '../src/cli/qemu/options.ts';
import { refusedOptions } from '../src/cli/qemu/refused-options.ts';
import { rookeryHelp } from '../src/cli/rookery.ts';
import { serialForms } from '../src/cli/serial-spec.ts';

/** Where the page goes. */
export const cliPage = new URL('../docs/cli.md', import.meta.url);

/** The page. The version is left out of it, so that a release does not change it. */
export function cliMarkdown(): string {
  return [...introduction(), ...rookeryPart(), ...qemuPart()].join('\n');
}

function introduction(): string[] {
  return ['<!-- Written by `node scripts/docs-cli.ts` from the tables in src/cli. -->', '# The commands', ''];
}

function rookeryPart(): string[] {
  const installation = { version: '', demoImage: '' };
  const help = (command?: string) => ['```text', rookeryHelp(installation, command).trimEnd(), '```', ''];
  return [
    '## rookery',
    '',
    'The exit status is what the guest gives: 0 when it shuts down, (v << 1) | 1 when it writes `v` to port 0xf4.',
    'A command line that cannot be understood gives 2, a machine that cannot be built or run gives 1, and a signal `n`',
    'gives 128 + n. Every error is a line on standard error that begins with `rookery:`.',
    '',
    ...help(),
    ...help('run'),
    ...help('demo'),
    '### Serial ports',
    '',
    ...table(
      ['backend', 'meaning'],
      serialForms.map(({ form, meaning }) => [code(form), meaning]),
    ),
    '### CPUs',
    '',
    'A model, then `+f`, `-f`, `f=on`, `f=off` or `f=value` for each feature, named as in QEMU. As in QEMU `-f` wins over',
    '`+f`, and both over `f=...`. A feature that rookery does not have is refused when it is asked for.',
    '',
    ...table(
      ['models', 'vendor', 'what the guest gets'],
      cpuModelNames.map(({ names, vendor, description }) => [
        names.map(code).join(', '),
        vendor ?? 'of `vendor=`; amd with `+svm`; else intel',
        description,
      ]),
    ),
    '`phys-bits=N` sets the width of physical addresses (32 to 52, 40 without it); `host-phys-bits` means 52.',
    '',
    'Properties without effect:',
    '',
    ...table(
      ['property', 'why'],
      Object.entries(inertCpuProperties).map(([name, reason]) => [code(name), reason]),
    ),
  ];
}

function qemuPart(): string[] {
  return [
    '## rookery-qemu',
    '',
    `Takes the command lines of qemu-system-x86_64 and answers probes as release ${qemuVersion} does. An option that it`,
    'cannot honour ends it with status 1 and a line on standard error that names the option; none is passed over in',
    'silence. Exit statuses are those of QEMU: (v << 1) | 1 from isa-debug-exit, 0 after a shutdown or a signal, 1 after',
    'an error. Options begin with one dash or two.',
    '',
    ...[{ subject: 'Help', options: printingOptions as readonly QemuOption[] }, ...appliedOptions].flatMap(optionPart),
    '### Properties of -machine',
    '',
    ...propertyTable(machineProperties),
    '### Properties of -accel',
    '',
    ...propertyTable(accelProperties),
    '### Devices',
    '',
    'Each also takes `id=`, which has no effect.',
    '',
    ...table(
      ['device', 'properties', 'meaning'],
      deviceTypes.map(({ name, properties, description }) => [
        code(name),
        Object.entries(properties)
          .map(([property, form]) => `${code(property)}: ${form}`)
          .join('; '),
        description,
      ]),
    ),
    '### Properties of -global',
    '',
    ...table(
      ['property', 'values', 'meaning'],
      globalProperties.map(({ name, values, meaning }) => [code(name), code(values), meaning]),
    ),
    '### Refused',
    '',
    ...refusalTable(),
  ];
}

function optionPart({ subject, options }: { subject: string; options: readonly QemuOption[] }): string[] {
  return [
    `### ${subject}`,
    '',
    ...table(
      ['option', 'meaning'],
      options.map((option) => [code(optionUsage(option)), option.help]),
    ),
  ];
}

function propertyTable(properties: Readonly<Record<string, Property>>): string[] {
  const rows = Object.entries(properties).map(([name, { values, meaning }]) => [code(name), code(values), meaning]);
  return table(['property', 'values', 'meaning'], rows);
}

function refusalTable(): string[] {
  const byReason = new Map<string, string[]>();
  for (const { names, help } of refusedOptions) byReason.set(help, [...(byReason.get(help) ?? []), `-${names[0]}`]);
  const rows = [...byReason].map(([reason, names]) => [names.map(code).join(', '), reason]);
  return table(['options', 'reason'], rows);
}

/** A Markdown table; a bar inside a cell would end the cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) writeFileSync(cliPage, cliMarkdown());
