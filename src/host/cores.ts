import { availableParallelism } from 'node:os';

/** How many threads of this process the host runs at the same time. */
export const hostCores = (): number => availableParallelism();
