// Segment registers and descriptor tables: SDM 2 pages of each. What they do is in src/vcpu/helpers/segmentation.ts.
import type { Definition } from '../definition.ts';

export const segmentationDefinitions: readonly Definition[] = [
  { mnemonic: 'mov', encodings: ['8C Ev,Sw'], helper: 'movFromSegment', continues: true },
  // MOV SS opens a shadow and may change the stack's width: the block ends.
  { mnemonic: 'mov', encodings: ['8E Sw,Ew'], helper: 'movToSegment' },
  { mnemonic: 'les', encodings: ['C4 Gv,Mp; i64'], helper: 'les', continues: true },
  { mnemonic: 'lds', encodings: ['C5 Gv,Mp; i64'], helper: 'lds', continues: true },
  { mnemonic: 'lss', encodings: ['0F B2 Gv,Mp'], helper: 'lss' },
  { mnemonic: 'lfs', encodings: ['0F B4 Gv,Mp'], helper: 'lfs', continues: true },
  { mnemonic: 'lgs', encodings: ['0F B5 Gv,Mp'], helper: 'lgs', continues: true },
  { mnemonic: 'sgdt', encodings: ['0F 01 /0 Ms'], helper: 'sgdt', continues: true },
  { mnemonic: 'sidt', encodings: ['0F 01 /1 Ms'], helper: 'sidt', continues: true },
  { mnemonic: 'lgdt', encodings: ['0F 01 /2 Ms'], helper: 'lgdt', continues: true },
  { mnemonic: 'lidt', encodings: ['0F 01 /3 Ms'], helper: 'lidt', continues: true },
  { mnemonic: 'sldt', encodings: ['0F 00 /0 Ev'], helper: 'sldt', continues: true },
  { mnemonic: 'str', encodings: ['0F 00 /1 Ev'], helper: 'str', continues: true },
  { mnemonic: 'lldt', encodings: ['0F 00 /2 Ew'], helper: 'lldt', continues: true },
  { mnemonic: 'ltr', encodings: ['0F 00 /3 Ew'], helper: 'ltr', continues: true },
  { mnemonic: 'verr', encodings: ['0F 00 /4 Ew'], helper: 'verr', continues: true },
  { mnemonic: 'verw', encodings: ['0F 00 /5 Ew'], helper: 'verw', continues: true },
  { mnemonic: 'lar', encodings: ['0F 02 Gv,Ew'], helper: 'lar', continues: true },
  { mnemonic: 'lsl', encodings: ['0F 03 Gv,Ew'], helper: 'lsl', continues: true },
  { mnemonic: 'arpl', encodings: ['63 Ew,Gw; i64'], helper: 'arpl', continues: true },
];
