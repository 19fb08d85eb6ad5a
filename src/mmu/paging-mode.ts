import { CR0, CR4, EFER } from './control-bits.ts';

/** Bits in the low half of a paging-structure entry: SDM 3A 4.3 to 4.5. */
export const ENTRY = { P: 1, RW: 2, US: 4, A: 1 << 5, D: 1 << 6, PS: 1 << 7 } as const;

/** One level of a paging mode: which linear-address bits index it, and what its entries may hold. */
export interface Level {
  readonly shift: number;
  readonly indexMask: number;
  /** Entries of this level always map a page. */
  readonly last: boolean;
  /** PS makes an entry of this level map a page. */
  readonly large: boolean;
  /** Bits that must be 0 in an entry that references a table (low half, high half). */
  readonly tableReservedLow: number;
  readonly tableReservedHigh: number;
  /** Bits that must be 0 in an entry that maps a page. */
  readonly pageReservedLow: number;
  readonly pageReservedHigh: number;
}

/** How linear addresses are translated. */
export interface PagingMode {
  readonly name: 'none' | '32-bit' | 'PAE' | '4-level' | '5-level';
  readonly entryBytes: 4 | 8;
  /** From the root downwards. PAE begins below its PDPTEs, which are registers. */
  readonly levels: readonly Level[];
  /** In long mode, bits of the high half of a linear address that must all equal the highest translated bit. */
  readonly canonicalShift: number;
}

export interface PagingParameters {
  /** MAXPHYADDR: 32 to 52. */
  readonly maxPhysicalBits: number;
  /** CPUID.80000001H:EDX.Page1GB. */
  readonly gigabytePages: boolean;
}

const NO_RESERVED = { tableReservedLow: 0, tableReservedHigh: 0, pageReservedLow: 0, pageReservedHigh: 0 };
const XD_HIGH = 1 << 31;

/** Bits from `low` up to `high`, both included, of a 32-bit word; none if the range is empty. */
const bits = (high: number, low: number): number => {
  let mask = 0;
  for (let bit = low; bit <= high; bit++) mask |= 1 << bit;
  return mask;
};

/** A 4-KByte page table below any directory. */
const pageTable = (indexMask: number, high: number): Level => ({
  ...NO_RESERVED,
  shift: 12,
  indexMask,
  last: true,
  large: false,
  pageReservedHigh: high,
});

/** 32-bit paging: SDM 3A 4.3, tables 4-4 to 4-6. With PSE-36, bits 20:13 of a large PDE are address bits 39:32. */
function levels32(cr4: number, maxPhysicalBits: number): Level[] {
  const extension = Math.min(maxPhysicalBits, 40) - 32;
  const directory: Level = {
    ...NO_RESERVED,
    shift: 22,
    indexMask: 0x3ff,
    last: false,
    large: (cr4 & CR4.PSE) !== 0,
    pageReservedLow: bits(21, 13 + extension),
  };
  return [directory, pageTable(0x3ff, 0)];
}

/** PAE paging: SDM 3A 4.4.2, tables 4-9 to 4-11. */
function levelsPae(high: number): Level[] {
  return [directory(21, true, high), pageTable(0x1ff, high)];
}

/** A level of 8-byte entries above the page table. Where PS may not be set it is reserved. */
const directory = (shift: number, large: boolean, high: number): Level => ({
  shift,
  indexMask: 0x1ff,
  last: false,
  large,
  tableReservedLow: large ? 0 : ENTRY.PS,
  tableReservedHigh: high,
  // Between PAT (bit 12) and the page's address.
  pageReservedLow: bits(shift - 1, 13),
  pageReservedHigh: high,
});

/** 4-level and 5-level paging: SDM 3A 4.5, tables 4-14 to 4-20. */
function levelsLong(five: boolean, gigabytePages: boolean, high: number): Level[] {
  return [
    ...(five ? [directory(48, false, high)] : []),
    directory(39, false, high),
    directory(30, gigabytePages, high),
    directory(21, true, high),
    pageTable(0x1ff, high),
  ];
}

/** The paging mode that the control registers select: SDM 3A 4.1.1, "Four Paging Modes". */
export function pagingMode(cr0: number, cr4: number, efer: number, parameters: PagingParameters): PagingMode {
  const { maxPhysicalBits, gigabytePages } = parameters;
  const canonicalShift = cr4 & CR4.LA57 ? 24 : 15;
  const xd = efer & EFER.NXE ? 0 : XD_HIGH;
  if ((cr0 & CR0.PG) === 0) return { name: 'none', entryBytes: 4, levels: [], canonicalShift };
  if ((cr4 & CR4.PAE) === 0) {
    return { name: '32-bit', entryBytes: 4, levels: levels32(cr4, maxPhysicalBits), canonicalShift };
  }
  if ((efer & EFER.LMA) === 0) {
    // PAE reserves everything between MAXPHYADDR and XD; long mode ignores bits 62:52 there.
    return { name: 'PAE', entryBytes: 8, levels: levelsPae(bits(30, maxPhysicalBits - 32) | xd), canonicalShift };
  }
  const five = (cr4 & CR4.LA57) !== 0;
  const levels = levelsLong(five, gigabytePages, bits(19, maxPhysicalBits - 32) | xd);
  return { name: five ? '5-level' : '4-level', entryBytes: 8, levels, canonicalShift };
}
