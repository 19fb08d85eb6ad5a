import type { CONTROL } from '../state/map.ts';
import {
  ControlView,
  DEVICES_ADDRESS,
  DEVICES_BYTES,
  TLB_EMPTY,
  TLB_ENTRIES,
  TLB_ENTRY,
  VCPU_AREA,
} from '../state/map.ts';
import { StateMemory } from '../state/struct.ts';
import type { MachineMemories } from './memories.ts';

/** All that a guest could observe, copied: devices, vCPUs, RAM and the clock. */
export interface MachineSnapshot {
  readonly vcpus: number;
  readonly ramPages: number;
  readonly control: Pick<Record<keyof typeof CONTROL.offset, bigint>, 'timeBase' | 'nextDeadline'>;
  readonly devices: Uint8Array;
  /** One a vCPU: VCPU_AREA up to the TLBs. */
  readonly contexts: readonly Uint8Array[];
  readonly ram: Uint8Array;
}

/** A snapshot does not fit this machine: nothing was changed. */
export class SnapshotError extends Error {
  override name = 'SnapshotError';
}

const CONTEXT_BYTES = VCPU_AREA.readTlb;
const TLB_WORDS = (3 * TLB_ENTRIES * TLB_ENTRY.size) / 8;
const stateOf = (memories: MachineMemories): StateMemory =>
  new StateMemory(memories.state.buffer as unknown as SharedArrayBuffer);

/** Copies a parked machine. */
export function saveMemories(memories: MachineMemories): MachineSnapshot {
  const { map } = memories;
  const memory = stateOf(memories);
  const { timeBase, nextDeadline } = new ControlView(memory, 0);
  const area = (index: number) => memory.u8.slice(map.vcpu(index), map.vcpu(index) + CONTEXT_BYTES);
  return {
    vcpus: map.vcpus,
    ramPages: map.ramPages,
    control: { timeBase, nextDeadline },
    devices: memory.u8.slice(DEVICES_ADDRESS, DEVICES_ADDRESS + DEVICES_BYTES),
    contexts: Array.from({ length: map.vcpus }, (_, index) => area(index)),
    ram: new Uint8Array(memories.ram.buffer).slice(),
  };
}

function check({ map }: MachineMemories, snapshot: MachineSnapshot): void {
  const rules: [boolean, string][] = [
    [snapshot.vcpus === map.vcpus, `it has ${snapshot.vcpus} vCPUs, this machine ${map.vcpus}`],
    [snapshot.ramPages === map.ramPages, `it has ${snapshot.ramPages} pages of RAM, this machine ${map.ramPages}`],
    [snapshot.ram.length === map.ramPages * 4096, 'its RAM is incomplete'],
    [snapshot.devices.length === DEVICES_BYTES, 'its device state is incomplete'],
    [snapshot.contexts.length === map.vcpus, 'a vCPU is missing'],
    [snapshot.contexts.every(({ length }) => length === CONTEXT_BYTES), 'a vCPU is incomplete'],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken) throw new SnapshotError(`the snapshot does not fit: ${broken[1]}`);
}

/** Checks all, then copies all: design, decision 4. Derived state (TLBs, decoded code) is emptied. */
export function restoreMemories(memories: MachineMemories, snapshot: MachineSnapshot): void {
  check(memories, snapshot);
  const { map } = memories;
  const memory = stateOf(memories);
  const control = new ControlView(memory, 0);
  control.timeBase = snapshot.control.timeBase;
  control.nextDeadline = snapshot.control.nextDeadline;
  memory.u8.set(snapshot.devices, DEVICES_ADDRESS);
  snapshot.contexts.forEach((bytes, index) => {
    memory.u8.set(bytes, map.vcpu(index));
    const tlbs = (map.vcpu(index) + VCPU_AREA.readTlb) >>> 3;
    memory.u64.fill(TLB_EMPTY, tlbs, tlbs + TLB_WORDS);
  });
  new Uint8Array(memories.ram.buffer).set(snapshot.ram);
}
