import { expect } from 'chai';
import { deviceTypes } from '../../src/cli/qemu/device-option.ts';
import { qemuOptions } from '../../src/cli/qemu/options.ts';
import { parseQemu } from '../../src/cli/qemu/parse.ts';
import type { MachineConfig } from '../../src/machine/config.ts';

const about = { version: '1.2.3' };

/** The machine that options describe, with an image unless they name one. */
function machine(...options: string[]): MachineConfig {
  const image = options.some((option) => /^--?kernel$/.test(option)) ? [] : ['-kernel', 'image'];
  const request = parseQemu([...options, ...image], about);
  if (request.kind !== 'run') throw new Error(`prints ${request.text}`);
  return request.config;
}

/** What a command line prints instead of running a machine. */
function printed(...options: string[]): string {
  const request = parseQemu(options, about);
  return request.kind === 'print' ? request.text : '';
}

describe('rookery-qemu without options but -kernel', () => {
  it('is a PC as QEMU starts it, its display out of sight', () => {
    expect(machine()).to.deep.equal({
      vcpus: 1,
      topology: { sockets: 1, dies: 1, cores: 1, threads: 1 },
      memoryBytes: 128 * 2 ** 20,
      kernel: 'image',
      append: '',
      cpu: { model: 'intel', name: 'qemu64', features: new Map() },
      serial: { kind: 'null' },
      testDevices: { pcTestdev: false, pciTestdev: false },
      platform: { pit: true },
      noReboot: false,
      noShutdown: false,
    });
  });
});

describe('options of rookery-qemu', () => {
  /** What each command line changes in the machine. */
  const effects: [string[], Partial<MachineConfig>][] = [
    [['-kernel', 'other'], { kernel: 'other' }],
    [['--kernel', 'other'], { kernel: 'other' }],
    [['-kernel', 'one', '-kernel', 'other'], { kernel: 'other' }],
    [['-kernel', '-dash'], { kernel: '-dash' }],
    [['-append', 'a b,c=d'], { append: 'a b,c=d' }],
    [['-initrd', 'm1 x,m2'], { initrd: 'm1 x,m2' }],
    [['-smp', '4'], { vcpus: 4, topology: { sockets: 1, dies: 1, cores: 4, threads: 1 } }],
    [['-smp', 'cpus=4,sockets=2'], { vcpus: 4, topology: { sockets: 2, dies: 1, cores: 2, threads: 1 } }],
    [['-m', '256'], { memoryBytes: 256 * 2 ** 20 }],
    [['-m', '4g'], { memoryBytes: 2 ** 32 }],
    [['-m', 'size=2G'], { memoryBytes: 2 ** 31 }],
    [['-cpu', 'EPYC,-pku'], { cpu: { model: 'amd', name: 'EPYC', features: new Map([['pku', false]]) } }],
    [['-machine', 'pc'], {}],
    [['-M', 'pc-i440fx-7.2'], {}],
    [['-machine', 'type=pc,accel=tcg'], {}],
    [['-machine', 'accel=tcg'], {}],
    [['-machine', 'accel=kvm:tcg'], {}],
    [['-machine', 'pit=off'], { platform: { pit: false } }],
    [['-machine', 'pit=off', '-machine', 'pit=on'], {}],
    [['-machine', 'pit=auto'], {}],
    [['-machine', 'kernel_irqchip=split,kernel-irqchip=off'], {}],
    [['-machine', 'hpet=on,acpi=auto,vmport=off,smm=off,usb=off,graphics=off'], {}],
    [['-machine', 'dump-guest-core=off,mem-merge=on,suppress-vmdesc=on'], {}],
    [['-accel', 'tcg'], {}],
    [['-accel', 'accel=tcg,thread=multi,tb-size=512,split-wx=off,kernel-irqchip=on'], {}],
    [['-accel', 'kvm', '-accel', 'tcg'], {}],
    [['-serial', 'stdio'], { serial: { kind: 'stdio', escape: false } }],
    [['-serial', 'mon:stdio'], { serial: { kind: 'stdio', escape: true } }],
    [['-serial', 'file:out'], { serial: { kind: 'file', path: 'out' } }],
    [['-serial', 'null'], {}],
    [['-serial', 'none'], { serial: { kind: 'none' } }],
    [['-serial', 'stdio', '-serial', 'none'], { serial: { kind: 'stdio', escape: false } }],
    [['-nodefaults'], { serial: { kind: 'none' } }],
    [['-nodefaults', '-serial', 'stdio'], { serial: { kind: 'stdio', escape: false } }],
    [['-nographic'], { serial: { kind: 'stdio', escape: true } }],
    [['-nographic', '-serial', 'file:out'], { serial: { kind: 'file', path: 'out' } }],
    [['-nographic', '-nodefaults'], { serial: { kind: 'none' } }],
    [['-device', 'isa-debug-exit'], { debugExit: { iobase: 0x501, iosize: 2 } }],
    [['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x4'], { debugExit: { iobase: 0xf4, iosize: 4 } }],
    [['-device', 'driver=isa-debug-exit,id=x,iobase=244'], { debugExit: { iobase: 0xf4, iosize: 2 } }],
    [['-device', 'pc-testdev'], { testDevices: { pcTestdev: true, pciTestdev: false } }],
    [['-device', 'pci-testdev'], { testDevices: { pcTestdev: false, pciTestdev: true } }],
    [['-global', 'isa-debug-exit.iobase=0xf4'], {}],
    [
      ['-device', 'isa-debug-exit,iosize=4', '-global', 'isa-debug-exit.iobase=0xf4'],
      { debugExit: { iobase: 0xf4, iosize: 4 } },
    ],
    [
      ['-global', 'driver=isa-debug-exit,property=iosize,value=8', '-device', 'isa-debug-exit'],
      { debugExit: { iobase: 0x501, iosize: 8 } },
    ],
    [['-global', 'kvm-pit.lost_tick_policy=discard'], {}],
    [['-global', 'PIIX4_PM.disable_s3=1', '-global', 'PIIX4_PM.disable_s4=on'], {}],
    [['-no-reboot'], { noReboot: true }],
    [['--no-reboot'], { noReboot: true }],
    [['-no-shutdown'], { noShutdown: true }],
    [['-display', 'none'], {}],
    [['-vnc', 'none'], {}],
    [['-vga', 'none'], {}],
    [['-monitor', 'none'], {}],
    [['-monitor', 'null'], {}],
    [['-parallel', 'none'], {}],
    [['-net', 'none'], {}],
    [['-nic', 'none'], {}],
    [['-sandbox', 'off'], {}],
    [['-overcommit', 'cpu-pm=on'], {}],
    [['-overcommit', 'mem-lock=off,cpu-pm=off'], {}],
    [['-rtc', 'base=utc,clock=host,driftfix=none'], {}],
    [['-name', 'guest=x,debug-threads=on'], {}],
    [['-no-user-config'], {}],
    [['-no-fd-bootchk'], {}],
  ];
  for (const [options, change] of effects) {
    it(`${options.join(' ')} gives ${JSON.stringify(change)}`, () => {
      expect(machine(...options)).to.deep.equal({ ...machine(), ...change });
    });
  }

  it('are all tried above', () => {
    const tried = new Set(effects.flatMap(([options]) => options));
    const honoured = [...qemuOptions.values()].filter(({ kind }) => kind === 'applied');
    const untried = honoured.filter(({ names }) => !names.some((name) => tried.has(`-${name}`)));
    expect(untried.flatMap(({ names }) => names)).to.deep.equal([]);
  });

  it('have one meaning for each name', () => {
    const names = [...new Set(qemuOptions.values())].flatMap((option) => option.names);
    expect(names).to.have.lengthOf(new Set(names).size);
    expect(names).to.have.lengthOf(qemuOptions.size);
  });
});

describe('the command lines of kvm-unit-tests', () => {
  const run = [
    ...['--no-reboot', '-nodefaults', '-global', 'kvm-pit.lost_tick_policy=discard', '-device', 'pc-testdev'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x4', '-display', 'none', '-serial', 'stdio'],
    ...['-device', 'pci-testdev', '-machine', 'accel=tcg', '-kernel'],
  ];

  it('give a machine with the test devices', () => {
    const config = machine(...run, 'x86/smptest.flat', '-smp', '3', '-initrd', 'env');
    expect(config).to.deep.include({
      vcpus: 3,
      kernel: 'x86/smptest.flat',
      initrd: 'env',
      serial: { kind: 'stdio', escape: false },
      debugExit: { iobase: 0xf4, iosize: 4 },
      testDevices: { pcTestdev: true, pciTestdev: true },
      noReboot: true,
    });
  });

  const parameters = [
    '-cpu max',
    '-cpu max,host-phys-bits',
    '-cpu max,vendor=GenuineIntel',
    '-cpu qemu64,+x2apic,+tsc-deadline',
    '-cpu qemu64,-pcid,+invpcid',
    '-cpu Opteron_G1,vendor=AuthenticAMD',
    '-cpu Skylake-Server,host-phys-bits,+vmx,+vmx-mbec -m 2560',
    '-cpu IvyBridge,phys-bits=36,host-phys-bits=off,+vmx',
    '-cpu max,+svm -overcommit cpu-pm=on -m 4g',
    '-cpu max,+svm,-rdtscp,-xsave,-invpcid,-skinit',
    '-cpu host,migratable=no',
    '-machine pit=off',
  ];
  for (const text of parameters) {
    it(`with ${text} are understood`, () => {
      expect(machine(...run, 'x86/test.flat', '-smp', '1', ...text.split(' ')).vcpus).to.equal(1);
    });
  }
});

describe('what rookery-qemu prints', () => {
  it('is a version that probes take for QEMU 7.2, first line of the help too', () => {
    const version = 'QEMU emulator version 7.2.0 (rookery 1.2.3)';
    for (const option of ['-version', '--version']) expect(printed(option)).to.equal(`${version}\n`);
    for (const option of ['-h', '-help', '--help']) expect(printed(option).split('\n')[0]).to.equal(version);
  });

  it('is, as help, every option that is honoured', () => {
    for (const option of new Set(qemuOptions.values())) {
      for (const name of option.names) {
        const listed = new RegExp(`^  (-.* or )?-${name}( |$)`, 'm').test(printed('-help'));
        expect(listed, name).to.equal(option.kind !== 'refused');
      }
    }
  });

  it('is the list of devices in the form that scripts search', () => {
    for (const asked of ['?', 'help']) {
      for (const { name } of deviceTypes) expect(printed('-device', asked)).to.include(`name "${name}", bus `);
    }
  });

  it('is the list of a device’s properties', () => {
    expect(printed('-device', 'isa-debug-exit,help')).to.match(
      /^isa-debug-exit options:\n {2}iobase .*\n {2}iosize .*\n$/,
    );
    expect(printed('-device', 'pc-testdev,?')).to.equal('There are no options for pc-testdev.\n');
  });

  it('is the list of machines, accelerators or CPUs', () => {
    expect(printed('-machine', 'help')).to.match(/^Supported machines are:\npc /);
    expect(printed('-M', '?')).to.match(/^Supported machines are:\npc /);
    expect(printed('-accel', 'help')).to.equal('Accelerators supported in QEMU binary:\ntcg\n');
    expect(printed('-cpu', 'help')).to.match(/^x86 max /m);
  });

  it('comes before anything that follows on the command line is looked at', () => {
    expect(printed('-version', '-nonsense')).to.include('7.2.0');
    expect(printed('-smp', '2', '-device', '?', 'stray')).to.include('pc-testdev');
  });
});
