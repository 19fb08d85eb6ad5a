import { expect } from 'chai';
import { parseRookery, rookeryHelp } from '../../src/cli/rookery.ts';
import { runOptions } from '../../src/cli/run-options.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import type { MachineConfig } from '../../src/machine/config.ts';

const installation = { version: '1.2.3', demoImage: '/guests/demo.elf' };

function machine(...args: string[]): MachineConfig {
  const request = parseRookery(args, installation);
  if (request.kind !== 'run') throw new Error(`prints ${request.text}`);
  return request.config;
}

describe('rookery run IMAGE', () => {
  it('is one vCPU with the test devices, its console on the terminal', () => {
    expect(machine('run', 'image')).to.deep.equal({
      vcpus: 1,
      topology: { sockets: 1, dies: 1, cores: 1, threads: 1 },
      memoryBytes: 128 * 2 ** 20,
      kernel: 'image',
      append: '',
      cpu: { model: 'intel', name: 'intel', features: new Map() },
      serial: { kind: 'stdio', escape: false },
      debugExit: { iobase: 0xf4, iosize: 4 },
      testDevices: { pcTestdev: true, pciTestdev: true },
      platform: { pit: true },
      noReboot: false,
      noShutdown: false,
    });
  });

  const effects: [string[], Partial<MachineConfig>][] = [
    [['--smp', '4'], { vcpus: 4, topology: { sockets: 1, dies: 1, cores: 4, threads: 1 } }],
    [['-m', '256M'], { memoryBytes: 256 * 2 ** 20 }],
    [['--memory', '1G'], { memoryBytes: 2 ** 30 }],
    [['--append', 'console=ttyS0 -x'], { append: 'console=ttyS0 -x' }],
    [['--initrd', 'F'], { initrd: 'F' }],
    [
      ['--cpu', 'intel,+x2apic,-pku'],
      {
        cpu: {
          model: 'intel',
          name: 'intel',
          features: new Map([
            ['x2apic', true],
            ['pku', false],
          ]),
        },
      },
    ],
    [['--cpu', 'amd'], { cpu: { model: 'amd', name: 'amd', features: new Map() } }],
    [['--serial', 'file:out'], { serial: { kind: 'file', path: 'out' } }],
    [['--serial', 'none'], { serial: { kind: 'none' } }],
    [['--serial', 'mon:stdio'], { serial: { kind: 'stdio', escape: true } }],
    [['--no-pit'], { platform: { pit: false } }],
    [['--no-reboot'], { noReboot: true }],
  ];
  for (const [options, change] of effects) {
    it(`${options.join(' ')} changes ${Object.keys(change).join(' and ')}`, () => {
      const expected = { ...machine('run', 'image'), ...change };
      expect(machine('run', 'image', ...options)).to.deep.equal(expected);
      expect(machine('run', ...options, 'image')).to.deep.equal(expected);
    });
  }

  it('--no-test-devices leaves out the test devices and the debug-exit port', () => {
    const config = machine('run', 'image', '--no-test-devices');
    expect(config.testDevices).to.deep.equal({ pcTestdev: false, pciTestdev: false });
    expect(config).not.to.have.property('debugExit');
  });

  it('takes an image whose name begins with a dash after --', () => {
    expect(machine('run', '--', '-image').kernel).to.equal('-image');
  });
});

describe('rookery demo', () => {
  it('is the prebuilt guest on 4 vCPUs', () => {
    expect(machine('demo')).to.deep.include({ kernel: '/guests/demo.elf', vcpus: 4, noReboot: true });
  });

  it('takes another number of vCPUs', () => expect(machine('demo', '--smp', '2').vcpus).to.equal(2));
});

describe('what rookery prints', () => {
  it('is its version', () => {
    for (const option of ['--version', '-V']) {
      expect(parseRookery([option], installation)).to.deep.equal({ kind: 'print', text: 'rookery 1.2.3\n' });
    }
  });

  it('is help with both commands, and for run with every option', () => {
    expect(rookeryHelp(installation)).to.match(/^ {2}run .*\n {2}demo /m);
    for (const { flags } of runOptions) expect(rookeryHelp(installation, 'run')).to.include(`  ${flags} `);
    expect(rookeryHelp(installation, 'demo')).to.include('(default: 4)');
  });
});

describe('rookery refuses', () => {
  const refusals: [string[], string][] = [
    [[], 'no command: rookery --help lists them'],
    [['fly'], 'fly: no such command'],
    [['--nonsense'], '--nonsense: unknown option'],
    [['run'], 'image: missing'],
    [['run', 'image', 'other'], 'run: too many arguments'],
    [['run', 'image', '--nonsense'], '--nonsense: unknown option'],
    [['run', 'image', '--smpp', '2'], '--smpp: unknown option (Did you mean --smp?)'],
    [['run', 'image', '--smp'], '--smp <n>: requires an argument'],
    [['run', 'image', '--smp', '0'], '--smp 0: a machine has 1 to 64 vCPUs'],
    [['run', 'image', '--smp', '65'], '--smp 65: a machine has 1 to 64 vCPUs'],
    [['run', 'image', '--smp', 'two'], '--smp two: a machine has 1 to 64 vCPUs'],
    [['run', 'image', '-m', '12q'], "--memory 12q: '12q' is not a size"],
    [['run', 'image', '-m', '0'], '--memory 0: a machine has at least 1 MiB of RAM'],
    [['run', 'image', '--cpu', 'zork'], "--cpu zork: unable to find CPU model 'zork'"],
    [['run', 'image', '--serial', 'pty'], "--serial pty: 'pty' is not a serial backend here"],
    [['demo', 'image'], 'demo: too many arguments'],
    [['demo', '--smp', '0'], '--smp 0: a machine has 1 to 64 vCPUs'],
    [['demo', '--append', 'x'], '--append: unknown option'],
  ];
  for (const [args, message] of refusals) {
    it(args.join(' ') || 'an empty command line', () => {
      expect(() => parseRookery(args, installation))
        .to.throw(UsageError)
        .with.property('message')
        .that.includes(message);
      expect(() => parseRookery(args, installation)).not.to.throw(UsageError, '\n');
    });
  }
});
