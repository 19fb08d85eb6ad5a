/** A number as the messages show addresses and sizes. */
export const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * A guest image that cannot be loaded. `file` is the image's name as the caller gave it, `reason` one clause without
 * the name, and `offset` the place in the file where the fault lies, when it lies at one.
 */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly file: string;
  readonly reason: string;
  readonly offset: number | undefined;

  constructor(file: string, reason: string, offset?: number) {
    super(`${file}: ${reason}${offset === undefined ? '' : ` (at file offset ${hex(offset)})`}`);
    this.file = file;
    this.reason = reason;
    this.offset = offset;
  }
}

/** A machine that the firmware tables cannot describe: `option` names what was asked for, `value` how much of it. */
export class MachineShapeError extends Error {
  override readonly name = 'MachineShapeError';
  readonly option: string;
  readonly value: number;

  constructor(option: string, value: number, rule: string) {
    super(`${option} ${value}: ${rule}`);
    this.option = option;
    this.value = value;
  }
}
