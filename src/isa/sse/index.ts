import type { Definition } from '../definition.ts';
import { convertVectorDefinitions } from './convert.ts';
import { elementDefinitions } from './element.ts';
import { floatDefinitions } from './float.ts';
import { integerVectorDefinitions } from './integer.ts';
import { moveVectorDefinitions } from './move.ts';
import { shiftVectorDefinitions } from './shift.ts';
import { shuffleDefinitions } from './shuffle.ts';
import { stringCompareDefinitions } from './string-compare.ts';

/** MMX, SSE, SSE2, SSE3, SSSE3, SSE4.1 and SSE4.2: SDM 1 chapters 9 to 12. */
export const sseDefinitions: readonly Definition[] = [
  ...moveVectorDefinitions,
  ...integerVectorDefinitions,
  ...shiftVectorDefinitions,
  ...shuffleDefinitions,
  ...elementDefinitions,
  ...floatDefinitions,
  ...convertVectorDefinitions,
  ...stringCompareDefinitions,
];
