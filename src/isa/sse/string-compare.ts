// PCMPESTRI to PCMPISTRM: SDM 1 12.9.4. Done by helpers; their memory operands need no alignment.
import type { Definition } from '../definition.ts';

const comparison = (mnemonic: string, opcode: string): Definition => ({
  mnemonic,
  encodings: [`66 0F 3A ${opcode} Vx,Wx,Ib`],
  unit: 'sse',
  feature: 'sse4.2',
  helper: mnemonic,
  continues: true,
});

export const stringCompareDefinitions: readonly Definition[] = [
  comparison('pcmpestrm', '60'),
  comparison('pcmpestri', '61'),
  comparison('pcmpistrm', '62'),
  comparison('pcmpistri', '63'),
];
