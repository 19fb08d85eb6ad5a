// What SSE and MMX instructions need beyond their definitions, or instead of them.
import type { HelperTable } from '../helper-table.ts';
import { sseConvertHelpers } from './sse-convert.ts';
import { sseFloatHelpers } from './sse-float.ts';
import { sseMoveHelpers } from './sse-move.ts';
import { sseStringHelpers } from './sse-string.ts';

/** By the names that src/isa/sse gives. */
export const sseHelpers: HelperTable = {
  ...sseConvertHelpers,
  ...sseFloatHelpers,
  ...sseMoveHelpers,
  ...sseStringHelpers,
};
