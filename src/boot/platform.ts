// Addresses and interrupt lines that the ACPI and MP tables both tell of: QEMU's "pc" machine.

export const MAX_VCPUS = 64;

export const LOCAL_APIC = { address: 0xfee0_0000, version: 0x14 };
export const IO_APIC = { id: 0, address: 0xfec0_0000, version: 0x11 };
export const HPET = { address: 0xfed0_0000, length: 0x400, id: 0x8086_a201 };

/** The ACPI fixed hardware, as I/O ports, and the interrupt it shares. */
export const ACPI_PM = { sci: 9, pm1aEvent: 0x600, pm1aControl: 0x604, timer: 0x608 };

export const ISA_INTERRUPTS = 16;

/** The PIT's line goes to I/O APIC pin 2: pin 0 carries the 8259 pair's output. */
export const PIT_PIN = 2;

/** Lines that PCI devices or the SCI may use: level triggered, active high. All others are as ISA has them. */
export const LEVEL_INTERRUPTS: readonly number[] = [5, 9, 10, 11];

/** Polarity and trigger mode in MPS INTI flags: ACPI 6.3 5.2.12.5, MP 1.4 4.3.4. */
export const INTI_CONFORMS = 0x0;
export const INTI_LEVEL_HIGH = 0xd;

// PIIX3's four PIRQ lines as QEMU's firmware routes them.
const PIRQ_TO_LINE = [10, 10, 11, 11];
const PCI_SLOTS = 32;
const PCI_PINS = 4;

/** Pin INTA# (0) to INTD# (3) of a slot of bus 0, and the interrupt line that it is wired to. */
export interface PciPin {
  readonly slot: number;
  readonly pin: number;
  readonly line: number;
}

/** Every pin of every slot but slot 0, the host bridge, which has none. The board rotates them from slot to slot. */
export const pciPins: readonly PciPin[] = Array.from({ length: (PCI_SLOTS - 1) * PCI_PINS }, (_, index) => {
  const [slot, pin] = [1 + Math.floor(index / PCI_PINS), index % PCI_PINS];
  return { slot, pin, line: PIRQ_TO_LINE[(slot - 1 + pin) % PIRQ_TO_LINE.length] };
});
