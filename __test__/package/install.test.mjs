// The packages as users install them: npm and pnpm, globally, in a project and through npx, from what `npm run pack` packed.
// Of the platforms only this machine's is real.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { Home, eventually, notOnWindows, run } from '../support.mjs';
import {
  commandOf, environment, installGlobally, isWindows, outcome, platform, prints, project, registry, tarballs, top, version,
} from './npm.mjs';

// There npm makes a batch file beside the launcher, which stays as it is.
const skip = notOnWindows('the command is not a link to the launcher, and the launcher never replaces itself');
const answer = `styxy ${version}\n`;
// A command that works with it has no Node in the way.
const noNode = { PATH: path.join(top, 'empty') };

const failing = `try { require('styxy') } catch (error) { console.log(error.code); console.log(error.message) }`;
// All waiting is done before the first test is named: Node would take the tests named so far for all there are.
const unknown = path.join(top, 'unknown.cjs');
await fs.writeFile(unknown, `Object.defineProperty(process, 'arch', { value: 'riscv64' })`);

async function isReplaced(launcher) {
  return (await fs.readFile(launcher, 'utf8')).startsWith('#!/bin/sh\n');
}

test('the packages hold what is needed, nothing else, and are small', async () => {
  // By name: a drive's letter looks like a machine's name to some programs called tar.
  const tar = (words, file, ...names) => prints('tar', [words, path.basename(file), ...names], { cwd: path.dirname(file) });
  const list = async (file) => (await tar('-tzf', file)).trim().split('\n').map((name) => name.slice('package/'.length));
  const native = await list(tarballs.native);
  assert.deepEqual(native.sort(), ['LICENSE', 'README.md', 'THIRD-PARTY-NOTICES.txt', 'package.json', platform.program, platform.addon].sort());
  const { size } = await fs.stat(tarballs.native);
  // How large those of Windows are, no machine has said yet.
  if (isWindows) console.log(`${tarballs.native} has ${size} bytes`);
  else assert.ok(size <= 4.4e6, `${tarballs.native} has ${size} bytes`);

  const files = await list(tarballs.styxy);
  const allowed = /^(package\.json|README\.md|LICENSE|THIRD-PARTY-NOTICES\.txt|CHANGELOG\.md|(bin|lib)\/[\w-]+\.js|(index|vite|storybook|playwright)(\.d)?\.m?[jt]s|(types|native)\.d\.ts|docs\/project\.schema\.json|integrations\/claude-code\/.*\.(json|md)|man\/styxy(-[a-z]+)*\.1)$/;
  assert.deepEqual(files.filter((name) => !allowed.test(name)), []);
  const manifest = JSON.parse(await tar('-xzOf', tarballs.styxy, 'package/package.json'));
  const named = (value) => (typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(named));
  assert.ok(files.includes('integrations/claude-code/.claude-plugin/plugin.json'), 'the plugin for Claude Code');
  const promised = [manifest.main, manifest.types, manifest.exports, manifest.bin, manifest.man].flatMap(named);
  assert.deepEqual(promised.map((name) => path.normalize(name)).filter((name) => !files.includes(name)), []);
  const pages = files.filter((name) => name.startsWith('man/'));
  assert.deepEqual(manifest.man, pages.sort().map((name) => `./${name}`));
  assert.equal(manifest.private, undefined);
  assert.equal(manifest.scripts, undefined, 'there is no install script, nor any other');
  assert.deepEqual(new Set(Object.values(manifest.optionalDependencies)), new Set([version]));
  assert.equal(Object.keys(manifest.optionalDependencies).length, 8);
});

test('npm install -g gives a command, also below a folder with blanks in its name', async () => {
  const { command } = await installGlobally('with some blanks');
  for (const _ of ['first', 'second']) assert.equal(await prints(command, ['--version']), answer);
  const { code, stderr } = await outcome(command, ['no-such-command']);
  assert.equal(code, 2, stderr);
});

for (const options of [[], ['--ignore-scripts']]) {
  test(`npm install -g ${options} gives a command that needs no Node from its second run on`, { skip }, async () => {
    const { command, launcher, folder } = await installGlobally(`global${options}`, ...options);
    assert.deepEqual(await fs.readdir(path.join(folder, 'node_modules', '@styxy')), [path.basename(platform.packageName)]);
    assert.equal(await prints(command, ['--version']), answer);
    assert.ok(await isReplaced(launcher));
    assert.equal(await prints(command, ['--version'], { env: noNode }), answer);
    const { code, stderr } = await outcome(command, ['no-such-command'], { env: noNode });
    assert.equal(code, 2, stderr);
  });
}

test('npm install -g gives man a page for each command', { skip }, async () => {
  const { prefix, command } = await installGlobally('man');
  const pages = path.join(prefix, 'share', 'man', 'man1');
  const help = await prints(command, ['--help']);
  const listed = [...help.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  assert.ok(listed.length > 15, help);
  const there = await fs.readdir(pages);
  assert.deepEqual(listed.filter((name) => !there.includes(`styxy-${name}.1`)), []);
  assert.match(await fs.readFile(path.join(pages, 'styxy-run.1'), 'utf8'), /^\.SH NAME$/m);
  const env = { MANPATH: path.join(prefix, 'share', 'man'), MANPAGER: 'cat' };
  const shown = await outcome('man', ['styxy'], { env }).catch((error) => ({ missing: error }));
  if (shown.missing) console.log('what man shows was not looked at: it is not installed');
  else assert.match(shown.stdout, /styxy/i);
  await prints('npm', ['uninstall', '-g', '--prefix', prefix, 'styxy']);
  assert.deepEqual(await fs.readdir(pages).catch(() => []), []);
});

test('fifty first runs of an installed command all succeed', { skip }, async () => {
  const { command, launcher } = await installGlobally('fifty');
  const runs = Array.from({ length: 50 }, () => prints(command, ['--version']));
  assert.deepEqual(new Set(await Promise.all(runs)), new Set([answer]));
  assert.ok(await isReplaced(launcher));
});

test('installing again, over a launcher that was replaced, gives a command that works', { skip }, async () => {
  const { prefix, command, launcher } = await installGlobally('again');
  await prints(command, ['--version']);
  await installGlobally('again', '--force');
  assert.equal(await prints(command, ['--version']), answer);
  assert.ok(await isReplaced(launcher));
  await prints('npm', ['uninstall', '-g', '--prefix', prefix, 'styxy']);
  assert.deepEqual(await fs.readdir(path.join(prefix, 'bin')), []);
});

test('npx, a project and npm ci have the same command', async () => {
  for (const _ of ['first', 'second']) {
    assert.equal(await prints('npx', ['--yes', `styxy@${version}`, '--version']), answer);
  }
  const folder = await project('local');
  await prints('npm', ['install'], { cwd: folder });
  for (const words of [['install'], ['ci'], ['ci', '--ignore-scripts']]) {
    await prints('npm', words, { cwd: folder });
    assert.equal(await prints('npx', ['--no', '--', 'styxy', '--version'], { cwd: folder }), answer);
    assert.equal(await prints('npm', ['run', '--silent', 'styxy', '--', '--version'], { cwd: folder }), answer);
    assert.equal(await prints(commandOf(folder), ['--version'], { cwd: folder, env: isWindows ? {} : noNode }), answer);
  }
  const lock = JSON.parse(await fs.readFile(path.join(folder, 'package-lock.json'), 'utf8'));
  assert.equal(Object.keys(lock.packages).filter((name) => name.includes('@styxy/')).length, 8, 'the lock serves all platforms');
  const hosts = Object.values(lock.packages).flatMap(({ resolved }) => (resolved ? [new URL(resolved).origin] : []));
  assert.deepEqual(new Set(hosts), new Set([registry.address]), 'nothing came from anywhere else');
});

test('a moved prefix and copied node_modules work', { skip }, async () => {
  const { prefix, command } = await installGlobally('before');
  await prints(command, ['--version']);
  await fs.rename(prefix, path.join(top, 'after'));
  assert.equal(await prints(path.join(top, 'after', 'bin', 'styxy'), ['--version']), answer);

  const folder = await project('original');
  await prints('npm', ['install'], { cwd: folder });
  await prints('npx', ['--no', '--', 'styxy', '--version'], { cwd: folder });
  const copy = path.join(top, 'copy');
  await fs.cp(folder, copy, { recursive: true, verbatimSymlinks: true });
  await fs.rm(folder, { recursive: true });
  assert.equal(await prints('npx', ['--no', '--', 'styxy', '--version'], { cwd: copy }), answer);
  assert.match(await prints('node', ['-p', 'require("styxy").allocate'], { cwd: copy }), /Function/);
});

test('require and import give the same, default and by name', async () => {
  const folder = await project('names');
  await prints('npm', ['install'], { cwd: folder });
  const esm = `
    import styxy, { allocate, connect, StyxyError } from 'styxy';
    import * as all from 'styxy';
    import { createRequire } from 'node:module';
    const required = createRequire(import.meta.url)('styxy');
    console.log(styxy === required, allocate === required.allocate, connect === required.connect);
    console.log(StyxyError === required.StyxyError, new StyxyError('x', { code: 'internal' }) instanceof Error);
    console.log(Object.keys(required).filter((name) => !(name in all)));`;
  await fs.writeFile(path.join(folder, 'names.mjs'), esm);
  assert.equal(await prints('node', ['names.mjs'], { cwd: folder }), 'true true true\ntrue true\n[]\n');
  for (const entry of ['styxy/vite', 'styxy/playwright', 'styxy/package.json']) {
    await prints('node', ['-e', `require(${JSON.stringify(entry)})`], { cwd: folder });
  }
});

test('the installed addon gets a port from the installed daemon', async () => {
  const folder = await project('ports');
  await prints('npm', ['install'], { cwd: folder });
  const home = await Home.make();
  try {
    const env = { STYXY_HOME: home.path };
    const script = `
      const styxy = require('styxy');
      (async () => {
        const lease = await styxy.allocate({ service: 'dev' });
        const { pid, version } = await styxy.status();
        console.log(JSON.stringify({ port: lease.port, pid, version }));
      })();`;
    await fs.writeFile(path.join(folder, 'ask.js'), script);
    const lease = JSON.parse(await prints('node', ['ask.js'], { cwd: folder, env }));
    assert.ok(lease.port > home.first && lease.port <= home.last, `port ${lease.port}`);
    assert.equal(lease.version, version);
    if (process.platform === 'linux') {
      const installed = path.join(folder, 'node_modules', platform.packageName, platform.program);
      assert.equal(await fs.readlink(`/proc/${lease.pid}/exe`), installed);
    }
    // The command of the same package speaks to the same daemon.
    const status = JSON.parse(await prints('npx', ['--no', '--', 'styxy', 'daemon', 'status', '--json'], { cwd: folder, env }));
    assert.equal(status.pid, lease.pid);
  } finally {
    await home.end();
  }
});

test('a first run that is ended by a signal ends the daemon it stands for', { skip }, async () => {
  const { command } = await installGlobally('daemon');
  const home = await Home.make();
  try {
    const env = environment({ STYXY_HOME: home.path });
    const child = spawn(command, ['daemon', 'run'], { env, stdio: 'ignore' });
    const closed = once(child, 'close');
    const status = () => run(command, ['daemon', 'status', '--json'], { env });
    await eventually('the daemon runs', async () => (await status()).code === 0);
    child.kill('SIGTERM');
    assert.deepEqual(await closed, [0, null], 'the daemon stops in order');
    assert.equal((await status()).code, 3);
  } finally {
    await home.end();
  }
});

test('without its platform package, command and require say the same', async () => {
  const { command, folder: global } = await installGlobally('lacking');
  await fs.rm(path.join(global, 'node_modules'), { recursive: true });
  const folder = await project('omitted-project');
  await prints('npm', ['install', '--omit=optional'], { cwd: folder });
  const sentence = new RegExp(`${platform.triple}: the package ${platform.packageName} is not installed`);
  const { code, stderr } = await outcome(command, ['--version']);
  assert.equal(code, 127);
  assert.match(stderr, sentence);
  const printed = await prints('node', ['-e', failing], { cwd: folder });
  assert.match(printed, /^ERR_STYXY_PLATFORM\n/);
  assert.match(printed, sentence);
});

test('an addon that does not load is told apart from a missing one', async () => {
  const folder = await project('damaged');
  await prints('npm', ['install'], { cwd: folder });
  const addon = path.join(folder, 'node_modules', platform.packageName, platform.addon);
  await fs.writeFile(addon, 'neither is this a library\n');
  const printed = await prints('node', ['-e', failing], { cwd: folder });
  assert.match(printed, /^ERR_STYXY_PLATFORM\n/);
  // What comes next is the system's own sentence, which names the file.
  const [, why] = printed.split(`styxy's addon for this platform, ${platform.triple}, does not load:\n`);
  assert.ok(why?.split('\n')[0].includes(addon), printed);
});

test('on a platform without a package, command and require say the same', async () => {
  const folder = await project('riscv');
  await prints('npm', ['install'], { cwd: folder });
  const sentence = new RegExp(`no package for this platform, ${process.platform}-riscv64`);
  const env = { NODE_OPTIONS: `--require=${unknown}` };
  const { code, stderr } = await outcome(commandOf(folder), ['--version'], { env });
  assert.equal(code, 127);
  assert.match(stderr, sentence);
  assert.match(await prints('node', ['-e', failing], { cwd: folder, env }), sentence);
});

test('pnpm installs it, and its command works', { skip }, async (t) => {
  const found = await outcome('pnpm', ['--version']).catch(() => null);
  if (found?.code !== 0) return t.skip('pnpm is not installed here');
  const folder = await project('with-pnpm');
  await prints('pnpm', ['install'], { cwd: folder });
  for (const _ of ['first', 'second']) {
    assert.equal(await prints('pnpm', ['exec', 'styxy', '--version'], { cwd: folder }), answer);
  }
  assert.ok(!(await isReplaced(path.join(folder, 'node_modules', 'styxy', 'bin', 'styxy.js'))));
  assert.match(await prints('node', ['-p', 'require("styxy").allocate'], { cwd: folder }), /Function/);
  const exit = await outcome('pnpm', ['exec', 'styxy', 'no-such-command'], { cwd: folder });
  assert.equal(exit.code, 2, exit.stderr);
});
