import type { QemuDraft } from './draft.ts';

/** What help texts may speak of. */
export interface About {
  /** rookery's own version. */
  readonly version: string;
}

interface OptionBase {
  /** Names without their dash; `-name` and `--name` are the same. */
  readonly names: readonly string[];
  /** How help writes the argument; an option without one takes none. */
  readonly argument?: string;
  readonly help: string;
}

/** An option that changes the machine. */
export interface AppliedOption extends OptionBase {
  readonly kind: 'applied';
  /** Honours the option, or throws UsageError or ValueError. `value` is empty for an option without argument. */
  readonly apply: (draft: QemuDraft, value: string) => void;
  /** A text to print instead of running a machine (`-cpu help`), or null. */
  readonly answer?: (value: string) => string | null;
}

/** An option that prints something; the command ends there. */
export interface PrintingOption extends OptionBase {
  readonly kind: 'printing';
  readonly text: (about: About) => string;
}

/** An option that QEMU has and rookery cannot honour; `help` says why. */
export interface RefusedOption extends OptionBase {
  readonly kind: 'refused';
}

export type QemuOption = AppliedOption | PrintingOption | RefusedOption;

/** Whether the argument of an option asks for the list of what it may be. */
export function asksForHelp(value: string): boolean {
  return value === 'help' || value === '?';
}
