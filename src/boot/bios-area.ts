// What a PC BIOS leaves below 1 MiB: interrupt vectors, the BIOS data area, the extended BIOS data area (EBDA) and its
// own segment at 0xf0000. The map of it:
//   0x00000  interrupt vectors, those of IRQs to an EOI, the others to an IRET
//   0x00400  BIOS data area
//   0x00500  free (the loaders put their tables from 0x9000 on)
//   0x9fc00  EBDA, 1 KiB
//   0xa0000  video memory and option ROMs: not RAM to a guest
//   0xf0000  RSDP, then ACPI and MP tables; 0xfe000 GDT; 0xffea5 EOI; 0xfff53 IRET; 0xffff0 halt
import { hex, ImageError, MachineShapeError } from './image-error.ts';
import { concat, u8, u16, zeros } from './little-endian.ts';
import type { RamPlan } from './ram-plan.ts';

const KIB = 1024;
export const MIB = 0x10_0000;

/** The most RAM that lies below 4 GiB: from here up is the hole for PCI and chipset registers, as on QEMU's pc. */
export const LOW_RAM_LIMIT = 0xc000_0000;

const BIOS_DATA_END = 0x500;
const EBDA = 0x9fc00;
const BASE_MEMORY_END = 0xa0000;
const BIOS_SEGMENT = 0xf0000;

/** Where the RSDP lies: fixed, because a Linux image is told before it can search (boot_params.acpi_rsdp_addr). */
export const RSDP_ADDRESS = BIOS_SEGMENT;
const RSDP_BYTES = 36;
/** Where the GDT lies that the boot state's selectors refer to. */
export const BOOT_GDT_ADDRESS = 0xfe000;

const TABLES_END = BOOT_GDT_ADDRESS;
// The IBM PC's fixed entry points: its timer interrupt, its dummy interrupt handler and its reset vector.
const EOI_STUB = 0xffea5;
const SECOND_EOI_STUB = EOI_STUB + 8;
const IRET_STUB = 0xfff53;
const RESET_STUB = 0xffff0;

/** Kilobytes of base memory, as INT 12h would give them: all below the EBDA. */
export const BASE_MEMORY_KIB = EBDA / KIB;

/** ACPI 6.3 15, table 15-374: address range types. */
export const E820_USABLE = 1;
export const E820_RESERVED = 2;

export interface E820Entry {
  readonly base: number;
  readonly length: number;
  readonly type: number;
}

/**
 * The memory map that INT 15h function E820h would give for `ramBytes` of RAM below 4 GiB.
 * @throws MachineShapeError unless 1 MiB < ramBytes <= 3 GiB, in whole pages.
 */
export function e820Map(ramBytes: number): readonly E820Entry[] {
  if (ramBytes % 0x1000 !== 0 || ramBytes <= MIB || ramBytes > LOW_RAM_LIMIT) {
    const limits = `more than 1 MiB and at most ${LOW_RAM_LIMIT / MIB} MiB`;
    throw new MachineShapeError('bytes of RAM below 4 GiB', ramBytes, `must be ${limits}, in whole 4 KiB pages`);
  }
  const range = (type: number, base: number, end: number) => ({ type, base, length: end - base });
  return [
    range(E820_USABLE, 0, EBDA),
    range(E820_RESERVED, EBDA, BASE_MEMORY_END),
    range(E820_RESERVED, BIOS_SEGMENT, MIB),
    range(E820_USABLE, MIB, ramBytes),
  ];
}

// The BIOS data area's fields as the IBM PC AT technical reference lists them; the rest is zero.
const biosDataFields: readonly (readonly [address: number, field: Uint8Array])[] = [
  [0x400, concat(u16(0x3f8))], // COM1's port; a zero after it says that there is no COM2.
  [0x40e, concat(u16(EBDA >>> 4))], // The EBDA's segment.
  [0x410, concat(u16(0x0222))], // Equipment: one serial port, 80x25 colour text, a coprocessor.
  [0x413, concat(u16(BASE_MEMORY_KIB))],
  [0x449, concat(u8(3), u16(80))], // Video mode 3, and its columns.
  [0x463, concat(u16(0x3d4))], // The CRT controller's port.
  [0x484, concat(u8(24), u16(16))], // The last row, and the lines of a character.
];

/** IRQ 0-7 have vectors 08h-0Fh, IRQ 8-15 have 70h-77h, as the 8259s are left. */
const IRQ_VECTORS = { first: 0x08, second: 0x70 } as const;

function handlerOf(vector: number): number {
  const block = vector & ~7;
  if (block === IRQ_VECTORS.first) return EOI_STUB;
  return block === IRQ_VECTORS.second ? SECOND_EOI_STUB : IRET_STUB;
}

function interruptVectors(): Uint8Array {
  const vector = (handler: number) => concat(u16(handler - BIOS_SEGMENT), u16(BIOS_SEGMENT >>> 4));
  return concat(...Array.from({ length: 256 }, (_, number) => vector(handlerOf(number))));
}

// A tick that nobody has asked for must not keep lower interrupts in service for ever.
// PUSH AX; MOV AL, 20h (non-specific EOI); OUT 20h, AL; POP AX; IRET. For the second 8259: OUT A0h, AL before it.
const EOI = Uint8Array.of(0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf);
const SECOND_EOI = Uint8Array.of(0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf);
const IRET = Uint8Array.of(0xcf);
// CLI; HLT; JMP to the HLT: an NMI wakes HLT but gets no further.
const HALT_LOOP = Uint8Array.of(0xfa, 0xf4, 0xeb, 0xfd);
// The machine identification byte of an AT (SeaBIOS and Bochs say the same).
const MODEL = { address: 0xffffe, byte: Uint8Array.of(0xfc) };

/** Plans everything below 1 MiB but the tables, and claims it so that no image is loaded over it. */
export function planBiosArea(plan: RamPlan): void {
  const claim = (start: number, end: number, what: string) => plan.claim('firmware', start, end - start, what);
  claim(0, BIOS_DATA_END, 'the interrupt vectors and the BIOS data area');
  claim(EBDA, BASE_MEMORY_END, 'the extended BIOS data area');
  claim(BASE_MEMORY_END, BIOS_SEGMENT, 'the video memory and option ROM area');
  claim(BIOS_SEGMENT, MIB, 'the BIOS area');

  plan.write(0, concat(interruptVectors(), zeros(BIOS_DATA_END - 0x400)));
  for (const [address, field] of biosDataFields) plan.write(address, field);
  plan.write(EBDA, concat(u8((BASE_MEMORY_END - EBDA) / KIB), zeros(BASE_MEMORY_END - EBDA - 1))); // Its size in KiB.
  plan.write(BIOS_SEGMENT, new Uint8Array(MIB - BIOS_SEGMENT));
  plan.write(EOI_STUB, EOI);
  plan.write(SECOND_EOI_STUB, SECOND_EOI);
  plan.write(IRET_STUB, IRET);
  plan.write(RESET_STUB, HALT_LOOP);
  plan.write(MODEL.address, MODEL.byte);
}

/** Hands out places for tables in the BIOS segment, from the end of the RSDP upward. */
export class TableArea {
  readonly #plan: RamPlan;
  #next = RSDP_ADDRESS + RSDP_BYTES;

  constructor(plan: RamPlan) {
    this.#plan = plan;
  }

  /**
   * Plans a table at the next multiple of `alignment` and returns its address.
   * @throws ImageError if the tables before it have left no room.
   */
  add(name: string, table: Uint8Array, alignment = 16): number {
    const address = Math.ceil(this.#next / alignment) * alignment;
    const end = address + table.length;
    if (end > TABLES_END) {
      throw new ImageError('firmware', `${name} at ${hex(address)}-${hex(end)} overlaps the boot GDT`);
    }
    this.#plan.write(address, table);
    this.#next = end;
    return address;
  }

  /** Plans the RSDP, which comes last because it points to the others. */
  addRsdp(rsdp: Uint8Array): number {
    this.#plan.write(RSDP_ADDRESS, rsdp);
    return RSDP_ADDRESS;
  }
}
