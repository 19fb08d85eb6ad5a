import type { MachineConfig } from '../../machine/config.ts';
import { inOption, UsageError } from '../usage-error.ts';
import { emptyDraft, finishDraft, type QemuDraft } from './draft.ts';
import type { About, QemuOption } from './option.ts';
import { qemuOptions } from './options.ts';

/** What a command line asks for. */
export type QemuRequest =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly config: MachineConfig };

/** An option with the spelling and the argument that it has on the command line. */
interface Given {
  readonly option: QemuOption;
  /** For messages: `-smp 0`. */
  readonly written: string;
  readonly value: string;
}

/**
 * Reads a command line of qemu-system-x86_64.
 * @throws UsageError for the first option that is unknown, malformed, or cannot be honoured.
 */
export function parseQemu(args: readonly string[], about: About): QemuRequest {
  const draft = emptyDraft();
  for (const given of givenOptions(args)) {
    const text = apply(draft, given, about);
    if (text !== null) return { kind: 'print', text };
  }
  return { kind: 'run', config: finishDraft(draft) };
}

/** Pairs options with their arguments, one at a time, so that `-help` answers before what follows it is looked at. */
function* givenOptions(args: readonly string[]): Generator<Given> {
  for (let i = 0; i < args.length; i++) {
    const written = args[i]!;
    const match = /^--?(.+)$/.exec(written);
    if (match === null) throw new UsageError(written, 'disk images are not built; an image to boot needs -kernel');
    const option = qemuOptions.get(match[1]!);
    if (option === undefined) throw new UsageError(written, 'invalid option');
    if (option.argument === undefined) yield { option, written, value: '' };
    else yield { option, ...argumentOf(written, args[++i]) };
  }
}

function argumentOf(written: string, value: string | undefined): { written: string; value: string } {
  if (value === undefined) throw new UsageError(written, 'requires an argument');
  return { written: `${written} ${value}`, value };
}

/** Honours one option; returns a text when that is all that the command is to do. */
function apply(draft: QemuDraft, { option, written, value }: Given, about: About): string | null {
  if (option.kind === 'printing') return option.text(about);
  if (option.kind === 'refused') throw new UsageError(written, option.help);
  const answer = option.answer?.(value) ?? null;
  if (answer === null) inOption(written, () => option.apply(draft, value));
  return answer;
}
