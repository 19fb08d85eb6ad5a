import { expect } from 'chai';
import { MachineStateError } from '../../src/machine/machine.ts';
import { SnapshotError } from '../../src/machine/snapshot.ts';
import { machineWith, transcript } from './support.ts';

const RESULT = 'locked 800 ok\natomic 800 ok\ntokens 80 ok\nwrong 0 ok\n';

describe('Machine: the pause barrier', () => {
  it('stands still while it is paused, and goes on as if nothing had happened', async () => {
    const machine = machineWith('smp-stress', 4);
    const serial = transcript(machine);
    for (let pauses = 0; pauses < 50; pauses++) {
      machine.resume();
      await machine.pause();
      if (serial.text() !== '') break;
      const before = machine.save();
      expect(machine.save()).to.deep.equal(before);
    }
    machine.resume();
    expect((await machine.stopped).reason).to.equal('powerOff');
    await serial.ended;
    expect(serial.text()).to.equal(RESULT);
    await machine.close();
  });

  it('opens a snapshot of a running guest in another machine, which ends as the first would have', async () => {
    const first = machineWith('smp-stress', 4);
    first.resume();
    await first.pause();
    const snapshot = first.save();
    await first.close();
    const second = machineWith('smp-stress', 4);
    second.restore(snapshot);
    const serial = transcript(second);
    second.resume();
    await second.stopped;
    await serial.ended;
    expect(serial.text()).to.equal(RESULT);
    await second.close();
  });

  it('refuses a snapshot of another shape and stays as it was', async () => {
    const two = machineWith('smp-stress', 2);
    const four = machineWith('smp-stress', 4);
    const before = four.save();
    expect(() => four.restore(two.save())).to.throw(SnapshotError, '2 vCPUs');
    expect(four.save()).to.deep.equal(before);
    await Promise.all([two.close(), four.close()]);
  });

  it('refuses calls that its state does not allow', async () => {
    const machine = machineWith('smp-stress', 2);
    machine.resume();
    expect(() => machine.resume()).to.throw(MachineStateError, 'running');
    expect(() => machine.save()).to.throw(MachineStateError, 'running');
    machine.stop();
    expect((await machine.stopped).reason).to.equal('host');
    await machine.close();
  });
});
