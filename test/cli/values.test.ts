import { expect } from 'chai';
import { parseSerial } from '../../src/cli/serial-spec.ts';
import { parseSmp } from '../../src/cli/smp.ts';
import { ValueError } from '../../src/cli/usage-error.ts';
import { parseBoolean, parseInteger, parseMemorySize, parseVcpuCount } from '../../src/cli/values.ts';

const MiB = 2 ** 20;

describe('sizes of RAM', () => {
  const sizes: [string, number][] = [
    ['256', 256 * MiB],
    ['256M', 256 * MiB],
    ['256m', 256 * MiB],
    ['2048k', 2 * MiB],
    ['4g', 4096 * MiB],
    ['1.5G', 1536 * MiB],
    ['1048576b', MiB],
    ['1T', MiB * MiB],
  ];
  for (const [text, bytes] of sizes) {
    it(`reads ${text}`, () => expect(parseMemorySize(text)).to.equal(bytes));
  }

  for (const text of ['', 'M', '12x', '-1', '1e3', '0x10', '4 G', '4GB', 'size=4']) {
    it(`refuses '${text}', which is not a size`, () => {
      expect(() => parseMemorySize(text)).to.throw(ValueError, 'is not a size');
    });
  }

  it('refuses a machine without RAM or with less than real mode needs', () => {
    for (const text of ['0', '640k']) expect(() => parseMemorySize(text)).to.throw(ValueError, 'at least 1 MiB');
  });

  it('refuses a size that is not whole pages of a wasm memory', () => {
    expect(() => parseMemorySize('1025k')).to.throw(ValueError, 'multiples of 64 KiB');
  });

  it('refuses a size beyond exact numbers', () => {
    expect(() => parseMemorySize('99999999999T')).to.throw(ValueError);
  });
});

describe('numbers and switches', () => {
  it('reads decimal and hexadecimal numbers within their range', () => {
    expect(parseInteger('0xf4', 0, 0xffff)).to.equal(0xf4);
    expect(parseInteger('4', 1, 4)).to.equal(4);
    for (const text of ['5', '0', '', 'zz', '-1', '1.5', '0x']) {
      expect(() => parseInteger(text, 1, 4), text).to.throw(ValueError, 'not a number from 1 to 4');
    }
  });

  it("reads all of QEMU's words for on and off", () => {
    for (const text of ['on', 'yes', 'true', 'y']) expect(parseBoolean(text), text).to.equal(true);
    for (const text of ['off', 'no', 'false', 'n']) expect(parseBoolean(text), text).to.equal(false);
    for (const text of ['', '1', 'ON', 'toString']) expect(() => parseBoolean(text), text).to.throw(ValueError);
  });

  it('reads 1 to 64 vCPUs', () => {
    expect(parseVcpuCount('1')).to.equal(1);
    expect(parseVcpuCount('64')).to.equal(64);
    for (const text of ['0', '65', '-1', 'four', '', '1.5', '4k']) {
      expect(() => parseVcpuCount(text), text).to.throw(ValueError, 'a machine has 1 to 64 vCPUs');
    }
  });
});

describe('-smp', () => {
  // What `qemu-system-x86_64 -smp TEXT` 7.2 makes of it: sockets, dies, cores, threads.
  const accepted: [string, [number, number, number, number]][] = [
    ['1', [1, 1, 1, 1]],
    ['4', [1, 1, 4, 1]],
    ['cpus=4', [1, 1, 4, 1]],
    ['4,sockets=2', [2, 1, 2, 1]],
    ['4,cores=2', [2, 1, 2, 1]],
    ['4,threads=2', [1, 1, 2, 2]],
    ['4,sockets=4,cores=1,threads=1', [4, 1, 1, 1]],
    ['8,sockets=2,cores=2', [2, 1, 2, 2]],
    ['8,sockets=2,cores=2,threads=2', [2, 1, 2, 2]],
    ['8,dies=2', [1, 2, 4, 1]],
    ['cores=3', [1, 1, 3, 1]],
    ['sockets=2,cores=2,threads=2', [2, 1, 2, 2]],
    ['4,maxcpus=4', [1, 1, 4, 1]],
    ['maxcpus=4', [1, 1, 4, 1]],
    ['4,clusters=1', [1, 1, 4, 1]],
    ['64', [1, 1, 64, 1]],
    ['3', [1, 1, 3, 1]],
    ['6,threads=2', [1, 1, 3, 2]],
    ['12,sockets=3,threads=2', [3, 1, 2, 2]],
  ];
  for (const [text, [sockets, dies, cores, threads]] of accepted) {
    it(`${text} is ${sockets} x ${dies} x ${cores} x ${threads}`, () => {
      const { vcpus, topology } = parseSmp(text);
      expect(topology).to.deep.equal({ sockets, dies, cores, threads });
      expect(vcpus).to.equal(sockets * dies * cores * threads);
    });
  }

  const refused: [string, string][] = [
    ['0', "cpus: '0' is not a number of at least 1"],
    ['-1', "'-1' is not a number"],
    ['many', "'many' is not a number"],
    ['4,cores=0', "cores: '0' is not a number of at least 1"],
    ['4,sockets=3', 'is not 4'],
    ['4,sockets=3,cores=1', 'is not 4'],
    ['4,maxcpus=2', 'maxcpus=2 is less than 4'],
    ['4,maxcpus=8', 'cannot be added to a running machine'],
    ['4,clusters=2', 'no clusters'],
    ['6,sockets=2', '3 in each of several is not a power of two'],
    ['12,dies=2,cores=3', '3 in each of several is not a power of two'],
    ['6,threads=3', '3 in each of several is not a power of two'],
    ['4,foo=1', "'foo' cannot be honoured"],
    ['4,', 'empty setting'],
  ];
  for (const [text, reason] of refused) {
    it(`refuses ${text}`, () => expect(() => parseSmp(text)).to.throw(ValueError, reason));
  }

  it('ends its message about the limit with the limit, for kvm-unit-tests --probe-maxsmp', () => {
    expect(() => parseSmp('65')).to.throw(ValueError, /SMP CPUs.* 64$/);
    expect(() => parseSmp('sockets=100')).to.throw(ValueError, /SMP CPUs.* 64$/);
  });
});

describe('-serial', () => {
  it('reads each backend', () => {
    expect(parseSerial('stdio')).to.deep.equal({ kind: 'stdio', escape: false });
    expect(parseSerial('mon:stdio')).to.deep.equal({ kind: 'stdio', escape: true });
    expect(parseSerial('file:/a/b,c:d')).to.deep.equal({ kind: 'file', path: '/a/b,c:d' });
    expect(parseSerial('null')).to.deep.equal({ kind: 'null' });
    expect(parseSerial('none')).to.deep.equal({ kind: 'none' });
  });

  for (const text of [
    'pty',
    'tcp::4444,server',
    'unix:/x',
    'vc',
    'chardev:c0',
    'file:',
    'file:FILE2'.slice(0, 4),
    '',
  ]) {
    it(`refuses '${text}'`, () => {
      expect(() => parseSerial(text)).to.throw(ValueError, 'is not a serial backend here (stdio, mon:stdio, file:FILE');
    });
  }
});
