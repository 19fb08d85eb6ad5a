import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type CommandName, runCommand } from '../../src/cli/main.ts';
import type { MachineModule } from '../../src/machine/config.ts';
import { type FakeHost, fakeHost, fakeMachine, untilAborted } from './fake-host.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const neverLoaded = () => expect.fail('the machine is loaded');

function run(name: CommandName, text: string, load: () => Promise<MachineModule>, host: FakeHost): Promise<number> {
  return runCommand(name, text.split(' '), root, load, host);
}

describe('the exit status', () => {
  for (const status of [0, 1, 3, 33]) {
    it(`is the guest's: ${status}`, async () => {
      const host = fakeHost();
      expect(
        await run(
          'rookery',
          'run image',
          fakeMachine(() => status),
          host,
        ),
      ).to.equal(status);
      expect(
        await run(
          'rookery-qemu',
          '-kernel image',
          fakeMachine(() => status),
          host,
        ),
      ).to.equal(status);
      expect(host.complaints).to.deep.equal([]);
    });
  }

  it('is 2 for a command line that rookery does not understand, 1 for rookery-qemu', async () => {
    const host = fakeHost();
    expect(await run('rookery', 'run image --smp 0', neverLoaded, host)).to.equal(2);
    expect(await run('rookery-qemu', '-smp 0', neverLoaded, host)).to.equal(1);
    expect(host.complaints).to.deep.equal([
      'rookery: --smp 0: a machine has 1 to 64 vCPUs',
      "rookery-qemu: -smp 0: cpus: '0' is not a number of at least 1",
    ]);
  });

  it('is 0 for what only prints, without loading the machine', async () => {
    const host = fakeHost();
    expect(await run('rookery', '--version', neverLoaded, host)).to.equal(0);
    expect(await run('rookery-qemu', '-device help', neverLoaded, host)).to.equal(0);
    expect(host.printed[0]).to.match(/^rookery \d+\.\d+\.\d+\n$/);
  });

  it('is 1 after an error of the machine, which is one line', async () => {
    const host = fakeHost();
    const machine = fakeMachine(() =>
      Promise.reject(new Error("'image' is neither a multiboot image nor a Linux kernel")),
    );
    expect(await run('rookery', 'run image', machine, host)).to.equal(1);
    expect(host.complaints).to.deep.equal(["rookery: 'image' is neither a multiboot image nor a Linux kernel"]);
  });

  it("is 1 after a fault of rookery's own, which comes with its stack", async () => {
    const host = fakeHost();
    const machine = fakeMachine(() => Promise.reject(new TypeError('x is undefined')));
    expect(await run('rookery', 'run image', machine, host)).to.equal(1);
    expect(host.complaints[0]).to.match(/^rookery: internal error: TypeError: x is undefined\n +at /);
  });
});

describe('before a machine runs', () => {
  const refusing = fakeMachine(
    () => expect.fail('the machine runs'),
    ({ features }) => (features.has('zork') ? "feature 'zork' is not known" : null),
  );

  it('a CPU that cannot be had is refused, even when the image is not there either', async () => {
    const host = fakeHost({ missing: ['image'] });
    expect(await run('rookery-qemu', '-kernel image -cpu max,+zork', refusing, host)).to.equal(1);
    expect(await run('rookery', 'run image --cpu intel,+zork', refusing, host)).to.equal(2);
    expect(host.complaints).to.deep.equal([
      "rookery-qemu: CPU max: feature 'zork' is not known",
      "rookery: CPU intel: feature 'zork' is not known",
    ]);
  });

  it('a missing image is refused in the words by which kvm-unit-tests knows it', async () => {
    const host = fakeHost({ missing: ['_NO_FILE_4Uhere_'] });
    expect(await run('rookery-qemu', '-kernel _NO_FILE_4Uhere_', refusing, host)).to.equal(1);
    const line = "rookery-qemu: could not open kernel file '_NO_FILE_4Uhere_': No such file or directory";
    expect(host.complaints).to.deep.equal([line]);
  });

  it('a serial file that cannot be made is refused', async () => {
    const host = fakeHost({ readOnly: ['/out'] });
    expect(await run('rookery-qemu', '-kernel image -serial file:/out', refusing, host)).to.equal(1);
    expect(host.complaints).to.deep.equal([
      "rookery-qemu: could not create serial port file '/out': Permission denied",
    ]);
  });
});

describe('the serial port of a running machine', () => {
  const greeting = fakeMachine((_config, io) => {
    io.serial.write(Buffer.from('hello, '));
    io.serial.write(Buffer.from('world'));
    return 0;
  });

  it('is standard output for stdio', async () => {
    const host = fakeHost();
    await run('rookery', 'run image', greeting, host);
    expect(host.printed.join('')).to.equal('hello, world');
  });

  it('is the file for file:FILE', async () => {
    const host = fakeHost();
    await run('rookery', 'run image --serial file:out', greeting, host);
    expect(host.files.get('out')).to.equal('hello, world');
    expect(host.printed).to.deep.equal([]);
  });

  it('is nowhere for null and none', async () => {
    const host = fakeHost();
    for (const backend of ['null', 'none']) await run('rookery', `run image --serial ${backend}`, greeting, host);
    expect(host.printed).to.deep.equal([]);
  });

  it('takes input from the terminal', async () => {
    const host = fakeHost();
    const echo = fakeMachine(
      (_config, io) =>
        new Promise((resolve) => {
          io.serial.onInput((bytes) => resolve(bytes[0]!));
          host.type('A');
        }),
    );
    expect(await run('rookery', 'run image', echo, host)).to.equal(0x41);
  });

  it('lets the machine warn on standard error', async () => {
    const host = fakeHost();
    const warning = fakeMachine((_config, io) => {
      io.warn('the guest is odd');
      return 0;
    });
    await run('rookery-qemu', '-kernel image', warning, host);
    expect(host.complaints).to.deep.equal(['rookery-qemu: warning: the guest is odd']);
  });
});

describe('a machine that the user ends', () => {
  /** A guest that does `act` as soon as it runs and then waits for its end. */
  const whenRunning = (act: () => void) =>
    fakeMachine((config, io) => {
      io.serial.onInput(() => undefined);
      queueMicrotask(act);
      return untilAborted(config, io);
    });

  it('by a signal exits as a shell reports it, and rookery-qemu as QEMU does', async () => {
    const host = fakeHost();
    expect(
      await run(
        'rookery',
        'run image',
        whenRunning(() => host.signal(15)),
        host,
      ),
    ).to.equal(143);
    expect(
      await run(
        'rookery-qemu',
        '-kernel image',
        whenRunning(() => host.signal(15)),
        host,
      ),
    ).to.equal(0);
    expect(host.complaints).to.deep.equal([
      'rookery: terminating on signal 15',
      'rookery-qemu: terminating on signal 15',
    ]);
  });

  it('by Ctrl-C exits as after SIGINT', async () => {
    const host = fakeHost();
    expect(
      await run(
        'rookery',
        'run image',
        whenRunning(() => host.type('\x03')),
        host,
      ),
    ).to.equal(130);
  });

  it('by Ctrl-A x exits with 0', async () => {
    const host = fakeHost();
    const command = 'run image --serial mon:stdio';
    expect(
      await run(
        'rookery',
        command,
        whenRunning(() => host.type('\x01x')),
        host,
      ),
    ).to.equal(0);
    expect(host.complaints).to.deep.equal([]);
  });

  it('exits at the third signal even if the machine does not end', async () => {
    const host = fakeHost();
    const deaf = fakeMachine(() => {
      queueMicrotask(() => {
        for (let i = 0; i < 3; i++) host.signal(2);
      });
      return new Promise<number>(() => undefined);
    });
    expect(await run('rookery', 'run image', deaf, host)).to.equal(130);
    expect(host.complaints).to.deep.equal(['rookery: terminating on signal 2']);
  });
});
