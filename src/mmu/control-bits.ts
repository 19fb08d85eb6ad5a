/** Bits that paging looks at: SDM 3A 2.5, "Control Registers"; 2.2.1, "Extended Feature Enable Register". */
export const CR0 = { WP: 1 << 16, AM: 1 << 18, PG: 1 << 31 } as const;
export const CR4 = {
  PSE: 1 << 4,
  PAE: 1 << 5,
  PGE: 1 << 7,
  LA57: 1 << 12,
  PCIDE: 1 << 17,
  SMEP: 1 << 20,
  SMAP: 1 << 21,
  PKE: 1 << 22,
  PKS: 1 << 24,
} as const;
export const EFER = { LMA: 1 << 10, NXE: 1 << 11 } as const;
export const EFLAGS_AC = 1 << 18;

/** The bits of each register whose change may change a translation. AM is none of them. */
export const CR0_PAGING = CR0.WP | CR0.PG;
export const CR4_PAGING = Object.values(CR4).reduce((mask, bit) => mask | bit, 0);
export const EFER_PAGING = EFER.LMA | EFER.NXE;
