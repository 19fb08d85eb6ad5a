import { expect } from 'chai';
import { createMemories, viewOf } from '../../src/machine/memories.ts';
import { createPlatform, type Platform, type PlatformConfig, resetPlatform } from '../../src/machine/platform.ts';
import { stopOf } from '../../src/machine/stop.ts';
import { CONTEXT, REQUEST } from '../../src/state/context.ts';
import { VCPU_AREA } from '../../src/state/map.ts';
import { resolveCpu } from '../../src/vcpu/cpuid-model.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';
import { World } from '../../src/vcpu/world.ts';

const CONFIG: PlatformConfig = {
  serial: true,
  debugExit: { iobase: 0xf4, iosize: 4 },
  testDevices: { pcTestdev: true, pciTestdev: true },
  platform: { pit: true },
};
const RAM_BYTES = 0x100_0000;

const features: CpuFeatures = resolveCpu(
  { model: 'intel', features: new Map() },
  { sockets: 1, dies: 1, cores: 2, threads: 1 },
);

/** Two vCPUs' platforms over the same memories, as their two threads would have them. */
function twoPlatforms(config = CONFIG) {
  const memories = createMemories(2, RAM_BYTES);
  const { memory, map } = viewOf(memories);
  resetPlatform({ memory, map, config, features });
  const { ram } = memories;
  const make = (index: number): Platform =>
    createPlatform({ memory, map, index, ram, config, features, world: new World(memory, map, index) });
  return { memory, map, first: make(0), second: make(1) };
}

describe('the platform', () => {
  it('is one machine for all threads: what one vCPU writes to a device another reads', () => {
    const { first, second } = twoPlatforms();
    first.ports.writePort(0xe0, 4, 0x1234_5678);
    expect(second.ports.readPort(0xe0, 4)).to.equal(0x1234_5678);
    second.mmu.physical.write(0xff00_0000, 4, 0x55aa);
    expect(first.mmu.physical.read(0xff00_0000, 4)).to.equal(0x55aa);
  });

  it('has RAM below, the local APIC and the I/O APIC where they belong, and nothing between', () => {
    const { first } = twoPlatforms();
    const { physical } = first.mmu;
    physical.write(0xa0000, 4, 0x1234);
    expect(physical.read(0xa0000, 4)).to.equal(0x1234);
    expect(physical.read(RAM_BYTES, 4)).to.equal(0xffff_ffff);
    physical.write(0xfec0_0000, 4, 1);
    expect(physical.read(0xfec0_0010, 4) >>> 16).to.equal(23, 'the last redirection entry');
  });

  it('routes the test device and the serial port to the interrupt controllers', () => {
    const { first } = twoPlatforms();
    const { ports, irqchip } = first;
    const request = () => irqchip.pics.readByte(0x20);
    irqchip.pics.writeByte(0x20, 0x0a);
    ports.writePort(0x2004, 1, 1);
    ports.writePort(0x2004, 1, 0);
    expect(request() & 0x10).to.equal(0x10);
    ports.writePort(0x3fc, 1, 8);
    ports.writePort(0x3f9, 1, 1);
    expect(first.uart?.receive(Uint8Array.of(0x61))).to.equal(1);
    expect(ports.readPort(0x3f8, 1)).to.equal(0x61);
  });

  for (const [what, port, value, reason, detail] of [
    ['debug exit', 0xf4, 3, 'debugExit', 3],
    ['a reset by the keyboard controller', 0x64, 0xfe, 'reset', 0],
    ['a reset by 0xcf9', 0xcf9, 0x06, 'reset', 0],
  ] as const) {
    it(`stops the machine at ${what}, and asks every vCPU to leave`, () => {
      const { memory, map, second } = twoPlatforms();
      second.ports.writePort(port, 1, value);
      expect(stopOf(memory)).to.deep.equal({ reason, detail, vcpu: 1 });
      for (const vcpu of [0, 1]) {
        const word = (map.vcpu(vcpu) + VCPU_AREA.context + CONTEXT.offset.requests) >>> 2;
        expect(memory.i32[word]! & REQUEST.stop).to.equal(REQUEST.stop);
      }
    });
  }

  it('turns off by the ACPI sleep control, and shuts down on a triple fault', () => {
    const off = twoPlatforms();
    off.first.ports.writePort(0x604, 2, 0x2000);
    expect(stopOf(off.memory)?.reason).to.equal('powerOff');
    const fault = twoPlatforms();
    fault.second.services.shutdown();
    expect(stopOf(fault.memory)).to.deep.equal({ reason: 'shutdown', detail: 0, vcpu: 1 });
  });

  it('leaves out what the configuration leaves out', () => {
    const { first } = twoPlatforms({
      serial: false,
      testDevices: { pcTestdev: false, pciTestdev: false },
      platform: { pit: false },
    });
    expect([0x3fd, 0xf4, 0xe0, 0x40, 0x2000].map((port) => first.ports.readPort(port, 1))).to.deep.equal(
      Array(5).fill(0xff),
    );
  });

  it('gives random numbers that do not repeat, past one filling of its buffer', () => {
    const { first } = twoPlatforms();
    const numbers = Array.from({ length: 200 }, () => first.services.random());
    expect(new Set(numbers).size).to.equal(200);
  });
});
