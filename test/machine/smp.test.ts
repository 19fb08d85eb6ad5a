import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { machineWith, transcript } from './support.ts';

const RUNS = 1000;

describe('a guest with locks, interrupts between vCPUs and shared page tables', () => {
  it(`runs ${RUNS} times on 4 vCPUs from one snapshot without a hang or a wrong sum`, async function () {
    this.timeout(600_000);
    const machine = machineWith('smp-stress', 4);
    const start = machine.save();
    for (let run = 0; run < RUNS; run++) {
      machine.restore(start);
      const serial = transcript(machine);
      machine.resume();
      const stop = await machine.stopped;
      await serial.ended;
      expect(serial.text(), `run ${run}`).to.equal('locked 800 ok\natomic 800 ok\ntokens 80 ok\nwrong 0 ok\n');
      expect(stop.reason).to.equal('powerOff');
    }
    await machine.close();
  });

  it('runs on more vCPUs than the host has cores', async () => {
    const vcpus = 3 * availableParallelism() + 1;
    const machine = machineWith('smp-stress', vcpus);
    const serial = transcript(machine);
    machine.resume();
    await machine.stopped;
    await serial.ended;
    expect(serial.text()).to.contain(`tokens ${vcpus * 20} ok\nwrong 0 ok`);
    await machine.close();
  });
});

describe('a machine of 64 vCPUs', () => {
  it('starts them all, and each answers an interrupt', async function () {
    this.timeout(300_000);
    const machine = machineWith('roll-call', 64);
    const serial = transcript(machine);
    machine.resume();
    expect((await machine.stopped).reason).to.equal('powerOff');
    await serial.ended;
    expect(serial.text()).to.equal('64 vCPUs answer\n');
    await machine.close();
  });
});
