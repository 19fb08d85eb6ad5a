// One vCPU on one thread. Calls arrive as messages; a kick arrives in shared memory, because a vCPU that executes
// guest code reads no messages until run() returns.
import { hostVcpu } from '../src/machine/vcpu-thread.ts';

hostVcpu();
