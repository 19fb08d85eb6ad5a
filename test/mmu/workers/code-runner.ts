// A vCPU that executes what the code-writer changes: a decoded copy, dropped at block ends as the protocol says.
import { parentPort, workerData } from 'node:worker_threads';
import { RUN_STATE } from '../../../src/state/context.ts';
import { type GuestData, GuestThread, WORDS } from '../guest.ts';

const PAGE = 0x200;
const data = workerData as GuestData;
const guest = new GuestThread(data);
const { mmu, physical } = guest.machine;
const flags = new Int32Array(data.buffers.ram);
let decoded: { generation: number; version: number } | null = null;
let stale = 0;
let decodes = 0;

guest.meet();
guest.setRunState(RUN_STATE.inside);
while (Atomics.load(flags, WORDS / 4 + 1) === 0) {
  const promised = flags[WORDS / 4]!;
  // The kick of a store that the flag follows was visible before the flag was.
  if (guest.endOfBlock() && decoded?.generation !== mmu.codeGeneration(PAGE)) decoded = null;
  if (decoded === null) {
    const generation = mmu.markCode(PAGE, 0x40, 0x44);
    decoded = { generation, version: physical.read(0x20_0040, 4) };
    decodes++;
  }
  if (decoded.version < promised) stale++;
}
guest.setRunState(RUN_STATE.outside);
parentPort!.postMessage({ stale, decodes });
