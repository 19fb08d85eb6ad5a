import type { BootSegmentName, BootState } from '../boot/boot-state.ts';
import { firmwareMemoryTypes } from '../boot/memory-types.ts';
import { gprOffset } from '../state/context.ts';
import type { Cpu } from '../vcpu/cpu.ts';
import { initializeBounds } from '../vcpu/segments-bounds.ts';

/** General registers in encoding order. */
const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;

/** Puts the bootstrap processor where the loader wants it. The context is as after power-up. */
export function applyBootState(cpu: Cpu, boot: BootState): void {
  const { state, segments, memory } = cpu;
  REGISTERS.forEach((name, index) => {
    memory.u64[(cpu.address + gprOffset(index)) >>> 3] = BigInt(boot.registers[name]);
  });
  state.rip = BigInt(boot.registers.eip);
  state.cr0 = BigInt(boot.cr0);
  cpu.rflags = boot.eflags;
  state.gdtrBase = BigInt(boot.gdt.base);
  state.gdtrLimit = boot.gdt.limit;
  state.idtrBase = BigInt(boot.idt.base);
  state.idtrLimit = boot.idt.limit;
  for (const [name, segment] of Object.entries(boot.segments)) {
    const view = segments[name as BootSegmentName];
    view.selector = segment.selector;
    view.base = BigInt(segment.base);
    view.limit = segment.limit;
    view.attributes = segment.attributes;
  }
  initializeBounds(cpu);
}

/** Sets one processor's MTRRs as firmware does before it starts a boot loader. */
export function applyMemoryTypes({ state, features }: Cpu): void {
  if (!features.has('mtrr')) return;
  const { defaultType, fixed, variable } = firmwareMemoryTypes(features.physicalBits);
  fixed.forEach((types, index) => {
    state.mtrrFixed.set(index, types);
  });
  variable.forEach((value, index) => {
    state.mtrrVariable.set(index, value);
  });
  state.mtrrDefType = defaultType;
}
