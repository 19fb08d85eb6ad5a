import { expect } from 'chai';
import { CODE_START, DATA_BASE, DATA_SIZE, SELECTORS } from './layout.ts';
import { type CodeSize, FLAG, type MachineState, type Outcome } from './machine.ts';
import { NativeOracle } from './native.ts';

const MASKED_MXCSR = 0x1f80;

/** A state with R(i) = i * 0x1111, RSP in the middle of the window and memory counting up. */
function plainState(): MachineState {
  const gpr = BigUint64Array.from({ length: 16 }, (_, i) => BigInt(i * 0x1111));
  gpr[4] = BigInt(DATA_BASE + 0x1000);
  return {
    gpr,
    rflags: 0x202,
    xmm: Uint8Array.from({ length: 256 }, (_, i) => i),
    mxcsr: MASKED_MXCSR,
    mm: Uint8Array.from({ length: 64 }, (_, i) => i ^ 0xff),
    fcw: 0x37f,
    fsw: 0,
    ftw: 0xff,
    memory: Uint8Array.from({ length: DATA_SIZE }, (_, i) => i),
  };
}

describe('the native harness, by hand-computed outcomes', () => {
  let oracle: NativeOracle;
  let has: ReadonlySet<string>;

  before(async () => {
    const started = await NativeOracle.start();
    oracle = started.oracle;
    has = started.features.has;
  });
  after(() => oracle.stop());

  async function run(hex: string, change: (state: MachineState) => void = () => {}, codeSize: CodeSize = 64) {
    const initial = plainState();
    change(initial);
    const [outcome] = await oracle.run([{ bytes: Uint8Array.from(Buffer.from(hex, 'hex')), codeSize, initial }]);
    return outcome as Outcome;
  }

  it('ADD EAX,ECX wraps, clears the upper half and sets flags', async () => {
    const { state, rip, exception } = await run('01c8', ({ gpr }) => {
      gpr[0] = 0xffff_ffff_ffff_ffffn;
      gpr[1] = 1n;
    });
    expect(state.gpr[0]).to.equal(0n);
    expect(state.rflags & 0x8d5).to.equal(FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF);
    expect(rip).to.equal(2n);
    expect(exception).to.equal(null);
  });

  it('PUSH RBP writes below RSP, and only there', async () => {
    const { state } = await run('55');
    const expected = plainState().memory;
    new DataView(expected.buffer).setBigUint64(0xff8, 0x5555n, true);
    expect(state.memory).to.deep.equal(expected);
    expect(state.gpr[4]).to.equal(BigInt(DATA_BASE + 0xff8));
  });

  it('DIV by zero is #DE with every register unchanged', async () => {
    const { state, rip, exception } = await run('f7f1', ({ gpr }) => {
      gpr[1] = 0n;
    });
    expect(exception).to.deep.equal({ vector: 0 });
    expect(rip).to.equal(0n);
    expect(state.gpr[0]).to.equal(0n);
    expect(state.gpr[2]).to.equal(0x2222n);
  });

  it('a write across the end of the window is #PF for a write at the unmapped page', async () => {
    const { exception, state } = await run('488903', ({ gpr }) => {
      gpr[3] = BigInt(DATA_BASE + DATA_SIZE - 4);
    });
    expect(exception).to.deep.equal({ vector: 14, errorCode: 6, cr2: BigInt(DATA_BASE + DATA_SIZE) });
    expect(state.memory).to.deep.equal(plainState().memory);
  });

  it('JMP and RET end at their targets', async () => {
    expect((await run('eb10')).rip).to.equal(0x12n);
    const target = CODE_START - 0x123;
    const ret = await run('c3', ({ memory }) => new DataView(memory.buffer).setBigUint64(0x1000, BigInt(target), true));
    expect(ret).to.include({ rip: -0x123n, exception: null });
  });

  it('a jump out of the code pages completes', async () => {
    expect(await run('e900001000')).to.include({ rip: 0x10_0005n, exception: null });
  });

  it('UD2 and INT3 raise their exceptions, INT3 after itself', async () => {
    expect(await run('0f0b')).to.deep.include({ rip: 0n, exception: { vector: 6 } });
    expect(await run('cc')).to.deep.include({ rip: 1n, exception: { vector: 3 } });
  });

  it('PADDB XMM1,XMM2 adds bytes; MOVQ MM0,MM1 copies a register', async () => {
    const { state } = await run('660ffcca');
    expect([...state.xmm.subarray(16, 32)]).to.deep.equal(Array.from({ length: 16 }, (_, i) => 0x30 + 2 * i));
    const moved = (await run('0f6fc1')).state;
    expect([...moved.mm.subarray(0, 8)]).to.deep.equal([...plainState().mm.subarray(8, 16)]);
  });

  it('DIVSS by zero raises #XM where it is unmasked, and the flag where it is masked', async () => {
    const zeroDivisor = (state: MachineState) => {
      state.xmm.fill(0);
      state.xmm.set([0, 0, 0x80, 0x3f]); // 1.0
    };
    const masked = await run('f30f5ec1', zeroDivisor);
    expect(masked.state.mxcsr).to.equal(MASKED_MXCSR | 4);
    expect([...masked.state.xmm.subarray(0, 4)]).to.deep.equal([0, 0, 0x80, 0x7f]);
    const raised = await run('f30f5ec1', (state) => {
      zeroDivisor(state);
      state.mxcsr = MASKED_MXCSR & ~0x200;
    });
    expect(raised.exception).to.deep.equal({ vector: 19 });
  });

  it('an unaligned MOVAPS is #GP(0), an FS override has base 0', async () => {
    const unaligned = await run('0f2803', ({ gpr }) => {
      gpr[3] = BigInt(DATA_BASE + 1);
    });
    expect(unaligned.exception).to.deep.equal({ vector: 13, errorCode: 0 });
    const overridden = await run('64488b03', ({ gpr }) => {
      gpr[3] = BigInt(DATA_BASE);
    });
    expect(overridden.state.gpr[0]).to.equal(0x0706_0504_0302_0100n);
  });

  it('32-bit code has its own opcodes: INC EAX by 40, PUSH DS by 1E', async () => {
    const { state } = await run('40', undefined, 32);
    expect(state.gpr[0]! & 0xffff_ffffn).to.equal(1n);
    const pushed = (await run('1e', undefined, 32)).state;
    expect(pushed.memory[0xffc]).to.equal(SELECTORS.data);
  });

  it('16-bit code addresses the window through its segments', async function () {
    if (!has.has('code16')) this.skip();
    const { state } = await run(
      '8b07', // MOV AX,[BX]
      ({ gpr }) => {
        gpr[3] = 0x4010n;
      },
      16,
    );
    expect(state.gpr[0]! & 0xffffn).to.equal(0x1110n);
  });

  it('forgets what POPF did to TF, NT, AC and ID before the next case', async () => {
    const popped = await run('9d', ({ memory }) => new DataView(memory.buffer).setUint32(0x1000, 0x24_4dd7, true));
    expect(popped.state.rflags & ~0x10000).to.equal(0x24_4fd7);
    const next = await run('90');
    expect(next.state.rflags & ~0x10000).to.equal(0x202);
  });
});
