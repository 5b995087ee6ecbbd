// turbo, nx and lerna start the packages of three worktrees in random orders, with `styxy run` in each package's script: a package
// has the same port every time (docs/INTEGRATIONS.md).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Home, binary, eventually, run } from '../support.mjs';
import { areFree, page } from '../worktrees.mjs';
import { installed } from './tools.mjs';

const PACKAGES = { lerna: '^9', nx: '^22', turbo: '^2' };
const NAMES = ['admin', 'api', 'docs', 'web'];
const WORKTREES = ['market', 'login', 'search'];
// Six runners start at once, and nx and lerna take seconds before they start anything.
const PATIENCE = 240_000;
const ROUNDS = Number(process.env.STYXY_TEST_ROUNDS ?? 10);
// What starts these packages, and no others.
const RUNNERS = {
  turbo: (names) => ['turbo', 'run', 'dev', ...names.map((name) => `--filter=${name}`)],
  nx: (names) => ['nx', 'run-many', '-t', 'dev', `--projects=${names}`, '--parallel=9'],
  lerna: (names) => ['lerna', 'run', 'dev', '--stream', '--concurrency=9', ...names.flatMap((name) => ['--scope', name])],
};

let home;
let env;
let tools;

before(async () => {
  home = await Home.make();
  tools = await installed('orders', PACKAGES);
  const own = path.join(home.top, 'bin');
  await fs.mkdir(own);
  await fs.symlink(binary, path.join(own, 'styxy'));
  const quiet = { NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false', TURBO_TELEMETRY_DISABLED: '1', PORT: undefined };
  const bin = [own, path.join(tools, 'node_modules/.bin'), process.env.PATH].join(path.delimiter);
  env = home.env({ ...quiet, PATH: bin });
});

after(() => home.end());

/** The worktrees of a repository with four packages. */
async function worktrees(top) {
  const first = path.join(top, WORKTREES[0]);
  const files = {
    '.gitignore': 'node_modules\n.nx\n.turbo\n',
    'package.json': { name: 'market', private: true, packageManager: 'npm@11.0.0', workspaces: ['apps/*'] },
    'lerna.json': { version: 'independent', packages: ['apps/*'] },
    'nx.json': {},
    'turbo.json': { globalPassThroughEnv: ['STYXY*'], tasks: { dev: { cache: false, persistent: true } } },
  };
  for (const name of NAMES) {
    files[`apps/${name}/package.json`] = { name, version: '1.0.0', scripts: { dev: 'styxy run -- node server.js' } };
    files[`apps/${name}/server.js`] = `
      const { createServer } = require('node:http');
      createServer((_, answer) => answer.end(__dirname)).listen(process.env.PORT);`;
  }
  for (const [name, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(first, name)), { recursive: true });
    await fs.writeFile(path.join(first, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  const git = (...words) => succeeds('git', ['-C', first, '-c', 'user.name=ada', '-c', 'user.email=ada@example.com', ...words]);
  await succeeds('npm', ['install', '--no-audit', '--no-fund'], { cwd: first, env });
  await succeeds('git', ['init', '--quiet', first]);
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'first');
  const all = WORKTREES.map((name) => path.join(top, name));
  for (const dir of all.slice(1)) {
    await git('worktree', 'add', '--quiet', dir);
    await succeeds('npm', ['install', '--no-audit', '--no-fund'], { cwd: dir, env });
  }
  // Nx runs only where the repository has it.
  for (const dir of all) await fs.symlink(path.join(tools, 'node_modules/nx'), path.join(dir, 'node_modules/nx'));
  return all;
}

async function succeeds(command, words, options) {
  const { code, stderr } = await run(command, words, options);
  assert.equal(code, 0, `${command} ${words.join(' ')}: ${stderr}`);
}

/** The same items in a random order. */
function shuffled(items) {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}

/** Every package of every worktree, started in two parts per worktree, in a random order: the port of each. */
async function round(dirs, start) {
  const parts = dirs.flatMap((dir) => {
    const names = shuffled(NAMES);
    const at = 1 + Math.floor(Math.random() * (NAMES.length - 1));
    return [names.slice(0, at), names.slice(at)].map((part) => ({ dir, part }));
  });
  let printed = '';
  const runners = shuffled(parts).map(({ dir, part }) => {
    const [program, ...words] = start(part);
    const runner = spawn(program, words, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [runner.stdout, runner.stderr]) stream.on('data', (text) => (printed += text));
    return runner;
  });
  const ports = {};
  try {
    const all = async () => {
      const leases = (await home.leases()).filter(({ state }) => state === 'active');
      for (const lease of leases) ports[`${path.basename(lease.project_path)}/${lease.service_name}`] = lease.port;
      return leases.length === dirs.length * NAMES.length;
    };
    await eventually('every server listens', all, PATIENCE).catch((error) => assert.fail(`${error.message}\n${printed}`));
    for (const [name, port] of Object.entries(ports)) {
      assert.ok((await page(port)).endsWith(name.replaceAll('.', path.sep)), `${name} is not on ${port}`);
    }
  } finally {
    for (const runner of runners) {
      if (runner.exitCode !== null || runner.signalCode !== null) continue;
      const closed = once(runner, 'close');
      process.kill(-runner.pid, 'SIGTERM');
      await closed;
    }
    await areFree(home, Object.values(ports));
  }
  return ports;
}

for (const [name, start] of Object.entries(RUNNERS)) {
  test(`${name}: ${ROUNDS} random orders give each package of each worktree one port`, async () => {
    const dirs = await worktrees(path.join(home.top, name));
    const first = await round(dirs, start);
    assert.equal(new Set(Object.values(first)).size, dirs.length * NAMES.length, JSON.stringify(first));
    for (let turn = 1; turn < ROUNDS; turn += 1) assert.deepEqual(await round(dirs, start), first, `round ${turn}`);
  });
}
