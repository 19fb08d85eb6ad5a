import * as iced from 'iced-x86';
import type { Address, Constant, Decoded, Operand } from './decoded.ts';
import type { CodeSize } from './machine.ts';

/** What iced-x86 makes of bytes, with what the comparison needs to know of the instruction. */
export interface IcedDecoded extends Decoded {
  /** Names of the CPUID features that the instruction belongs to. */
  features: string[];
  vexOrLater: boolean;
}

/** Bits of an immediate by operand kind. */
const IMMEDIATE_BITS: ReadonlyMap<iced.OpKind, number> = new Map([
  [iced.OpKind.Immediate8, 8],
  [iced.OpKind.Immediate8_2nd, 8],
  [iced.OpKind.Immediate16, 16],
  [iced.OpKind.Immediate32, 32],
  [iced.OpKind.Immediate64, 64],
  [iced.OpKind.Immediate8to16, 16],
  [iced.OpKind.Immediate8to32, 32],
  [iced.OpKind.Immediate8to64, 64],
  [iced.OpKind.Immediate32to64, 64],
]);

const BRANCH_BITS: ReadonlyMap<iced.OpKind, number> = new Map([
  [iced.OpKind.NearBranch16, 16],
  [iced.OpKind.NearBranch32, 32],
  [iced.OpKind.NearBranch64, 64],
]);

/** Addresses in string instructions' registers; `es` where no prefix can change the segment. */
const STRING_ADDRESSES: ReadonlyMap<iced.OpKind, readonly [base: string, es: boolean]> = new Map([
  [iced.OpKind.MemorySegSI, ['si', false]],
  [iced.OpKind.MemorySegESI, ['esi', false]],
  [iced.OpKind.MemorySegRSI, ['rsi', false]],
  [iced.OpKind.MemorySegDI, ['di', false]],
  [iced.OpKind.MemorySegEDI, ['edi', false]],
  [iced.OpKind.MemorySegRDI, ['rdi', false]],
  [iced.OpKind.MemoryESDI, ['di', true]],
  [iced.OpKind.MemoryESEDI, ['edi', true]],
  [iced.OpKind.MemoryESRDI, ['rdi', true]],
]);

const registerName = (register: iced.Register) =>
  register === iced.Register.None ? '' : iced.Register[register].toLowerCase();

/** Decodes with iced-x86 at address 0. Its WebAssembly objects are freed before this returns. */
export function decodeWithIced(bytes: Uint8Array, codeSize: CodeSize): IcedDecoded | null {
  const decoder = new iced.Decoder(codeSize, bytes, iced.DecoderOptions.None);
  const instruction = decoder.decode();
  try {
    return instruction.isInvalid ? null : readInstruction(instruction, codeSize);
  } finally {
    instruction.free();
    decoder.free();
  }
}

function readInstruction(instruction: iced.Instruction, codeSize: CodeSize): IcedDecoded {
  return {
    length: instruction.length,
    mnemonic: iced.Mnemonic[instruction.mnemonic].toLowerCase(),
    operands: Array.from({ length: instruction.opCount }, (_, i) => readOperand(instruction, i, codeSize)),
    features: [...instruction.cpuidFeatures()].map((feature) => iced.CpuidFeature[feature]),
    vexOrLater: instruction.encoding !== iced.EncodingKind.Legacy,
  };
}

function readOperand(instruction: iced.Instruction, i: number, codeSize: CodeSize): Operand {
  const kind = instruction.opKind(i);
  const immediateBits = IMMEDIATE_BITS.get(kind);
  if (immediateBits !== undefined) return { kind: 'immediate', value: instruction.immediate(i), bits: immediateBits };
  const branchBits = BRANCH_BITS.get(kind);
  if (branchBits !== undefined) return readBranch(instruction, branchBits);
  if (kind === iced.OpKind.Register) return { kind: 'register', name: registerName(instruction.opRegister(i)) };
  if (kind === iced.OpKind.FarBranch16 || kind === iced.OpKind.FarBranch32) {
    const offset = kind === iced.OpKind.FarBranch16 ? instruction.farBranch16 : instruction.farBranch32;
    return { kind: 'far', selector: instruction.farBranchSelector, offset };
  }
  return readAddress(instruction, kind, codeSize);
}

/** iced-x86 gives targets; at address 0 the displacement is the target less the length. */
function readBranch(instruction: iced.Instruction, bits: number): Constant {
  const displacement = BigInt.asIntN(bits, instruction.nearBranchTarget - BigInt(instruction.length));
  return { kind: 'relative', value: displacement, bits };
}

function readAddress(instruction: iced.Instruction, kind: iced.OpKind, codeSize: CodeSize): Address {
  const implied = STRING_ADDRESSES.get(kind);
  const base = implied ? implied[0] : registerName(instruction.memoryBase);
  const index = implied ? '' : registerName(instruction.memoryIndex);
  const segment = implied?.[1] ? 'es' : registerName(instruction.memorySegment);
  const relative = base === 'rip' || base === 'eip';
  const displacement = instruction.memoryDisplacement - (relative ? BigInt(instruction.length) : 0n);
  return {
    kind: 'memory',
    // In 64-bit code only FS and GS have bases: SDM 1 3.4.2.1.
    segment: codeSize === 64 && segment !== 'fs' && segment !== 'gs' ? '' : segment,
    base,
    index,
    scale: implied ? 1 : instruction.memoryIndexScale,
    displacement: implied ? 0n : displacement,
    bits: addressBits(base || index, instruction.memoryDisplSize),
    bytes: iced.MemorySizeExt.size(instruction.memorySize),
  };
}

/** The address size by a register in the address; iced-x86 gives a bare displacement the address size's bytes. */
function addressBits(register: string, displacementSize: number): number {
  if (register === '') return displacementSize * 8;
  return register.startsWith('e') || /^r\d+d$/.test(register) ? 32 : register.startsWith('r') ? 64 : 16;
}
