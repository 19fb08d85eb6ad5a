import type { Definition } from './definition.ts';
import { integerDefinitions } from './integer/index.ts';
import { sseDefinitions } from './sse/index.ts';
import { controlTransferDefinitions } from './system/control-transfer.ts';
import { flagControlDefinitions } from './system/flag-control.ts';
import { ioDefinitions } from './system/io.ts';
import { segmentationDefinitions } from './system/segmentation.ts';
import { stackFrameDefinitions } from './system/stack-frames.ts';
import { stringDefinitions } from './system/strings.ts';
import { systemDefinitions } from './system/system.ts';
import { x87Definitions } from './x87.ts';

/** Every instruction that rookery knows. What a vCPU lacks is left out by Definition.feature. */
export const DEFINITIONS: readonly Definition[] = [
  ...integerDefinitions,
  ...sseDefinitions,
  ...controlTransferDefinitions,
  ...flagControlDefinitions,
  ...ioDefinitions,
  ...segmentationDefinitions,
  ...stackFrameDefinitions,
  ...stringDefinitions,
  ...systemDefinitions,
  ...x87Definitions,
];
