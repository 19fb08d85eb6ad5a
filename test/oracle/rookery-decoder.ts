import { Decoder } from '../../src/decode/decoder.ts';
import type { DecodedOperand, Instruction, MemoryOperand, RegisterOperand } from '../../src/decode/instruction.ts';
import { MODE } from '../../src/decode/mode.ts';
import type { Definition } from '../../src/isa/definition.ts';
import { DEFINITIONS } from '../../src/isa/index.ts';
import type { Decoded, DecodeFunction, Operand } from './decoded.ts';
import type { CodeSize } from './machine.ts';

const NAMES_16 = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'] as const;
const LOW_BYTES = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'] as const;
const HIGH_BYTES = ['ah', 'ch', 'dh', 'bh'] as const;
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
const RIP = 16;

function generalName(index: number, width: number): string {
  if (index >= 8) return `r${index}${({ 8: 'l', 16: 'w', 32: 'd' } as Record<number, string>)[width] ?? ''}`;
  if (width === 8) return LOW_BYTES[index]!;
  return `${width === 64 ? 'r' : width === 32 ? 'e' : ''}${NAMES_16[index]}`;
}

function registerName({ class: kind, index, high, width }: RegisterOperand): string {
  if (kind === 'gpr') return high ? HIGH_BYTES[index]! : generalName(index, width);
  if (kind === 'segment') return SEGMENTS[index]!;
  return `${{ xmm: 'xmm', mmx: 'mm', control: 'cr', debug: 'dr' }[kind]}${index}`;
}

function addressRegister(index: number, addressSize: number): string {
  if (index === RIP) return addressSize === 64 ? 'rip' : 'eip';
  return index < 0 ? '' : generalName(index, addressSize);
}

function toAddress(operand: MemoryOperand, addressSize: number, codeSize: CodeSize): Operand {
  const base = addressRegister(operand.base, addressSize);
  const index = addressRegister(operand.index, addressSize);
  const segment = operand.segment.toLowerCase();
  return {
    kind: 'memory',
    segment: codeSize === 64 && segment !== 'fs' && segment !== 'gs' ? '' : segment,
    base,
    index,
    scale: 1 << operand.scale,
    displacement: operand.displacement,
    bits: addressSize,
    bytes: operand.width / 8,
  };
}

function toOperand(operand: DecodedOperand, addressSize: number, codeSize: CodeSize): Operand {
  switch (operand.kind) {
    case 'register':
      return { kind: 'register', name: registerName(operand) };
    case 'memory':
      return toAddress(operand, addressSize, codeSize);
    case 'far':
      return { kind: 'far', selector: operand.selector, offset: operand.offset };
    default:
      return { kind: operand.kind, value: operand.value, bits: operand.width };
  }
}

/** Puts what rookery's decoder returns into the oracle's terms. */
export function fromRookery(instruction: Instruction, codeSize: CodeSize): Decoded {
  return {
    length: instruction.length,
    mnemonic: instruction.form.definition.mnemonic.toLowerCase(),
    operands: instruction.operands.map((operand) => toOperand(operand, instruction.addressSize, codeSize)),
  };
}

/** A decoder of these definitions as the oracle drives it; every feature that they name is offered. */
export function decoderOf(definitions: readonly Definition[]): DecodeFunction {
  const decoder = new Decoder(definitions, () => true);
  const modes = { 16: MODE.code16, 32: MODE.code32, 64: MODE.code64 } as const;
  return (bytes, codeSize) => {
    const instruction = decoder.decode(bytes, 0, bytes.length, modes[codeSize]);
    return 'failure' in instruction ? null : fromRookery(instruction, codeSize);
  };
}

/** The decoder of rookery's whole instruction set. */
export function rookeryDecoder(): DecodeFunction {
  return decoderOf(DEFINITIONS);
}
