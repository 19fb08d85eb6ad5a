// A vCPU that stores to its page and decodes the other's, as the other does: each waits for the other's safepoints.
import { parentPort, workerData } from 'node:worker_threads';
import { RUN_STATE } from '../../../src/state/context.ts';
import { type GuestData, GuestThread } from '../guest.ts';

const { buffers, vcpu, rounds } = workerData as GuestData;
const guest = new GuestThread({ buffers, vcpu, rounds });
guest.meet();
guest.setRunState(RUN_STATE.inside);
for (let round = 0; round < rounds; round++) {
  const own = 0x200 + vcpu;
  guest.store(own * 0x1000, round);
  guest.store(own * 0x1000 + 4, round);
  guest.machine.mmu.markCode(0x200 + (1 - vcpu), 0, 8);
  if (round % 16 === 0) guest.endOfBlock();
}
guest.setRunState(RUN_STATE.outside);
parentPort!.postMessage(rounds);
