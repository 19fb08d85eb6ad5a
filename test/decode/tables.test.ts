import { expect } from 'chai';
import { OpcodeTables } from '../../src/decode/opcode-tables.ts';
import { DEFINITIONS } from '../../src/isa/index.ts';

describe('the opcode tables of all definitions', () => {
  it('tell every two forms of an opcode apart, with all features and with none', () => {
    for (const present of [true, false]) {
      const tables = new OpcodeTables(DEFINITIONS, () => present);
      expect(() => tables.check()).not.to.throw();
    }
  });
});
