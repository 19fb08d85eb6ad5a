// memtest86+ 6.10 as Debian ships it: a program that nobody here wrote, which starts the second processor by INIT and
// SIPI, wakes it by NMI from HLT at every barrier, and complains of each word of RAM that does not hold what it wrote.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Terminal } from '../support/terminal.ts';
import { machineWithKernel } from './support.ts';

const path = '/boot/memtest86+x64.bin';
/** Little over the least that it starts with, which is 4 MiB and 192 KiB. */
const RAM_BYTES = 0x44_0000;
/** `nobench`: its speed measurement takes long and shows nothing here. */
const COMMAND_LINE = 'console=ttyS0,115200 nobench nopause';
/** Configuration, test selection, remove one test: 10; back to the screen, where testing starts anew. */
const LEAVE_OUT_BIT_FADE = '11' + '210\r' + '00';
const topology = { sockets: 1, dies: 1, cores: 2, threads: 1 };
const SELECTION = /0-{9}10\n *\*\.\*{8}\./;
const ESC = '\u001b';

describe("Debian's memtest86+ on 2 vCPUs", () => {
  it('completes a pass with both processors and finds no error', async function () {
    this.timeout(300_000);
    const kernel = { name: path, bytes: new Uint8Array(readFileSync(path)) };
    const machine = machineWithKernel({ kernel, append: COMMAND_LINE, initrd: [] }, 2, {
      ramBytes: RAM_BYTES,
      topology,
    });
    const terminal = new Terminal();
    const drained = machine.connectSerial((bytes) => terminal.feed(bytes));
    try {
      machine.resume();
      const failed = machine.stopped.then(({ reason }) => {
        if (reason !== 'reset') throw new Error(`${reason} while the screen showed\n${terminal.text}`);
      });
      const shown = (pattern: RegExp) => Promise.race([terminal.shows(pattern), failed]);

      await shown(/Testing: 0KB - 4MB/);
      // Test 10 writes a pattern and looks 80 seconds later whether it is still there, two times.
      const selected = shown(SELECTION);
      await machine.sendSerial(Buffer.from(LEAVE_OUT_BIT_FADE));
      await selected;
      await shown(/Pass: +1 /);
      expect(terminal.text).to.match(/Memtest86\+ v6\.10 .*rookery x86-64/);
      expect(terminal.text).to.match(/CPU: 2 Cores 2 Threads +SMP: 2T \(PAR\)/);
      expect(terminal.text).to.match(/Errors: 0 *\n/);

      await machine.sendSerial(Buffer.from(ESC));
      expect((await machine.stopped).reason).to.equal('reset');
      await drained;
    } finally {
      await machine.close();
    }
  });
});
