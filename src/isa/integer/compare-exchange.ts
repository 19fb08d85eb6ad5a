// CMPXCHG and its double-width forms.
import type { Definition } from '../definition.ts';
import type { Operand, Semantics, Value } from '../semantics.ts';
import { subtractionFlags } from './flags.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;

/** A failed comparison loads the accumulator; a successful one leaves all of it alone, the upper half too. */
function loadUnless(x: Semantics, equal: Value, index: number, found: Value): void {
  const width = found.width === 32 ? 64 : found.width;
  x.setRegister(index, x.select(equal, x.register(index, width), x.zeroExtend(found, width)));
}

/**
 * A memory destination is written in either case, with what it had if the comparison failed (SDM 2 "CMPXCHG"). A
 * register is not: its upper half survives a failed 32-bit comparison.
 */
function exchangeIfEqual(x: Semantics, target: Operand, expected: Value, replacement: Value): Value {
  if (target.kind === 'memory') {
    return x.update(target, (found) => x.select(x.eq(found, expected), replacement, found)).old;
  }
  const old = x.load(target);
  x.if(x.eq(old, expected), () => x.store(target, replacement));
  return old;
}

const compareExchange: Definition = {
  mnemonic: 'cmpxchg',
  encodings: ['0F B0 Eb,Gb', '0F B1 Ev,Gv'],
  lockable: true,
  execute(x, target, source) {
    const replacement = x.load(source!);
    const expected = x.register(RAX, target!.width);
    const old = exchangeIfEqual(x, target!, expected, replacement);
    loadUnless(x, x.eq(old, expected), RAX, old);
    x.setFlags(subtractionFlags(x, expected, old, x.sub(expected, old)));
  },
};

/** Two 32-bit registers as one number. */
const pair = (x: Semantics, high: number, low: number): Value =>
  x.or(x.shl(x.zeroExtend(x.register(high, 32), 64), 32), x.zeroExtend(x.register(low, 32), 64));

/** EDX:EAX is compared, ECX:EBX replaces; only ZF changes. */
const compareExchange8: Definition = {
  mnemonic: 'cmpxchg8b',
  encodings: ['0F C7 /1 Mq; w0'],
  lockable: true,
  feature: 'cx8',
  execute(x, target) {
    const expected = pair(x, RDX, RAX);
    const replacement = pair(x, RCX, RBX);
    const old = exchangeIfEqual(x, target!, expected, replacement);
    const equal = x.eq(old, expected);
    loadUnless(x, equal, RAX, x.truncate(old, 32));
    loadUnless(x, equal, RDX, x.truncate(x.shr(old, 32), 32));
    x.setFlags({ ZF: equal });
  },
};

/** Wasm has no atomic access of 128 bits. */
const compareExchange16: Definition = {
  mnemonic: 'cmpxchg16b',
  encodings: ['0F C7 /1 Mx; o64 w1'],
  lockable: true,
  feature: 'cx16',
  helper: 'cmpxchg16b',
  continues: true,
};

export const compareExchangeDefinitions: readonly Definition[] = [compareExchange, compareExchange8, compareExchange16];
