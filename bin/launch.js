// Plain JavaScript, because it must also run in a Node that is too old for the rest.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The oldest Node that runs the engine: older ones copy a table for every wasm instance. */
const oldestNode = 24;

// Relative to this file, not to the name it was called by, which may be a symbolic link.
const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs the command, in this process where this Node can, and ends the process with its status. */
export async function launch(command) {
  if (Number.parseInt(process.versions.node, 10) < oldestNode) return relaunch(command);
  // Stripping the sources' types anew would take most of the time of a short run (measured: 0.15 s of CPU time against 0.05 s).
  module.enableCompileCache(`${root}.cache/compile`);
  const { runCommand } = await import(entry());
  process.exit(await runCommand(command, process.argv.slice(2), root));
}

/** The sources where they are (Node strips their types), or what the published package has in their place. */
function entry() {
  const source = new URL('../src/cli/main.ts', import.meta.url);
  return existsSync(source) ? source.href : new URL('../dist/src/cli/main.js', import.meta.url).href;
}

/** Starts the command again under the Node that is a development dependency. */
async function relaunch(command) {
  const node = `${root}node_modules/node/bin/node`;
  if (!existsSync(node) || process.execPath === node) {
    process.stderr.write(`${command}: needs Node ${oldestNode} or newer, and this is ${process.versions.node}\n`);
    process.exit(1);
  }
  const { spawn } = await import('node:child_process');
  const args = [...process.execArgv, process.argv[1], ...process.argv.slice(2)];
  let child;
  // Before the child is there, because a signal that came between would end this process and leave the child behind.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child = spawn(node, args, { stdio: 'inherit' });
  child.on('error', (error) => {
    process.stderr.write(`${command}: ${node} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}
