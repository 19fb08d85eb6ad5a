import { CONTEXT } from '../state/context.ts';
import { GUEST_PAGE, type StateMap, VCPU_AREA } from '../state/map.ts';
import type { StateMemory } from '../state/struct.ts';
import { ACCESS, type Access, MMU_INDEX, type MmuIndex, PRIVILEGE, type Privilege } from './access.ts';
import { CodePages, type PageEvents } from './code-pages.ts';
import { type Controls, controls } from './controls.ts';
import { Epochs, JumpKeys } from './epochs.ts';
import { GuestException, generalProtection, VECTOR } from './exception.ts';
import { GuardedWrites } from './guarded-writes.ts';
import { LargePages, pageNumber } from './large-pages.ts';
import type { PagingParameters } from './paging-mode.ts';
import { PagingRegisters } from './paging-registers.ts';
import type { PhysicalMemory } from './physical.ts';
import { Tlb } from './tlb.ts';
import { faultError, PageWalker } from './walk.ts';

/** The two halves of a 64-bit word as one number. */
export const joined = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

const PCID_MASK = 0xfff;
const PAGE_OFFSET = GUEST_PAGE - 1;
const PDPTE_PRESENT = 1n;
/** Bits 2:1 and 8:5 of a PDPTE: SDM 3A table 4-8. */
const PDPTE_RESERVED = 0x1e6n;
/** CR3 bits that address the four PDPTEs: SDM 3A table 4-7. */
const PDPT_ADDRESS = 0xffff_ffe0n;

export interface TranslationParts extends PagingParameters {
  readonly memory: StateMemory;
  readonly map: StateMap;
  readonly vcpuIndex: number;
  readonly physical: PhysicalMemory;
  readonly events: PageEvents;
}

/**
 * Linear to physical addresses for one vCPU: page walks, and the TLBs that remember them.
 *
 * Nothing here is architectural. Control registers, CPL, EFLAGS.AC and the protection-key registers are looked at in
 * the context whenever TypeScript asks for a translation; what wasm finds in the TLBs is right after `updateKey`.
 */
export class Translation {
  readonly physical: PhysicalMemory;
  readonly codePages: CodePages;
  readonly tlb: Tlb;
  protected readonly registers: PagingRegisters;
  readonly #parameters: PagingParameters;
  readonly #walker: PageWalker;
  readonly #epochs = new Epochs();
  readonly #jumpKeys: JumpKeys;
  #controls: Controls;
  #cr0 = 0;
  #cr4 = 0;
  #efer = 0;
  #pkru = 0;
  #pkrs = 0;
  #epoch = 0;
  #used = false;
  readonly #largePages = new LargePages();
  readonly #guardedWrites = new GuardedWrites();
  readonly #memory: StateMemory;
  readonly #context: number;

  constructor(parts: TranslationParts) {
    const { memory, map, vcpuIndex, physical } = parts;
    const area = map.vcpu(vcpuIndex);
    this.#memory = memory;
    this.#context = area + VCPU_AREA.context;
    this.physical = physical;
    this.codePages = new CodePages(parts);
    this.tlb = new Tlb(memory, area);
    this.registers = new PagingRegisters(memory, this.#context);
    this.#parameters = parts;
    this.#walker = new PageWalker({ physical, codePages: this.codePages, registers: this.registers });
    this.#jumpKeys = new JumpKeys(memory, area);
    this.#controls = controls(0, 0, 0, parts);
  }

  /** Follows what has changed in the context since the last look. Translations of a changed paging mode go. */
  protected sync(): void {
    const { registers } = this;
    if (!this.#used) {
      // Not when it is made: a thread may make one beside the vCPU's own and never use it, while the vCPU runs.
      this.#used = true;
      this.flushAll();
    }
    if (registers.cr0 !== this.#cr0 || registers.cr4 !== this.#cr4 || registers.efer !== this.#efer) {
      this.#cr0 = registers.cr0;
      this.#cr4 = registers.cr4;
      this.#efer = registers.efer;
      this.#controls = controls(this.#cr0, this.#cr4, this.#efer, this.#parameters);
      this.#epochs.dropAll();
      this.#chooseEpoch();
    } else if (registers.pkru !== this.#pkru || registers.pkrs !== this.#pkrs) this.#chooseEpoch();
  }

  /** The number under which translations are now filled and found. */
  #chooseEpoch(): void {
    const { userKeys, supervisorKeys } = this.#controls;
    this.#pkru = this.registers.pkru;
    this.#pkrs = this.registers.pkrs;
    const keyed = userKeys || supervisorKeys;
    const view = keyed ? `${userKeys ? this.#pkru : ''}:${supervisorKeys ? this.#pkrs : ''}` : '';
    this.#epoch = this.#epochs.of(this.#space(), view, () => {
      this.tlb.clear();
      this.#jumpKeys.forget();
      this.#forgetPages();
    });
    this.#publishTlbKey();
    this.updateJumpKey();
  }

  /** What goes when the TLBs are emptied. */
  #forgetPages(): void {
    this.#largePages.clear();
    this.#guardedWrites.clear();
  }

  /** Identity of the current address space: its PCID, SDM 3A 4.10.1. */
  #space(): number {
    return this.#controls.pcid ? this.registers.cr3Low & PCID_MASK : 0;
  }

  /** What translations the privilege of an access may use. */
  protected indexOf(privilege: Privilege): MmuIndex {
    const { registers } = this;
    const user = privilege === PRIVILEGE.user || (privilege === PRIVILEGE.current && registers.user);
    if (user) return MMU_INDEX.user;
    const lifted = privilege !== PRIVILEGE.implicitSupervisor && this.#controls.smap && registers.alignmentFlag;
    return lifted ? MMU_INDEX.supervisorAc : MMU_INDEX.supervisor;
  }

  /**
   * Recomputes CONTEXT.tlbKey. To be called before wasm runs again after a change of CPL, EFLAGS.AC, CR0, CR4, EFER,
   * PKRU or IA32_PKRS. Translations that such a change outdates are dropped.
   */
  updateKey(): void {
    this.sync();
    this.#publishTlbKey();
  }

  #publishTlbKey(): void {
    const { checksAlignment, watchesData } = this.registers;
    const index = checksAlignment || watchesData ? MMU_INDEX.checked : this.indexOf(PRIVILEGE.current);
    this.registers.tlbKey = (this.#epoch << 2) | index;
  }

  /** Recomputes CONTEXT.jumpKey: after updateKey, and after a change of CONTEXT.mode. */
  updateJumpKey(): void {
    const { registers } = this;
    registers.jumpKey = this.#jumpKeys.of(this.#epoch, registers.user, registers.mode);
  }

  /** No jump-cache entry made so far matches again: blocks were dropped, or a translation. */
  codeChanged(): void {
    this.#jumpKeys.forget();
    this.updateJumpKey();
  }

  /**
   * Drops every translation: wherever the manual has all TLB entries invalidated. Also after state was restored, or
   * looked at through a Mmu of another thread: the numbers of its epochs mean nothing to this one's.
   */
  flushAll(): void {
    this.sync();
    this.#epochs.dropAll();
    this.tlb.clear();
    this.#forgetPages();
    this.#chooseEpoch();
  }

  /** Drops the translations of all PCIDs but for global ones; those go too, which SDM 3A 4.10.4 allows. */
  flushNonGlobal(): void {
    this.flushAll();
  }

  /** INVPCID type 1: drops the translations of one PCID. */
  flushPcid(pcid: number): void {
    this.#epochs.drop(pcid);
    this.#chooseEpoch();
  }

  /**
   * To be called after CR3 changed (SDM 3A 4.10.4.1): drops the translations of the PCID that it now names.
   * @param keep CR4.PCIDE = 1 and the value written had bit 63 set: nothing is dropped
   */
  cr3Written(keep = false): void {
    this.sync();
    if (!(keep && this.#controls.pcid)) this.#epochs.drop(this.#space());
    this.#chooseEpoch();
  }

  /**
   * As cr3Written, with the PDPTEs loaded where PAE paging is on: for a CR3 that is in the context already.
   * @throws GuestException #GP(0), see loadPdptes
   */
  loadCr3(): void {
    this.sync();
    if (this.#controls.mode.name === 'PAE') {
      const { cr3Low, cr3High } = this.registers;
      this.loadPdptes(joined(cr3Low, cr3High));
    }
    this.cr3Written();
  }

  /** INVLPG, INVPCID type 0: drops the page's translations for all PCIDs, which SDM 3A 4.10.4.1 allows. */
  invalidatePage(linear: bigint): void {
    const low = Number(BigInt.asUintN(32, linear));
    const pages = this.#largePages.take(low, Number(BigInt.asUintN(32, linear >> 32n)));
    if (!pages) {
      this.flushAll();
      return;
    }
    this.#guardedWrites.clear();
    let code = false;
    for (const page of pages) {
      this.tlb.removePage(page);
      code ||= this.#jumpKeys.reach(page);
    }
    if (code) this.codeChanged();
  }

  /**
   * Loads the four PDPTEs of PAE paging: MOV to CR0, CR3 or CR4, task switches (SDM 3A 4.4.1).
   * @throws GuestException #GP(0) if a present one has a reserved bit set; then none is loaded
   */
  loadPdptes(cr3: bigint): void {
    const table = Number(cr3 & PDPT_ADDRESS);
    const reserved = PDPTE_RESERVED | BigInt.asUintN(64, -1n << BigInt(this.#parameters.maxPhysicalBits));
    const entries = [0, 1, 2, 3].map((index) => this.physical.read64(table + 8 * index));
    if (entries.some((entry) => (entry & PDPTE_PRESENT) !== 0n && (entry & reserved) !== 0n)) throw generalProtection();
    const first = (this.#context + CONTEXT.offset.pdpte) >>> 3;
    for (const [index, entry] of entries.entries()) this.#memory.u64[first + index] = entry;
  }

  /**
   * The physical address of a linear address.
   * @throws GuestException #PF; #GP(0) if the address is not canonical
   */
  translate(low: number, high: number, access: Access, privilege: Privilege = PRIVILEGE.current): number {
    this.sync();
    return this.locate(low, high, access, this.indexOf(privilege), false);
  }

  /**
   * The physical address of the page that code at a linear address lies in.
   * @throws GuestException #PF; #GP(0) if the address is not canonical
   */
  fetchPage(low: number, high: number): number {
    const address = this.translate(low, high, ACCESS.execute);
    this.#jumpKeys.fetched(pageNumber(low, high));
    return address - (address % GUEST_PAGE);
  }

  /** As translate, after sync. @param stack a non-canonical address is #SS(0) */
  protected locate(low: number, high: number, access: Access, index: MmuIndex, stack: boolean): number {
    const key = (this.#epoch << 2) | index;
    let hit = this.tlb.find(access, low, high, key);
    if (hit < 0 && access === ACCESS.write) hit = this.#guarded(low, high, key);
    return hit >= 0 ? hit : this.#miss(low, high, access, index, stack);
  }

  /** A write to a page whose writes must come here; none once its entry may be in the TLB again. */
  #guarded(low: number, high: number, key: number): number {
    const address = this.#guardedWrites.find(low, high, key);
    return address < 0 || this.codePages.mayFillWrite(Math.floor(address / GUEST_PAGE)) ? -1 : address;
  }

  #miss(low: number, high: number, access: Access, index: MmuIndex, stack: boolean): number {
    this.checkCanonical(low, high, stack);
    const page = this.#walker.walk(low, high, access, index, this.#controls);
    if (page < 0) throw new GuestException(VECTOR.PF, faultError(page), joined(low, high));
    if (this.physical.isRam(page)) this.#fill(low, high, access, index, page);
    return page + (low & PAGE_OFFSET);
  }

  /** SDM 1 3.3.7.1, "Canonical Addressing". */
  protected checkCanonical(low: number, high: number, stack: boolean): void {
    const { longMode, mode } = this.#controls;
    if (!longMode) return;
    const upper = high >> mode.canonicalShift;
    if (upper !== 0 && upper !== -1) throw new GuestException(stack ? VECTOR.SS : VECTOR.GP, 0, joined(low, high));
  }

  #fill(low: number, high: number, access: Access, index: MmuIndex, page: number): void {
    const key = (this.#epoch << 2) | index;
    this.#largePages.note(low, high, this.#walker.pageShift);
    if (access === ACCESS.execute) {
      this.tlb.fill(ACCESS.execute, low, high, key, page);
      return;
    }
    // Whoever may write a page may read it.
    this.tlb.fill(ACCESS.read, low, high, key, page);
    const number = page / GUEST_PAGE;
    if (access !== ACCESS.write) return;
    if (!this.codePages.mayFillWrite(number)) {
      this.#guardedWrites.fill(low, high, key, page);
      return;
    }
    this.tlb.fill(ACCESS.write, low, high, key, page);
    // The second half of code-pages.ts, invariant 1.
    if (!this.codePages.mayFillWrite(number)) this.tlb.remove(ACCESS.write, low);
  }

  /** Whether wasm would now find the page of an address in the write TLB. */
  protected isWritable(low: number, high: number): boolean {
    return this.tlb.find(ACCESS.write, low, high, this.registers.tlbKey) >= 0;
  }
}
