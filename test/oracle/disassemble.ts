import * as iced from 'iced-x86';
import type { CodeSize } from './machine.ts';

/** The bytes in hexadecimal and as iced-x86 reads them, for reports. */
export function disassemble(bytes: Uint8Array, codeSize: CodeSize, address: bigint): string {
  const decoder = new iced.Decoder(codeSize, bytes, iced.DecoderOptions.None);
  const formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
  decoder.ip = address;
  const instruction = decoder.decode();
  const text = formatter.format(instruction);
  for (const owner of [instruction, formatter, decoder]) owner.free();
  return `${Buffer.from(bytes).toString('hex')}  ${text}  (${codeSize}-bit code)`;
}
