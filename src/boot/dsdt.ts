import { type Aml, device, eisaId, integer, name, packageOf, processor, scope } from './aml.ts';
import { busNumbers, fixedMemory, ioPorts, ioWindow, irqLine, memoryWindow, resources } from './aml-resources.ts';
import { concat } from './little-endian.ts';
import { HPET, pciPins } from './platform.ts';

// Where PCI memory ends and the I/O APIC begins.
const PCI_MEMORY_LAST = 0xfebf_ffff;
const PCI_CONFIG_PORTS = { first: 0xcf8, count: 8 };
// ACPI 6.3 6.3.7: present, enabled, shown, working.
const PRESENT = 0x0f;

/** _S5: writing SLP_TYP 0 with SLP_EN to PM1a control turns the machine off, as on QEMU's PIIX4. */
const softOff: Aml = name('\\_S5', packageOf(integer(0), integer(0), integer(0), integer(0)));

/** _PRT: each pin of each slot goes straight to an I/O APIC input, without a link device to program. */
const interruptRouting: Aml = name(
  '_PRT',
  // The low half 0xffff of an address stands for every function of the slot.
  packageOf(
    ...pciPins.map(({ slot, pin, line }) =>
      packageOf(integer(slot * 0x1_0000 + 0xffff), integer(pin), integer(0), integer(line)),
    ),
  ),
);

const serialPort: Aml = device(
  'COM1',
  name('_HID', eisaId('PNP0501')),
  name('_UID', integer(1)),
  name('_STA', integer(PRESENT)),
  name('_CRS', resources(ioPorts(0x3f8, 8), irqLine(4))),
);

const realTimeClock: Aml = device(
  'RTC',
  name('_HID', eisaId('PNP0B00')),
  name('_CRS', resources(ioPorts(0x70, 2), irqLine(8))),
);

const hpet: Aml = device(
  'HPET',
  name('_HID', eisaId('PNP0103')),
  name('_UID', integer(0)),
  name('_CRS', resources(fixedMemory(HPET.address, HPET.length))),
);

const isaBridge: Aml = device('ISA', name('_ADR', integer(0x1_0000)), serialPort, realTimeClock);

/** The host bridge passes on all ports but its own, the video memory, and what lies between RAM and the I/O APIC. */
function hostBridge(ramBytes: number): Aml {
  const windows = resources(
    busNumbers(0, 0xff),
    ioPorts(PCI_CONFIG_PORTS.first, PCI_CONFIG_PORTS.count),
    ioWindow(0, PCI_CONFIG_PORTS.first - 1),
    ioWindow(PCI_CONFIG_PORTS.first + PCI_CONFIG_PORTS.count, 0xffff),
    memoryWindow(0xa0000, 0xbffff),
    memoryWindow(ramBytes, PCI_MEMORY_LAST),
  );
  const identity = [name('_HID', eisaId('PNP0A03')), name('_ADR', integer(0)), name('_UID', integer(0))];
  return device('PCI0', ...identity, name('_CRS', windows), interruptRouting, isaBridge);
}

/** C000, C001, ...: named by index, which is also the UID that the MADT gives. */
const processors = (vcpus: number): readonly Aml[] =>
  Array.from({ length: vcpus }, (_, index) =>
    processor(`C${index.toString(16).toUpperCase().padStart(3, '0')}`, index),
  );

/** The definition block of the DSDT, without its header, for `ramBytes` of RAM below 4 GiB. */
export const definitionBlock = (vcpus: number, ramBytes: number): Aml =>
  concat(softOff, scope('\\_SB', ...processors(vcpus), hpet, hostBridge(ramBytes)));
