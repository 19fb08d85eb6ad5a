// The machine around a vCPU as its thread sees it: buses, interrupt controllers, devices, memory, services. Every
// thread makes its own objects over the same `state` memory; nothing here holds machine state of its own.
import { Board, type BoardConfig } from '../devices/board.ts';
import type { ConsoleRing } from '../devices/console-ring.ts';
import { MovablePorts } from '../devices/movable-ports.ts';
import type { Uart16550 } from '../devices/uart-16550.ts';
import type { MachineEvents } from '../devices/wiring.ts';
import { RandomSource } from '../host/random.ts';
import { Irqchip } from '../irqchip/irqchip.ts';
import { cmosRam, leaveAsFirmware, powerOnIrqchip } from '../irqchip/power-on.ts';
import { MmioMap, type PortBus, PortMap } from '../mmu/bus.ts';
import { Mmu } from '../mmu/mmu.ts';
import { PhysicalMemory } from '../mmu/physical.ts';
import { REQUEST } from '../state/context.ts';
import { CONTROL, GUEST_PAGE, type StateMap } from '../state/map.ts';
import { Mutex } from '../state/mutex.ts';
import { postRequest } from '../state/requests.ts';
import type { StateMemory } from '../state/struct.ts';
import type { CpuFeatures } from '../vcpu/features.ts';
import type { VcpuServices } from '../vcpu/services.ts';
import type { World } from '../vcpu/world.ts';
import { MachineClock } from './clock.ts';
import { CoreSharing } from './core-sharing.ts';
import { type StopReason, stopMachine, stopOf } from './stop.ts';

/** What the platform is made of, as plain data. */
export interface PlatformConfig extends BoardConfig {
  readonly platform: { readonly pit: boolean };
}

export interface PlatformParts {
  readonly memory: StateMemory;
  readonly map: StateMap;
  /** The vCPU that this thread hosts, or whose state it looks at. */
  readonly index: number;
  readonly ram: WebAssembly.Memory;
  readonly config: PlatformConfig;
  readonly features: CpuFeatures;
  readonly world: World;
}

export interface Platform {
  readonly map: StateMap;
  readonly mmu: Mmu;
  readonly ports: PortBus;
  readonly services: VcpuServices;
  readonly irqchip: Irqchip;
  /** COM1, or null if the machine has none. */
  readonly uart: Uart16550 | null;
  /** What the guest transmits: the main thread takes it (OutputPump). */
  readonly transmit: ConsoleRing;
  /** What the guest will receive: filled by uart.receive (InputFeed). */
  readonly receive: ConsoleRing;
}

type BoardSide = Omit<PlatformParts, 'ram' | 'world'>;

/** The interrupt controllers and devices of a machine. */
function createBoard({ memory, map, index, config, features }: BoardSide) {
  const clock = new MachineClock(memory);
  const events = machineEvents(memory, map, index);
  const powerOff = () => events.powerOff();
  const irqchip = new Irqchip({ memory, map, vcpu: index, clock, features, pit: config.platform.pit, powerOff });
  const board = new Board({
    memory,
    config,
    events,
    lock: new Mutex(memory, CONTROL.offset.deviceLock),
    facts: { vcpus: map.vcpus, ramBytes: map.ramPages * GUEST_PAGE },
    setLine: (line, high, source) => irqchip.setLine(line, high, source),
    abandoned: () => stopOf(memory) !== null,
  });
  return { clock, events, irqchip, board };
}

function machineEvents(memory: StateMemory, map: StateMap, vcpu: number): MachineEvents & { shutdown(): void } {
  const stop = (reason: StopReason, detail = 0) => stopMachine(memory, map, { reason, detail, vcpu });
  return {
    debugExit: (value) => stop('debugExit', value),
    powerOff: () => stop('powerOff'),
    reset: () => stop('reset'),
    shutdown: () => stop('shutdown'),
  };
}

/** The platform for one thread, over the machine's memories. */
export function createPlatform(parts: PlatformParts): Platform {
  const { memory, map, index, features, world } = parts;
  const { clock, events, irqchip, board } = createBoard(parts);
  // The local APIC goes first: its page may lie over another device's.
  const mmio = new MmioMap([...irqchip.mmio, ...board.mmio]);
  const physical = new PhysicalMemory(parts.ram.buffer as unknown as SharedArrayBuffer, mmio);
  const mmu = new Mmu({
    memory,
    map,
    vcpuIndex: index,
    physical,
    maxPhysicalBits: features.physicalBits,
    gigabytePages: features.has('pdpe1gb'),
    events: {
      // Other vCPUs were told by CodePages; this one leaves its block the same way.
      codeChanged: () => postRequest(memory, map, index, REQUEST.codeChanged),
      // No page is ever watched: MONITOR looks at memory itself.
      watchedWrite: () => undefined,
    },
  });
  const fixed = new PortMap([...irqchip.ports, ...board.ports]);
  const ports = board.movablePorts.length > 0 ? new MovablePorts(fixed, board.movablePorts) : fixed;
  const cores = new CoreSharing(memory, map, index);
  const services: VcpuServices = {
    now: clock.now,
    tsc: clock.tsc,
    random: new RandomSource().next,
    lapic: irqchip.lapic,
    interrupts: irqchip,
    shutdown: () => events.shutdown(),
    spinHint: cores.spinHint,
    rest: cores.rest,
    exclusive: (action) => world.alone(action),
  };
  const { uart, transmit, receive } = board;
  return { map, mmu, ports, services, irqchip, uart, transmit, receive };
}

const MS_PER_SECOND = 1000;

/**
 * Power-on of all interrupt controllers and devices, and what firmware leaves in them. Called once, before any vCPU
 * runs, on the main thread, and after the local APICs' own resets, which would undo the firmware's part.
 */
export function resetPlatform(parts: Omit<BoardSide, 'index'>): void {
  const { irqchip, board } = createBoard({ ...parts, index: 0 });
  powerOnIrqchip(irqchip, { epochSeconds: Math.floor(Date.now() / MS_PER_SECOND), cmos: cmosRam(parts.map) });
  leaveAsFirmware(irqchip);
  board.reset();
}
