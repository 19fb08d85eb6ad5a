import { expect } from 'chai';
import { Decoder } from '../../src/decode/decoder.ts';
import { MODE } from '../../src/decode/mode.ts';
import { assembly, attempt, code16, code32, code64, decode, failure, SAMPLES } from './decoding.ts';

describe('legacy prefixes (SDM 2A 2.1.1)', () => {
  it('toggles the operand size with 66', () => {
    expect(assembly('03 C1', code16)).to.equal('add r0:16, r1:16');
    expect(assembly('66 03 C1', code16)).to.equal('add r0:32, r1:32');
    expect(assembly('03 C1', code32)).to.equal('add r0:32, r1:32');
    expect(assembly('66 03 C1', code32)).to.equal('add r0:16, r1:16');
    expect(assembly('66 03 C1', code64)).to.equal('add r0:16, r1:16');
  });

  it('toggles the address size with 67', () => {
    expect(decode('67 03 00', code16).addressSize).to.equal(32);
    expect(decode('67 03 00', code32).addressSize).to.equal(16);
    expect(decode('67 03 00', code64).addressSize).to.equal(32);
  });

  it('does not toggle back when a prefix is repeated', () => {
    const { operandSize, addressSize, length } = decode('66 67 66 67 03 00', code32);
    expect([operandSize, addressSize, length]).to.deep.equal([16, 16, 6]);
  });

  it('takes the last segment override', () => {
    expect(assembly('2E 26 03 00', code32)).to.equal('add r0:32, m32 es:r0+0');
    expect(assembly('64 36 03 00', code32)).to.equal('add r0:32, m32 ss:r0+0');
  });

  it('ignores CS, DS, ES and SS overrides in 64-bit mode, even after FS or GS', () => {
    expect(assembly('36 03 00', code64)).to.equal('add r0:32, m32 flat:r0+0');
    expect(assembly('65 2E 03 00', code64)).to.equal('add r0:32, m32 gs:r0+0');
    expect(decode('65 2E 90', code64).dataSegment).to.equal('gs');
    expect(decode('2E 90', code64).dataSegment).to.equal('flat');
  });

  it('tells the last of F2 and F3', () => {
    expect(decode('F2 F3 A4', code32).repeat).to.equal(0xf3);
    expect(decode('F3 F2 A4', code32).repeat).to.equal(0xf2);
    expect(decode('A4', code32).repeat).to.equal(0);
  });
});

describe('LOCK (SDM 2 "LOCK")', () => {
  it('is taken where the destination of a lockable instruction is memory', () => {
    expect(decode('F0 01 08', code64).lock).to.equal(true);
    expect(decode('01 08', code64).lock).to.equal(false);
  });

  it('is #UD with a register destination, a memory source, or another instruction', () => {
    expect(failure('F0 01 C8', code64)).to.equal('undefined');
    expect(failure('F0 03 08', code64)).to.equal('undefined');
    expect(failure('F0 88 08', code64)).to.equal('undefined');
    expect(failure('F0 0F 20 C0', code64)).to.equal('undefined');
  });

  it('is checked and then dropped while the world is stopped', () => {
    expect(decode('F0 01 08', code64 | MODE.unlocked).lock).to.equal(false);
    expect(failure('F0 03 08', code64 | MODE.unlocked)).to.equal('undefined');
  });
});

describe('REX (SDM 2A 2.2.1)', () => {
  it('extends registers and takes the 64-bit operand size over 66', () => {
    expect(assembly('4D 03 D1', code64)).to.equal('add r10:64, r9:64');
    expect(assembly('66 48 03 C1', code64)).to.equal('add r0:64, r1:64');
    expect(assembly('41 B8 01 00 00 00', code64)).to.equal('mov r8:32, imm32 1');
  });

  it('counts only directly before the opcode', () => {
    const { operandSize, rex } = decode('48 66 03 C1', code64);
    expect([operandSize, rex]).to.deep.equal([16, 0]);
    expect(decode('48 41 03 C1', code64).rex).to.equal(0x41);
  });

  it('makes SPL, BPL, SIL and DIL of AH, CH, DH and BH', () => {
    expect(assembly('88 E5', code64)).to.equal('mov ch, ah');
    expect(assembly('40 88 E5', code64)).to.equal('mov r5:8, r4:8');
    expect(assembly('B7 05', code64)).to.equal('mov bh, imm8 5');
  });

  it('is INC or DEC outside 64-bit mode', () => {
    expect(assembly('43', code32)).to.equal('inc r3:32');
  });
});

describe('mandatory prefixes (SDM 2A 2.1.2)', () => {
  it('select the form, F2 and F3 before 66', () => {
    expect(assembly('0F 10 C1', code64)).to.equal('movups xmm0, xmm1');
    expect(assembly('66 0F 10 C1', code64)).to.equal('movupd xmm0, xmm1');
    expect(assembly('66 F3 0F 10 C1', code64)).to.equal('movss xmm0, xmm1');
    expect(assembly('F3 66 0F 10 C1', code64)).to.equal('movss xmm0, xmm1');
    expect(failure('66 F2 0F 10 C1', code64)).to.equal('undefined');
  });

  it('leave 66 to the operand size when F2 or F3 selects', () => {
    expect(assembly('66 F3 0F BC C1', code64)).to.equal('tzcnt r0:16, r1:16');
    expect(assembly('66 F2 0F 38 F1 C1', code64)).to.equal('crc32 r0:32, r1:16');
    expect(assembly('66 0F 38 F1 00', code64)).to.equal('movbe m16 flat:r0+0, r0:16');
  });

  it('are refused by an NP form', () => {
    expect(assembly('0F 01 C1', code32)).to.equal('vmcall');
    for (const prefix of ['66', 'F2', 'F3']) expect(failure(`${prefix} 0F 01 C1`, code32)).to.equal('undefined');
  });

  it('are ignored by a form that names none', () => {
    expect(assembly('F2 0F BC C1', code32)).to.equal('bsf r0:32, r1:32');
    expect(assembly('F3 03 C1', code32)).to.equal('add r0:32, r1:32');
  });

  it('always select behind 0F38 and 0F3A: MOVBE takes 66 but not F3', () => {
    expect(assembly('66 0F 38 F1 00', code32)).to.equal('movbe m16 ds:r0+0, r0:16');
    expect(failure('F3 0F 38 F1 00', code32)).to.equal('undefined');
  });

  it('are joined by REX.W, where w0 and w1 forms differ', () => {
    expect(assembly('0F C7 08', code64)).to.equal('cmpxchg8b m64 flat:r0+0');
    expect(assembly('48 0F C7 08', code64)).to.equal('cmpxchg16b m128 flat:r0+0');
  });

  it('fall back to the older instruction when the vCPU has not the feature', () => {
    const older = new Decoder(SAMPLES, (feature) => feature !== 'bmi1');
    expect(decode('F3 0F BC C1', code64, older).form.definition.mnemonic).to.equal('bsf');
    expect(decode('F3 0F BC C1', code64).form.definition.mnemonic).to.equal('tzcnt');
    expect(older.forms.map(({ definition }) => definition.mnemonic)).to.not.include('tzcnt');
  });

  it('make NOP and PAUSE of 90, but XCHG with REX.B', () => {
    expect(assembly('90', code64)).to.equal('nop');
    expect(assembly('F3 90', code64)).to.equal('pause');
    expect(assembly('48 90', code64)).to.equal('nop');
    expect(assembly('41 90', code64)).to.equal('xchg r8:32, r0:32');
    expect(assembly('F3 49 90', code64)).to.equal('xchg r8:64, r0:64');
    expect(assembly('91', code64)).to.equal('xchg r1:32, r0:32');
  });
});

describe('the length of an instruction (SDM 2A 2.3.11)', () => {
  const prefixes = (count: number) => Array(count).fill('66').join(' ');

  it('may be 15 bytes', () => {
    expect(decode(`${prefixes(13)} 03 C1`, code64).length).to.equal(15);
  });

  it('is too much at 16 bytes, defined or not', () => {
    expect(failure(`${prefixes(14)} 03 C1`, code64)).to.equal('too-long');
    expect(failure(prefixes(15), code64)).to.equal('too-long');
    expect(failure(`${prefixes(14)} 0F FF`, code64)).to.equal('too-long');
  });

  it('is not known while bytes are missing, unless 15 were seen', () => {
    expect(failure('03', code64)).to.equal('incomplete');
    expect(failure('81 0D 00 00 00 00 01 00 00', code64)).to.equal('incomplete');
    expect(failure(prefixes(14), code64)).to.equal('incomplete');
    expect(failure(`${prefixes(13)} 03`, code64)).to.equal('incomplete');
  });

  it('keeps to the bytes it is given', () => {
    const bytes = Uint8Array.of(0x90, 0x03, 0xc1, 0x90);
    const decoder = new Decoder(SAMPLES, () => true);
    expect(decoder.decode(bytes, 1, 3, code32)).to.include({ length: 2 });
    expect(decoder.decode(bytes, 1, 2, code32)).to.deep.equal({ failure: 'incomplete' });
    expect(decoder.decode(bytes, 1, 1, code32)).to.deep.equal({ failure: 'incomplete' });
  });

  it('tells undefined opcodes as soon as they are seen', () => {
    expect(attempt('0F FF', code64)).to.deep.equal({ failure: 'undefined' });
    expect(failure('06', code64)).to.equal('undefined');
    expect(failure('0F 01 C2', code64)).to.equal('undefined');
  });
});
