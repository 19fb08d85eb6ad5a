import { CR0, CR4, EFER } from './control-bits.ts';
import { type PagingMode, type PagingParameters, pagingMode } from './paging-mode.ts';

/** What the control registers ask of translation, taken apart once per change. */
export interface Controls {
  readonly mode: PagingMode;
  readonly longMode: boolean;
  readonly writeProtect: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly userKeys: boolean;
  readonly supervisorKeys: boolean;
  readonly pcid: boolean;
  /** Whether page faults of fetches report that they were fetches: SDM 3A 4.7, I/D flag. */
  readonly reportsFetch: boolean;
}

/** @param cr0 @param cr4 @param efer the low 32 bits of each */
export function controls(cr0: number, cr4: number, efer: number, parameters: PagingParameters): Controls {
  const longMode = (efer & EFER.LMA) !== 0;
  const mode = pagingMode(cr0, cr4, efer, parameters);
  const smep = (cr4 & CR4.SMEP) !== 0;
  return {
    mode,
    longMode,
    writeProtect: (cr0 & CR0.WP) !== 0,
    smep,
    smap: (cr4 & CR4.SMAP) !== 0,
    userKeys: longMode && (cr4 & CR4.PKE) !== 0,
    supervisorKeys: longMode && (cr4 & CR4.PKS) !== 0,
    pcid: longMode && (cr4 & CR4.PCIDE) !== 0,
    reportsFetch: smep || ((cr4 & CR4.PAE) !== 0 && (efer & EFER.NXE) !== 0),
  };
}
