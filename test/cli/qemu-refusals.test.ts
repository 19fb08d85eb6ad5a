import { expect } from 'chai';
import { parseQemu } from '../../src/cli/qemu/parse.ts';
import { refusedOptions } from '../../src/cli/qemu/refused-options.ts';
import { UsageError } from '../../src/cli/usage-error.ts';

/** The message for a command line that is otherwise in order. */
function refusal(...options: string[]): string {
  try {
    parseQemu([...options, '-kernel', 'image'], { version: '1.2.3' });
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`${options.join(' ')} is accepted`);
}

describe('rookery-qemu refuses', () => {
  const refusals: [string[], string][] = [
    [['-nonsense'], '-nonsense: invalid option'],
    [['--nonsense'], '--nonsense: invalid option'],
    [['---smp'], '---smp: invalid option'],
    [['-smp=4'], '-smp=4: invalid option'],
    [['-'], '-: disk images are not built'],
    [['disk.img'], 'disk.img: disk images are not built'],
    [['-smp', '0'], "-smp 0: cpus: '0' is not a number of at least 1"],
    [['-smp', '65'], '-smp 65: invalid number of SMP CPUs, the most that a machine has is 64'],
    [['-smp', '4,maxcpus=8'], '-smp 4,maxcpus=8: maxcpus=8: vCPUs cannot be added'],
    [['-m', '0'], '-m 0: a machine has at least 1 MiB of RAM'],
    [['-m', '12x'], "-m 12x: '12x' is not a size"],
    [['-m', '1G,slots=2,maxmem=4G'], '-m 1G,slots=2,maxmem=4G: '],
    [['-cpu', 'zork'], "-cpu zork: unable to find CPU model 'zork'"],
    [['-machine', 'q35'], "-machine q35: type: machine 'q35' is not built"],
    [['-M', 'q35,kernel-irqchip=split'], "-M q35,kernel-irqchip=split: type: machine 'q35' is not built"],
    [['-machine', 'microvm'], "machine 'microvm' is not built"],
    [['-machine', 'accel=kvm'], '-machine accel=kvm: rookery interprets and translates'],
    [['-machine', 'accel=kvm:hvf'], '-machine accel=kvm: rookery interprets and translates'],
    [['-machine', 'vmport=on'], '-machine vmport=on: vmport: only off can be had'],
    [['-machine', 'vmport=maybe'], "'maybe' is neither on nor off"],
    [['-machine', 'smm=on'], 'smm: only off can be had'],
    [['-machine', 'pc,usb'], 'usb: only off can be had'],
    [['-machine', 'graphics=on'], 'graphics: only off can be had'],
    [['-machine', 'hpet=off'], 'hpet: only on can be had'],
    [['-machine', 'acpi=off'], 'acpi: only on can be had'],
    [['-machine', 'pit=maybe'], "pit: 'maybe' is neither on nor off"],
    [['-machine', 'kernel_irqchip=half'], "'half' is not one of on, off, split"],
    [['-machine', 'foo=1'], "-machine foo=1: 'foo' cannot be honoured"],
    [['-accel', 'kvm'], '-accel kvm: rookery interprets and translates'],
    [['-accel', 'whpx'], '-accel whpx: '],
    [['-accel', 'tcg,thread=single'], "thread: 'single' is not one of multi"],
    [['-accel', 'tcg,tb-size=big'], "tb-size: 'big' is not a number"],
    [['-accel', 'tcg,foo=1'], "'foo' cannot be honoured"],
    [['-accel', 'tcg', '-machine', 'accel=tcg'], '-accel: cannot be combined with -machine accel='],
    [['-serial', 'pty'], "-serial pty: 'pty' is not a serial backend here"],
    [['-serial', 'stdio', '-serial', 'stdio'], '-serial stdio: the machine has one serial port'],
    [['-serial', 'stdio', '-serial', 'null'], '-serial null: the machine has one serial port'],
    [['-device', 'edu'], "-device edu: device 'edu' is not built"],
    [['-device', 'edu,help'], "-device edu,help: device 'edu' is not built"],
    [['-device', 'hyperv-testdev'], "device 'hyperv-testdev' is not built"],
    [['-device', 'iobase=1'], "device '' is not built"],
    [['-device', 'isa-debug-exit,iobase=zz'], "'zz' is not a number from 0 to 65535"],
    [['-device', 'isa-debug-exit,iobase=0x10000'], "'0x10000' is not a number from 0 to 65535"],
    [['-device', 'isa-debug-exit,iosize=0'], "'0' is not a number from 1 to 65536"],
    [['-device', 'isa-debug-exit,iobase=0xffff'], '-device isa-debug-exit: 2 ports from 65535 end after the last'],
    [['-device', 'isa-debug-exit,foo=1'], "property 'foo' cannot be honoured"],
    [['-device', 'pci-testdev,addr=4'], "property 'addr' cannot be honoured"],
    [['-device', 'isa-debug-exit', '-device', 'isa-debug-exit'], 'the machine can have one'],
    [['-device', 'pc-testdev', '-device', 'pc-testdev'], 'the machine can have one'],
    [['-device', 'pci-testdev', '-device', 'pci-testdev'], 'the machine can have one'],
    [['-global', 'hpet.msi=on'], "-global hpet.msi=on: 'hpet.msi' cannot be honoured"],
    [['-global', 'driver=hpet,property=msi,value=on'], "'hpet.msi' cannot be honoured"],
    [['-global', 'nonsense'], 'takes DRIVER.property=value'],
    [['-global', 'driver=hpet,property=msi'], 'takes DRIVER.property=value'],
    [['-global', 'isa-debug-exit.iobase=zz'], "'zz' is not a number"],
    [['-global', 'kvm-pit.lost_tick_policy=sing'], "'sing' is neither discard nor delay"],
    [['-global', 'PIIX4_PM.disable_s3=0'], "'0': sleep states are not built"],
    [['-display', 'gtk'], '-display gtk: there is no display (only none can be had)'],
    [['-vnc', ':0'], '-vnc :0: there is no VNC server'],
    [['-vga', 'std'], '-vga std: there is no display adapter'],
    [['-monitor', 'stdio'], '-monitor stdio: there is no monitor (only none or null can be had)'],
    [['-parallel', 'stdio'], '-parallel stdio: there is no parallel port'],
    [['-net', 'user'], '-net user: there is no network card'],
    [['-nic', 'user'], '-nic user: there is no network card'],
    [['-sandbox', 'on'], '-sandbox on: only off can be had'],
    [['-overcommit', 'mem-lock=on'], 'mem-lock: only off can be had'],
    [['-overcommit', 'foo=on'], "'foo' cannot be honoured"],
    [['-rtc', 'base=localtime'], 'base: only utc can be had'],
    [['-name', ''], 'the name is empty'],
    [['-kernel', 'x', '-gdb', 'tcp::1234'], '-gdb tcp::1234: the debugger connection is not built yet'],
    [['-s'], '-s: the debugger connection is not built yet'],
    [['-S'], '-S: the debugger connection is not built yet'],
    [['-enable-kvm'], '-enable-kvm: rookery does not use the host processor'],
  ];
  for (const [options, message] of refusals) {
    it(options.join(' '), () => expect(refusal(...options)).to.include(message));
  }

  for (const { names, argument, help } of refusedOptions) {
    it(`-${names[0]}, because ${help}`, () => {
      const value = argument === undefined ? [] : ['value'];
      expect(refusal(`-${names[0]}`, ...value)).to.equal(`-${[names[0], ...value].join(' ')}: ${help}`);
    });
  }

  it('an option whose argument is missing', () => {
    for (const option of ['-kernel', '-smp', '-gdb']) {
      expect(() => parseQemu([option], { version: '' })).to.throw(UsageError, `${option}: requires an argument`);
    }
  });

  it('a command line without an image', () => {
    expect(() => parseQemu(['-smp', '2'], { version: '' })).to.throw(UsageError, '-kernel: none given');
  });

  it('in one line each', () => {
    for (const [options] of refusals) expect(refusal(...options)).not.to.include('\n');
  });
});
