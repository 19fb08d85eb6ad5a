import type { Cpu } from './cpu.ts';

/** The guest asked for something that rookery does not do yet. The run loop adds vCPU, RIP and bytes. */
export class UnimplementedError extends Error {
  override name = 'UnimplementedError';
  /** What is missing, as a manual would call it. */
  readonly what: string;

  constructor(what: string) {
    super(`not implemented: ${what}`);
    this.what = what;
  }
}

const LONGEST_INSTRUCTION = 15;

/** A vCPU cannot go on: what happened, on which vCPU, at which RIP, with the bytes there. */
export class VcpuError extends Error {
  override name = 'VcpuError';
  readonly vcpu: number;
  readonly rip: bigint;
  /** The bytes at RIP, as far as they can be read. */
  readonly bytes: readonly number[];

  constructor(cpu: Cpu, cause: unknown) {
    const { vcpuIndex, rip } = cpu.state;
    const bytes = codeBytes(cpu);
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`vCPU ${vcpuIndex} at rip 0x${rip.toString(16)} [${hex}]: ${reason}`, { cause });
    this.vcpu = vcpuIndex;
    this.rip = rip;
    this.bytes = bytes;
  }
}

function codeBytes(cpu: Cpu): number[] {
  const bytes: number[] = [];
  const start = cpu.code64 ? cpu.state.rip : cpu.segments.cs.base + cpu.state.rip;
  try {
    for (let index = 0; index < LONGEST_INSTRUCTION; index++) {
      bytes.push(Number(cpu.mmu.readSystem((start + BigInt(index)) & cpu.state.linearMask, 8)));
    }
  } catch {
    // A page that is not mapped ends what can be shown: the error itself is reported all the same.
  }
  return bytes;
}
