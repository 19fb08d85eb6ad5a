// A vCPU that executes single instructions by its helpers, decoded from bytes, for tests of system instructions.
import { expect } from 'chai';
import { Decoder } from '../../src/decode/decoder.ts';
import { ioDefinitions } from '../../src/isa/system/io.ts';
import { stringDefinitions } from '../../src/isa/system/strings.ts';
import { systemDefinitions } from '../../src/isa/system/system.ts';
import { x87Definitions } from '../../src/isa/x87.ts';
import type { AccessSize } from '../../src/mmu/bus.ts';
import { GuestException, generalProtection } from '../../src/mmu/exception.ts';
import { Mmu } from '../../src/mmu/mmu.ts';
import { PhysicalMemory } from '../../src/mmu/physical.ts';
import { CONTROL, GUEST_PAGE, stateMap, VCPU_AREA, WASM_PAGE } from '../../src/state/map.ts';
import { StateMemory } from '../../src/state/struct.ts';
import { Cpu } from '../../src/vcpu/cpu.ts';
import { resolveCpu } from '../../src/vcpu/cpuid-model.ts';
import type { CpuFeatures } from '../../src/vcpu/features.ts';
import type { HelperTable } from '../../src/vcpu/helper-table.ts';
import { controlRegisterHelpers } from '../../src/vcpu/helpers/control-registers.ts';
import { cpuidHelpers } from '../../src/vcpu/helpers/cpuid.ts';
import { hypercallHelpers } from '../../src/vcpu/helpers/hypercall.ts';
import { ioHelpers } from '../../src/vcpu/helpers/io.ts';
import { msrHelpers } from '../../src/vcpu/helpers/msr.ts';
import { stringHelpers } from '../../src/vcpu/helpers/strings.ts';
import { systemHelpers } from '../../src/vcpu/helpers/system.ts';
import { x87ControlHelpers } from '../../src/vcpu/helpers/x87-control.ts';
import { xsaveHelpers } from '../../src/vcpu/helpers/xsave.ts';
import { refreshMode } from '../../src/vcpu/mode.ts';
import { powerUp } from '../../src/vcpu/reset.ts';
import { setSegment } from '../../src/vcpu/segments.ts';
import type { VcpuServices } from '../../src/vcpu/services.ts';

const DEFINITIONS = [...systemDefinitions, ...ioDefinitions, ...stringDefinitions, ...x87Definitions];
const HELPERS: HelperTable = {
  ...controlRegisterHelpers,
  ...cpuidHelpers,
  ...hypercallHelpers,
  ...ioHelpers,
  ...msrHelpers,
  ...stringHelpers,
  ...systemHelpers,
  ...x87ControlHelpers,
  ...xsaveHelpers,
};

const RAM_BYTES = 0x20_0000;
/** Page tables of 64-bit mode: the first 2 MiB in pages of 4 KiB, all for everybody. */
const TABLES = 0x10_0000;
const PAGE_TABLE = TABLES + 3 * GUEST_PAGE;
const TSC_KHZ = 2_000_000;
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSI = 6;
export const RDI = 7;

/** Services that record what they are asked for. */
class RecordingServices {
  time = 0n;
  tscDeadline = 0n;
  rearmed = 0;
  spins = 0;
  rests = 0;
  readonly lapic = {
    cr8: 0,
    setCr8(value: number): void {
      this.cr8 = value;
    },
    readMsr: (): bigint => {
      throw generalProtection();
    },
    writeMsr: (): void => {
      throw generalProtection();
    },
    setApicBase: (value: bigint): void => {
      this.apicBase = value;
    },
    /** APIC IDs that IPIs went to, of processors 0 to 99. */
    sent: [] as number[],
    sendIpi(isNamed: (apicId: number) => boolean): number {
      this.sent = Array.from({ length: 100 }, (_, id) => id).filter(isNamed);
      return this.sent.length;
    },
    readTscDeadline: (): bigint => this.tscDeadline,
    writeTscDeadline: (value: bigint): void => {
      this.tscDeadline = value;
      this.rearmed++;
    },
  };
  apicBase = 0n;
  tsc = (): bigint => this.time;
  random = (): bigint => 0x1234_5678_9abc_def0n;
  spinHint = (): void => {
    this.spins++;
  };
  rest = (): void => {
    this.rests++;
  };
}

/** Ports that record writes and read as an upward count. */
class RecordingPorts {
  readonly reads: [port: number, size: AccessSize][] = [];
  readonly writes: [port: number, size: AccessSize, value: number][] = [];

  readPort(port: number, size: AccessSize): number {
    this.reads.push([port, size]);
    return this.reads.length;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.writes.push([port, size, value]);
  }
}

export class SystemVcpu {
  readonly cpu: Cpu;
  readonly physical: PhysicalMemory;
  readonly services = new RecordingServices();
  readonly ports = new RecordingPorts();
  readonly #decoder: Decoder;

  /** After power-up. */
  constructor(features: CpuFeatures = resolveCpu({ model: 'intel', features: new Map() })) {
    const map = stateMap(1, RAM_BYTES);
    const memory = new StateMemory(new SharedArrayBuffer(map.wasmPages * WASM_PAGE));
    memory.u32[CONTROL.offset.tscKhz >>> 2] = TSC_KHZ;
    const bus = { readMmio: () => 0xffff_ffff, writeMmio: () => undefined };
    this.physical = new PhysicalMemory(new SharedArrayBuffer(RAM_BYTES), bus);
    const { physical } = this;
    const events = { codeChanged: () => undefined, watchedWrite: () => undefined };
    const sizes = { maxPhysicalBits: features.physicalBits, gigabytePages: features.has('pdpe1gb') };
    const mmu = new Mmu({ memory, map, vcpuIndex: 0, physical, events, ...sizes });
    const services = this.services as unknown as VcpuServices;
    const address = map.vcpu(0) + VCPU_AREA.context;
    this.cpu = new Cpu({ memory, address, mmu, ports: this.ports, features, services });
    this.#decoder = new Decoder(DEFINITIONS, (name) => features.has(name));
    powerUp(this.cpu);
  }

  /** Executes one instruction. RIP counts from 0, apart from memory. @throws GuestException */
  run(...bytes: number[]): void {
    const { cpu } = this;
    const decoded = this.#decoder.decode(Uint8Array.from(bytes), 0, bytes.length, cpu.state.mode);
    if ('failure' in decoded) expect.fail(`these bytes are ${decoded.failure}`);
    cpu.instructionRip = cpu.state.rip;
    cpu.state.rip += BigInt(decoded.length);
    try {
      HELPERS[decoded.form.definition.helper!]!(cpu, decoded);
    } catch (error) {
      cpu.state.rip = cpu.instructionRip;
      throw error;
    }
    if (!decoded.form.definition.continues) refreshMode(cpu);
  }

  /** Runs an instruction again and again until it moves on. @returns how often it was called */
  complete(...bytes: number[]): number {
    const { state } = this.cpu;
    const start = state.rip;
    for (let calls = 1; ; calls++) {
      this.run(...bytes);
      if (state.rip !== start) return calls;
    }
  }

  /** The exception that an instruction raises, and that it left RIP alone. */
  fault(...bytes: number[]): { vector: number; errorCode: number | undefined; payload: bigint } {
    const { rip } = this.cpu.state;
    try {
      this.run(...bytes);
    } catch (error) {
      if (!(error instanceof GuestException)) throw error;
      expect(this.cpu.state.rip).to.equal(rip);
      const { vector, errorCode, payload } = error;
      return { vector, errorCode, payload };
    }
    return expect.fail('no exception');
  }

  set(register: number, value: bigint | number): void {
    this.cpu.state.gpr.set(register, BigInt.asUintN(64, BigInt(value)));
  }

  get(register: number): bigint {
    return this.cpu.state.gpr.get(register);
  }

  bytes(address: number, length: number): number[] {
    return Array.from(this.physical.u8.subarray(address, address + length));
  }

  poke(address: number, bytes: Iterable<number>): void {
    this.physical.u8.set(Array.from(bytes), address);
  }

  /** Maps a page of 64-bit mode or takes it away. */
  setEntry(linear: number, entry: bigint): void {
    this.physical.write64(PAGE_TABLE + (linear / GUEST_PAGE) * 8, entry);
    this.cpu.mmu.flushAll();
  }

  #run(attributes: { code: number; data: number }, cpl: number): void {
    const { cpu } = this;
    cpu.state.cpl = cpl;
    setSegment(cpu, 'cs', 8 | cpl, 0n, 0xffff_ffff, attributes.code | (cpl << 5));
    for (const name of ['ss', 'ds', 'es', 'fs', 'gs'] as const) {
      setSegment(cpu, name, 16 | cpl, 0n, 0xffff_ffff, attributes.data | (cpl << 5));
    }
    cpu.state.rip = 0n;
    refreshMode(cpu);
  }

  /** Flat 32-bit protected mode without paging. */
  protectedMode(cpl = 0): this {
    this.cpu.state.cr0 |= 1n;
    this.#run({ code: 0xc09b, data: 0xc093 }, cpl);
    return this;
  }

  /** 64-bit mode. */
  longMode(cpl = 0): this {
    const { state, mmu } = this.cpu;
    for (let level = 0; level < 3; level++) {
      this.physical.write64(TABLES + level * GUEST_PAGE, BigInt(TABLES + (level + 1) * GUEST_PAGE) | 7n);
    }
    for (let page = 0; page < RAM_BYTES / GUEST_PAGE; page++) {
      this.physical.write64(PAGE_TABLE + 8 * page, BigInt(page * GUEST_PAGE) | 7n);
    }
    state.cr3 = BigInt(TABLES);
    state.cr0 = 0x8001_0031n;
    state.cr4 = 0x220n;
    state.efer = 0xd00n;
    this.#run({ code: 0xa09b, data: 0xc093 }, cpl);
    mmu.flushAll();
    return this;
  }
}

export const GP = { vector: 13, errorCode: 0, payload: 0n };
export const UD = { vector: 6, errorCode: undefined, payload: 0n };
export const NM = { vector: 7, errorCode: undefined, payload: 0n };

/** A model with some features switched. */
export const modelWith = (
  switches: Readonly<Record<string, boolean | string>>,
  model: 'intel' | 'amd' = 'intel',
): CpuFeatures => resolveCpu({ model, features: new Map(Object.entries(switches)) });
