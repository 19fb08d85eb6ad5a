import { MachineShapeError } from '../boot/image-error.ts';
import type { WasmMemories } from '../engine/tier0.ts';
import {
  ControlView,
  GUEST_PAGE,
  MAX_VCPUS,
  type StateMap,
  stateMap,
  TLB_EMPTY,
  TLB_ENTRIES,
  TLB_ENTRY,
  VCPU_AREA,
  WASM_PAGE,
} from '../state/map.ts';
import { StateMemory } from '../state/struct.ts';

/** RAM ends below the hole for devices under 4 GiB. */
export const MAX_RAM_BYTES = 3 * 1024 ** 3;
const MAGIC = 0x726f6f6b;
/** Of both clocks: 3 GHz, so that TSC ticks are whole fractions of a nanosecond. */
export const TSC_KHZ = 3_000_000;
const TLB_BYTES = 3 * TLB_ENTRIES * TLB_ENTRY.size;

/** The two memories of a machine, with the map of the first. */
export interface MachineMemories extends WasmMemories {
  readonly map: StateMap;
}

/** Reserves both memories. Pages are the host's only once they are touched. @throws MachineShapeError */
export function createMemories(vcpus: number, ramBytes: number): MachineMemories {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw new MachineShapeError('vCPUs', vcpus, `a machine has 1 to ${MAX_VCPUS}`);
  }
  if (ramBytes % WASM_PAGE !== 0 || ramBytes < WASM_PAGE || ramBytes > MAX_RAM_BYTES) {
    throw new MachineShapeError('RAM', ramBytes, 'a multiple of 64 KiB up to 3 GiB is needed');
  }
  const map = stateMap(vcpus, ramBytes);
  const reserve = (pages: number) => {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch {
      throw new MachineShapeError('memory', pages * WASM_PAGE, 'the host cannot reserve as many bytes');
    }
  };
  const memories = { state: reserve(map.wasmPages), ram: reserve(ramBytes / WASM_PAGE), map };
  initialise(new StateMemory(memories.state.buffer as unknown as SharedArrayBuffer), map);
  return memories;
}

/** The machine as one thread sees it: views of its memories. */
export interface MachineView {
  readonly memory: StateMemory;
  readonly map: StateMap;
}

export function viewOf(memories: WasmMemories): MachineView {
  const memory = new StateMemory(memories.state.buffer as unknown as SharedArrayBuffer);
  const control = new ControlView(memory, 0);
  return { memory, map: stateMap(control.vcpus, control.ramPages * GUEST_PAGE) };
}

function initialise(memory: StateMemory, map: StateMap): void {
  const control = new ControlView(memory, 0);
  control.magic = MAGIC;
  control.vcpus = map.vcpus;
  control.ramPages = map.ramPages;
  control.tscKhz = TSC_KHZ;
  control.clockStopped = 1;
  for (let index = 0; index < map.vcpus; index++) {
    const tlbs = (map.vcpu(index) + VCPU_AREA.readTlb) >>> 3;
    memory.u64.fill(TLB_EMPTY, tlbs, tlbs + TLB_BYTES / 8);
  }
}
