import { parseTemplates, type Template } from '../template.ts';

/** The eight operations of opcode rows 00-3F and of the immediate group 80-83: SDM 2D table A-2. */
const BINARY = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP'] as const;

/** Group 2 of SDM 2D table A-6; /6 is an undocumented alias of SHL that every CPU has. */
const SHIFTS = ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SHL', 'SAR'] as const;

const byte = (value: number) => value.toString(16).toUpperCase().padStart(2, '0');

function binaryRows(mnemonic: string, digit: number): string {
  const lock = mnemonic === 'CMP' ? '' : 'lock';
  const op = (form: number) => byte(digit * 8 + form);
  return `
    ${mnemonic} | ${op(0)} /r | E8 ${lock}
    ${mnemonic} | ${op(1)} /r | Ev ${lock}
    ${mnemonic} | ${op(2)} /r | E8
    ${mnemonic} | ${op(3)} /r | Ev
    ${mnemonic} | ${op(4)} ib
    ${mnemonic} | ${op(5)} iz
    ${mnemonic} | 80 /${digit} ib | E8 ${lock}
    ${mnemonic} | 81 /${digit} iz | Ev ${lock}
    ${mnemonic} | 82 /${digit} ib | E8 i64 ${lock}
    ${mnemonic} | 83 /${digit} ib | Ev ${lock}`;
}

function shiftRows(mnemonic: string, digit: number): string {
  return `
    ${mnemonic} | C0 /${digit} ib | E8
    ${mnemonic} | C1 /${digit} ib | Ev
    ${mnemonic} | D0 /${digit} | E8
    ${mnemonic} | D1 /${digit} | Ev
    ${mnemonic} | D2 /${digit} | E8
    ${mnemonic} | D3 /${digit} | Ev`;
}

export const alu: readonly Template[] = parseTemplates(`
  ${BINARY.map(binaryRows).join('\n')}
  INC | FE /0 | E8 lock
  INC | FF /0 | Ev lock
  INC | 40+r | i64
  DEC | FE /1 | E8 lock
  DEC | FF /1 | Ev lock
  DEC | 48+r | i64
  NOT | F6 /2 | E8 lock
  NOT | F7 /2 | Ev lock
  NEG | F6 /3 | E8 lock
  NEG | F7 /3 | Ev lock
  TEST | 84 /r | E8
  TEST | 85 /r | Ev
  TEST | A8 ib
  TEST | A9 iz
  TEST | F6 /0 ib | E8
  TEST | F6 /1 ib | E8
  TEST | F7 /0 iz | Ev
  TEST | F7 /1 iz | Ev
  ADCX | 66 0F 38 F6 /r | Ey +adx
  ADOX | F3 0F 38 F6 /r | Ey +adx
`);

export const exchange: readonly Template[] = parseTemplates(`
  XADD | 0F C0 /r | E8 lock
  XADD | 0F C1 /r | Ev lock
  CMPXCHG | 0F B0 /r | E8 lock
  CMPXCHG | 0F B1 /r | Ev lock
  CMPXCHG8B | NP W0 0F C7 /1 | M64 lock
  CMPXCHG16B | NP W1 0F C7 /1 | M128a lock o64 +cx16
  XCHG | 86 /r | E8 lock
  XCHG | 87 /r | Ev lock
  XCHG | 90+r
`);

export const shift: readonly Template[] = parseTemplates(`
  ${SHIFTS.map(shiftRows).join('\n')}
  SHLD | 0F A4 /r ib | Ev
  SHLD | 0F A5 /r | Ev
  SHRD | 0F AC /r ib | Ev
  SHRD | 0F AD /r | Ev
`);

export const muldiv: readonly Template[] = parseTemplates(`
  MUL | F6 /4 | E8
  MUL | F7 /4 | Ev
  IMUL | F6 /5 | E8
  IMUL | F7 /5 | Ev
  DIV | F6 /6 | E8
  DIV | F7 /6 | Ev
  IDIV | F6 /7 | E8
  IDIV | F7 /7 | Ev
  IMUL | 0F AF /r | Ev
  IMUL | 69 /r iz | Ev
  IMUL | 6B /r ib | Ev
`);

export const bcd: readonly Template[] = parseTemplates(`
  AAA | 37 | i64
  AAS | 3F | i64
  DAA | 27 | i64
  DAS | 2F | i64
  AAM | D4 ib | i64
  AAD | D5 ib | i64
  SALC | D6 | i64
`);

export const bits: readonly Template[] = parseTemplates(`
  BT | 0F A3 /r | Ev
  BTS | 0F AB /r | Ev lock
  BTR | 0F B3 /r | Ev lock
  BTC | 0F BB /r | Ev lock
  BT | 0F BA /4 ib | Ev
  BTS | 0F BA /5 ib | Ev lock
  BTR | 0F BA /6 ib | Ev lock
  BTC | 0F BA /7 ib | Ev lock
  BSF | 0F BC /r | Ev
  BSR | 0F BD /r | Ev
  POPCNT | F3 0F B8 /r | Ev allow66 +popcnt
  LZCNT | F3 0F BD /r | Ev allow66 +lzcnt
  TZCNT | F3 0F BC /r | Ev allow66 +bmi1
  CRC32 | F2 0F 38 F0 /r | E8 allow66 +sse42
  CRC32 | F2 0F 38 F1 /r | Ev allow66 +sse42
`);

export const bmi: readonly Template[] = parseTemplates(`
  ANDN | VEX.NP.0F38 F2 /r | Ey +bmi1
  BLSR | VEX.NP.0F38 F3 /1 | Ey +bmi1
  BLSMSK | VEX.NP.0F38 F3 /2 | Ey +bmi1
  BLSI | VEX.NP.0F38 F3 /3 | Ey +bmi1
  BEXTR | VEX.NP.0F38 F7 /r | Ey +bmi1
  SHLX | VEX.66.0F38 F7 /r | Ey +bmi2
  SARX | VEX.F3.0F38 F7 /r | Ey +bmi2
  SHRX | VEX.F2.0F38 F7 /r | Ey +bmi2
  BZHI | VEX.NP.0F38 F5 /r | Ey +bmi2
  PEXT | VEX.F3.0F38 F5 /r | Ey +bmi2
  PDEP | VEX.F2.0F38 F5 /r | Ey +bmi2
  MULX | VEX.F2.0F38 F6 /r | Ey +bmi2
  RORX | VEX.F2.0F3A F0 /r ib | Ey +bmi2
`);
