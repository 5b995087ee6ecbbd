// The `styxy` command as npm installs it: the launcher, what it makes of itself, and what passes through it.
// The layout is npm's, made by hand; the native program is a shell script that does what its first word says.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, test } from 'node:test';
import { DEADLINE, eventually, lacking, notOnWindows, root, run } from './support.mjs';

const require = createRequire(import.meta.url);
const { triple, packageName, programName } = require('../lib/platform.js');

const skip = notOnWindows('npm makes no symlinks there, and the launcher stays as it is');
const top = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-launcher-')));
// Another user runs the command too.
await fs.chmod(top, 0o755);
after(() => fs.rm(top, { recursive: true, force: true }));
let installs = 0;

/** A fresh `npm install -g --prefix`: gives the command, the launcher's own file and the program. */
async function install({ prefix = path.join(top, `prefix-${(installs += 1)}`), nodeModules = 'lib/node_modules' } = {}) {
  const folder = path.join(prefix, nodeModules, 'styxy');
  const platform = path.join(folder, 'node_modules', packageName(triple()));
  const launcher = path.join(folder, 'bin', 'styxy.js');
  const program = path.join(platform, programName(triple()));
  const command = path.join(prefix, 'bin', 'styxy');
  for (const made of [path.dirname(launcher), path.join(folder, 'lib'), platform, path.dirname(command)]) {
    await fs.mkdir(made, { recursive: true });
  }
  for (const file of ['package.json', 'bin/styxy.js', 'lib/platform.js']) {
    await fs.copyFile(path.join(root, file), path.join(folder, file));
  }
  await fs.chmod(launcher, 0o755);
  await fs.writeFile(path.join(platform, 'package.json'), '{}');
  await fs.writeFile(program, '#!/bin/sh\nprogram=$0\ncommand=$1\nshift\neval "$command"\n', { mode: 0o755 });
  await fs.symlink(path.relative(path.dirname(command), launcher), command);
  return { prefix, folder, platform, launcher, program, command };
}

function environment(more = {}) {
  const { STYXY_BINARY, NODE_OPTIONS, ...env } = process.env;
  return { ...env, PATH: `${path.dirname(process.execPath)}:${env.PATH}`, ...more };
}

/** Runs a command with one shell command for the program to do. */
async function does(command, what, { env, ...options } = {}) {
  return run(command, [what, ...(options.words ?? [])], { ...options, env: environment(env) });
}

async function prints(command, what, options) {
  const { code, signal, stdout, stderr } = await does(command, what, options);
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  return stdout;
}

// No `node` here, nor anything else: a command that works with it is the shell's.
const noNode = { PATH: path.join(top, 'empty') };

const noCall = typeof process.execve !== 'function' && `Node ${process.version} has no process.execve; npm run test:nodes has others`;

test('where Node can, the launcher becomes the program: one process, from the first run on', { skip: skip || noCall }, async () => {
  const { command, program } = await install();
  // A program of this system, which a shell script is not.
  await fs.copyFile('/bin/sh', program);
  const child = spawn(command, ['-c', 'echo $$'], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await Promise.all([once(child.stdout, 'data'), once(child, 'close')]);
  assert.equal(String(said).trim(), String(child.pid));
});

test('a program that does not start is an error without a trace of Node, in every Node', { skip }, async () => {
  const { launcher, program } = await install();
  const machine = Buffer.from(await fs.readFile('/bin/sh')).fill(0xff, 18, 20);
  for (const content of ['#!/no/such/interpreter\n', machine]) {
    await fs.writeFile(program, content, { mode: 0o755 });
    const { code, signal, stderr } = await run(process.execPath, [launcher, 'list'], { env: environment() });
    // What no system can read, a shell tries, and says so in its own words.
    const words = typeof content === 'string' ? /^styxy: cannot run \S+: .*\n$/ : /./;
    assert.ok(signal === null && code > 0 && code <= 127 && words.test(stderr) && !stderr.includes('execve'), `${code} ${signal} ${stderr}`);
  }
});

async function isReplaced(launcher) {
  return (await fs.readFile(launcher, 'utf8')).startsWith('#!/bin/sh\n');
}

test('the second run has no Node in the way', { skip }, async () => {
  const { command, launcher, program } = await install();
  assert.equal((await does(command, 'echo hello', { env: noNode })).code, 127, 'the first run needs Node');
  assert.equal(await prints(command, 'echo hello'), 'hello\n');
  assert.ok(await isReplaced(launcher));
  assert.equal(await prints(command, 'echo "$program"', { env: noNode }), `${program}\n`);
  assert.deepEqual(await fs.readdir(path.dirname(launcher)), ['styxy.js']);
});

test('what replaced the launcher is a JavaScript launcher too', { skip }, async () => {
  const { command, launcher } = await install();
  await prints(command, ':');
  const text = await fs.readFile(launcher, 'utf8');
  for (const name of [command, launcher]) {
    const { code, stdout } = await run(process.execPath, [name, 'echo hello; exit 7'], { env: environment() });
    assert.deepEqual({ code, stdout }, { code: 7, stdout: 'hello\n' });
  }
  assert.equal(await fs.readFile(launcher, 'utf8'), text);
});

test('fifty first runs at once all succeed', { skip }, async () => {
  const { command, launcher } = await install();
  const runs = Array.from({ length: 50 }, (_, n) => prints(command, `echo ${n}`));
  assert.deepEqual(await Promise.all(runs), Array.from({ length: 50 }, (_, n) => `${n}\n`));
  assert.ok(await isReplaced(launcher));
  assert.deepEqual(await fs.readdir(path.dirname(launcher)), ['styxy.js'], 'no unfinished files are left');
});

test('words, input and exit codes pass through, on the first run and later', { skip }, async () => {
  const { command } = await install();
  const words = ['', 'a b', '$HOME', '"\'', '*', '--', 'ünï'];
  for (const turn of ['first', 'second']) {
    const printed = await prints(command, 'printf "<%s>" "$@"', { words });
    assert.equal(printed, words.map((word) => `<${word}>`).join(''), turn);
    const child = spawn(command, ['cat; exit 42'], { env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
    const big = 'x'.repeat(300_000);
    child.stdin.end(big);
    const [[code], echoed] = await Promise.all([once(child, 'close'), child.stdout.toArray()]);
    assert.equal(code, 42, turn);
    assert.equal(Buffer.concat(echoed).toString(), big);
  }
});

/** Starts a command, and gives the child and what the program prints first. */
async function start(command, what) {
  const limit = { timeout: DEADLINE, killSignal: 'SIGKILL' };
  const child = spawn(command, [what], { env: environment(), stdio: ['pipe', 'pipe', 'inherit'], ...limit });
  const ended = once(child, 'exit');
  const [line] = await once(readline.createInterface({ input: child.stdout }), 'line');
  return { child, line, ended };
}

for (const turn of ['first', 'second']) {
  test(`signals pass through the ${turn} run, which dies of what the program died of`, { skip }, async () => {
    const commandOf = async () => {
      const { command } = await install();
      if (turn === 'second') await prints(command, ':');
      return command;
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
      const { child, line, ended } = await start(await commandOf(), 'ulimit -c 0; echo $$; exec sleep 60');
      child.kill(signal);
      assert.deepEqual(await ended, [null, signal]);
      await eventually('the program ends', () => hasEnded(line));
    }
    const { child, ended } = await start(await commandOf(), 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [5, null], 'a program may handle its signals');
    const { code, signal } = await does(await commandOf(), 'kill -KILL $$');
    assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' });
  });
}

// An orphan's new parent need not reap it, in a container.
async function hasEnded(pid) {
  if (process.platform === 'linux') {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(') ') + 2));
  }
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', pid]);
  return stdout.trim() === '' || stdout.startsWith('Z');
}

test('a prefix that was moved or copied works, without Node', { skip }, async () => {
  const first = await install();
  await prints(first.command, ':');
  const tools = path.join(top, 'tools');
  await fs.mkdir(tools);
  const { stdout: readlink } = await run('sh', ['-c', 'command -v readlink']);
  await fs.symlink(readlink.trim(), path.join(tools, 'readlink'));

  const copy = path.join(top, 'copy');
  await fs.cp(first.prefix, copy, { recursive: true, verbatimSymlinks: true });
  const moved = path.join(top, 'moved');
  await fs.rename(first.prefix, moved);
  for (const prefix of [copy, moved]) {
    // From elsewhere, and through a symlink of the user's own.
    const own = `${prefix}-own`;
    await fs.symlink(path.join(prefix, 'bin', 'styxy'), own);
    for (const command of [path.join(prefix, 'bin', 'styxy'), own]) {
      const printed = await prints(command, 'echo "$program"', { env: { PATH: tools } });
      const program = path.join(prefix, path.relative(first.prefix, first.program));
      assert.equal(await fs.realpath(printed.trim()), program);
    }
  }
});

test('where another system sees the folder, JavaScript looks again', { skip }, async () => {
  const { command, launcher } = await install();
  await prints(command, ':');
  const text = await fs.readFile(launcher, 'utf8');
  const elsewhere = text.replace(/! \[ -e '[^']+' \]/, "! [ -e '/no/such/loader' ]");
  assert.notEqual(elsewhere, text);
  await fs.writeFile(launcher, elsewhere);
  assert.equal((await does(command, ':', { env: noNode })).code, 127, 'the shell does not try the program');
  assert.equal(await prints(command, 'echo hello'), 'hello\n');
  assert.equal(await fs.readFile(launcher, 'utf8'), text, 'it is mended for this system');
});

test('paths that a shell would take apart are taken whole', { skip }, async () => {
  for (const name of ["it's", '$(touch pwned) `x` "y"', ' a  b', '-n', '%s\\n#!']) {
    const { command, launcher } = await install({ prefix: path.join(top, name) });
    assert.equal(await prints(command, 'echo hello', { cwd: top }), 'hello\n');
    assert.ok(await isReplaced(launcher), name);
    assert.equal(await prints(command, 'echo hello', { env: noNode }), 'hello\n', name);
    await fs.rename(path.join(top, name), path.join(top, `${name}-moved`));
    assert.equal(await prints(path.join(top, `${name}-moved`, 'bin', 'styxy'), 'echo hello'), 'hello\n', name);
  }
  const { command, launcher } = await install({ prefix: path.join(top, 'two\nlines') });
  assert.equal(await prints(command, 'echo hello'), 'hello\n');
  assert.ok(!(await isReplaced(launcher)), 'a path of two lines has no place in a comment');
});

test('a command that is no symlink to the launcher leaves it as it is', { skip }, async () => {
  const { command, launcher, folder } = await install();
  const wrapper = path.join(path.dirname(command), 'wrapper');
  await fs.writeFile(wrapper, `#!/bin/sh\nexec node '${launcher}' "$@"\n`, { mode: 0o755 });
  assert.equal(await prints(wrapper, 'echo hello'), 'hello\n');
  // pnpm's way: the folder is the symlink.
  const linked = path.join(top, 'linked');
  await fs.symlink(folder, linked);
  assert.equal(await prints(path.join(linked, 'bin', 'styxy.js'), 'echo hello'), 'hello\n');
  assert.ok(!(await isReplaced(launcher)));
});

test('a checkout that was made a command keeps its file', { skip }, async () => {
  const { command, launcher } = await install({ nodeModules: 'src' });
  assert.equal(await prints(command, 'echo hello'), 'hello\n');
  assert.ok(!(await isReplaced(launcher)));
});

test('a prefix that cannot be written stays on the launcher, silently', { skip }, async (t) => {
  const { command, launcher } = await install();
  let user = [];
  if (process.getuid() === 0) {
    // Root may write anywhere; nobody may not.
    user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    const { code } = await run(user[0], [...user.slice(1), process.execPath, '-e', '0']).catch(() => ({ code: 1 }));
    if (code !== 0) return t.skip(lacking('root', 'setpriv cannot run Node as another user here'));
  } else {
    await fs.chmod(path.dirname(launcher), 0o555);
  }
  try {
    for (const _ of ['first', 'second']) {
      const [program, ...words] = [...user, command, 'echo hello; exit 3'];
      const { code, stdout, stderr } = await run(program, words, { env: environment() });
      assert.deepEqual({ code, stdout, stderr }, { code: 3, stdout: 'hello\n', stderr: '' });
    }
    assert.ok(!(await isReplaced(launcher)));
  } finally {
    await fs.chmod(path.dirname(launcher), 0o755);
  }
});

test('STYXY_BINARY is the program, whatever is installed', { skip }, async () => {
  const { command, launcher, program } = await install();
  const other = path.join(top, 'other');
  await fs.writeFile(other, '#!/bin/sh\necho other\n', { mode: 0o755 });
  for (const _ of ['first', 'second']) {
    assert.equal(await prints(command, ':', { env: { STYXY_BINARY: other } }), 'other\n');
    // The command itself is no answer to where the program is.
    const itself = { env: { STYXY_BINARY: command } };
    assert.equal(await prints(command, 'echo "$program"', itself), `${program}\n`);
  }
  assert.ok(await isReplaced(launcher));
  for (const wrong of [path.join(top, 'nothing'), top]) {
    const { code, stderr } = await does(command, ':', { env: { STYXY_BINARY: wrong } });
    assert.equal(code, 126);
    assert.ok(stderr.startsWith(`styxy: cannot run ${wrong}: `), stderr);
  }
});

test('STYXY_BINARY may name a launcher that stays JavaScript', { skip }, async () => {
  const { command, launcher, program } = await install({ nodeModules: 'src' });
  // Should it run itself again and again, this ends it.
  const preload = path.join(top, 'depth.cjs');
  await fs.writeFile(preload, 'process.env.DEPTH = 1 + Number(process.env.DEPTH ?? 0); if (process.env.DEPTH > 3) process.exit(99)');
  const env = { STYXY_BINARY: command, NODE_OPTIONS: `--require=${preload}` };
  assert.equal(await prints(command, 'echo "$program"', { env }), `${program}\n`);
  assert.ok(!(await isReplaced(launcher)));
});

test('without the platform package there is an error of ours', { skip }, async () => {
  for (const turn of ['before', 'after']) {
    const { command, platform } = await install();
    if (turn === 'after') await prints(command, ':');
    await fs.rm(platform, { recursive: true });
    const { code, stderr } = await does(command, ':');
    assert.equal(code, 127);
    assert.match(stderr, new RegExp(`${triple()}: the package ${packageName(triple())} is not installed`));
    assert.match(stderr, /\n {2}hint: npm install -g --include=optional styxy\n$/);
  }
});

test('on a platform without a package the error says so', { skip }, async () => {
  const { command } = await install();
  const preload = path.join(top, 'preload.cjs');
  await fs.writeFile(preload, `Object.defineProperty(process, 'arch', { value: 'riscv64' })`);
  const { code, stderr } = await does(command, ':', { env: { NODE_OPTIONS: `--require=${preload}` } });
  assert.equal(code, 127);
  assert.match(stderr, new RegExp(`no package for this platform, ${process.platform}-riscv64`));
  assert.match(stderr, /cargo build --profile release-cli/);
});
