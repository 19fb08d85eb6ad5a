import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { concat, viewOf } from '../../src/boot/little-endian.ts';
import { type KernelOptions, loadKernel } from '../../src/boot/load-kernel.ts';
import { MIB, multibootElf, multibootHeader, read32, sharedRam, textAt } from './images.ts';

const code = (bytes: number) => new Uint8Array(bytes).fill(0x90);

function boot(bytes: Uint8Array, options: Partial<KernelOptions> = {}, ramBytes = 16 * MIB) {
  const ram = sharedRam(ramBytes);
  const state = loadKernel(ram, { kernel: { name: 'guest.flat', bytes }, vcpus: 1, ...options });
  const info = (offset: number) => read32(ram, state.registers.ebx + offset);
  return { ram, state, info };
}

describe('multiboot 1 machine state (Multiboot 0.6.96 3.2)', () => {
  const { ram, state } = boot(multibootElf());

  it('has the magic in EAX, the information in EBX, and the entry point in EIP', () => {
    expect(state.registers).to.include({ eax: 0x2bad_b002, eip: 4 * MIB, ebx: 0x9500 });
  });

  it('is flat 32-bit protected mode without paging, with interrupts off', () => {
    expect(state).to.include({ mode: 'protected32', eflags: 2, cr0: 0x11 });
    expect(state.segments.cs).to.deep.equal({ selector: 8, base: 0, limit: 0xffff_ffff, attributes: 0xc09b });
    for (const segment of ['ds', 'es', 'fs', 'gs', 'ss'] as const) {
      const data = { selector: 0x10, base: 0, limit: 0xffff_ffff, attributes: 0xc093 };
      expect(state.segments[segment]).to.deep.equal(data);
    }
  });

  it('has a GDT in memory that says the same as the segment registers', () => {
    const descriptor = (selector: number) => viewOf(ram).getBigUint64(state.gdt.base + selector, true);
    expect(state.gdt.limit).to.equal(39);
    expect(descriptor(8)).to.equal(0x00cf_9b00_0000_ffffn);
    expect(descriptor(0x10)).to.equal(0x00cf_9300_0000_ffffn);
  });
});

describe('multiboot 1 information (Multiboot 0.6.96 3.3), as QEMU gives it', () => {
  const initrd = [
    { name: 'env.txt', bytes: Uint8Array.of(1, 2, 3), args: 'x  y' },
    { name: 'disk', bytes: code(5000) },
  ];
  const { ram, info } = boot(multibootElf(), { append: '--fast 2', initrd });

  it('tells of lower and upper memory in KiB', () => {
    expect(info(0)).to.equal(0x24f);
    expect([info(4), info(8)]).to.deep.equal([639, 15 * 1024]);
  });

  it("names the image and what -append gave as the command line, and the loader's name", () => {
    expect(textAt(ram, info(16))).to.equal('guest.flat --fast 2');
    expect(textAt(ram, info(64))).to.equal('rookery');
    const bare = boot(multibootElf());
    expect(textAt(bare.ram, bare.info(16))).to.equal('guest.flat ');
  });

  it('lists the modules, each page-aligned above the image, with file name and arguments', () => {
    expect(info(20)).to.equal(2);
    const modules = [0, 16].map((offset) => {
      const [start, end, text] = [0, 4, 8].map((field) => read32(ram, info(24) + offset + field));
      return { start, bytes: ram.slice(start, end), text: textAt(ram, text) };
    });
    expect(modules.map(({ text }) => text)).to.deep.equal(['env.txt x  y', 'disk']);
    expect(modules.map(({ bytes }) => bytes)).to.deep.equal(initrd.map(({ bytes }) => bytes));
    for (const { start } of modules) expect(start % 4096).to.equal(0);
    expect(modules[0].start).to.be.above(4 * MIB + 100);
  });

  it('gives the E820 map, each entry led by its size', () => {
    const [length, address] = [info(44), info(48)];
    expect(length).to.equal(4 * 24);
    const entries = [0, 24, 48, 72].map((at) => [0, 4, 12, 20].map((field) => read32(ram, address + at + field)));
    expect(entries[0]).to.deep.equal([20, 0, 0x9fc00, 1]);
    expect(entries[3]).to.deep.equal([20, MIB, 15 * MIB, 1]);
  });

  it('moves out of the way of an image that is loaded low', () => {
    const low = boot(multibootElf({ vaddr: 0x8000, memsz: 0x5000 }), { initrd });
    expect(low.state.registers.ebx).to.equal(0xd500);
    expect(textAt(low.ram, low.info(16))).to.equal('guest.flat ');
    expect(low.ram[0x9500]).to.equal(0);
  });

  it('puts a module that base memory cannot hold above 1 MiB', () => {
    const big = [{ name: 'big', bytes: code(MIB) }];
    const { ram, info } = boot(multibootElf({ vaddr: 0x8000 }), { initrd: big });
    expect(read32(ram, info(24))).to.equal(MIB);
  });
});

describe('multiboot 1 images', () => {
  it('are loaded to physical addresses, with zeros after the file ends', () => {
    const { ram, state } = boot(multibootElf({ vaddr: 0xc040_0000, paddr: 4 * MIB, memsz: 0x3000 }));
    expect(state.registers.eip).to.equal(4 * MIB);
    expect(read32(ram, 4 * MIB)).to.equal(0x1bad_b002);
    expect(ram.subarray(4 * MIB + 112, 4 * MIB + 0x3000).every((byte) => byte === 0)).to.equal(true);
    expect(ram[4 * MIB + 111]).to.equal(0x90);
  });

  it('may be ELF64, and start in 32-bit mode all the same', () => {
    const { ram, state } = boot(multibootElf({ bits: 64, entry: 4 * MIB + 16 }));
    expect(state.mode).to.equal('protected32');
    expect(state.registers.eip).to.equal(4 * MIB + 16);
    expect(read32(ram, 4 * MIB)).to.equal(0x1bad_b002);
  });

  it('may give their addresses in the header instead of being ELF', () => {
    const [header, load, entry] = [MIB + 32, MIB, MIB + 64];
    const fields = multibootHeader(0x1_0000, header, load, MIB + 0x200, MIB + 0x400, entry);
    // 16 bytes that are not loaded, 32 before the header, and more than load_end_addr asks for.
    const { ram, state } = boot(concat(code(48), fields, code(0x400)));
    expect(state.registers.eip).to.equal(entry);
    expect(read32(ram, header)).to.equal(0x1bad_b002);
    expect([ram[MIB], ram[MIB + 0x1ff], ram[MIB + 0x200], ram[MIB + 0x3ff]]).to.deep.equal([0x90, 0x90, 0, 0]);
  });

  it('are loaded to the end of the file when load_end_addr is 0', () => {
    const fields = multibootHeader(0x1_0000, MIB, MIB, 0, 0, MIB + 40);
    const { ram } = boot(concat(fields, code(100)));
    expect(ram[MIB + fields.length + 99]).to.equal(0x90);
  });

  it('are told of a video mode that they asked for and do not get', () => {
    expect(boot(multibootElf({ flags: 7 })).state.warnings).to.deep.equal([
      'guest.flat: asks for a video mode; the machine has no video',
    ]);
  });

  for (const [bits, linkerMode, assemblerMode] of [
    [32, 'elf_i386', '--32'],
    [64, 'elf_x86_64', '--64'],
  ] as const) {
    it(`are loaded as the GNU linker makes them, of ${bits} bits`, () => {
      const { ram, state } = boot(linked(linkerMode, assemblerMode));
      expect(state.registers.eip).to.equal(0x20_000c);
      expect([...ram.subarray(0x20_000c, 0x20_000e)]).to.deep.equal([0xfa, 0xf4]);
      expect(ram[0x30_0000]).to.equal(0x5a);
      expect(read32(ram, 0x30_0004)).to.equal(0);
    });
  }
});

/** An image of three sections made by GNU as and ld: the header and CLI; HLT at 2 MiB, a byte and .bss at 3 MiB. */
function linked(linkerMode: string, assemblerMode: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-multiboot-'));
  const source = `.globl start
    .long 0x1badb002, 0, -0x1badb002
    start: cli; hlt
    .data; .byte 0x5a
    .bss; .skip 4096`;
  try {
    writeFileSync(join(folder, 'guest.s'), `${source}\n`);
    const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: folder });
    run('as', assemblerMode, '-o', 'guest.o', 'guest.s');
    const places = ['-Ttext=0x200000', '-Tdata=0x300000', '-Tbss=0x300004', '-e', 'start', '-z', 'max-page-size=4096'];
    run('ld', '-m', linkerMode, ...places, '-o', 'guest.elf', 'guest.o');
    return readFileSync(join(folder, 'guest.elf'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
