import { expect } from 'chai';
import { HandlerSet } from '../../../src/engine/handlers.ts';
import { buildTier0 } from '../../../src/engine/tier0-module.ts';
import { DEFINITIONS } from '../../../src/isa/index.ts';

describe('tier 0 of all definitions', () => {
  it('is a valid WebAssembly module', () => {
    const handlers = new HandlerSet(DEFINITIONS);
    const module = buildTier0(handlers, () => 0);
    expect(handlers.specs.length).to.be.above(1000);
    expect(WebAssembly.validate(module)).to.equal(true);
  });
});
