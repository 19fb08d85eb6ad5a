import { expect } from 'chai';
import { HandlerSet } from '../../../src/engine/handlers.ts';
import { buildTier0 } from '../../../src/engine/tier0-module.ts';
import { integerDefinitions } from '../../../src/isa/integer/index.ts';
import { HELPERS } from '../../../src/vcpu/helpers/index.ts';
import { integerHelpers } from '../../../src/vcpu/helpers/integer.ts';

describe('the helpers of the integer instructions', () => {
  it('are all there, and none is without a definition that names it, directly or for its rare cases', () => {
    const named = new Set(integerDefinitions.flatMap(({ helper }) => helper ?? []));
    buildTier0(new HandlerSet(integerDefinitions), (name) => named.add(name).size);
    expect(HELPERS).to.include.all.keys(...named);
    expect([...named]).to.include.members(Object.keys(integerHelpers));
  });
});
