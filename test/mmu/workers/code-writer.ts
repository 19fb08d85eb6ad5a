// A vCPU that keeps changing an instruction, and then tells by a flag which version there must be.
import { parentPort, workerData } from 'node:worker_threads';
import { RUN_STATE } from '../../../src/state/context.ts';
import { type GuestData, GuestThread, WORDS } from '../guest.ts';

const data = workerData as GuestData;
const guest = new GuestThread(data);
const flags = new Int32Array(data.buffers.ram);
guest.meet();
guest.setRunState(RUN_STATE.inside);
let fast = 0;
for (let version = 1; version <= data.rounds; version++) {
  if (guest.store(0x20_0040, version)) fast++;
  flags[WORDS / 4] = version;
  guest.endOfBlock();
}
guest.setRunState(RUN_STATE.outside);
Atomics.store(flags, WORDS / 4 + 1, 1);
parentPort!.postMessage({ fast });
