// ACPI tables of a machine like QEMU's "pc": ACPI 6.3 chapter 5.2, "ACPI System Description Tables".
import type { TableArea } from './bios-area.ts';
import { definitionBlock } from './dsdt.ts';
import { ascii, concat, type Field, u8, u16, u32, u64, withChecksum, zeros } from './little-endian.ts';
import {
  ACPI_PM,
  HPET,
  INTI_CONFORMS,
  INTI_LEVEL_HIGH,
  IO_APIC,
  LEVEL_INTERRUPTS,
  LOCAL_APIC,
  PIT_PIN,
} from './platform.ts';

const OEM_ID = ascii('ROOKRY', 6);
const HEADER_BYTES = 36;
const CHECKSUM_OFFSET = 9;

/** The addresses of the tables, for whoever wants to look at them. */
export interface AcpiAddresses {
  readonly rsdp: number;
  readonly rsdt: number;
  readonly xsdt: number;
  readonly fadt: number;
  readonly facs: number;
  readonly dsdt: number;
  readonly madt: number;
  readonly hpet: number;
}

/** A table with its header: 5.2.6. */
function table(signature: string, revision: number, ...body: readonly Field[]): Uint8Array {
  const contents = concat(...body);
  const header = [
    ascii(signature, 4),
    u32(HEADER_BYTES + contents.length),
    u8(revision),
    u8(0), // Checksum
    OEM_ID,
    ascii('ROOKERY', 8), // OEM Table ID
    u32(1), // OEM Revision
    ascii('RKRY', 4), // Creator ID
    u32(1), // Creator Revision
  ];
  return withChecksum(concat(...header, contents), CHECKSUM_OFFSET);
}

const ADDRESS_SPACE = { memory: 0, io: 1 };

/** Generic Address Structure: 5.2.3.2. A width of 0 is for a block of registers. */
const genericAddress = (space: number, bits: number, address: number): Field =>
  concat(u8(space), u8(bits), u8(0), u8(0), u64(address));
const noAddress = genericAddress(0, 0, 0);

// 5.2.9.3, table 5-35: IA-PC boot architecture flags. No 8042 bit: there is no keyboard to be found.
const BOOT_ARCHITECTURE = { legacyDevices: 1 << 0, vgaNotPresent: 1 << 2 };

// Table 5-34: fixed feature flags, those of QEMU's pc. TMR_VAL_EXT (bit 8) is clear: the PM timer has 24 bits.
const FEATURE = { wbinvd: 1 << 0, procC1: 1 << 2, slpButton: 1 << 5, rtcS4: 1 << 7, usePlatformClock: 1 << 15 };
const FORCE_APIC_CLUSTER_MODEL = 1 << 18;
const FEATURES = Object.values(FEATURE).reduce((all, flag) => all | flag, 0);
// Flat logical destinations reach eight local APICs: SDM 3A 10.6.2.2.
const FLAT_LOGICAL_MAX = 8;

// Latencies above 100 and 1000 us say that C2 and C3 are not there.
const NO_C2_C3 = 0xfff;
const RTC_CENTURY = 0x32;

/**
 * FADT, 5.2.9, in the 244 bytes of ACPI 2.0. SMI_CMD is 0, as on QEMU without SMM: the machine is always in ACPI mode,
 * and the SCI_EN bit of PM1a control always reads 1. There are no general-purpose events.
 */
function fadt(facs: number, dsdt: number, vcpus: number): Uint8Array {
  return table(
    'FACP',
    3,
    u32(facs),
    u32(dsdt),
    u8(1), // INT_MODEL of ACPI 1.0: APICs
    u8(0), // Preferred_PM_Profile: unspecified
    u16(ACPI_PM.sci),
    u32(0), // SMI_CMD
    zeros(4), // ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT
    concat(u32(ACPI_PM.pm1aEvent), u32(0)), // PM1a_EVT_BLK, PM1b_EVT_BLK
    concat(u32(ACPI_PM.pm1aControl), u32(0)), // PM1a_CNT_BLK, PM1b_CNT_BLK
    u32(0), // PM2_CNT_BLK
    u32(ACPI_PM.timer),
    concat(u32(0), u32(0)), // GPE0_BLK, GPE1_BLK
    concat(u8(4), u8(2), u8(0), u8(4)), // PM1_EVT_LEN, PM1_CNT_LEN, PM2_CNT_LEN, PM_TMR_LEN
    zeros(4), // GPE0_BLK_LEN, GPE1_BLK_LEN, GPE1_BASE, CST_CNT
    concat(u16(NO_C2_C3), u16(NO_C2_C3)), // P_LVL2_LAT, P_LVL3_LAT
    concat(u16(0), u16(0)), // FLUSH_SIZE, FLUSH_STRIDE: WBINVD does it
    concat(u8(0), u8(0)), // DUTY_OFFSET, DUTY_WIDTH
    concat(u8(0), u8(0), u8(RTC_CENTURY)), // DAY_ALRM, MON_ALRM, CENTURY
    u16(BOOT_ARCHITECTURE.legacyDevices | BOOT_ARCHITECTURE.vgaNotPresent),
    u8(0),
    u32(FEATURES | (vcpus > FLAT_LOGICAL_MAX ? FORCE_APIC_CLUSTER_MODEL : 0)),
    concat(noAddress, u8(0)), // RESET_REG, RESET_VALUE
    zeros(3),
    u64(0), // X_FIRMWARE_CTRL: the 32-bit field serves
    u64(dsdt),
    concat(genericAddress(ADDRESS_SPACE.io, 32, ACPI_PM.pm1aEvent), noAddress),
    concat(genericAddress(ADDRESS_SPACE.io, 16, ACPI_PM.pm1aControl), noAddress),
    noAddress, // X_PM2_CNT_BLK
    genericAddress(ADDRESS_SPACE.io, 32, ACPI_PM.timer),
    concat(noAddress, noAddress), // X_GPE0_BLK, X_GPE1_BLK
  );
}

/** FACS, 5.2.10: it has neither the common header nor a checksum. */
const facs = (): Uint8Array => concat(ascii('FACS', 4), u32(64), zeros(24), u8(1), zeros(31));

// 5.2.12: interrupt controller structure types.
const MADT_ENTRY = { localApic: 0, ioApic: 1, sourceOverride: 2, localApicNmi: 4 };
const PCAT_COMPAT = 1;
const ENABLED = 1;
const ALL_PROCESSORS = 0xff;

const sourceOverride = (source: number, gsi: number, flags: number): Field =>
  concat(u8(MADT_ENTRY.sourceOverride), u8(10), u8(0), u8(source), u32(gsi), u16(flags));

/** MADT, 5.2.12: every vCPU's APIC ID and processor UID are its index. */
function madt(vcpus: number): Uint8Array {
  const localApic = (id: number) => concat(u8(MADT_ENTRY.localApic), u8(8), u8(id), u8(id), u32(ENABLED));
  return table(
    'APIC',
    1,
    u32(LOCAL_APIC.address),
    u32(PCAT_COMPAT),
    ...Array.from({ length: vcpus }, (_, id) => localApic(id)),
    concat(u8(MADT_ENTRY.ioApic), u8(12), u8(IO_APIC.id), u8(0), u32(IO_APIC.address), u32(0)),
    sourceOverride(0, PIT_PIN, INTI_CONFORMS),
    ...LEVEL_INTERRUPTS.map((line) => sourceOverride(line, line, INTI_LEVEL_HIGH)),
    concat(u8(MADT_ENTRY.localApicNmi), u8(6), u8(ALL_PROCESSORS), u16(INTI_CONFORMS), u8(1)), // LINT1
  );
}

/** IA-PC HPET specification 1.0a, 3.2.4, "The ACPI 2.0 HPET Description Table". */
const hpet = (): Uint8Array =>
  table(
    'HPET',
    1,
    u32(HPET.id),
    genericAddress(ADDRESS_SPACE.memory, 0, HPET.address),
    u8(0), // HPET number
    u16(0), // the shortest period without lost interrupts: not told
    u8(0), // no page protection
  );

/** RSDP, 5.2.5.3: the first checksum covers the 20 bytes of ACPI 1.0, the second all 36. */
function rsdp(rsdt: number, xsdt: number): Uint8Array {
  const first = withChecksum(concat(ascii('RSD PTR ', 8), u8(0), OEM_ID, u8(2), u32(rsdt)), 8);
  return withChecksum(concat(first, u32(36), u64(xsdt), u8(0), zeros(3)), 32);
}

/** Plans all ACPI tables into `area`, and the RSDP at its fixed address; `ramBytes` is the RAM below 4 GiB. */
export function planAcpiTables(area: TableArea, vcpus: number, ramBytes: number): AcpiAddresses {
  const facsAddress = area.add('the FACS', facs(), 64);
  const dsdt = area.add('the DSDT', table('DSDT', 1, definitionBlock(vcpus, ramBytes)));
  const tables = {
    fadt: area.add('the FADT', fadt(facsAddress, dsdt, vcpus)),
    madt: area.add('the MADT', madt(vcpus)),
    hpet: area.add('the HPET table', hpet()),
  };
  const pointers = Object.values(tables);
  const rsdt = area.add('the RSDT', table('RSDT', 1, ...pointers.map(u32)));
  const xsdt = area.add('the XSDT', table('XSDT', 1, ...pointers.map(u64)));
  const pointer = area.addRsdp(rsdp(rsdt, xsdt));
  return { rsdp: pointer, rsdt, xsdt, facs: facsAddress, dsdt, ...tables };
}
