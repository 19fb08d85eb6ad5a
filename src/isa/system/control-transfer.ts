// Far transfers, interrupts by instruction, and fast system calls. What they do is in src/vcpu/helpers.
import type { Definition } from '../definition.ts';

export const controlTransferDefinitions: readonly Definition[] = [
  { mnemonic: 'jmpf', encodings: ['EA Ap; i64', 'FF /5 Mp'], helper: 'farJump' },
  { mnemonic: 'callf', encodings: ['9A Ap; i64', 'FF /3 Mp'], helper: 'farCall' },
  { mnemonic: 'retf', encodings: ['CB', 'CA Iw'], helper: 'farReturn' },
  { mnemonic: 'iret', encodings: ['CF'], helper: 'interruptReturn' },
  { mnemonic: 'int', encodings: ['CD Ib'], helper: 'int' },
  { mnemonic: 'int3', encodings: ['CC'], helper: 'int3' },
  { mnemonic: 'int1', encodings: ['F1'], helper: 'int1' },
  { mnemonic: 'into', encodings: ['CE; i64'], helper: 'into' },
  { mnemonic: 'bound', encodings: ['62 Gv,M; i64'], helper: 'bound' },
  { mnemonic: 'sysenter', encodings: ['0F 34'], helper: 'sysenter', feature: 'sep' },
  { mnemonic: 'sysexit', encodings: ['0F 35'], helper: 'sysexit', feature: 'sep' },
  { mnemonic: 'syscall', encodings: ['0F 05'], helper: 'syscall', feature: 'syscall' },
  { mnemonic: 'sysret', encodings: ['0F 07'], helper: 'sysret', feature: 'syscall' },
  { mnemonic: 'swapgs', encodings: ['0F 01 =F8; o64'], helper: 'swapgs', continues: true },
];
