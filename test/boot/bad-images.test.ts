import { expect } from 'chai';
import fc from 'fast-check';
import { ImageError } from '../../src/boot/image-error.ts';
import { concat } from '../../src/boot/little-endian.ts';
import { type KernelOptions, loadKernel, parseModuleList } from '../../src/boot/load-kernel.ts';
import { bzImage, elf, MIB, multibootElf, multibootHeader, sharedRam } from './images.ts';

const zeros = (bytes: number) => new Uint8Array(bytes);
const cut = (bytes: Uint8Array, end: number) => bytes.subarray(0, end);
const withByte = (bytes: Uint8Array, offset: number, value: number): Uint8Array =>
  bytes.map((old, at) => (at === offset ? value : old));
const addresses = (...fields: number[]) => concat(multibootHeader(0x1_0000, ...fields), zeros(100));
const segment = (vaddr: number, data: Uint8Array = zeros(16)) => ({ vaddr, data });
const withHeader = multibootHeader(0);

interface Case {
  readonly what: string;
  readonly image: Uint8Array;
  readonly says: RegExp;
  readonly options?: Partial<KernelOptions>;
}

const file = (name: string, bytes: number) => ({ name, bytes: zeros(bytes) });

const cases: readonly Case[] = [
  { what: 'an empty file', image: zeros(0), says: /^k: is empty$/ },
  { what: 'a file of no known format', image: zeros(9000), says: /neither a multiboot image nor a Linux kernel/ },
  { what: 'ELF without a multiboot header', image: elf({ segments: [segment(MIB)] }), says: /neither a multiboot/ },
  { what: 'a multiboot header beyond 8 KiB', image: concat(zeros(8192 - 8), withHeader), says: /neither/ },
  { what: 'a multiboot header off its boundary', image: concat(zeros(2), withHeader), says: /neither/ },
  { what: 'a multiboot header with a wrong checksum', image: withByte(withHeader, 8, 1), says: /neither/ },
  { what: 'a multiboot header in no container', image: concat(withHeader, zeros(50)), says: /neither ELF nor/ },
  {
    what: 'a required feature of the future',
    image: multibootElf({ flags: 0x40 }),
    says: /unknown .* features 0x40 \(at/,
  },

  {
    what: 'ELF cut in a segment',
    image: cut(multibootElf(), 150),
    says: /truncated: a segment ends at 0xc4, the file/,
  },
  { what: 'ELF for another processor', image: multibootElf({ machine: 40 }), says: /machine 40/ },
  { what: 'ELF of an unknown class', image: withByte(multibootElf(), 4, 3), says: /class 3/ },
  { what: 'big-endian ELF', image: withByte(multibootElf(), 5, 2), says: /little-endian/ },
  {
    what: 'ELF with its program headers past the end',
    image: withByte(multibootElf(), 30, 1),
    says: /program headers lie/,
  },
  { what: 'ELF with program headers too short', image: withByte(multibootElf(), 42, 16), says: /headers of 16 bytes/ },
  { what: 'ELF with nothing to load', image: withByte(multibootElf(), 44, 0), says: /no loadable/ },
  {
    what: 'a segment smaller than its file part',
    image: multibootElf({ memsz: 10 }),
    says: /0x70 bytes for 0xa of memory/,
  },
  { what: 'a 64-bit segment above 4 GiB', image: multibootElf({ bits: 64, paddr: 2 ** 32 }), says: /above 4 GiB/ },
  { what: 'an entry point outside the segments', image: multibootElf({ entry: 5 }), says: /entry point 0x5 outside/ },
  {
    what: 'segments beyond the RAM',
    image: multibootElf({ memsz: 16 * MIB }),
    says: /needs 0x1400000 bytes of RAM, the machine has 0x1000000/,
  },
  {
    what: 'segments over each other',
    image: multibootElf({ segments: [segment(MIB, concat(withHeader, zeros(9))), segment(MIB + 8)] }),
    says: /a segment at 0x100008-0x100018 overlaps a segment at 0x100000/,
  },
  { what: 'a segment over the vectors', image: multibootElf({ vaddr: 0x400 }), says: /overlaps the interrupt vectors/ },
  { what: 'a segment over the EBDA', image: multibootElf({ vaddr: 0x9fbff }), says: /overlaps the extended BIOS data/ },
  { what: 'a segment over the BIOS tables', image: multibootElf({ vaddr: 0xf8000 }), says: /overlaps the BIOS area/ },
  { what: 'a segment over video memory', image: multibootElf({ vaddr: 0xb8000 }), says: /overlaps the video memory/ },

  {
    what: 'address fields cut short',
    image: cut(addresses(MIB, MIB, 0, 0, MIB), 20),
    says: /inside the multiboot header/,
  },
  {
    what: 'a header_addr below load_addr',
    image: addresses(MIB, MIB + 4, 0, 0, MIB),
    says: /load_addr that its header/,
  },
  {
    what: 'a header_addr before the file',
    image: addresses(MIB + 4, MIB, 0, 0, MIB),
    says: /load_addr that its header/,
  },
  { what: 'a load_end_addr below load_addr', image: addresses(MIB, MIB, 1, 0, MIB), says: /load_end_addr below/ },
  { what: 'a bss_end_addr below load_end_addr', image: addresses(MIB, MIB, 0, MIB, MIB), says: /bss_end_addr below/ },
  {
    what: 'a load_end_addr past the file',
    image: addresses(MIB, MIB, MIB + 999, 0, MIB),
    says: /truncated: .* 0x3e7 bytes/,
  },

  {
    what: 'a module larger than the RAM',
    image: multibootElf(),
    options: { initrd: [file('huge', 17 * MIB)] },
    says: /^huge: does not fit: the module needs 0x1100000 bytes, the machine has 0x1000000/,
  },
  {
    what: 'a command line larger than the RAM',
    image: multibootElf({ memsz: 12 * MIB - 4096 }),
    options: { append: 'a'.repeat(4096) },
    says: /no room for the command line/,
  },

  { what: 'Linux cut in its setup code', image: cut(bzImage(), 900), says: /inside the Linux setup code/ },
  { what: 'Linux cut in the kernel', image: cut(bzImage(), 1500), says: /truncated: .* more than 0x7e0 bytes/ },
  { what: 'Linux of protocol 2.01', image: bzImage({ version: 0x201 }), says: /boot protocol 2\.01/ },
  { what: 'a zImage', image: bzImage({ loadflags: 0 }), says: /zImage/ },
  {
    what: 'Linux with its entry elsewhere',
    image: bzImage({ code32Start: 0x1000 }),
    says: /entry point 0x1000 outside/,
  },
  { what: 'Linux relocatable by 0', image: bzImage({ kernelAlignment: 0 }), says: /multiples of 0/ },
  {
    what: 'Linux that does not fit',
    image: bzImage({ kernel: zeros(16 * MIB) }),
    says: /the kernel needs 0x1100000 bytes/,
  },
  { what: 'Linux without room to unpack', image: bzImage(), says: /needs 0x1800000 bytes of RAM to start/ },
  {
    what: 'a command line longer than Linux takes',
    image: bzImage(),
    options: { append: 'a'.repeat(101) },
    says: /command line of 100 bytes, not 101/,
  },
  {
    what: 'an initrd that does not fit under initrd_addr_max',
    image: bzImage({ kernelAlignment: MIB, prefAddress: MIB, initSize: MIB, initrdAddrMax: 4 * MIB - 1 }),
    options: { initrd: [file('rd', 3 * MIB)] },
    says: /^rd: the initrd needs 0x300000 bytes, above the kernel there are 0x200000$/,
  },
  {
    what: 'two initrds for Linux',
    image: bzImage({ prefAddress: MIB }),
    options: { initrd: [file('a', 1), file('b', 1)] },
    says: /takes one initrd, not 2/,
  },
  {
    what: 'arguments to an initrd of Linux',
    image: bzImage({ prefAddress: MIB }),
    options: { initrd: [{ ...file('rd', 1), args: 'x' }] },
    says: /^rd: .* no arguments: 'x'/,
  },
];

describe('a bad image is refused in one line, and nothing of it is written', () => {
  for (const { what, image, options, says } of cases) {
    it(what, () => {
      const ram = sharedRam(16 * MIB);
      const load = () => loadKernel(ram, { kernel: { name: 'k', bytes: image }, vcpus: 1, ...options });
      expect(load).to.throw(ImageError, says);
      expect(load).to.throw(ImageError, /^[^\n]+$/);
      expect(Buffer.compare(ram, new Uint8Array(ram.length).fill(0xee))).to.equal(0);
    });
  }

  it('says which file, why, and where in it', () => {
    const image = multibootElf({ machine: 40 });
    try {
      loadKernel(sharedRam(2 * MIB), { kernel: { name: 'arm.elf', bytes: image }, vcpus: 1 });
      expect.fail('the image was accepted');
    } catch (error) {
      expect(error).to.be.instanceOf(ImageError);
      const told = { file: 'arm.elf', reason: 'is ELF for machine 40, not for x86', offset: 18 };
      expect(error).to.include(told);
    }
  });
});

describe('an image that is wrong in any byte', () => {
  const addressed = concat(multibootHeader(0x1_0000, MIB, MIB, MIB + 0x80, 2 * MIB, MIB + 64), zeros(200));
  const images = { ELF32: multibootElf(), ELF64: multibootElf({ bits: 64 }), addressed, Linux: bzImage() };
  for (const [name, image] of Object.entries(images)) {
    it(`is loaded or refused, whatever is written over three bytes of it: ${name}`, () => {
      const change = fc.tuple(fc.nat(Math.min(image.length, 0x270) - 1), fc.nat(255));
      const ram = sharedRam(2 * MIB);
      fc.assert(
        fc.property(fc.array(change, { maxLength: 3 }), fc.nat(image.length), (changes, lost) => {
          const bent = changes.reduce((bytes, [offset, value]) => withByte(bytes, offset, value), image);
          const bytes = cut(bent, image.length - Math.max(0, lost - image.length / 2));
          try {
            loadKernel(ram, { kernel: { name: 'k', bytes }, vcpus: 1 });
          } catch (error) {
            expect(error).to.be.instanceOf(ImageError);
          }
        }),
        { numRuns: 300 },
      );
    });
  }
});

describe("QEMU's -initrd argument", () => {
  it('is files separated by commas, each with arguments after a space', () => {
    expect(parseModuleList('env')).to.deep.equal([{ name: 'env' }]);
    expect(parseModuleList('a x y,b')).to.deep.equal([{ name: 'a', args: 'x y' }, { name: 'b' }]);
  });

  it('writes a comma of a name twice', () => {
    expect(parseModuleList('a,,b,c')).to.deep.equal([{ name: 'a,b' }, { name: 'c' }]);
  });

  for (const list of ['', ',a', 'a,', ' args']) {
    it(`is refused when a file has no name: '${list}'`, () => {
      expect(() => parseModuleList(list)).to.throw(ImageError, 'names a module without a file');
    });
  }
});
