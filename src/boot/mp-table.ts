// For guests without ACPI: Intel MultiProcessor Specification 1.4, chapter 4, "MP Configuration Table".
import type { TableArea } from './bios-area.ts';
import { ascii, concat, type Field, u8, u16, u32, withChecksum, zeros } from './little-endian.ts';
import {
  INTI_CONFORMS,
  INTI_LEVEL_HIGH,
  IO_APIC,
  ISA_INTERRUPTS,
  LEVEL_INTERRUPTS,
  LOCAL_APIC,
  PIT_PIN,
  pciPins,
} from './platform.ts';

/** The addresses of the MP floating pointer structure and of the configuration table. */
export interface MpAddresses {
  readonly floatingPointer: number;
  readonly configuration: number;
}

/** What CPUID.1 gives in EAX and EDX: the table repeats it for every processor (MP 1.4 4.3.1). */
export interface ProcessorIdentity {
  readonly signature: number;
  readonly features: number;
}

const SPECIFICATION_1_4 = 4;
// Tables 4-3, 4-9 and 4-10: entry types, and what an interrupt entry delivers.
const ENTRY = { processor: 0, bus: 1, ioApic: 2, ioInterrupt: 3, localInterrupt: 4 };
const DELIVERS = { int: 0, nmi: 1, extInt: 3 };
const BUS = { pci: 0, isa: 1 };
const ALL_APICS = 0xff;
const ENABLED = 1;
const BOOTSTRAP = 2;
// The 8259 pair's cascade is no interrupt of any device, and its pin carries the PIT's.
const CASCADE = 2;

const processor = (id: number, { signature, features }: ProcessorIdentity): Field =>
  concat(
    u8(ENTRY.processor),
    concat(u8(id), u8(LOCAL_APIC.version)),
    u8(id === 0 ? ENABLED | BOOTSTRAP : ENABLED),
    concat(u32(signature), u32(features)),
    zeros(8),
  );

const bus = (id: number, type: string): Field => concat(u8(ENTRY.bus), u8(id), ascii(type, 6));

const ioApic = (): Field =>
  concat(u8(ENTRY.ioApic), u8(IO_APIC.id), u8(IO_APIC.version), u8(ENABLED), u32(IO_APIC.address));

/** 4.3.4: who interrupts (a line of a bus), and the I/O APIC pin that it reaches. */
const ioInterrupt = (flags: number, sourceBus: number, source: number, pin: number): Field =>
  concat(u8(ENTRY.ioInterrupt), u8(DELIVERS.int), u16(flags), u8(sourceBus), u8(source), u8(IO_APIC.id), u8(pin));

/** 4.3.5: both come from ISA line 0, which for them has no meaning. */
const localInterrupt = (delivers: number, apic: number, lint: number): Field =>
  concat(u8(ENTRY.localInterrupt), u8(delivers), u16(INTI_CONFORMS), u8(BUS.isa), u8(0), u8(apic), u8(lint));

/** A PCI source is a slot in bits 6-2 and a pin in bits 1-0: D.3, "I/O Interrupt Assignment Entries for PCI Devices". */
const pciInterrupts = (): readonly Field[] =>
  pciPins.map(({ slot, pin, line }) => ioInterrupt(INTI_LEVEL_HIGH, BUS.pci, (slot << 2) | pin, line));

/** All ISA lines but the cascade, each to the pin of its number, except the PIT's. */
function isaInterrupts(): readonly Field[] {
  const lines = Array.from({ length: ISA_INTERRUPTS }, (_, line) => line).filter((line) => line !== CASCADE);
  return lines.map((line) => {
    const flags = LEVEL_INTERRUPTS.includes(line) ? INTI_LEVEL_HIGH : INTI_CONFORMS;
    return ioInterrupt(flags, BUS.isa, line, line === 0 ? PIT_PIN : line);
  });
}

/** The configuration table: header 4.2, then the entries in ascending type. */
function configuration(vcpus: number, identity: ProcessorIdentity): Uint8Array {
  const entries = [
    ...Array.from({ length: vcpus }, (_, id) => processor(id, identity)),
    bus(BUS.pci, 'PCI'),
    bus(BUS.isa, 'ISA'),
    ioApic(),
    ...pciInterrupts(),
    ...isaInterrupts(),
    localInterrupt(DELIVERS.extInt, 0, 0),
    localInterrupt(DELIVERS.nmi, ALL_APICS, 1),
  ];
  const body = concat(...entries);
  const header = [
    ascii('PCMP', 4),
    u16(44 + body.length),
    u8(SPECIFICATION_1_4),
    u8(0), // Checksum
    ascii('ROOKERY', 8), // OEM ID
    ascii('ROOKERY', 12), // Product ID
    zeros(6), // no OEM table
    u16(entries.length),
    u32(LOCAL_APIC.address),
    zeros(4), // no extended table
  ];
  return withChecksum(concat(...header, body), 7);
}

/** The floating pointer, 4.1: a configuration table is there, and no IMCR: the machine starts in virtual wire mode. */
function floatingPointer(configurationAddress: number): Uint8Array {
  const fields = [ascii('_MP_', 4), u32(configurationAddress), u8(1), u8(SPECIFICATION_1_4), u8(0), zeros(5)];
  return withChecksum(concat(...fields), 10);
}

/** Plans both structures into `area`. */
export function planMpTables(area: TableArea, vcpus: number, identity: ProcessorIdentity): MpAddresses {
  const table = area.add('the MP configuration table', configuration(vcpus, identity));
  return { configuration: table, floatingPointer: area.add('the MP floating pointer', floatingPointer(table)) };
}
