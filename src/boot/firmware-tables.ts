import { type AcpiAddresses, planAcpiTables } from './acpi.ts';
import { e820Map, planBiosArea, TableArea } from './bios-area.ts';
import { MachineShapeError } from './image-error.ts';
import { type MpAddresses, type ProcessorIdentity, planMpTables } from './mp-table.ts';
import { MAX_VCPUS } from './platform.ts';
import { RamPlan } from './ram-plan.ts';

/** The machine that the tables describe. */
export interface FirmwareOptions {
  /** 1 to 64; vCPU n has APIC ID n. */
  readonly vcpus: number;
  /** For the MP table; without it, a family 6 processor with FPU and APIC. */
  readonly processor?: ProcessorIdentity;
}

/** Where the tables lie, as guest physical addresses. */
export interface FirmwareTables {
  readonly acpi: AcpiAddresses;
  readonly mp: MpAddresses;
}

const FAMILY_6_FPU_APIC: ProcessorIdentity = { signature: 0x600, features: 0x201 };

/**
 * Starts a plan with everything that firmware would have left below 1 MiB.
 * @throws MachineShapeError for an amount of RAM or a number of vCPUs that the machine cannot have.
 */
export function planFirmware(ramBytes: number, { vcpus, processor = FAMILY_6_FPU_APIC }: FirmwareOptions) {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw new MachineShapeError('vCPUs', vcpus, `must be 1 to ${MAX_VCPUS}`);
  }
  e820Map(ramBytes); // Refuses a RAM size that it cannot map, before anything is placed.
  const plan = new RamPlan(ramBytes);
  planBiosArea(plan);
  const area = new TableArea(plan);
  const tables: FirmwareTables = {
    acpi: planAcpiTables(area, vcpus, ramBytes),
    mp: planMpTables(area, vcpus, processor),
  };
  return { plan, tables };
}

/**
 * Writes into `ram`, the guest RAM below 4 GiB, what a PC's firmware leaves there: the interrupt vectors, the BIOS data
 * areas, ACPI and MP tables. For machines that start without an image; loadKernel() does it too.
 * @throws MachineShapeError for an amount of RAM or a number of vCPUs that the machine cannot have.
 */
export function installFirmwareTables(ram: Uint8Array, options: FirmwareOptions): FirmwareTables {
  const { plan, tables } = planFirmware(ram.length, options);
  plan.commit(ram);
  return tables;
}
