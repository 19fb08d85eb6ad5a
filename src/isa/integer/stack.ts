// PUSH, POP and LEAVE. In 64-bit mode they move 64 bits, or 16 with a prefix (d64): SDM 2 "PUSH", "POP", "LEAVE".
import type { Definition } from '../definition.ts';

/** The operand is read before RSP moves: PUSH RSP stores the old value, and an address with RSP uses it. */
const push: Definition = {
  mnemonic: 'push',
  encodings: ['50+r Zv; d64', '68 Iz; d64', '6A sIb; d64', 'FF /6 Ev; d64'],
  hot: true,
  execute(x, source) {
    x.pushStack(x.load(source!));
  },
};

/** The register is written after RSP moved: POP RSP has the value from the stack. */
const RSP = 4;
const RBP = 5;

const pop: Definition = {
  mnemonic: 'pop',
  encodings: ['58+r Zv; d64', '8F /0 Rv; d64'],
  execute(x, target) {
    x.store(target!, x.popStack(target!.width));
  },
};

/** Two memory operands, one of which may use the RSP that the other moved. */
const popMemory: Definition = { mnemonic: 'pop', encodings: ['8F /0 Mv; d64'], helper: 'popMemory', continues: true };

/** RSP takes RBP's place once the old RBP could be read there. Other sizes than 64 bits have stack masks: the helper. */
const leave: Definition = {
  mnemonic: 'leave',
  encodings: ['C9; d64'],
  mayCallHelper: true,
  execute(x) {
    if (x.operandSize !== 64) {
      x.helper('leave');
      return;
    }
    const frame = x.register(RBP, 64);
    const caller = x.loadStack(frame);
    x.setRegister(RSP, x.add(frame, x.constant(8, 64)));
    x.setRegister(RBP, caller);
  },
};

export const stackDefinitions: readonly Definition[] = [push, pop, popMemory, leave];
