import { expect } from 'chai';
import { setSegment } from '../../src/vcpu/segments.ts';
import { GP, RAX, RDX, SystemVcpu } from './system-vcpu.ts';

const TSS = 0x5000;
const IN_AL_DX = [0xec];
const IN_EAX_DX = [0xed];
const OUT_IMM_AL = [0xe6, 0x80];
const TSS32 = 0x8b;
const TSS16 = 0x83;

/** Code at CPL 3 with a permission bit map at offset 0x68. */
function user(options: { limit?: number; type?: number; iopl?: number; map?: number[] } = {}): SystemVcpu {
  const vcpu = new SystemVcpu().longMode(3);
  setSegment(vcpu.cpu, 'tr', 40, BigInt(TSS), options.limit ?? 0x67 + 0x21, options.type ?? TSS32);
  vcpu.poke(TSS + 0x66, [0x68, 0]);
  vcpu.poke(TSS + 0x68, options.map ?? Array(0x21).fill(0));
  vcpu.cpu.rflags = 2 | ((options.iopl ?? 0) << 12);
  vcpu.set(RDX, 0x80);
  return vcpu;
}

describe('IN and OUT', () => {
  it('move 1, 2 or 4 bytes by register width', () => {
    const vcpu = new SystemVcpu().longMode();
    vcpu.set(RAX, -1);
    vcpu.set(RDX, 0x1234);
    vcpu.run(0xec);
    expect(vcpu.get(RAX)).to.equal(0xffff_ffff_ffff_ff01n);
    vcpu.run(0x66, 0xed);
    expect(vcpu.get(RAX)).to.equal(0xffff_ffff_ffff_0002n);
    vcpu.run(0x48, 0xed);
    expect(vcpu.get(RAX)).to.equal(3n);
    expect(vcpu.ports.reads).to.deep.equal([
      [0x1234, 1],
      [0x1234, 2],
      [0x1234, 4],
    ]);
    vcpu.set(RAX, 0x1122_3344);
    vcpu.run(0xe7, 0x21);
    vcpu.run(0x66, 0xef);
    expect(vcpu.ports.writes).to.deep.equal([
      [0x21, 4, 0x1122_3344],
      [0x1234, 2, 0x3344],
    ]);
  });
});

describe('the I/O permission bit map (SDM 1 19.5.2)', () => {
  it('lets clear bits through and refuses set ones', () => {
    user().run(...IN_AL_DX);
    const map = Array(0x21).fill(0);
    map[0x10] = 1;
    expect(user({ map }).fault(...IN_AL_DX)).to.deep.equal(GP);
    expect(user({ map }).fault(...OUT_IMM_AL)).to.deep.equal(GP);
  });

  it('looks at one bit for each byte of the access, across map bytes', () => {
    const map = Array(0x21).fill(0);
    map[0x11] = 1;
    const vcpu = user({ map });
    vcpu.set(RDX, 0x85);
    expect(vcpu.fault(...IN_EAX_DX)).to.deep.equal(GP);
    vcpu.run(0x66, ...IN_EAX_DX);
  });

  it('must hold the byte behind that of the port', () => {
    expect(user({ limit: 0x68 + 0x10 }).fault(...IN_AL_DX)).to.deep.equal(GP);
    user({ limit: 0x68 + 0x11 }).run(...IN_AL_DX);
    expect(user({ limit: 0x66 }).fault(...IN_AL_DX)).to.deep.equal(GP);
  });

  it('is not looked at when IOPL suffices, and not there in a 16-bit TSS', () => {
    user({ iopl: 3, limit: 0 }).run(...IN_AL_DX);
    expect(user({ type: TSS16 }).fault(...IN_AL_DX)).to.deep.equal(GP);
  });

  it('rules virtual-8086 mode whatever IOPL is', () => {
    const vcpu = user({ iopl: 3, limit: 0 });
    vcpu.cpu.rflags |= 1 << 17;
    expect(vcpu.fault(...IN_AL_DX)).to.deep.equal(GP);
  });
});
