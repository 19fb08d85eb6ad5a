// What a model-specific register is, and checks that many of them share. The registers themselves: msr-table.ts.
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { isCanonicalBase } from './descriptors.ts';
import type { CpuFeatures } from './features.ts';

/** One model-specific register, or a run of like ones. */
export interface Msr {
  readonly index: number;
  readonly name: string;
  /** Registers from `index` on that are alike; absent 1. */
  readonly count?: number;
  /** Whether a model has it; absent: every model does. */
  readonly available?: (features: CpuFeatures) => boolean;
  /** Absent: reading is #GP(0). */
  readonly read?: (cpu: Cpu, index: number) => bigint;
  /** Absent: writing is #GP(0). @throws GuestException #GP(0) before anything has changed */
  readonly write?: (cpu: Cpu, value: bigint, index: number) => void;
}

/** Registers of the context that hold an MSR as it is. */
type ContextWord = {
  [K in keyof Cpu['state']]: Cpu['state'][K] extends bigint ? K : never;
}[keyof Cpu['state']];

/** What a value must pass before it is written. @throws GuestException #GP(0) */
export type MsrCheck = (value: bigint, cpu: Cpu) => void;

/** Only these bits may be set. */
export const onlyBits =
  (mask: bigint): MsrCheck =>
  (value) => {
    if (value & ~mask) throw generalProtection();
  };

/** A linear address must be one that registers take. @throws GuestException #GP(0) */
export function requireCanonical(cpu: Cpu, address: bigint): void {
  if (!isCanonicalBase(cpu, address)) throw generalProtection();
}

export const canonical: MsrCheck = (value, cpu) => requireCanonical(cpu, value);

/** Memory types that MTRRs take: SDM 3A table 11-8. PAT adds UC- (7). */
const MTRR_TYPES: ReadonlySet<number> = new Set([0, 1, 4, 5, 6]);

export const isMtrrType = (type: number): boolean => MTRR_TYPES.has(type);
export const isPatType = (type: number): boolean => isMtrrType(type) || type === 7;

/** Eight memory types, one a byte. */
export const memoryTypes =
  (isValid: (type: number) => boolean): MsrCheck =>
  (value) => {
    for (let shift = 0n; shift < 64n; shift += 8n) {
      if (!isValid(Number((value >> shift) & 0xffn))) throw generalProtection();
    }
  };

/** A register that holds what was written, if that passes a check. */
export const stored = (field: ContextWord, check?: MsrCheck): Pick<Msr, 'read' | 'write'> => ({
  read: ({ state }) => state[field],
  write: (cpu, value) => {
    check?.(value, cpu);
    cpu.state[field] = value;
  },
});

/** A register that cannot be written. */
export const readOnly = (read: (cpu: Cpu) => bigint): Pick<Msr, 'read'> => ({ read: (cpu) => read(cpu) });

/** A command: it cannot be read. */
export const command = (check: MsrCheck): Pick<Msr, 'write'> => ({ write: (cpu, value) => check(value, cpu) });

export const onIntel = ({ model }: CpuFeatures): boolean => model === 'intel';
export const onAmd = ({ model }: CpuFeatures): boolean => model === 'amd';
export const having =
  (...names: readonly string[]) =>
  (features: CpuFeatures): boolean =>
    names.some((name) => features.has(name));

/** What each vendor's IA32_BIOS_SIGN_ID says once CPUID has filled it: newer than any erratum that guests know. */
export const MICROCODE_REVISION = { intel: 0x1_0000_0000n, amd: 0x0100_0065n } as const;
