// A vCPU without a machine: one thread, no devices, flat long or protected mode. For tests of single instructions.
import { Decoder } from '../../src/decode/decoder.ts';
import { MODE } from '../../src/decode/mode.ts';
import { UopWriter } from '../../src/engine/block-builder.ts';
import { BlockCache } from '../../src/engine/block-cache.ts';
import { HandlerTable } from '../../src/engine/handler-table.ts';
import { instantiateTier0, type WasmMemories } from '../../src/engine/tier0.ts';
import { EXIT } from '../../src/engine/uop.ts';
import { DEFINITIONS } from '../../src/isa/index.ts';
import type { EngineModule } from '../../src/machine/engine-module.ts';
import { createMemories, viewOf } from '../../src/machine/memories.ts';
import { helperFunctions } from '../../src/machine/vcpu-host.ts';
import { GuestException } from '../../src/mmu/exception.ts';
import { Mmu } from '../../src/mmu/mmu.ts';
import { PhysicalMemory } from '../../src/mmu/physical.ts';
import { VCPU_AREA } from '../../src/state/map.ts';
import { Cpu } from '../../src/vcpu/cpu.ts';
import { EngineGlue } from '../../src/vcpu/engine-glue.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';
import type { VcpuServices } from '../../src/vcpu/services.ts';

const NO_DEVICES = {
  readPort: () => 0xff,
  writePort: () => undefined,
  readMmio: () => 0xff,
  writeMmio: () => undefined,
};

export interface BareVcpu {
  readonly cpu: Cpu;
  readonly mmu: Mmu;
  readonly ram: Uint8Array;
  readonly blocks: BlockCache;
  readonly enter: (context: number, uop: number) => number;
  /** What generated code of either tier imports. */
  readonly memories: WasmMemories;
  readonly glue: EngineGlue;
  readonly helperIds: ReadonlyMap<string, number>;
  /** The exception that the last instructions raised; cleared by the reader. */
  exception: GuestException | null;
  /** Finds the block at RIP in a mode and enters it; returns EXIT. */
  execute(mode: number): number;
}

/** @param deliver takes exceptions; without it they are only noted in `exception` */
export function bareVcpu(
  engine: EngineModule,
  features: CpuFeatures,
  ramBytes: number,
  delivery?: (cpu: Cpu, exception: GuestException) => void,
): BareVcpu {
  const deliver = (target: Cpu, exception: GuestException): void => {
    vcpu.exception = exception;
    delivery?.(target, exception);
  };
  const memories = createMemories(1, ramBytes);
  const { memory, map } = viewOf(memories);
  const physical = new PhysicalMemory(memories.ram.buffer as unknown as SharedArrayBuffer, NO_DEVICES);
  const events = { codeChanged: () => undefined, watchedWrite: () => undefined };
  const mmu = new Mmu({ memory, map, vcpuIndex: 0, physical, events, maxPhysicalBits: 40, gigabytePages: true });
  const address = map.vcpu(0) + VCPU_AREA.context;
  const services = {
    random: () => 4n,
    now: () => 0,
    tsc: () => 0n,
    exclusive: (action: () => unknown) => action(),
  } as unknown as VcpuServices;
  const cpu = new Cpu({ memory, address, mmu, ports: NO_DEVICES, features, services });
  const ids = new Map(engine.helperNames.map((name, id) => [name, id]));
  const decoder = new Decoder(DEFINITIONS, (name) => features.has(name));
  const writer = new UopWriter(memory, new HandlerTable(engine.handlers), ids);
  const blocks = new BlockCache(memory, map.vcpu(0), { mmu, decoder, writer });
  const glue = new EngineGlue(cpu, blocks, helperFunctions(engine.helperNames), deliver);
  const vcpu: BareVcpu = {
    cpu,
    mmu,
    ram: new Uint8Array(memories.ram.buffer),
    blocks,
    enter: (context, uop) => enter(context, uop),
    memories,
    glue,
    helperIds: ids,
    exception: null,
    execute(mode) {
      const { rip } = cpu.state;
      const linear = cpu.code64 ? rip : (rip + cpu.segments.cs.base) & 0xffffffffn;
      let uop: number;
      try {
        uop = blocks.find(Number(linear & 0xffffffffn), Number(linear >> 32n), mode, cpu.state.linkSlot);
      } catch (error) {
        if (!(error instanceof GuestException)) throw error;
        deliver(cpu, error);
        return EXIT.event;
      }
      cpu.state.linkSlot = 0;
      const exit = enter(address, uop);
      if (glue.failure) {
        const { failure } = glue;
        glue.failure = null;
        throw failure;
      }
      return exit;
    },
  };
  const enter = instantiateTier0(engine.module, memories, glue);
  return vcpu;
}

export { MODE };
