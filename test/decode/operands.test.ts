import { expect } from 'chai';
import { assembly, code16, code32, code64, decode, failure } from './decoding.ts';

describe('operand size in 64-bit mode (SDM 1 table 3-4)', () => {
  it('is 64 by default for d64 forms, and 66 makes it 16', () => {
    expect(assembly('55', code64)).to.equal('push r5:64');
    expect(assembly('66 55', code64)).to.equal('push r5:16');
    expect(assembly('55', code32)).to.equal('push r5:32');
    expect(assembly('66 68 01 80', code64)).to.equal('push imm16 -32767');
  });

  it('is always 64 for f64 forms', () => {
    expect(assembly('66 0F 84 FE FF FF FF', code64)).to.equal('je rel32 -2');
    expect(decode('66 0F 84 FE FF FF FF', code64).operandSize).to.equal(64);
    expect(assembly('66 0F 84 FE FF', code32)).to.equal('je rel16 -2');
    expect(assembly('66 0F 22 C0', code64)).to.equal('mov cr0, r0:64');
    expect(assembly('66 0F 22 C0', code32)).to.equal('mov cr0, r0:32');
  });

  it('chooses forms by code size', () => {
    expect(assembly('63 C1', code64)).to.equal('movsxd r0:32, r1:32');
    expect(assembly('48 63 C1', code64)).to.equal('movsxd r0:64, r1:32');
    expect(assembly('63 C1', code32)).to.equal('arpl r1:16, r0:16');
  });
});

describe('16-bit addressing (SDM 2A table 2-1)', () => {
  it('adds pairs of registers, those with BP in SS', () => {
    expect(assembly('03 00', code16)).to.equal('add r0:16, m16 ds:r3+r6*1+0');
    expect(assembly('03 42 FE', code16)).to.equal('add r0:16, m16 ss:r5+r6*1+-2');
    expect(assembly('03 87 34 92', code16)).to.equal('add r0:16, m16 ds:r3+-28108');
    expect(assembly('03 46 00', code16)).to.equal('add r0:16, m16 ss:r5+0');
  });

  it('has a bare displacement in place of BP', () => {
    expect(assembly('03 06 34 12', code16)).to.equal('add r0:16, m16 ds:4660');
  });
});

describe('32- and 64-bit addressing (SDM 2A tables 2-2, 2-3, 2-5)', () => {
  it('takes base and displacement', () => {
    expect(assembly('03 43 80', code32)).to.equal('add r0:32, m32 ds:r3+-128');
    expect(assembly('03 83 00 00 00 80', code64)).to.equal('add r0:32, m32 flat:r3+-2147483648');
    expect(assembly('41 03 07', code64)).to.equal('add r0:32, m32 flat:r15+0');
  });

  it('takes base, index and scale; ESP is no index, R12 is', () => {
    expect(assembly('03 04 9F', code32)).to.equal('add r0:32, m32 ds:r7+r3*4+0');
    expect(assembly('03 04 24', code32)).to.equal('add r0:32, m32 ss:r4+0');
    expect(assembly('42 03 04 23', code64)).to.equal('add r0:32, m32 flat:r3+r12*1+0');
  });

  it('has no base where SIB names 5 and mod is 0, with or without REX.B', () => {
    expect(assembly('03 04 4D 01 00 00 00', code64)).to.equal('add r0:32, m32 flat:r1*2+1');
    expect(assembly('41 03 04 4D 01 00 00 00', code64)).to.equal('add r0:32, m32 flat:r1*2+1');
    expect(assembly('41 03 44 4D 01', code64)).to.equal('add r0:32, m32 flat:r13+r1*2+1');
  });

  it('is RIP-relative in 64-bit mode where others have a bare displacement', () => {
    expect(assembly('03 05 10 00 00 00', code32)).to.equal('add r0:32, m32 ds:16');
    expect(assembly('03 05 10 00 00 00', code64)).to.equal('add r0:32, m32 flat:rip+16');
    expect(decode('67 03 05 10 00 00 00', code64).addressSize).to.equal(32);
  });

  it('finds what RSP and RBP address in the stack, unless overridden, but not R12 and R13', () => {
    expect(assembly('03 45 00', code64)).to.equal('add r0:32, m32 flatStack:r5+0');
    expect(assembly('41 03 45 00', code64)).to.equal('add r0:32, m32 flat:r13+0');
    expect(assembly('64 03 45 00', code64)).to.equal('add r0:32, m32 fs:r5+0');
    expect(assembly('3E 03 45 00', code32)).to.equal('add r0:32, m32 ds:r5+0');
    expect(assembly('3E 03 45 00', code64)).to.equal('add r0:32, m32 flatStack:r5+0');
  });
});

describe('operands beside ModRM', () => {
  it('reads absolute offsets as wide as the address size', () => {
    expect(assembly('A0 34 12', code16)).to.equal('mov r0:8, m8 ds:4660');
    expect(assembly('A1 01 00 00 80', code32)).to.equal('mov r0:32, m32 ds:-2147483647');
    expect(assembly('65 A1 01 00 00 00 00 00 00 80', code64)).to.equal('mov r0:32, m32 gs:-9223372036854775807');
    expect(decode('67 A1 01 00 00 00', code64).length).to.equal(6);
  });

  it('sign-extends sI and Iz to the operand size', () => {
    expect(assembly('83 C0 80', code16)).to.equal('add r0:16, imm16 -128');
    expect(assembly('48 83 C0 FF', code64)).to.equal('add r0:64, imm64 -1');
    expect(assembly('48 81 C8 00 00 00 80', code64)).to.equal('or r0:64, imm64 -2147483648');
    expect(assembly('C1 E0 FF', code64)).to.equal('shl r0:32, imm8 255');
  });

  it('reads 8 bytes for MOV with REX.W', () => {
    expect(assembly('48 B8 FF FF FF FF FF FF FF FF', code64)).to.equal('mov r0:64, imm64 18446744073709551615');
  });

  it('reads far pointers, offset first', () => {
    expect(assembly('9A 78 56 34 12 08 00', code32)).to.equal('callf far48 8:305419896');
    expect(assembly('9A 34 12 08 00', code16)).to.equal('callf far32 8:4660');
    expect(assembly('FF 1B', code32)).to.equal('callf m48 ds:r3+0');
    expect(assembly('48 FF 1B', code64)).to.equal('callf m80 flat:r3+0');
    expect(failure('FF DB', code32)).to.equal('undefined');
  });

  it("reads ENTER's two immediates in their order", () => {
    expect(assembly('C8 34 12 05', code64)).to.equal('enter imm16 4660, imm8 5');
  });

  it('has fixed operands', () => {
    expect(assembly('D1 E0', code64)).to.equal('shl r0:32, imm8 1');
    expect(assembly('D3 E0', code64)).to.equal('shl r0:32, r1:8');
    expect(assembly('06', code32)).to.equal('push sr0');
  });

  it('finds strings at rSI, where an override counts, and at ES:rDI, where it does not', () => {
    expect(assembly('64 A5', code32)).to.equal('movs m32 es:r7+0, m32 fs:r6+0');
    expect(assembly('48 A5', code64)).to.equal('movs m64 flat:r7+0, m64 flat:r6+0');
  });

  it('reads no displacement-dependent segment for LEA', () => {
    expect(assembly('48 8D 44 24 08', code64)).to.equal('lea r0:64, m0 flatStack:r4+8');
    expect(failure('8D C0', code64)).to.equal('undefined');
  });

  it('chooses between memory and register forms', () => {
    expect(assembly('66 0F 3A 15 C8 01', code64)).to.equal('pextrw r0:32, xmm1, imm8 1');
    expect(assembly('66 0F 3A 15 08 01', code64)).to.equal('pextrw m16 flat:r0+0, xmm1, imm8 1');
  });

  it('prefers a fixed ModRM byte and a digit to a form for the whole opcode', () => {
    expect(assembly('D9 E8', code32)).to.equal('fld1');
    expect(assembly('D9 2B', code32)).to.equal('fldcw m16 ds:r3+0');
    expect(assembly('D9 03', code32)).to.equal('fpu m32 ds:r3+0');
    expect(assembly('D9 E9', code32)).to.equal('fpu r1:32');
  });
});

describe('special registers (SDM 2 "MOV")', () => {
  it('has 8 MMX registers, whatever REX says', () => {
    expect(assembly('45 0F 6E C9', code64)).to.equal('movd mm1, r9:32');
    expect(assembly('66 4D 0F 6E C9', code64)).to.equal('movd xmm9, r9:64');
  });

  it('has 6 segment registers, and no destination CS', () => {
    expect(assembly('8E D8', code32)).to.equal('mov sr3, r0:16');
    expect(assembly('44 8E D8', code64)).to.equal('mov sr3, r0:16');
    expect(assembly('8C C8', code32)).to.equal('mov r0:32, sr1');
    expect(failure('8E C8', code32)).to.equal('undefined');
    expect(failure('8E F0', code32)).to.equal('undefined');
    expect(failure('8C F8', code32)).to.equal('undefined');
  });

  it('has control registers 0, 2, 3, 4 and 8', () => {
    const exists = (index: number) => {
      const modrm = (0xc0 | ((index & 7) << 3)).toString(16);
      return failure(`${index > 7 ? '44 ' : ''}0F 20 ${modrm}`, code64) === undefined;
    };
    expect(Array.from({ length: 16 }, (_, index) => index).filter(exists)).to.deep.equal([0, 2, 3, 4, 8]);
  });

  it('has debug registers 0 to 7', () => {
    expect(assembly('0F 21 F9', code64)).to.equal('mov r1:64, dr7');
    expect(failure('44 0F 21 C1', code64)).to.equal('undefined');
  });

  it('takes MOV of control and debug registers for register forms, whatever mod says', () => {
    expect(assembly('0F 20 05', code64)).to.equal('mov r5:64, cr0');
    expect(decode('0F 21 44', code32).length).to.equal(3);
  });
});
