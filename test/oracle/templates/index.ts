import type { Template } from '../template.ts';
import { branch, conditional, flags, move, stack, string } from './general.ts';
import { alu, bcd, bits, bmi, exchange, muldiv, shift } from './integer.ts';
import { mmx, sseInteger } from './packed.ts';
import { sseConvert, sseFloat, sseMove } from './sse.ts';
import { privileged, trap, undefinedOpcodes, x87Control } from './system.ts';

/** A family is a table, what its cases are made to show beside that, and its share of a run. */
export interface Family {
  name: string;
  templates: readonly Template[];
  /** Cases out of the sum of all weights. */
  weight: number;
  /** `lock`: LOCK on each case; `length`: padded with prefixes to 15 or 16 bytes. */
  emphasis?: 'lock' | 'length';
}

const general = [...alu, ...exchange, ...shift, ...muldiv, ...bits, ...move, ...conditional];

/** Every family of the oracle. */
export const FAMILIES: readonly Family[] = [
  { name: 'alu', templates: alu, weight: 14 },
  { name: 'exchange', templates: exchange, weight: 5 },
  { name: 'shift', templates: shift, weight: 10 },
  { name: 'muldiv', templates: muldiv, weight: 7 },
  { name: 'bcd', templates: bcd, weight: 3 },
  { name: 'bits', templates: bits, weight: 6 },
  { name: 'bmi', templates: bmi, weight: 5 },
  { name: 'move', templates: move, weight: 7 },
  { name: 'flags', templates: flags, weight: 1 },
  { name: 'conditional', templates: conditional, weight: 4 },
  { name: 'branch', templates: branch, weight: 6 },
  { name: 'stack', templates: stack, weight: 6 },
  { name: 'string', templates: string, weight: 6 },
  { name: 'sse-move', templates: sseMove, weight: 6 },
  { name: 'sse-float', templates: sseFloat, weight: 14 },
  { name: 'sse-convert', templates: sseConvert, weight: 6 },
  { name: 'sse-integer', templates: sseInteger, weight: 14 },
  { name: 'mmx', templates: mmx, weight: 8 },
  { name: 'x87-control', templates: x87Control, weight: 1 },
  { name: 'trap', templates: trap, weight: 1 },
  { name: 'privileged', templates: privileged, weight: 1 },
  { name: 'undefined', templates: undefinedOpcodes, weight: 3 },
  { name: 'lock', templates: general, weight: 4, emphasis: 'lock' },
  { name: 'length', templates: general, weight: 2, emphasis: 'length' },
];
