// MTRRs and PAT: SDM 3A 11.11, "Memory Type Range Registers", and 11.12, "Page Attribute Table". rookery keeps them
// as software leaves them; its memory behaves as write-back throughout, its devices as uncacheable.
import { generalProtection } from '../mmu/exception.ts';
import type { Cpu } from './cpu.ts';
import { having, isMtrrType, isPatType, type Msr, memoryTypes, readOnly, stored } from './msr.ts';

const VARIABLE_RANGES = 8;
/** IA32_MTRRCAP: 8 variable ranges, fixed ranges, write combining. */
const MTRR_CAP = BigInt(VARIABLE_RANGES) | (1n << 8n) | (1n << 10n);
/** IA32_MTRR_DEF_TYPE: type, FE, E. */
const DEF_TYPE_BITS = 0xcffn;
const MASK_VALID = 1n << 11n;
const PHYS_BASE = 0x200;

const hasMtrr = having('mtrr');
const typesOf = memoryTypes(isMtrrType);

function writeDefType({ state }: Cpu, value: bigint): void {
  if (value & ~DEF_TYPE_BITS || !isMtrrType(Number(value & 0xffn))) throw generalProtection();
  state.mtrrDefType = value;
}

/** Even registers are bases (type, address), odd ones masks (V, address): SDM 3A figure 11-8. */
function writeVariable(cpu: Cpu, value: bigint, index: number): void {
  const address = (1n << BigInt(cpu.features.physicalBits)) - 0x1000n;
  const isMask = (index & 1) !== 0;
  if (value & ~(address | (isMask ? MASK_VALID : 0xffn))) throw generalProtection();
  if (!isMask && !isMtrrType(Number(value & 0xffn))) throw generalProtection();
  cpu.state.mtrrVariable.set(index - PHYS_BASE, value);
}

const FIXED_RANGES: readonly (readonly [number, string])[] = [
  [0x250, 'IA32_MTRR_FIX64K_00000'],
  [0x258, 'IA32_MTRR_FIX16K_80000'],
  [0x259, 'IA32_MTRR_FIX16K_A0000'],
  [0x268, 'IA32_MTRR_FIX4K_C0000'],
  [0x269, 'IA32_MTRR_FIX4K_C8000'],
  [0x26a, 'IA32_MTRR_FIX4K_D0000'],
  [0x26b, 'IA32_MTRR_FIX4K_D8000'],
  [0x26c, 'IA32_MTRR_FIX4K_E0000'],
  [0x26d, 'IA32_MTRR_FIX4K_E8000'],
  [0x26e, 'IA32_MTRR_FIX4K_F0000'],
  [0x26f, 'IA32_MTRR_FIX4K_F8000'],
];

const fixedRange = ([index, name]: readonly [number, string], slot: number): Msr => ({
  index,
  name,
  available: hasMtrr,
  read: ({ state }) => state.mtrrFixed.get(slot),
  write: (cpu, value) => {
    typesOf(value, cpu);
    cpu.state.mtrrFixed.set(slot, value);
  },
});

export const memoryTypeMsrs: readonly Msr[] = [
  { index: 0xfe, name: 'IA32_MTRRCAP', available: hasMtrr, ...readOnly(() => MTRR_CAP) },
  {
    index: PHYS_BASE,
    name: 'IA32_MTRR_PHYSBASE0',
    count: 2 * VARIABLE_RANGES,
    available: hasMtrr,
    read: ({ state }, index) => state.mtrrVariable.get(index - PHYS_BASE),
    write: writeVariable,
  },
  ...FIXED_RANGES.map(fixedRange),
  { index: 0x277, name: 'IA32_PAT', available: having('pat'), ...stored('pat', memoryTypes(isPatType)) },
  {
    index: 0x2ff,
    name: 'IA32_MTRR_DEF_TYPE',
    available: hasMtrr,
    read: ({ state }) => state.mtrrDefType,
    write: writeDefType,
  },
];
