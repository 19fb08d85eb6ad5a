// Near jumps, calls and returns. In 64-bit mode their operand size is 64 whatever the prefixes say (f64), as Intel's
// processors have it: SDM 2 "Jcc", "CALL", "RET".
import { CONDITIONS, type Definition } from '../definition.ts';
import type { Semantics, Value } from '../semantics.ts';
import { opcode } from './encodings.ts';

const RSP = 4;

const conditionalJumps: readonly Definition[] = CONDITIONS.map((name, code) => ({
  mnemonic: `j${name}`,
  encodings: [`${opcode(0x70, code)} Jb; f64`, `0F ${opcode(0x80, code)} Jz; f64`],
  hot: true,
  execute(x, target) {
    x.branch(x.condition(code), target!);
  },
}));

const jump: Definition = {
  mnemonic: 'jmp',
  encodings: ['EB Jb; f64', 'E9 Jz; f64'],
  hot: true,
  execute(x, target) {
    x.jump(target!);
  },
};

/**
 * Branches to addresses that are not canonical fault here, with RIP at the branch. Those that are not with 48 bits may
 * be with 57, so a helper performs the instruction then. `undo` takes back what was written before.
 */
function requireCanonical(x: Semantics, target: Value, undo: () => void = () => {}): void {
  if (target.width !== 64) return;
  x.if(x.ne(x.sar(x.shl(target, 16), 16), target), () => {
    undo();
    x.helper('nearBranch');
  });
}

const jumpIndirect: Definition = {
  mnemonic: 'jmp',
  encodings: ['FF /4 Ev; f64'],
  hot: true,
  endsBlock: true,
  mayCallHelper: true,
  execute(x, source) {
    const target = x.load(source!);
    requireCanonical(x, target);
    x.jumpTo(target);
  },
};

const call: Definition = {
  mnemonic: 'call',
  encodings: ['E8 Jz; f64'],
  hot: true,
  execute(x, target) {
    x.pushStack(x.nextRip());
    x.jump(target!);
  },
};

/** The target is read before the push: it may be relative to RSP. */
const callIndirect: Definition = {
  mnemonic: 'call',
  encodings: ['FF /2 Ev; f64'],
  hot: true,
  endsBlock: true,
  mayCallHelper: true,
  execute(x, source) {
    const target = x.load(source!);
    requireCanonical(x, target);
    x.pushStack(x.nextRip());
    x.jumpTo(target);
  },
};

/** Pops the return address and drops `bytes` of arguments. */
function returnNear(x: Semantics, bytes?: Value): void {
  const rsp = x.register(RSP, 64);
  const target = x.popStack(x.operandSize);
  requireCanonical(x, target, () => x.setRegister(RSP, rsp));
  if (bytes) x.setRegister(RSP, x.add(x.register(RSP, 64), bytes));
  x.jumpTo(target);
}

const nearReturn: Definition = {
  mnemonic: 'ret',
  encodings: ['C3; f64'],
  hot: true,
  endsBlock: true,
  mayCallHelper: true,
  execute(x) {
    returnNear(x);
  },
};

/** RET imm16 drops arguments. Outside 64-bit mode the stack's address size matters, which only a helper knows. */
const nearReturnAndDrop: readonly Definition[] = [
  {
    mnemonic: 'ret',
    encodings: ['C2 Iw; o64 f64'],
    endsBlock: true,
    mayCallHelper: true,
    execute(x, count) {
      returnNear(x, x.zeroExtend(x.load(count!), 64));
    },
  },
  { mnemonic: 'ret', encodings: ['C2 Iw; i64'], helper: 'nearBranch' },
];

/** Their counter is as wide as the address size, which a prefix may change: SDM 2 "LOOP/LOOPcc", "Jcc". */
const counted = (mnemonic: string, encoding: string): Definition => ({
  mnemonic,
  encodings: [`${encoding} Jb; f64`],
  helper: mnemonic,
});

export const controlFlowDefinitions: readonly Definition[] = [
  ...conditionalJumps,
  jump,
  jumpIndirect,
  call,
  callIndirect,
  nearReturn,
  ...nearReturnAndDrop,
  counted('loopne', 'E0'),
  counted('loope', 'E1'),
  counted('loop', 'E2'),
  counted('jcxz', 'E3'),
];
