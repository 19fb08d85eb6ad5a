// MTRRs as firmware leaves them, alike on every processor: SDM 3A 11.11, "Memory Type Range Registers (MTRRs)", and
// 11.11.8, "MTRR Considerations in MP Systems". Kernels that find them off say so and go without PAT.

const TYPE = { uncacheable: 0n, writeProtected: 5n, writeBack: 6n } as const;
/** IA32_MTRR_DEF_TYPE: fixed ranges and all MTRRs are on. */
const ENABLED = 0xc00n;
const MASK_VALID = 1n << 11n;
/** Devices have the last gigabyte below 4 GiB: RAM ends at 3 GiB. */
const DEVICES = { base: 0xc000_0000n, size: 0x4000_0000n } as const;

/** The same type for all eight ranges of a fixed-range register. */
const eight = (type: bigint): bigint => type * 0x0101_0101_0101_0101n;

const BASE_MEMORY = [eight(TYPE.writeBack), eight(TYPE.writeBack)];
const VIDEO_MEMORY = [eight(TYPE.uncacheable)];
const OPTION_ROMS = Array<bigint>(6).fill(eight(TYPE.uncacheable));
const BIOS = Array<bigint>(2).fill(eight(TYPE.writeProtected));

export interface MemoryTypes {
  /** IA32_MTRR_DEF_TYPE. */
  readonly defaultType: bigint;
  /** From IA32_MTRR_FIX64K_00000 to IA32_MTRR_FIX4K_F8000, upwards. */
  readonly fixed: readonly bigint[];
  /** Bases and masks by turns, from IA32_MTRR_PHYSBASE0; those after them are 0. */
  readonly variable: readonly bigint[];
}

/** @param physicalBits MAXPHYADDR, which the masks' width follows: SDM 3A 11.11.2.3 */
export function firmwareMemoryTypes(physicalBits: number): MemoryTypes {
  const mask = (1n << BigInt(physicalBits)) - DEVICES.size;
  return {
    defaultType: ENABLED | TYPE.writeBack,
    fixed: [...BASE_MEMORY, ...VIDEO_MEMORY, ...OPTION_ROMS, ...BIOS],
    variable: [DEVICES.base | TYPE.uncacheable, mask | MASK_VALID],
  };
}
