import { appliedOptions } from './applied-options.ts';
import type { About, PrintingOption, QemuOption } from './option.ts';

/** The release whose command line is understood. Scripts read it as the first line of -version, -help and -h. */
export const qemuVersion = '7.2.0';

/** Where the explanation of an option begins. */
const helpColumn = 24;

/** In QEMU's form, with rookery's own version where distributions put theirs. */
export function versionText({ version }: About): string {
  return `QEMU emulator version ${qemuVersion} (rookery ${version})\n`;
}

/** The whole help: the version, then every option that is honoured, by subject. */
export function helpText(about: About, printing: readonly PrintingOption[]): string {
  const sections = [{ subject: 'Help', options: printing as readonly QemuOption[] }, ...appliedOptions];
  const body = sections.map(({ subject, options }) => `${subject}:\n${options.map(optionHelp).join('')}`).join('\n');
  return [
    versionText(about),
    'usage: rookery-qemu [options]\n',
    '\nTakes the command lines of qemu-system-x86_64. An option that it cannot honour ends it with a message.\n',
    `Options may begin with one dash or two.\n\n${body}`,
  ].join('');
}

/** How an option is written: its names and its argument. */
export function optionUsage({ names, argument }: QemuOption): string {
  const spellings = names.map((name) => `-${name}`).join(' or ');
  return argument === undefined ? spellings : `${spellings} ${argument}`;
}

function optionHelp(option: QemuOption): string {
  const usage = `  ${optionUsage(option)}`;
  const gap = usage.length < helpColumn ? ' '.repeat(helpColumn - usage.length) : `\n${' '.repeat(helpColumn)}`;
  return `${usage}${gap}${option.help}\n`;
}
