import { expect } from 'chai';
import { machineWith, transcript } from './support.ts';

describe('a guest that debugs itself (SDM 3B 17.2, 17.3)', () => {
  it('meets each breakpoint once, behind data accesses and before instructions', async () => {
    const machine = machineWith('debug', 1);
    const serial = transcript(machine);
    machine.resume();
    expect((await machine.stopped).reason).to.equal('powerOff');
    await serial.ended;
    // What, how many #DB, the causes in DR6, and RF in the last frame.
    expect(serial.text().trim().split('\n')).to.deep.equal([
      'write 1 1',
      'beside 0 0',
      'read 1 1',
      'locked 1 1',
      // SDM 3B 17.3.1.1: a trap between two iterations pushes RF.
      'string 1 1 RF',
      'execution 1 8',
      'steps 6 16384',
      // The instruction before the jump is passed over; then BTF goes with the first #DB: 17.4.1.
      'branches 5 16384',
    ]);
    await machine.close();
  });
});
