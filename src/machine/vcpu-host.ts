import { Decoder } from '../decode/decoder.ts';
import { UopWriter } from '../engine/block-builder.ts';
import { BlockCache } from '../engine/block-cache.ts';
import { HandlerTable } from '../engine/handler-table.ts';
import { instantiateTier0, type WasmMemories } from '../engine/tier0.ts';
import { DEFINITIONS } from '../isa/index.ts';
import { VCPU_AREA } from '../state/map.ts';
import { Cpu } from '../vcpu/cpu.ts';
import { type CpuConfig, resolveCpu } from '../vcpu/cpuid-model.ts';
import { EngineGlue, type EngineHelpers } from '../vcpu/engine-glue.ts';
import type { CpuTopology } from '../vcpu/features.ts';
import { HELPERS } from '../vcpu/helpers/index.ts';
import { RunLoop } from '../vcpu/run-loop.ts';
import { World } from '../vcpu/world.ts';
import type { EngineModule } from './engine-module.ts';
import { viewOf } from './memories.ts';
import { createPlatform, type Platform, type PlatformConfig } from './platform.ts';

/** What a thread needs to host a vCPU. */
export interface VcpuHostConfig {
  readonly index: number;
  readonly memories: WasmMemories;
  readonly engine: EngineModule;
  /** The CPU as asked for: plain data, because it is posted to workers. */
  readonly cpu: CpuConfig;
  readonly topology: CpuTopology;
  readonly platform: PlatformConfig;
}

/** A vCPU without an engine: enough to look at its state and change it while it stands. */
export function createCpu(config: Omit<VcpuHostConfig, 'engine'>): { cpu: Cpu; platform: Platform; world: World } {
  const { memory, map } = viewOf(config.memories);
  const { index } = config;
  const features = resolveCpu(config.cpu, config.topology);
  const world = new World(memory, map, index);
  const platform = createPlatform({
    memory,
    map,
    index,
    ram: config.memories.ram,
    config: config.platform,
    features,
    world,
  });
  const address = map.vcpu(index) + VCPU_AREA.context;
  const { mmu, ports, services } = platform;
  const cpu = new Cpu({ memory, address, mmu, ports, features, services });
  return { cpu, platform, world };
}

/** A vCPU ready to run on this thread. */
export function createVcpu(config: VcpuHostConfig): RunLoop {
  const { cpu, platform, world } = createCpu(config);
  const { helperNames, module } = config.engine;
  const ids = new Map(helperNames.map((name, id) => [name, id]));
  const decoder = new Decoder(DEFINITIONS, (name) => cpu.features.has(name));
  const writer = new UopWriter(cpu.memory, new HandlerTable(config.engine.handlers), ids);
  const area = platform.map.vcpu(config.index);
  const blocks = new BlockCache(cpu.memory, area, { mmu: cpu.mmu, decoder, writer });
  const glue = new EngineGlue(cpu, blocks, helperFunctions(helperNames));
  const enter = instantiateTier0(module, config.memories, glue);
  return new RunLoop({ cpu, blocks, glue, enter, world });
}

/** Helpers by id, and whether a block goes on after them: those of definitions that end no block. */
export function helperFunctions(names: readonly string[]): EngineHelpers {
  const ending = new Set(DEFINITIONS.filter(({ continues }) => !continues).map(({ helper }) => helper));
  const functions = names.map((name) => {
    const helper = HELPERS[name];
    if (!helper) throw new RangeError(`no TypeScript function for helper ${name}`);
    return helper;
  });
  return { functions, continues: names.map((name) => !ending.has(name)) };
}
