/** A command line that cannot be honoured. The message is one line that names the option. */
export class UsageError extends Error {
  /** The option as written, with its argument: `-smp 0`. */
  readonly option: string;
  readonly reason: string;

  constructor(option: string, reason: string) {
    super(`${option}: ${reason}`);
    this.name = 'UsageError';
    this.option = option;
    this.reason = reason;
  }
}

/** A command line that is in order but asks for a file that cannot be had. */
export class FileError extends Error {
  readonly path: string;

  /** `what` says what could not be done, and ends where the path follows. */
  constructor(what: string, path: string, reason: string) {
    super(`${what} '${path}': ${reason}`);
    this.name = 'FileError';
    this.path = path;
  }
}

/** Runs `parse` and puts the name of the option in front of what it says about a value. */
export function inOption<T>(option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(option, error.message);
    throw error;
  }
}

/** A value that does not have the form it should have; whoever knows the option adds its name with `inOption`. */
export class ValueError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ValueError';
  }
}
