// One vCPU on one thread. Calls arrive as messages; a kick arrives in shared memory, because a vCPU that executes
// guest code reads no messages until run() returns.
import { useCompileCache } from '../src/host/compile-cache.ts';

useCompileCache();
// Loaded after the cache is on, which a static import would not be.
const { hostVcpu } = await import('../src/machine/vcpu-thread.ts');
hostVcpu();
