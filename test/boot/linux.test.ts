import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { viewOf } from '../../src/boot/little-endian.ts';
import { type KernelOptions, loadKernel } from '../../src/boot/load-kernel.ts';
import { bzImage, MIB, read32, sharedRam, textAt } from './images.ts';

function boot(bytes: Uint8Array, options: Partial<KernelOptions> = {}, ramBytes = 32 * MIB) {
  const ram = sharedRam(ramBytes);
  const state = loadKernel(ram, { kernel: { name: 'bzImage', bytes }, vcpus: 1, ...options });
  const params = (offset: number) => read32(ram, state.registers.esi + offset);
  return { ram, state, params };
}

describe('Linux 32-bit boot protocol (boot.rst)', () => {
  const initrd = [{ name: 'initrd', bytes: new Uint8Array(5000).fill(7) }];
  const { ram, state, params } = boot(bzImage(), { append: 'console=ttyS0', initrd });

  it('enters code32_start in flat protected mode, boot_params in ESI, the other registers zero', () => {
    expect(state.registers).to.include({ eip: MIB, esi: 0x90000, ebp: 0, edi: 0, ebx: 0 });
    expect(state).to.include({ mode: 'protected32', eflags: 2, cr0: 0x11 });
    expect(ram[MIB]).to.equal(0x90);
  });

  it('has __BOOT_CS 0x10 and __BOOT_DS 0x18, in registers and in the GDT', () => {
    expect([state.segments.cs.selector, state.segments.ds.selector]).to.deep.equal([0x10, 0x18]);
    expect(viewOf(ram).getBigUint64(state.gdt.base + 0x10, true)).to.equal(0x00cf_9b00_0000_ffffn);
    expect(viewOf(ram).getBigUint64(state.gdt.base + 0x18, true)).to.equal(0x00cf_9300_0000_ffffn);
  });

  it('copies the setup header and fills in loader, command line and initrd', () => {
    expect(params(0x202)).to.equal(0x5372_6448);
    expect(params(0x210) & 0xff).to.equal(0xff);
    expect(textAt(ram, params(0x228))).to.equal('console=ttyS0');
    const [start, size] = [params(0x218), params(0x21c)];
    expect(ram.slice(start, start + size)).to.deep.equal(initrd[0].bytes);
  });

  it('gives the E820 map and the memory sizes', () => {
    expect(params(0x1e8) & 0xff).to.equal(4);
    const last = 0x2d0 + 3 * 20;
    expect([0, 8, 16].map((field) => params(last + field))).to.deep.equal([MIB, 31 * MIB, 1]);
    expect(params(0x1e0)).to.equal(31 * 1024);
  });

  it('describes an 80x25 text screen', () => {
    const page = state.registers.esi;
    expect([ram[page + 6], ram[page + 7], ram[page + 0xe], ram[page + 0xf]]).to.deep.equal([3, 80, 25, 1]);
  });

  it('says where the RSDP is from protocol 2.14 on, and not before', () => {
    expect(params(0x70)).to.equal(0xf0000);
    expect(boot(bzImage({ version: 0x20d })).params(0x70)).to.equal(0);
  });
});

describe('where a Linux initrd goes', () => {
  const initrd = [{ name: 'initrd', bytes: new Uint8Array(5000) }];
  const start = (image: Uint8Array) => boot(image, { initrd }).params(0x218);

  it('is as high as the RAM allows', () => {
    expect(start(bzImage())).to.equal(32 * MIB - 0x2000);
  });

  it('is not above initrd_addr_max', () => {
    expect(start(bzImage({ initrdAddrMax: 30 * MIB - 1 }))).to.equal(30 * MIB - 0x2000);
  });

  it('is right above the memory that the kernel unpacks itself into, if it must', () => {
    const initSize = 16 * MIB - 0x2000;
    expect(start(bzImage({ initSize }))).to.equal(16 * MIB + initSize);
  });

  it('is right above the loaded kernel when the protocol has no init_size', () => {
    expect(start(bzImage({ version: 0x205, initrdAddrMax: MIB + 0x2fff }))).to.equal(MIB + 0x1000);
  });
});

describe("Debian's memtest86+, a Linux-protocol image", () => {
  const path = '/boot/memtest86+x64.bin';

  it('is loaded whole at 1 MiB and entered there', function () {
    if (!existsSync(path)) this.skip();
    const bytes = readFileSync(path);
    const { ram, state, params } = boot(bytes, { append: 'console=ttyS0' });
    expect(state.registers.eip).to.equal(MIB);
    expect(params(0x202)).to.equal(0x5372_6448);
    const kernel = bytes.subarray(3 * 512);
    expect(Buffer.from(ram.slice(MIB, MIB + kernel.length)).equals(kernel)).to.equal(true);
  });
});
