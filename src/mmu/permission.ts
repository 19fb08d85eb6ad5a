import { ACCESS, type Access, MMU_INDEX, type MmuIndex } from './access.ts';
import type { Controls } from './controls.ts';
import { PF_ERROR } from './exception.ts';
import { ENTRY } from './paging-mode.ts';

/** What a translation allows: SDM 3A 4.6, "Access Rights". */
export interface PageRights {
  /** ENTRY.RW and ENTRY.US, each set if it is set in every entry used. */
  readonly rights: number;
  /** XD is set in some entry used. */
  readonly executeDisable: boolean;
  /** Of the entry that maps the page. */
  readonly protectionKey: number;
}

/** PKRU and IA32_PKRS: two bits a key, SDM 3A 4.6.2. */
const KEY = { accessDisable: 1, writeDisable: 2 } as const;

/**
 * Whether a page may be accessed: SDM 3A 4.6.1, "Determination of Access Rights", and 4.6.2, "Protection Keys".
 * @returns 0, or the P and PK bits of the page fault's error code
 */
export function violation(
  page: PageRights,
  access: Access,
  index: MmuIndex,
  controls: Controls,
  keys: { readonly pkru: number; readonly pkrs: number },
): number {
  const supervisor = index !== MMU_INDEX.user;
  const userPage = (page.rights & ENTRY.US) !== 0;
  if (access === ACCESS.execute) {
    const forbidden = page.executeDisable || (supervisor ? userPage && controls.smep : !userPage);
    return forbidden ? PF_ERROR.present : 0;
  }
  const forbidden =
    (supervisor ? userPage && controls.smap && index !== MMU_INDEX.supervisorAc : !userPage) ||
    (access === ACCESS.write && (page.rights & ENTRY.RW) === 0 && (!supervisor || controls.writeProtect));
  // A key's verdict is reported whether or not the page's own rights forbid the access too: SDM 3A 4.7.
  const key = keyBits(page, userPage, controls, keys);
  const writeCounts = controls.writeProtect || (userPage && !supervisor);
  const byKey =
    (key & KEY.accessDisable) !== 0 || (access === ACCESS.write && (key & KEY.writeDisable) !== 0 && writeCounts);
  if (byKey) return PF_ERROR.present | PF_ERROR.protectionKey;
  return forbidden ? PF_ERROR.present : 0;
}

/** The two bits of the page's key: of PKRU for user-mode addresses, of IA32_PKRS for supervisor-mode addresses. */
function keyBits(
  page: PageRights,
  userPage: boolean,
  controls: Controls,
  keys: { readonly pkru: number; readonly pkrs: number },
): number {
  if (!(userPage ? controls.userKeys : controls.supervisorKeys)) return 0;
  return ((userPage ? keys.pkru : keys.pkrs) >>> (page.protectionKey * 2)) & 3;
}
