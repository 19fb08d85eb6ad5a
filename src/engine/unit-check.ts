import type { Instruction } from '../decode/instruction.ts';
import { MODE } from '../decode/mode.ts';
import { VECTOR } from '../mmu/exception.ts';

/** Mode bits under which each unit's instructions are undefined or not available: SDM 3A 2.5, 13.1.1. */
const CHECKS = {
  sse: { undefined: MODE.sseUndefined, notAvailable: MODE.sseNotAvailable },
  mmx: { undefined: MODE.fpuEmulated, notAvailable: MODE.fpuNotAvailable },
  x87: { undefined: 0, notAvailable: MODE.fpuNotAvailable | MODE.fpuEmulated },
} as const;

/** The vector that an instruction raises because its unit is switched off, or null. #UD goes before #NM. */
export function unitFault({ form }: Instruction, mode: number): number | null {
  const { unit } = form.definition;
  if (unit === undefined) return null;
  const check = CHECKS[unit];
  if (mode & check.undefined) return VECTOR.UD;
  return mode & check.notAvailable ? VECTOR.NM : null;
}
