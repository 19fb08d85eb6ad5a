// What the linter does not know: which folder may import which (the floors), how long files may be, and words that a
// finished tree does not contain.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

const root = join(import.meta.dirname, '..');
const MAX_FILE_LINES = 500;

/** Folders by floor: a folder imports only from floors below its own, or from itself. */
const FLOORS: readonly (readonly string[])[] = [
  ['src/wasm', 'src/state', 'src/host'],
  ['src/isa', 'src/decode'],
  ['src/mmu', 'src/engine'],
  ['src/vcpu'],
  ['src/vmx', 'src/svm', 'src/irqchip'],
  ['src/boot', 'src/devices'],
  ['src/machine'],
  ['src/hunt', 'src/debug', 'src/kvm'],
  ['src/cli', 'src/index.ts'],
];
/** Neighbours on one floor that one may import from the other: tables before their readers. */
const NEIGHBOURS: ReadonlySet<string> = new Set(['src/decode>src/isa', 'src/engine>src/mmu']);

const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b|@ts-ignore|@ts-expect-error|@ts-nocheck|biome-ignore/;
/** Looked for outside comments. */
const LOOSENED = /\bas any\b|: any\b|\b(it|describe)\.(only|skip)\b/;
const COMMENT = /^\s*(\*|\/\*).*|\/\/.*/;

const files = ['src', 'workers', 'test', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);

const unixPath = (path: string): string => path.split(sep).join('/');
const folderOf = (path: string): string => unixPath(path).split('/').slice(0, 2).join('/');
const floorOf = (folder: string): number => FLOORS.findIndex((floor) => floor.includes(folder));

/** The folders that a source file imports from. */
function importedFolders(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => folderOf(relative(root, resolve(dirname(join(root, file)), specifier))));
}

function floorProblems(file: string, text: string): string[] {
  const folder = folderOf(file);
  const floor = floorOf(folder);
  if (!folder.startsWith('src/')) return [];
  if (floor < 0) return [`${file}: ${folder} stands on no floor`];
  return importedFolders(file, text)
    .filter((target) => target !== folder && !NEIGHBOURS.has(`${folder}>${target}`))
    .filter((target) => (target.startsWith('src/') ? floorOf(target) >= floor : true))
    .map((target) => `${file}: imports ${target}, which is not below ${folder}`);
}

const isForbidden = (line: string): boolean => UNFINISHED.test(line) || LOOSENED.test(line.replace(COMMENT, ''));

function problems(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const lines = text.split('\n');
  const long = lines.length > MAX_FILE_LINES ? [`${file}: ${lines.length} lines, at most ${MAX_FILE_LINES}`] : [];
  const words =
    unixPath(file) === 'scripts/tidy.ts'
      ? []
      : lines.flatMap((line, index) => (isForbidden(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []));
  return [...long, ...words, ...floorProblems(file, text)];
}

const found = files.flatMap(problems);
for (const problem of found) console.error(problem);
console.log(`tidy: ${files.length} files, ${found.length} problems`);
process.exitCode = found.length === 0 ? 0 : 1;
