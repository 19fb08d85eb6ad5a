import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));

/** Runs a launcher under this Node, as a user's shell would under theirs. */
function launch(path: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('bin/rookery.js and bin/rookery-qemu.js', () => {
  const packageText = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(packageText) as { version: string };

  it('are programs', () => {
    for (const name of ['rookery.js', 'rookery-qemu.js']) accessSync(join(bin, name), constants.X_OK);
  });

  it('print their version', () => {
    expect(launch(`${bin}rookery.js`, '--version')).to.deep.equal({
      status: 0,
      stdout: `rookery ${version}\n`,
      stderr: '',
    });
    const stdout = `QEMU emulator version 7.2.0 (rookery ${version})\n`;
    expect(launch(`${bin}rookery-qemu.js`, '--version')).to.deep.equal({ status: 0, stdout, stderr: '' });
  });

  it('print their help', () => {
    expect(launch(`${bin}rookery.js`, '--help').stdout).to.match(/^Usage: rookery COMMAND/);
    expect(launch(`${bin}rookery-qemu.js`, '-help').stdout).to.match(/^QEMU emulator version 7\.2\.0 .*\nusage: /);
  });

  it('answer a usage error in one line, with status 2 and 1', () => {
    const stderr = 'rookery: --smp 0: a machine has 1 to 64 vCPUs\n';
    expect(launch(`${bin}rookery.js`, 'run', 'x', '--smp', '0')).to.deep.equal({ status: 2, stdout: '', stderr });
    const refusal = 'rookery-qemu: -nonsense: invalid option\n';
    expect(launch(`${bin}rookery-qemu.js`, '-nonsense')).to.deep.equal({ status: 1, stdout: '', stderr: refusal });
  });

  it('run through a symbolic link', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rookery-'));
    try {
      symlinkSync(`${bin}rookery-qemu.js`, join(directory, 'qemu-system-x86_64'));
      expect(launch(join(directory, 'qemu-system-x86_64'), '-device', '?').stdout).to.include('name "pc-testdev"');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('say nothing when their reader goes away', () => {
    const script = 'set -o pipefail; "$0" "$1" -help | true; echo "$?"';
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, `${bin}rookery-qemu.js`], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).to.deep.equal({ stdout: '0\n', stderr: '' });
  });
});

describe('a launcher elsewhere', () => {
  let root = '';

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-'));
    cpSync(bin, join(root, 'bin'), { recursive: true });
    put('package.json', '{"type": "module"}');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  function put(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  }

  /** Runs the launcher in a Node that says it is 22. */
  function launchOld(...args: string[]) {
    const pretend = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.1.0' } })";
    const options = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [...options, join(root, 'bin/rookery.js'), ...args],
      {
        encoding: 'utf8',
      },
    );
    return { status, stdout, stderr };
  }

  it('runs what is built where there are no sources', () => {
    put(
      'dist/src/cli/main.js',
      'export async function runCommand(...args) { console.log(JSON.stringify(args)); return 5; }',
    );
    const { status, stdout } = launch(join(root, 'bin/rookery-qemu.js'), '-smp', '2');
    expect(JSON.parse(stdout)).to.deep.equal(['rookery-qemu', ['-smp', '2'], `${realpathSync(root)}/`]);
    expect(status).to.equal(5);
  });

  it('says what it needs when Node is too old', () => {
    const stderr = 'rookery: needs Node 24 or newer, and this is 22.1.0\n';
    expect(launchOld('--version')).to.deep.equal({ status: 1, stdout: '', stderr });
  });

  it('runs itself again under the Node that comes with the project, and passes its status on', () => {
    put('node_modules/node/bin/node', '#!/bin/sh\necho "$4 $5"\nexit 7\n', 0o755);
    expect(launchOld('run', 'a b')).to.deep.equal({ status: 7, stdout: 'run a b\n', stderr: '' });
  });

  it('reports a signal that ended that Node as a shell would', () => {
    put('node_modules/node/bin/node', '#!/bin/sh\nkill -TERM $$\n', 0o755);
    expect(launchOld('run').status).to.equal(143);
  });

  it('passes a signal on to that Node', () => {
    put(
      'node_modules/node/bin/node',
      '#!/bin/sh\ntrap "exit 9" TERM\nkill -TERM $PPID\nwhile kill -0 $PPID; do :; done\n',
      0o755,
    );
    expect(launchOld('run').status).to.equal(9);
  });
});
