// Stack instructions that wasm handlers leave to src/vcpu/helpers/stack.ts.
import type { Definition } from '../definition.ts';

export const stackFrameDefinitions: readonly Definition[] = [
  {
    mnemonic: 'push',
    encodings: ['06 ES; i64', '0E CS; i64', '16 SS; i64', '1E DS; i64', '0F A0 FS; d64', '0F A8 GS; d64'],
    helper: 'pushSegment',
    continues: true,
  },
  {
    mnemonic: 'pop',
    encodings: ['07 ES; i64', '1F DS; i64', '0F A1 FS; d64', '0F A9 GS; d64'],
    helper: 'popSegment',
    continues: true,
  },
  // POP SS opens a shadow and may change the stack's width: the block ends.
  { mnemonic: 'pop', encodings: ['17 SS; i64'], helper: 'popSegment' },
  { mnemonic: 'pusha', encodings: ['60; i64'], helper: 'pushAll', continues: true },
  { mnemonic: 'popa', encodings: ['61; i64'], helper: 'popAll', continues: true },
  { mnemonic: 'enter', encodings: ['C8 Iw,Ib; d64'], helper: 'enter', continues: true },
];
