import { appliedOptions } from './applied-options.ts';
import { helpText, versionText } from './help.ts';
import type { PrintingOption, QemuOption } from './option.ts';
import { refusedOptions } from './refused-options.ts';

export const printingOptions: readonly PrintingOption[] = [
  {
    kind: 'printing',
    names: ['help', 'h'],
    help: 'prints this text',
    text: (about) => helpText(about, printingOptions),
  },
  { kind: 'printing', names: ['version'], help: 'prints the version', text: versionText },
];

/** Every option of rookery-qemu, by each of its names. */
export const qemuOptions: ReadonlyMap<string, QemuOption> = new Map(
  [...printingOptions, ...appliedOptions.flatMap(({ options }) => options), ...refusedOptions].flatMap((option) =>
    option.names.map((name): [string, QemuOption] => [name, option]),
  ),
);
