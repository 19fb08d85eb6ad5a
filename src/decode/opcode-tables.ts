// Opcode tables: from the definitions to what each opcode, prefix and ModRM byte selects.
import type { Definition } from '../isa/definition.ts';
import { EncodingError, type Form, type MandatoryPrefix, type OpcodeMap, parseEncoding } from '../isa/encoding.ts';
import { type OperandReader, operandReaders } from './operands.ts';

/** A form, made ready for the decoder. */
export interface Plan {
  readonly form: Form;
  readonly hasModrm: boolean;
  /** ModRM.mod is ignored: MOV to and from control and debug registers, SDM 2. */
  readonly ignoresMod: boolean;
  /** 66 selects the form, so it is not the operand size. */
  readonly takesOperandPrefix: boolean;
  readonly defaults64: boolean;
  readonly always64: boolean;
  readonly lockable: boolean;
  readonly usesVvvv: boolean;
  readonly readers: readonly OperandReader[];
}

/** What an opcode means behind given prefixes: one form, or one for each selector of modrmSlot(). */
export interface Entry {
  readonly only: Plan | null;
  readonly byModrm: readonly (Plan | null)[] | null;
}

/** ModRM bytes fall into 8 memory forms by ModRM.reg, and 64 register forms. */
const SLOTS = 8 + 64;
export const modrmSlot = (modrm: number): number => (modrm >= 0xc0 ? 8 + (modrm & 63) : (modrm >> 3) & 7);

/** Mandatory prefixes as VEX.pp numbers them: SDM 2A 2.3.5.2. */
const PP: Readonly<Record<MandatoryPrefix, number>> = { none: 0, NP: 0, '66': 1, F3: 2, F2: 3 };

/** The prefixes that tell forms of one opcode apart. */
interface Circumstances {
  readonly pp: number;
  readonly code64: boolean;
  /** REX.B, of legacy encodings. */
  readonly b: boolean;
  /** VEX.L. */
  readonly l: number;
  /** REX.W or VEX.W. */
  readonly w: number;
}

const VARIANTS = 32;

/** The number of a legacy variant: mandatory prefix, 64-bit code, REX.B, REX.W. */
export const legacyVariant = (pp: number, code64: boolean, rex: number): number =>
  pp | (code64 ? 4 : 0) | ((rex & 1) << 3) | ((rex & 8) << 1);
/** The number of a VEX variant. */
export const vexVariant = (pp: number, code64: boolean, l: number, w: number): number =>
  pp | (code64 ? 4 : 0) | (l << 3) | (w << 4);

const circumstancesOf = (variant: number): Circumstances => ({
  pp: variant & 3,
  code64: (variant & 4) !== 0,
  b: (variant & 8) !== 0,
  l: (variant >> 3) & 1,
  w: (variant >> 4) & 1,
});

function planOf(form: Form): Plan {
  if (form.modrm !== null && form.modrm < 0xc0) throw new EncodingError(form.text, 'a fixed ModRM byte is an address');
  return {
    form,
    hasModrm: form.hasModrm,
    ignoresMod: form.operands.some((operand) => operand.class === 'control' || operand.class === 'debug'),
    takesOperandPrefix: form.prefix === '66',
    defaults64: form.attributes.has('d64'),
    always64: form.attributes.has('f64'),
    lockable: form.definition.lockable === true,
    usesVvvv: form.operands.some(({ source }) => source === 'vvvv'),
    readers: operandReaders(form),
  };
}

/**
 * F2 and F3 are without effect on forms that name no prefix, but only of one- and two-byte opcodes: behind 0F38 and
 * 0F3A they always select, SDM 2D tables.
 */
function allowsPrefix({ prefix, map, vex }: Form, pp: number): boolean {
  if (prefix === 'none' && vex === null) return map < 2 || pp < 2;
  return PP[prefix] === pp;
}

/**
 * BMI1 and BMI2 ignore VEX.W outside 64-bit mode: SDM 2 "ANDN" and others, "VEX.W1 is ignored in non-64-bit modes".
 */
function allowsVex({ vex, operands }: Form, { l, w, code64 }: Circumstances): boolean {
  if (vex === null) return true;
  const general = operands.every((operand) => operand.class === 'gpr');
  const effectiveW = general && !code64 ? 0 : w;
  return (vex.l === null || vex.l === l) && (vex.w === null || vex.w === effectiveW);
}

function allowed({ form }: Plan, circumstances: Circumstances): boolean {
  const { code64, pp, w } = circumstances;
  if (form.attributes.has(code64 ? 'i64' : 'o64') || form.attributes.has(w ? 'w0' : 'w1')) return false;
  if (form.attributes.has('nf') && pp > 1) return false;
  return allowsPrefix(form, pp) && allowsVex(form, circumstances);
}

/** The forms of an opcode that given prefixes leave. */
function select(plans: readonly Plan[], circumstances: Circumstances): readonly Plan[] {
  const left = plans.filter((plan) => allowed(plan, circumstances));
  // 90 is NOP and F3 90 PAUSE, but with REX.B both are XCHG R8,rAX: SDM 2 "NOP".
  const extended = circumstances.b ? left.filter(({ form }) => form.opcodeHasRegister) : [];
  return extended.length > 0 ? extended : left;
}

/** Does the form take only memory or only registers by ModRM.rm? */
function kindByRm({ form, ignoresMod }: Plan): 'register' | 'memory' | 'either' {
  const operand = ignoresMod ? undefined : form.operands.find(({ source }) => source === 'rm');
  return operand?.kind === 'register' || operand?.kind === 'memory' ? operand.kind : 'either';
}

function specificity(plan: Plan): number {
  const { form } = plan;
  const criteria = [
    form.modrm !== null,
    form.digit !== null,
    form.prefix !== 'none',
    kindByRm(plan) !== 'either',
    !form.opcodeHasRegister,
  ];
  return criteria.reduce((sum, met) => sum * 2 + Number(met), 0);
}

function fits(plan: Plan, slot: number): boolean {
  const { modrm, digit } = plan.form;
  if (modrm !== null && modrmSlot(modrm) !== slot) return false;
  const inRegister = slot >= 8;
  if (digit !== null && digit !== (inRegister ? (slot - 8) >> 3 : slot)) return false;
  const kind = kindByRm(plan);
  return kind === 'either' || (kind === 'register') === inRegister;
}

/** The most specific of forms. @throws EncodingError if two are equally so. */
function mostSpecific(plans: readonly Plan[]): Plan | null {
  const [first, second] = plans.toSorted((a, b) => specificity(b) - specificity(a));
  if (first && second && specificity(first) === specificity(second)) {
    throw new EncodingError(first.form.text, `cannot be told from "${second.form.text}"`);
  }
  return first ?? null;
}

function entryOf(plans: readonly Plan[]): Entry | null {
  if (plans.length === 0) return null;
  if (plans.every(({ hasModrm }) => !hasModrm)) return { only: mostSpecific(plans), byModrm: null };
  const bare = plans.find(({ hasModrm }) => !hasModrm);
  if (bare) throw new EncodingError(bare.form.text, 'other forms of this opcode have a ModRM byte');
  const slots = Array.from({ length: SLOTS }, (_, slot) => mostSpecific(plans.filter((plan) => fits(plan, slot))));
  return { only: null, byModrm: slots };
}

/** Builds the variants of one opcode; those that the same forms remain for share their entry. */
function variantsOf(plans: readonly Plan[]): readonly (Entry | null)[] {
  const known = new Map<string, Entry | null>();
  return Array.from({ length: VARIANTS }, (_, variant) => {
    const left = select(plans, circumstancesOf(variant));
    const key = left.map((plan) => plans.indexOf(plan)).join();
    if (!known.has(key)) known.set(key, entryOf(left));
    return known.get(key)!;
  });
}

type Variants = readonly (Entry | null)[];

/** The opcodes of one map. An opcode's variants are worked out when it is first met: most never are. */
class OpcodeTable {
  readonly #plans = new Map<number, Plan[]>();
  readonly #variants: (Variants | undefined)[] = Array.from({ length: 256 });

  constructor(plans: readonly Plan[]) {
    for (const plan of plans) {
      const { opcode, opcodeHasRegister } = plan.form;
      for (let at = opcode; at < opcode + (opcodeHasRegister ? 8 : 1); at++) {
        const known = this.#plans.get(at);
        if (known) known.push(plan);
        else this.#plans.set(at, [plan]);
      }
    }
  }

  /** @throws EncodingError if two forms of the opcode cannot be told apart */
  entry(opcode: number, variant: number): Entry | null {
    let variants = this.#variants[opcode];
    if (variants === undefined) {
      variants = variantsOf(this.#plans.get(opcode) ?? []);
      this.#variants[opcode] = variants;
    }
    return variants[variant]!;
  }
}

const MAPS: readonly OpcodeMap[] = [0, 1, 2, 3];

/** All opcodes that a vCPU with given features has. */
export class OpcodeTables {
  /** Every form in the tables; decoded instructions point to these objects. */
  readonly forms: readonly Form[];
  /** By opcode map, opcode and legacyVariant(). */
  readonly legacy: readonly OpcodeTable[];
  /** By opcode map, opcode and vexVariant(). */
  readonly vex: readonly OpcodeTable[];

  /**
   * Definitions whose feature is absent are left out, so that their encodings are #UD or an older instruction's.
   * @throws EncodingError for an encoding that is not in the notation
   */
  constructor(definitions: readonly Definition[], hasFeature: (name: string) => boolean) {
    this.forms = definitions
      .filter(({ feature }) => feature === undefined || hasFeature(feature))
      .flatMap((definition) => definition.encodings.map((text) => parseEncoding(definition, text)));
    const plans = this.forms.map(planOf);
    const tablesOf = (vex: boolean) =>
      MAPS.map((map) => new OpcodeTable(plans.filter(({ form }) => form.map === map && (form.vex !== null) === vex)));
    this.legacy = tablesOf(false);
    this.vex = tablesOf(true);
  }

  /** Works out all opcodes. @throws EncodingError if two forms cannot be told apart */
  check(): void {
    for (const table of [...this.legacy, ...this.vex]) {
      for (let opcode = 0; opcode < 256; opcode++) table.entry(opcode, 0);
    }
  }
}
