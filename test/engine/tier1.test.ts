import { expect } from 'chai';
import { MODE } from '../../src/decode/mode.ts';
import { UntranslatableError } from '../../src/engine/tier1-semantics.ts';
import { EXIT } from '../../src/engine/uop.ts';
import type { Definition } from '../../src/isa/definition.ts';
import type { Form } from '../../src/isa/encoding.ts';
import { VECTOR } from '../../src/mmu/exception.ts';
import { CONTEXT, gprOffset } from '../../src/state/context.ts';
import { Prng } from '../oracle/prng.ts';
import {
  CODE_END,
  type CodeSize,
  DATA,
  type Ending,
  endingOf,
  equal,
  type Outcome,
  type PlacedBlock,
  TwoTiers,
} from './support/two-tiers.ts';

const SEED = 1;
/** Blocks that share a module: compiling one for each takes most of the time. */
const BATCH = 250;
const INPUTS = 2;
const CODE_SIZES: readonly CodeSize[] = [64, 64, 64, 64, 32, 32, 16];
const PAGE = 4096;

/** What ends a block without a change of mode or of translations, which a restored context would not undo. */
const NEAR_ENDS = /^(call|jmp|ret|loop|loope|loopne|jcxz|ud2)$/;

/** PAUSE and reads of CR8 need what a bare vCPU lacks: other vCPUs, and a LAPIC. */
const needsMachine = ({ definition, operands }: Form): boolean =>
  definition.mnemonic === 'pause' || operands.some((operand) => operand.class === 'control');

const mayBeInside = ({ definition, operands }: Form): boolean =>
  !definition.endsBlock && operands.every(({ kind }) => kind !== 'relative');

/** All translatable instructions in groups. Helpers that end blocks are called as the others are, and leave then. */
const GROUPS: readonly (readonly [string, number, (definition: Definition) => boolean])[] = [
  ['described integer instruction', 5000, ({ execute, unit }) => execute !== undefined && unit === undefined],
  ['described MMX or SSE instruction', 4000, ({ execute, unit }) => execute !== undefined && unit !== undefined],
  ['instruction of a helper inside of a block', 2000, ({ helper, continues }) => helper !== undefined && !!continues],
];

const mnemonicsOf = (forms: readonly Form[]): ReadonlySet<string> =>
  new Set(forms.map(({ definition }) => definition.mnemonic));

function explain(tiers: TwoTiers, block: PlacedBlock, outcomes: readonly [Outcome, Outcome]): string {
  const hex = Buffer.from(block.bytes).toString('hex');
  const text = block.instructions.map(({ form }) => `${form.definition.mnemonic} ${form.text}`).join('\n');
  return `${block.codeSize}-bit code ${hex}\n${text}\n${tiers.describeDifference(outcomes).slice(0, 12).join('\n')}`;
}

describe('Translated blocks', () => {
  let tiers: TwoTiers;
  before(() => {
    tiers = new TwoTiers();
  });

  /** Runs random blocks through both tiers. @returns how often they ended in which way, and what they held */
  function compare(name: string, blocks: number, make: (prng: Prng, codeSize: CodeSize) => PlacedBlock) {
    const endings: Record<Ending, number> = { fault: 0, exclusive: 0, slice: 0, lookup: 0, other: 0 };
    const met = new Set<string>();
    for (let first = 0; first < blocks; first += BATCH) {
      tiers.rewind();
      const prngs = Array.from({ length: BATCH }, (_, index) => new Prng(SEED, name, first + index));
      const batch = prngs.map((prng) => make(prng, prng.pick(CODE_SIZES)));
      const functions = tiers.translate(batch);
      batch.forEach((block, index) => {
        for (const { form } of block.instructions) met.add(form.definition.mnemonic);
        for (let input = 0; input < INPUTS; input++) {
          tiers.randomize(prngs[index]!, block);
          const outcomes = tiers.run(block, functions[index]!);
          if (!equal(outcomes)) expect.fail(explain(tiers, block, outcomes));
          endings[endingOf(outcomes[0])]++;
        }
      });
    }
    return { endings, met };
  }

  it('do what tier 0 does: ADD, SUB, CMP, AND, OR, XOR, MOV, LEA and TEST in all forms, then any Jcc', () => {
    const family = tiers.forms.filter(
      ({ definition, operands }) =>
        /^(add|sub|cmp|and|or|xor|mov|lea|test)$/.test(definition.mnemonic) &&
        definition.execute !== undefined &&
        operands.every((operand) => operand.class === 'gpr'),
    );
    const jumps = tiers.forms.filter(({ definition }) => /^j(n?[obesplz]|ae|be|a|ge|le|g)$/.test(definition.mnemonic));
    expect(mnemonicsOf(jumps)).to.have.lengthOf(16);
    const { endings, met } = compare('families', 5000, (prng, codeSize) =>
      tiers.makeBlock(prng, codeSize, prng.between(1, 12), family, jumps),
    );
    expect(met).to.include.all.keys(...mnemonicsOf(family), ...mnemonicsOf(jumps));
    expect(endings.lookup, 'whole blocks').to.be.above(3000);
    expect(endings.fault, 'faults').to.be.above(1000);
    expect(endings.exclusive, 'split locks').to.be.above(50);
    expect(endings.slice, 'spent budgets and kicks').to.be.above(100);
  });

  for (const [name, blocks, belongs] of GROUPS) {
    it(`do what tier 0 does with every ${name}`, () => {
      const all = tiers.forms.filter((form) => belongs(form.definition) && !needsMachine(form));
      const inner = all.filter(mayBeInside);
      const ends = tiers.forms.filter(({ definition }) => NEAR_ENDS.test(definition.mnemonic));
      const { endings, met } = compare(name, blocks, (prng, codeSize) =>
        tiers.makeBlock(prng, codeSize, prng.between(1, 4), inner, prng.chance(30) ? ends : []),
      );
      expect(met).to.include.all.keys(...mnemonicsOf(inner), ...mnemonicsOf(ends));
      expect(endings.lookup, 'whole blocks').to.be.above(blocks / 2);
    });
  }

  describe('at a fault in the middle', () => {
    const ADD_RAX_1 = [0x48, 0x83, 0xc0, 0x01];
    const SUB_RAX_5 = [0x48, 0x83, 0xe8, 0x05];
    const word = ({ context }: Outcome, offset: number): bigint => context.readBigUInt64LE(offset);

    /** Runs `add rax, 1`, an access by RBX, `sub rax, 5` and a jump, with RAX = -1. */
    function fault(access: readonly number[], rbx: number): Outcome {
      tiers.rewind();
      const block = tiers.assemble(64, [...ADD_RAX_1, ...access, ...SUB_RAX_5, 0xeb, 0x00]);
      const [run] = tiers.translate([block]);
      tiers.randomize(new Prng(SEED, 'faults', 0), block);
      tiers.setRegisters({ 0: 0xffff_ffff_ffff_ffffn, 3: BigInt(rbx) });
      const outcomes = tiers.run(block, run!);
      if (!equal(outcomes)) expect.fail(explain(tiers, block, outcomes));
      const after = outcomes[1];
      expect(word(after, CONTEXT.offset.rip)).to.equal(BigInt(block.address + ADD_RAX_1.length));
      expect(word(after, gprOffset(0)), 'RAX').to.equal(0n);
      expect(word(after, CONTEXT.offset.flagZ), 'ZF').to.equal(0n);
      expect(after.context.readUInt32LE(CONTEXT.offset.flagC), 'CF').to.equal(1);
      return after;
    }

    it('leave what the instructions before it did, where a load meets a page that is not present', () => {
      const { exception } = fault([0x48, 0x8b, 0x0b], DATA + 3 * PAGE);
      expect(exception).to.deep.equal([VECTOR.PF, 0, BigInt(DATA + 3 * PAGE)]);
    });

    it('do so where a load reaches into such a page', () => {
      const { exception } = fault([0x48, 0x8b, 0x0b], DATA + 3 * PAGE - 1);
      expect(exception).to.deep.equal([VECTOR.PF, 0, BigInt(DATA + 3 * PAGE)]);
    });

    it('write nothing where a read-modify-write reaches into a page that is read only', () => {
      const { exception } = fault([0x48, 0x01, 0x03], DATA + 2 * PAGE - 3);
      expect(exception).to.deep.equal([VECTOR.PF, 3, BigInt(DATA + 2 * PAGE)]);
    });

    it('raise what a definition raises', () => {
      // DIV by DL, which is made 0 by the test's registers.
      const block = tiers.assemble(64, [...ADD_RAX_1, 0xf6, 0xf2, 0xeb, 0x00]);
      const [run] = tiers.translate([block]);
      tiers.randomize(new Prng(SEED, 'faults', 0), block);
      tiers.setRegisters({ 2: 0n });
      const outcomes = tiers.run(block, run!);
      if (!equal(outcomes)) expect.fail(explain(tiers, block, outcomes));
      expect(outcomes[1].exception?.[0]).to.equal(VECTOR.DE);
    });
  });

  it('go on behind their last instruction where the page ends', () => {
    const bytes = [0x48, 0xff, 0xc0, 0x48, 0xff, 0xc9];
    const block = tiers.assemble(64, bytes, CODE_END - bytes.length);
    const [run] = tiers.translate([block]);
    tiers.randomize(new Prng(SEED, 'page end', 0), block);
    const outcomes = tiers.run(block, run!);
    if (!equal(outcomes)) expect.fail(explain(tiers, block, outcomes));
    expect(outcomes[1].exit).to.equal(EXIT.lookup);
    expect(outcomes[1].context.readBigUInt64LE(CONTEXT.offset.rip)).to.equal(BigInt(CODE_END));
  });

  it('raise #NM where the unit of an instruction is switched off', () => {
    const placed = tiers.assemble(64, [0x48, 0xff, 0xc0, 0x0f, 0x28, 0xc1]);
    const block = { ...placed, mode: placed.mode | MODE.sseNotAvailable };
    const [run] = tiers.translate([block]);
    tiers.randomize(new Prng(SEED, 'unit', 0), block);
    const outcomes = tiers.run(block, run!);
    if (!equal(outcomes)) expect.fail(explain(tiers, block, outcomes));
    expect(outcomes[1].exception?.[0]).to.equal(VECTOR.NM);
  });

  it('cannot hold instructions behind one that ends them', () => {
    const block = tiers.assemble(64, [0xeb, 0x00, 0x90]);
    expect(() => tiers.translate([block])).to.throw(UntranslatableError, 'behind the end');
  });
});
