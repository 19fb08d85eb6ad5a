import type { HelperTable } from '../helper-table.ts';
import { controlRegisterHelpers } from './control-registers.ts';
import { controlTransferHelpers } from './control-transfer.ts';
import { cpuidHelpers } from './cpuid.ts';
import { flagHelpers } from './flags.ts';
import { hypercallHelpers } from './hypercall.ts';
import { integerHelpers } from './integer.ts';
import { ioHelpers } from './io.ts';
import { msrHelpers } from './msr.ts';
import { segmentationHelpers } from './segmentation.ts';
import { sseHelpers } from './sse.ts';
import { stackHelpers } from './stack.ts';
import { stringHelpers } from './strings.ts';
import { systemHelpers } from './system.ts';
import { x87ControlHelpers } from './x87-control.ts';
import { xsaveHelpers } from './xsave.ts';

/** Every TypeScript helper by the name that its definition gives. */
export const HELPERS: HelperTable = {
  ...controlRegisterHelpers,
  ...controlTransferHelpers,
  ...cpuidHelpers,
  ...flagHelpers,
  ...hypercallHelpers,
  ...integerHelpers,
  ...ioHelpers,
  ...msrHelpers,
  ...segmentationHelpers,
  ...sseHelpers,
  ...stackHelpers,
  ...stringHelpers,
  ...systemHelpers,
  ...x87ControlHelpers,
  ...xsaveHelpers,
};
