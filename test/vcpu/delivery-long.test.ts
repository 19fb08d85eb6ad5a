import { expect } from 'chai';
import { GuestException, VECTOR } from '../../src/mmu/exception.ts';
import { ACTIVITY, BLOCKING } from '../../src/state/context.ts';
import { deliverException, deliverInjectedEvent, deliverInterrupt, deliverNmi } from '../../src/vcpu/exceptions.ts';
import { RFLAGS } from '../../src/vcpu/flags.ts';
import { softwareInterrupt } from '../../src/vcpu/interrupts.ts';
import { AT, gate, limitIdt, longMachine, SEL, type SystemMachine, setGate16 } from './system-machine.ts';

const HANDLER = 0x1234_5678n;
const INTERRUPT = 0x8e;
const TRAP = 0x8f;

/** The last fault delivered: all gates lead to their own handler, HANDLER + vector. */
function machineWithGates(cpl: 0 | 3 = 0): SystemMachine {
  const machine = longMachine(cpl);
  for (let vector = 0; vector < 32; vector++) {
    setGate16(machine, vector, gate(SEL.code64, HANDLER + BigInt(vector), INTERRUPT));
  }
  return machine;
}

const vectorEntered = (machine: SystemMachine): number => Number(machine.cpu.state.rip - HANDLER);

describe('event delivery in long mode (SDM 3A 6.14)', () => {
  it('pushes SS:RSP, RFLAGS, CS:RIP and the error code onto a stack aligned to 16 bytes', () => {
    const machine = machineWithGates();
    const { state } = machine.cpu;
    state.gpr.set(4, 0x7ffbn);
    machine.cpu.rflags = RFLAGS.IF | RFLAGS.TF | RFLAGS.NT | RFLAGS.CF | 2;
    deliverException(machine.cpu, new GuestException(VECTOR.GP, 0x18));
    expect(state.gpr.get(4)).to.equal(0x7ff0n - 48n);
    const flags = BigInt(RFLAGS.IF | RFLAGS.TF | RFLAGS.NT | RFLAGS.CF | RFLAGS.RF | 2);
    expect(machine.stack(6, 64)).to.deep.equal([0x18n, 0x5555n, BigInt(SEL.code64), flags, 0x7ffbn, BigInt(SEL.data)]);
    expect(machine.cpu.rflags).to.equal(RFLAGS.CF | 2);
    expect(vectorEntered(machine)).to.equal(VECTOR.GP);
  });

  it('goes to RSP0 with a null SS from CPL 3', () => {
    const machine = machineWithGates(3);
    const { cpu } = machine;
    deliverException(cpu, new GuestException(VECTOR.UD));
    expect(cpu.state.cpl).to.equal(0);
    expect(cpu.segments.ss.selector).to.equal(0);
    expect(cpu.segments.cs.selector).to.equal(SEL.code64);
    expect(cpu.state.gpr.get(4)).to.equal(BigInt(AT.innerStack - 40));
    expect(machine.peek(AT.innerStack - 8, 64)).to.equal(BigInt(SEL.userData));
    expect(machine.peek(AT.innerStack - 16, 64)).to.equal(BigInt(AT.userStack));
  });

  it('uses the interrupt stack table where the gate names an entry, whatever the privilege', () => {
    const machine = machineWithGates();
    setGate16(machine, 40, gate(SEL.code64, HANDLER, INTERRUPT, 1));
    deliverInterrupt(machine.cpu, 40);
    expect(machine.cpu.state.gpr.get(4)).to.equal(BigInt((AT.istStack & ~15) - 40));
    expect(machine.cpu.segments.ss.selector).to.equal(SEL.data);
  });

  it('leaves IF alone for a trap gate', () => {
    const machine = machineWithGates();
    setGate16(machine, 40, gate(SEL.code64, HANDLER, TRAP));
    machine.cpu.rflags = RFLAGS.IF | 2;
    deliverInterrupt(machine.cpu, 40);
    expect(machine.cpu.rflags & RFLAGS.IF).to.equal(RFLAGS.IF);
  });

  it('takes the whole 64-bit offset of the gate', () => {
    const machine = machineWithGates();
    setGate16(machine, 40, gate(SEL.code64, 0x8000_0000n, INTERRUPT), 0xffff_ffffn);
    deliverInterrupt(machine.cpu, 40);
    expect(machine.cpu.state.rip).to.equal(0xffff_ffff_8000_0000n);
  });

  it('sets CR2 for #PF', () => {
    const machine = machineWithGates();
    deliverException(machine.cpu, new GuestException(VECTOR.PF, 2, 0xdead_0000n));
    expect(machine.cpu.state.cr2).to.equal(0xdead_0000n);
    expect(machine.stack(1, 64)).to.deep.equal([2n]);
  });

  it("injects an event as it is: CR2 and RF are the injector's (SDM 3C 26.6.1.1)", () => {
    const machine = machineWithGates();
    const { state } = machine.cpu;
    state.cr2 = 0x77n;
    state.injectedEvent = 0x8000_0b0e;
    state.injectedError = 6;
    deliverInjectedEvent(machine.cpu);
    expect([vectorEntered(machine), state.cr2, state.injectedEvent]).to.deep.equal([VECTOR.PF, 0x77n, 0]);
    expect(machine.stack(4, 64)).to.deep.equal([6n, 0x5555n, BigInt(SEL.code64), 2n]);
    state.rip = 0x5555n;
    state.injectedEvent = 0x8000_0403;
    state.injectedLength = 2;
    deliverInjectedEvent(machine.cpu);
    expect(machine.stack(1, 64)).to.deep.equal([0x5557n]);
  });

  it('blocks NMIs by NMI, and wakes a halted vCPU', () => {
    const machine = machineWithGates();
    const { state } = machine.cpu;
    state.activity = ACTIVITY.hlt;
    state.interruptibility = BLOCKING.sti;
    deliverNmi(machine.cpu);
    expect(state.interruptibility).to.equal(BLOCKING.nmi);
    expect(state.activity).to.equal(ACTIVITY.active);
    expect(vectorEntered(machine)).to.equal(VECTOR.NMI);
  });

  it('sets RF in the image of faults, and leaves it for traps and interrupts (SDM 3B 17.3.1.1)', () => {
    const cases: [string, (machine: SystemMachine) => void, boolean][] = [
      ['#UD', ({ cpu }) => deliverException(cpu, new GuestException(VECTOR.UD)), true],
      ['#PF', ({ cpu }) => deliverException(cpu, new GuestException(VECTOR.PF, 0)), true],
      [
        'instruction breakpoint',
        ({ cpu }) => deliverException(cpu, new GuestException(VECTOR.DB, undefined, 1n)),
        false,
      ],
      ['single step', ({ cpu }) => deliverException(cpu, new GuestException(VECTOR.DB, undefined, 1n << 14n)), false],
      ['general detect', ({ cpu }) => deliverException(cpu, new GuestException(VECTOR.DB, undefined, 1n << 13n)), true],
      ['NMI', ({ cpu }) => deliverNmi(cpu), false],
    ];
    const halfway = (deliver: (machine: SystemMachine) => void) => (machine: SystemMachine) => {
      machine.cpu.state.repeating = 1;
      deliver(machine);
      expect(machine.cpu.state.repeating).to.equal(0);
    };
    cases.push(
      ['an interrupt between iterations', halfway(({ cpu }) => deliverInterrupt(cpu, 20)), true],
      ['a trap between iterations', halfway(({ cpu }) => deliverException(cpu, new GuestException(VECTOR.DB))), true],
    );
    for (const [name, deliver, expected] of cases) {
      const machine = machineWithGates();
      deliver(machine);
      const withError = name === '#PF' ? 1 : 0;
      const image = machine.stack(4, 64)[2 + withError]!;
      expect((image & BigInt(RFLAGS.RF)) !== 0n, name).to.equal(expected);
    }
  });

  describe('faults on the way', () => {
    const EXTERNAL = 1;
    const V = 40;
    const IDT_ERROR = V * 8 + 2;
    const cases: [string, (machine: SystemMachine) => void, number, number][] = [
      ['a vector beyond the IDT', (m) => limitIdt(m, V * 16 + 14), VECTOR.GP, IDT_ERROR],
      ['a gate of the wrong type', (m) => setGate16(m, V, gate(SEL.code64, 0n, 0x85)), VECTOR.GP, IDT_ERROR],
      ['a gate that is not present', (m) => setGate16(m, V, gate(SEL.code64, 0n, 0x0e)), VECTOR.NP, IDT_ERROR],
      ['a null code selector', (m) => setGate16(m, V, gate(0, 0n, INTERRUPT)), VECTOR.GP, 0],
      [
        'a code selector outside the GDT',
        (m) => setGate16(m, V, gate(SEL.outside, 0n, INTERRUPT)),
        VECTOR.GP,
        SEL.outside,
      ],
      ['a data segment', (m) => setGate16(m, V, gate(SEL.data, 0n, INTERRUPT)), VECTOR.GP, SEL.data],
      ['32-bit code', (m) => setGate16(m, V, gate(SEL.code, 0n, INTERRUPT)), VECTOR.GP, SEL.code],
      ['code of an outer level', (m) => setGate16(m, V, gate(SEL.userCode64, 0n, INTERRUPT)), VECTOR.GP, 0x40],
      ['absent code', (m) => setGate16(m, V, gate(SEL.absentCode, 0n, INTERRUPT)), VECTOR.NP, SEL.absentCode],
      [
        'an entry point that is not canonical',
        (m) => setGate16(m, V, gate(SEL.code64, 0n, INTERRUPT), 0x8000n),
        VECTOR.GP,
        0,
      ],
      ['a stack that is not canonical', ({ cpu }) => cpu.state.gpr.set(4, 1n << 60n), VECTOR.SS, 0],
    ];
    for (const [name, prepare, vector, errorCode] of cases) {
      it(`${name}: exception ${vector} with EXT`, () => {
        const machine = machineWithGates();
        setGate16(machine, V, gate(SEL.code64, 0n, INTERRUPT));
        setGate16(machine, vector, gate(SEL.code64, HANDLER + BigInt(vector), INTERRUPT, 1));
        prepare(machine);
        deliverInterrupt(machine.cpu, V);
        expect(vectorEntered(machine)).to.equal(vector);
        expect(machine.stack(2, 64)).to.deep.equal([BigInt(errorCode | EXTERNAL), 0x5555n]);
        expect(machine.cpu.state.idtVectoring).to.equal(0);
      });
    }

    it('INT n reports them without EXT, at itself', () => {
      const machine = machineWithGates();
      const { cpu } = machine;
      setGate16(machine, V, gate(SEL.absentCode, 0n, INTERRUPT));
      cpu.state.rip = 0x5557n;
      softwareInterrupt(cpu, V, 'softwareInterrupt', 2);
      expect(vectorEntered(machine)).to.equal(VECTOR.NP);
      expect(machine.stack(2, 64)).to.deep.equal([BigInt(SEL.absentCode), 0x5555n]);
    });

    it('INT n and INT3 need a gate of their privilege, INT1 does not', () => {
      for (const [type, vector] of [
        ['softwareInterrupt', VECTOR.GP],
        ['softwareException', VECTOR.GP],
        ['privilegedSoftwareException', V],
      ] as const) {
        const machine = machineWithGates(3);
        setGate16(machine, V, gate(SEL.code64, HANDLER + BigInt(V), INTERRUPT));
        softwareInterrupt(machine.cpu, V, type, 1);
        expect(vectorEntered(machine), type).to.equal(vector);
      }
    });

    it('returns behind a software interrupt', () => {
      const machine = machineWithGates();
      softwareInterrupt(machine.cpu, VECTOR.BP, 'softwareException', 3);
      expect(machine.stack(1, 64)).to.deep.equal([0x5558n]);
    });

    it('a TSS too short for RSP0 is #TS with its selector', () => {
      const machine = machineWithGates(3);
      // The #TS handler itself has a stack of its own, which must still be in the TSS: so only IST 7 is beyond.
      setGate16(machine, V, gate(SEL.code64, 0n, INTERRUPT, 7));
      machine.cpu.segments.tr.limit = 36 + 6 * 8 + 6;
      deliverInterrupt(machine.cpu, V);
      expect(vectorEntered(machine)).to.equal(VECTOR.TS);
      expect(machine.stack(1, 64)).to.deep.equal([BigInt(SEL.tss | EXTERNAL)]);
    });

    it('a fault leaves CPL, stack and flags for its own handler as they were', () => {
      const machine = machineWithGates(3);
      const { state } = machine.cpu;
      machine.poke(AT.tss + 4, 64, AT.unmapped);
      machine.poke(AT.tss + 36, 64, AT.istStack);
      setGate16(machine, VECTOR.PF, gate(SEL.code64, HANDLER + 14n, INTERRUPT, 1));
      deliverInterrupt(machine.cpu, V - 20);
      expect(vectorEntered(machine)).to.equal(VECTOR.PF);
      expect(state.cr2).to.equal(BigInt(AT.unmapped - 8));
      const top = AT.istStack & ~15;
      expect(machine.peek(top - 8, 64)).to.equal(BigInt(SEL.userData));
      expect(machine.peek(top - 16, 64)).to.equal(BigInt(AT.userStack));
      expect(machine.peek(top - 48, 64), 'a supervisor write').to.equal(2n);
    });
  });
});

describe('exceptions during exceptions (SDM 3A 6.15, tables 6-4 and 6-5)', () => {
  const CONTRIBUTORY = [VECTOR.DE, VECTOR.TS, VECTOR.NP, VECTOR.SS, VECTOR.GP];

  /** Delivers `first`, whose gate faults with `second`. */
  function collide(first: number, second: 'np' | 'pf'): SystemMachine {
    const machine = machineWithGates();
    if (second === 'np') setGate16(machine, first, gate(SEL.absentCode, 0n, INTERRUPT));
    else {
      machine.poke(AT.tss + 36, 64, AT.unmapped);
      setGate16(machine, first, gate(SEL.code64, 0n, INTERRUPT, 1));
    }
    deliverException(machine.cpu, new GuestException(first, 0, 0n));
    return machine;
  }

  for (const first of CONTRIBUTORY) {
    if (first === VECTOR.NP) continue;
    it(`${first}, contributory, then #NP is a double fault; then #PF is delivered alone`, () => {
      expect(vectorEntered(collide(first, 'np'))).to.equal(VECTOR.DF);
      expect(vectorEntered(collide(first, 'pf'))).to.equal(VECTOR.PF);
    });
  }

  it('#PF then #NP is a double fault with error code 0', () => {
    const machine = collide(VECTOR.PF, 'np');
    expect(vectorEntered(machine)).to.equal(VECTOR.DF);
    expect(machine.stack(1, 64)).to.deep.equal([0n]);
  });

  it('a benign exception gives way', () => {
    expect(vectorEntered(collide(VECTOR.UD, 'np'))).to.equal(VECTOR.NP);
    expect(vectorEntered(collide(VECTOR.UD, 'pf'))).to.equal(VECTOR.PF);
  });

  it("a fault in the double-fault handler's delivery shuts the vCPU down", () => {
    const machine = machineWithGates();
    setGate16(machine, VECTOR.GP, gate(SEL.absentCode, 0n, INTERRUPT));
    setGate16(machine, VECTOR.DF, gate(SEL.absentCode, 0n, INTERRUPT));
    deliverException(machine.cpu, new GuestException(VECTOR.GP, 0));
    expect(machine.cpu.state.activity).to.equal(ACTIVITY.shutdown);
  });

  it('an empty IDT shuts the vCPU down', () => {
    const machine = longMachine();
    machine.cpu.state.idtrLimit = 0;
    deliverException(machine.cpu, new GuestException(VECTOR.UD));
    expect(machine.cpu.state.activity).to.equal(ACTIVITY.shutdown);
  });
});
