import type { Definition } from '../definition.ts';
import { arithmeticDefinitions } from './arithmetic.ts';
import { bitDefinitions } from './bits.ts';
import { bmiDefinitions } from './bmi.ts';
import { compareExchangeDefinitions } from './compare-exchange.ts';
import { controlFlowDefinitions } from './control-flow.ts';
import { convertDefinitions } from './convert.ts';
import { divideDefinitions } from './divide.ts';
import { flagAccessDefinitions } from './flag-access.ts';
import { hintDefinitions } from './hints.ts';
import { moveDefinitions } from './move.ts';
import { multiplyDefinitions } from './multiply.ts';
import { shiftDefinitions } from './shift.ts';
import { stackDefinitions } from './stack.ts';

/** The integer instructions of user mode, without strings, I/O and far transfers: SDM 1 chapter 7. */
export const integerDefinitions: readonly Definition[] = [
  ...arithmeticDefinitions,
  ...bitDefinitions,
  ...bmiDefinitions,
  ...compareExchangeDefinitions,
  ...controlFlowDefinitions,
  ...convertDefinitions,
  ...divideDefinitions,
  ...flagAccessDefinitions,
  ...hintDefinitions,
  ...moveDefinitions,
  ...multiplyDefinitions,
  ...shiftDefinitions,
  ...stackDefinitions,
];
