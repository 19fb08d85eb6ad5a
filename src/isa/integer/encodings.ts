// Families of encodings that many integer instructions share: SDM 2D tables.

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

/** An opcode of a series, as the notation writes it. */
export const opcode = (base: number, index: number): string => hex(base + index);

/** The eight arithmetic operations of rows 00-3F and group 1. 82 is an alias of 80 outside 64-bit mode. */
export function arithmeticEncodings(digit: number): string[] {
  const at = (column: number) => opcode(digit * 8, column);
  return [
    `${at(0)} Eb,Gb`,
    `${at(1)} Ev,Gv`,
    `${at(2)} Gb,Eb`,
    `${at(3)} Gv,Ev`,
    `${at(4)} AL,Ib`,
    `${at(5)} rAX,Iz`,
    `80 /${digit} Eb,Ib`,
    `81 /${digit} Ev,Iz`,
    `82 /${digit} Eb,Ib; i64`,
    `83 /${digit} Ev,sIb`,
  ];
}

/** Shifts and rotates by 1, CL or an immediate: group 2. */
export const shiftEncodings = (digit: number): string[] => [
  `C0 /${digit} Eb,Ib`,
  `C1 /${digit} Ev,Ib`,
  `D0 /${digit} Eb,1`,
  `D1 /${digit} Ev,1`,
  `D2 /${digit} Eb,CL`,
  `D3 /${digit} Ev,CL`,
];

/** Operations on one r/m operand: groups 3 to 5. */
export const unaryEncodings = (byteOpcode: string, opcode: string, digit: number): string[] => [
  `${byteOpcode} /${digit} Eb`,
  `${opcode} /${digit} Ev`,
];
