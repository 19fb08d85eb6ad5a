import type { CodeSize } from './machine.ts';

/** A register by its lower-case name (iced-x86's: R8's low byte is r8l). */
export interface NamedRegister {
  kind: 'register';
  name: string;
}

/** [segment: base + index * scale + displacement]; '' for a part that is absent or, of a segment, without effect. */
export interface Address {
  kind: 'memory';
  segment: string;
  base: string;
  index: string;
  scale: number;
  /** Relative to the next instruction where the base is RIP. */
  displacement: bigint;
  /** The address size: what of the displacement means something. */
  bits: number;
  /** 0 where the instruction accesses nothing or its size is not a plain number of bytes. */
  bytes: number;
}

/** An immediate, or a branch's displacement, and the bits of it that mean something. */
export interface Constant {
  kind: 'immediate' | 'relative';
  value: bigint;
  bits: number;
}

export interface FarPointer {
  kind: 'far';
  selector: number;
  offset: number;
}

export type Operand = NamedRegister | Address | Constant | FarPointer;

/** What a decoder makes of bytes, in terms that any decoder can be put into. */
export interface Decoded {
  length: number;
  /** Lower case. */
  mnemonic: string;
  operands: Operand[];
}

/** Decodes the instruction at the start of `bytes` (at least 16 of them); null where it raises #UD or #GP. */
export type DecodeFunction = (bytes: Uint8Array, codeSize: CodeSize) => Decoded | null;

/** An operand for reports. */
export function showOperand(operand: Operand): string {
  switch (operand.kind) {
    case 'register':
      return operand.name;
    case 'memory': {
      const { segment, base, index, scale, bytes } = operand;
      const displacement = BigInt.asUintN(operand.bits, operand.displacement).toString(16);
      return `m${bytes * 8}[${segment}:${base}+${index}*${scale}+0x${displacement}]`;
    }
    case 'far':
      return `${operand.selector.toString(16)}:${operand.offset.toString(16)}`;
    default:
      return `${operand.kind} 0x${BigInt.asUintN(operand.bits, operand.value).toString(16)}/${operand.bits}`;
  }
}

/** An instruction for reports. */
export function showDecoded(decoded: Decoded | null): string {
  if (decoded === null) return 'no instruction';
  return `${decoded.length} bytes: ${decoded.mnemonic} ${decoded.operands.map(showOperand).join(', ')}`;
}

/** Whether two operands mean the same. Sizes are compared where both decoders know them. */
export function sameOperand(a: Operand, b: Operand): boolean {
  if (a.kind === 'register' && b.kind === 'register') return a.name === b.name;
  if (a.kind === 'memory' && b.kind === 'memory') return sameAddress(a, b);
  if (a.kind === 'far' && b.kind === 'far') return a.selector === b.selector && a.offset === b.offset;
  if ((a.kind === 'immediate' && b.kind === 'immediate') || (a.kind === 'relative' && b.kind === 'relative')) {
    const bits = Math.min(a.bits, b.bits);
    return BigInt.asUintN(bits, a.value) === BigInt.asUintN(bits, b.value);
  }
  return false;
}

function sameAddress(a: Address, b: Address): boolean {
  const sameSize = a.bytes === b.bytes || a.bytes === 0 || b.bytes === 0;
  const sameIndex = a.index === b.index && (a.index === '' || a.scale === b.scale);
  const bits = Math.min(a.bits, b.bits);
  const sameDisplacement = BigInt.asUintN(bits, a.displacement) === BigInt.asUintN(bits, b.displacement);
  return sameSize && sameIndex && sameDisplacement && a.segment === b.segment && a.base === b.base;
}
