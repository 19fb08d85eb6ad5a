import { expect } from 'chai';
import { disassemble } from './disassemble.ts';
import { Generator } from './generate.ts';
import { CODE_START } from './layout.ts';
import { FLAG, type MachineState, type Outcome } from './machine.ts';
import { type HostFeatures, NativeOracle } from './native.ts';
import { compareFamily } from './run.ts';
import { FAMILIES, type Family } from './templates/index.ts';

const CASES = 500;
const familyNamed = (name: string): Family => FAMILIES.find((family) => family.name === name)!;

describe('the comparison of outcomes', () => {
  let native: NativeOracle;
  let features: HostFeatures;

  before(async () => {
    ({ oracle: native, features } = await NativeOracle.start());
  });
  after(() => native.stop());

  /** Compares the host with itself after `tamper` has changed what one side says. */
  async function mismatchesAfter(family: string, tamper: (state: MachineState, outcome: Outcome) => void) {
    const generator = new Generator(1, features.has);
    return compareFamily(familyNamed(family), 0, CASES, {
      generator,
      native: (cases) => native.run(cases),
      tested: async (cases) => {
        const outcomes = await native.run(cases);
        for (const outcome of outcomes) tamper(outcome.state, outcome);
        return outcomes;
      },
      maxReports: 1,
    });
  }

  it('finds none between the host and itself, in any family', async () => {
    for (const { name } of FAMILIES) expect((await mismatchesAfter(name, () => {})).reports, name).to.deep.equal([]);
  }).timeout(60_000);

  it('finds a wrong flag in every case that defines it, and in no other', async () => {
    const invertCarry = (state: MachineState) => {
      state.rflags ^= FLAG.CF;
    };
    expect((await mismatchesAfter('alu', invertCarry)).mismatches).to.equal(CASES);
    const divisions = await mismatchesAfter('muldiv', invertCarry);
    expect(divisions.mismatches).to.be.within(1, CASES - 1);
  });

  it('finds a wrong register, byte of memory, RIP or exception', async () => {
    const tamperings: ((state: MachineState, outcome: Outcome) => void)[] = [
      (state) => {
        state.gpr[6]! ^= 1n;
      },
      (state) => {
        state.memory = state.memory.slice();
        state.memory[77]! ^= 1;
      },
      (state) => {
        state.xmm[3]! ^= 1;
      },
      (_, outcome) => {
        outcome.rip += 1n;
      },
      (_, outcome) => {
        outcome.exception = { vector: 99 };
      },
    ];
    for (const tamper of tamperings) expect((await mismatchesAfter('move', tamper)).mismatches).to.equal(CASES);
  });

  it('reports the instruction, how to make it again and what differs', async () => {
    const { reports } = await mismatchesAfter('shift', (state) => {
      state.gpr[0]! ^= 1n;
    });
    expect(reports[0]).to.match(/npm run fuzz -- --seed 1 --family shift --case 0\n {2}rax:\n/);
  });

  it('disassembles with iced-x86', () => {
    expect(disassemble(Uint8Array.of(0x01, 0xc8), 64, BigInt(CODE_START))).to.contain('add eax,ecx');
  });
});
