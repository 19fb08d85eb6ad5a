import { type Code, pushUnsigned, VALUE_TYPES, type ValueType } from './code.ts';

/** Section ids: core specification 5.5.2. */
const SECTION = { type: 1, import: 2, function: 3, table: 4, export: 7, element: 9, code: 10 } as const;
const EXTERNAL = { function: 0, table: 1, memory: 2 } as const;
const FUNCREF = 0x70;
const SHARED_WITH_MAXIMUM = 0x03;

interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Writes a WebAssembly module: imports first, then functions, one table that may list any of them, exports. */
export class ModuleWriter {
  readonly #types: Signature[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #imports: number[][] = [];
  #importedFunctions = 0;
  readonly #functions: { type: number; code: Uint8Array }[] = [];
  readonly #exports: number[][] = [];
  #tableSize = 0;
  readonly #elements: number[] = [];

  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters.join()}:${results.join()}`;
    let index = this.#typeIndex.get(key);
    if (index === undefined) {
      index = this.#types.push({ parameters, results }) - 1;
      this.#typeIndex.set(key, index);
    }
    return index;
  }

  /** @param pages minimum and maximum of the memory in pages of 64 KiB, as its creator declares them */
  importMemory(module: string, name: string, pages: { minimum: number; maximum: number }): void {
    const entry = [...text(module), ...text(name), EXTERNAL.memory, SHARED_WITH_MAXIMUM];
    pushUnsigned(entry, pages.minimum);
    pushUnsigned(entry, pages.maximum);
    this.#imports.push(entry);
  }

  /** Imports a funcref table of at least `minimum` entries as table 0. */
  importTable(module: string, name: string, minimum: number): void {
    const entry = [...text(module), ...text(name), EXTERNAL.table, FUNCREF, 0x00];
    pushUnsigned(entry, minimum);
    this.#imports.push(entry);
  }

  /** @returns the function's index. All imports must come before the first function. */
  importFunction(module: string, name: string, type: number): number {
    const entry = [...text(module), ...text(name), EXTERNAL.function];
    pushUnsigned(entry, type);
    this.#imports.push(entry);
    return this.#importedFunctions++;
  }

  addFunction(type: number, code: Code): number {
    this.#functions.push({ type, code: Uint8Array.from(sized(code.finish())) });
    return this.#importedFunctions + this.#functions.length - 1;
  }

  /** Defines table 0, filled with these functions from entry 0. */
  defineTable(functions: readonly number[]): void {
    this.#tableSize = functions.length;
    this.#elements.push(...functions);
  }

  exportFunction(name: string, index: number): void {
    const entry = [...text(name), EXTERNAL.function];
    pushUnsigned(entry, index);
    this.#exports.push(entry);
  }

  exportTable(name: string): void {
    this.#exports.push([...text(name), EXTERNAL.table, 0]);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out: number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    const parts: Uint8Array[] = [];
    section(out, SECTION.type, this.#types.map(signatureBytes));
    section(out, SECTION.import, this.#imports);
    section(
      out,
      SECTION.function,
      this.#functions.map(({ type }) => unsigned(type)),
    );
    if (this.#tableSize > 0) section(out, SECTION.table, [[FUNCREF, 0x00, ...unsigned(this.#tableSize)]]);
    section(out, SECTION.export, this.#exports);
    if (this.#elements.length > 0) section(out, SECTION.element, [elementBytes(this.#elements)]);
    parts.push(Uint8Array.from(out));
    parts.push(...codeSection(this.#functions.map(({ code }) => code)));
    return concatenate(parts);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function unsigned(value: number): number[] {
  const out: number[] = [];
  pushUnsigned(out, value);
  return out;
}

function text(name: string): number[] {
  const bytes = new TextEncoder().encode(name);
  return [...unsigned(bytes.length), ...bytes];
}

function sized(bytes: readonly number[]): number[] {
  const out = unsigned(bytes.length);
  for (const byte of bytes) out.push(byte);
  return out;
}

function signatureBytes({ parameters, results }: Signature): number[] {
  const types = (list: readonly ValueType[]) => [...unsigned(list.length), ...list.map((type) => VALUE_TYPES[type])];
  return [0x60, ...types(parameters), ...types(results)];
}

function elementBytes(functions: readonly number[]): number[] {
  const out = [0x00, 0x41, 0x00, 0x0b, ...unsigned(functions.length)];
  for (const index of functions) pushUnsigned(out, index);
  return out;
}

/** By far the largest section, so its bytes are copied once. */
function codeSection(bodies: readonly Uint8Array[]): Uint8Array[] {
  const count = unsigned(bodies.length);
  const size = bodies.reduce((sum, { length }) => sum + length, count.length);
  return [Uint8Array.of(SECTION.code, ...unsigned(size), ...count), ...bodies];
}

function section(out: number[], id: number, entries: readonly (readonly number[])[]): void {
  if (entries.length === 0) return;
  const body = unsigned(entries.length);
  for (const entry of entries) for (const byte of entry) body.push(byte);
  out.push(id);
  pushUnsigned(out, body.length);
  for (const byte of body) out.push(byte);
}
