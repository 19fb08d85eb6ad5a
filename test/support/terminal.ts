const COLUMNS = 80;
const ROWS = 25;
const ESCAPE = '\u001b';
/** A control sequence (ECMA-48 5.4) as two groups, its parameters and its final byte; or one character. */
const ELEMENTS = new RegExp(`${ESCAPE}\\[([?0-9;]*)([@-~])|[^${ESCAPE}]`, 'gs');
/** A control sequence that the next bytes go on with. */
const UNFINISHED = new RegExp(`${ESCAPE}(\\[[?0-9;]*)?$`);

const blankScreen = (): string[][] => Array.from({ length: ROWS }, () => Array<string>(COLUMNS).fill(' '));

interface Waiter {
  readonly pattern: RegExp;
  readonly resolve: () => void;
}

/**
 * A screen of 25 lines of 80 characters, fed with what a serial line brings. Of ECMA-48 it knows what memtest86+
 * sends: CUP (8.3.21) and ED of the whole page (8.3.39). Colours and other sequences change no text.
 */
export class Terminal {
  #cells = blankScreen();
  #row = 0;
  #column = 0;
  #rest = '';
  #waiters: readonly Waiter[] = [];

  feed(bytes: Uint8Array): void {
    const input = this.#rest + Buffer.from(bytes).toString('latin1');
    const cut = UNFINISHED.exec(input)?.index ?? input.length;
    this.#rest = input.slice(cut);
    for (const [element, parameters, final] of input.slice(0, cut).matchAll(ELEMENTS)) {
      if (final === undefined) this.#print(element);
      else this.#control(final, parameters ?? '');
      // After each element, for a screen may stand for less time than a chunk takes to come.
      if (final !== undefined) this.#tellWaiters();
    }
    this.#tellWaiters();
  }

  #control(final: string, parameters: string): void {
    const [row, column] = parameters.split(';').map(Number);
    if (final === 'J' && row === 2) this.#cells = blankScreen();
    if (final !== 'H') return;
    this.#row = (row || 1) - 1;
    this.#column = (column || 1) - 1;
  }

  #print(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#row++;
    else if (this.#row < ROWS && this.#column < COLUMNS) this.#cells[this.#row]![this.#column++] = character;
  }

  #tellWaiters(): void {
    if (this.#waiters.length === 0) return;
    const screen = this.text;
    const told = this.#waiters.filter(({ pattern }) => pattern.test(screen));
    this.#waiters = this.#waiters.filter((waiter) => !told.includes(waiter));
    for (const { resolve } of told) resolve();
  }

  /** What the screen shows, line by line. */
  get text(): string {
    return this.#cells.map((line) => line.join('').trimEnd()).join('\n');
  }

  /** Resolves when the screen shows `pattern`. */
  shows(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters = [...this.#waiters, { pattern, resolve }];
      this.#tellWaiters();
    });
  }
}
