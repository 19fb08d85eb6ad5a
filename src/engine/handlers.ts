// Which handlers tier 0 has: every definition over every operand form once, equal ones shared.
import type { Instruction, MemoryOperand } from '../decode/instruction.ts';
import type { Definition } from '../isa/definition.ts';
import { dependsOnSize, type Form, type OperandSpec, parseEncoding, widthOf } from '../isa/encoding.ts';
import { type FlagEffects, flagEffects, packEffects } from './flag-effects.ts';
import { choiceKey, formIdentity, type HandlerTableData, type MemoryChoice, NO_MEMORY } from './handler-table.ts';
import type { AddressForm, HandlerOperand } from './tier0-memory.ts';

/** What one handler is generated from. */
export interface HandlerSpec {
  readonly key: string;
  readonly definition: Definition;
  readonly operandSize: number;
  readonly locked: boolean;
  readonly operands: readonly HandlerOperand[];
}

/** A handler for two micro-ops at once: an instruction that sets flags, and the conditional jump after it. */
export interface FusedSpec {
  readonly first: number;
  readonly second: number;
}

/** What compilers put before a conditional jump. */
const FUSIBLE: ReadonlySet<string> = new Set(['cmp', 'test', 'add', 'sub', 'and', 'dec', 'inc']);
const CONDITIONAL_JUMP = /^j(n?[obespl]|ae|be|a|ge|le|g|nb|nbe|nl|nle|nz|z|c|nc)$/;

const SIZES = [16, 32, 64] as const;

/** The operand size that a handler is specialised for; forms that ignore it share one. */
function effectiveSize(form: Form, operandSize: number): number {
  const matters =
    dependsOnSize(form) || form.operands.length === 0 || form.operands.some(({ kind }) => kind === 'relative');
  return matters ? operandSize : 32;
}

function handlerOperand(
  spec: OperandSpec,
  position: number,
  operandSize: number,
  memory: MemoryChoice,
): HandlerOperand {
  const isMemory = spec.kind === 'memory' || (spec.kind === 'either' && memory !== NO_MEMORY);
  const kind = isMemory ? 'memory' : spec.kind === 'either' ? 'register' : (spec.kind as HandlerOperand['kind']);
  const immediateWidth = spec.signExtended ? operandSize : widthOf(spec.size, operandSize);
  if (spec.kind === 'relative') return { kind, class: spec.class, width: operandSize, position, form: 'general' };
  const width = spec.kind === 'immediate' && spec.size === 'z' ? operandSize : immediateWidth;
  return { kind, class: spec.class, width, position, form: memory === NO_MEMORY ? 'general' : memory };
}

const hasMemory = (form: Form): boolean => form.operands.some(({ kind }) => kind === 'either' || kind === 'memory');
const mayBeRegister = (form: Form): boolean => !form.operands.some(({ kind }) => kind === 'memory');

function memoryChoices(form: Form): MemoryChoice[] {
  const choices: MemoryChoice[] = mayBeRegister(form) ? [NO_MEMORY] : [];
  if (hasMemory(form)) choices.push(...(form.definition.hot ? (['base', 'full'] as const) : []), 'general');
  return choices;
}

/** LOCK goes with a memory destination only. */
function lockChoices({ definition, operands }: Form, memory: MemoryChoice): boolean[] {
  if (memory === NO_MEMORY || operands[0]!.kind === 'register') return [false];
  return definition.lockable || definition.alwaysLocked ? [false, true] : [false];
}

/** All handlers of a set of definitions. */
export class HandlerSet {
  readonly specs: HandlerSpec[] = [];
  /** Their handlers follow those of `specs`. */
  readonly fused: FusedSpec[] = [];
  /** Handlers that have a twin which sets no flags; the twins follow the fused ones. */
  readonly quiet: number[] = [];
  readonly #effects: FlagEffects[] = [];
  readonly #indexByKey = new Map<string, number>();
  readonly #byForm = new Map<string, number>();

  constructor(definitions: readonly Definition[]) {
    definitions.forEach((definition, number) => {
      if (!definition.execute) return;
      for (const text of definition.encodings) this.#addForm(parseEncoding(definition, text), number);
    });
    this.#fuse();
    this.#quieten();
  }

  #quieten(): void {
    this.specs.forEach((spec, index) => {
      const effects = flagEffects(spec);
      this.#effects.push(effects);
      if (spec.definition.hot && !spec.locked && effects.mayWrite !== 0) this.quiet.push(index);
    });
  }

  /** Fuses what 64-bit code has most: without memory or with a simple address, of 8, 32 and 64 bits. */
  #fuse(): void {
    const simple = ({ definition, operands, locked }: HandlerSpec) =>
      FUSIBLE.has(definition.mnemonic) &&
      !locked &&
      operands.every(({ kind, width, form }) => width !== 16 && (kind !== 'memory' || form === 'base'));
    const jumps = this.specs.flatMap((spec, index) =>
      CONDITIONAL_JUMP.test(spec.definition.mnemonic) && spec.operandSize === 64 ? [index] : [],
    );
    this.specs.forEach((spec, first) => {
      if (!simple(spec)) return;
      for (const second of jumps) {
        this.fused.push({ first, second });
      }
    });
  }

  #addForm(form: Form, definitionNumber: number): void {
    const formKey = formIdentity(form);
    for (const operandSize of SIZES) {
      for (const memory of memoryChoices(form)) {
        for (const locked of lockChoices(form, memory)) {
          const index = this.#add(form, definitionNumber, effectiveSize(form, operandSize), memory, locked);
          this.#byForm.set(choiceKey(formKey, operandSize, memory, locked), index);
        }
      }
    }
  }

  #add(form: Form, definitionNumber: number, operandSize: number, memory: MemoryChoice, locked: boolean): number {
    const operands = form.operands.map((spec, position) => handlerOperand(spec, position, operandSize, memory));
    const parts = operands.map(
      ({ kind, class: registerClass, width, form }) =>
        `${kind}.${registerClass}.${width}${kind === 'memory' ? form : ''}`,
    );
    const key = [definitionNumber, form.definition.mnemonic, operandSize, locked, ...parts].join('/');
    let index = this.#indexByKey.get(key);
    if (index === undefined) {
      index = this.specs.push({ key, definition: form.definition, operandSize, locked, operands }) - 1;
      this.#indexByKey.set(key, index);
    }
    return index;
  }

  /** The way from a decoded instruction to its handler, as plain data. */
  get table(): HandlerTableData {
    return {
      byForm: this.#byForm,
      fused: this.fused.map(({ first, second }) => [first, second]),
      effects: this.#effects.map(packEffects),
      quiet: this.quiet,
    };
  }
}

/** Which address form an operand may use: the simple ones are for 64-bit addresses without limit checks. */
export function addressFormOf(instruction: Instruction): AddressForm {
  const operand = instruction.operands.find((candidate): candidate is MemoryOperand => candidate.kind === 'memory');
  if (!operand || !instruction.form.definition.hot || instruction.addressSize !== 64) return 'general';
  const flat = operand.segment === 'flat' || operand.segment === 'flatStack';
  return flat && operand.index < 0 ? 'base' : 'full';
}
