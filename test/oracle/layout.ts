/**
 * Where a test case lies in the address space, natively and in rookery. All of it is below 2 GiB, so that the same
 * addresses serve 64-bit and 32-bit code; every other page of the address space counts as unmapped.
 */

/** Linear address of the executable pages, all filled with INT3 but for the tested instruction. Read and execute. */
export const CODE_BASE = 0x1000_0000;
/** Size of the executable pages in bytes. */
export const CODE_SIZE = 0x4000;
/** Linear address of the tested instruction: 4 bytes before a page's end, so that longer instructions straddle. */
export const CODE_START = 0x1000_1ffc;
/** Linear address of the data window: read and write, between unmapped pages. */
export const DATA_BASE = 0x1010_0000;
/** Size of the data window in bytes: two pages. */
export const DATA_SIZE = 0x2000;
/** In 16-bit code CS has base CODE_BASE and all data segments have base DATA_BASE - DATA_OFFSET_16, limit 0xffff. */
export const DATA_OFFSET_16 = 0x4000;

/** Segment selectors, as Linux gives them to a user process: a runner must show the same to PUSH and MOV from Sreg. */
export const SELECTORS = { code64: 0x33, code32: 0x23, data: 0x2b, code16: 0x0f, data16: 0x17 } as const;
