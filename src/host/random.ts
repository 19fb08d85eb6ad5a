import { randomFillSync } from 'node:crypto';

const WORDS = 64;

/** Random words from the host's cryptographic generator, fetched some at a time. */
export class RandomSource {
  readonly #words = new BigUint64Array(WORDS);
  #used = WORDS;

  /** 64 random bits. */
  next = (): bigint => {
    if (this.#used === WORDS) {
      randomFillSync(this.#words);
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  };
}
