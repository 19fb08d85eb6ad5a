// The interrupt flag, and RFLAGS as a whole: SDM 1 3.4.3.3. Code that IOPL does not trust, and all that may let an
// interrupt in, is in src/vcpu/helpers/flags.ts.
import type { Definition } from '../definition.ts';
import type { FlagName, Semantics } from '../semantics.ts';

const IF = 1 << 9;
const RF = 1 << 16;
const VM = 1 << 17;
const IOPL_SHIFT = 12;
const IOPL_MASK = 3;

/** Where the status flags are in RFLAGS: SDM 1 figure 3-8. */
const STATUS_BITS: readonly (readonly [FlagName, number])[] = [
  ['CF', 0],
  ['PF', 2],
  ['AF', 4],
  ['ZF', 6],
  ['SF', 7],
  ['OF', 11],
];

/** CLI clears IF if IOPL allows it; VIF, or #GP, is the helper's: SDM 2A "CLI". */
function clearInterruptFlag(x: Semantics): void {
  const flags = x.contextWord('systemFlags');
  const iopl = x.and(x.shr(flags, IOPL_SHIFT), x.constant(IOPL_MASK, 32));
  x.if(x.ltu(iopl, x.contextWord('cpl')), () => x.helper('cli'));
  x.setContextWord('systemFlags', x.and(flags, x.constant(~IF, 32)));
}

/** PUSHF leaves RF and VM clear in the image; virtual-8086 code has rules of its own: SDM 2B "PUSHF". */
function pushFlags(x: Semantics): void {
  const system = x.contextWord('systemFlags');
  x.if(x.and(system, x.constant(VM, 32)), () => x.helper('pushFlags'));
  let image = x.and(system, x.constant(~(RF | VM), 32));
  for (const [name, bit] of STATUS_BITS) image = x.or(image, x.shl({ ...x.flag(name), width: 32 }, bit));
  x.pushStack(x.resize(image, x.operandSize));
}

export const flagControlDefinitions: readonly Definition[] = [
  { mnemonic: 'cli', encodings: ['FA'], mayCallHelper: true, execute: clearInterruptFlag },
  // STI and POPF may let an interrupt in, or start single-stepping: the run loop must look.
  { mnemonic: 'sti', encodings: ['FB'], helper: 'sti' },
  { mnemonic: 'pushf', encodings: ['9C; d64'], mayCallHelper: true, execute: pushFlags },
  { mnemonic: 'popf', encodings: ['9D; d64'], helper: 'popFlags' },
];
