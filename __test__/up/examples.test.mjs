// The examples for `styxy up` and for the tools that start it. A tool that can run here does; of the others, the commands that their
// files name are run as the tool would, by a shell.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { exists, installed } from '../integrations/tools.mjs';
import { eventually, lacking, root, run } from '../support.mjs';
import { compose } from './compose.mjs';
import { Stacks, ask, succeeds } from './stack.mjs';

const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

let stacks;

before(async () => (stacks = await Stacks.make()));

after(() => stacks?.end());

/** Worktrees of a repository that is a copy of an example. */
async function copies(example, names, linked) {
  const from = path.join(root, 'examples', example);
  const files = {};
  for (const entry of await fs.readdir(from, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const below = path.relative(from, file);
    if (entry.isFile() && !below.split(path.sep).includes('node_modules')) files[below] = await fs.readFile(file, 'utf8');
  }
  return stacks.worktrees(names, files, linked);
}

const sh = (dir, command, more = {}) => succeeds('sh', ['-c', command], { cwd: dir, env: stacks.env(more) });
const portsOf = (services) => Object.values(services).flatMap(({ port }) => port ?? []);

/** Ends what runs in the worktree, and waits until nothing is left. */
async function ends(dir) {
  const ports = portsOf(await stacks.ps(dir));
  await stacks.down(dir);
  await stacks.isOver(ports);
}

/** Whose services run: the web app of the worktree says where its API is. */
async function knowsItsApi(dir) {
  const { api, web } = await stacks.ps(dir);
  assert.deepEqual([api.state, web.state], ['ready', 'ready']);
  assert.equal((await ask(web.url)).text, `The API is at ${api.url}`);
  return [api.port, web.port];
}

test('monorepo: styxy up, and turbo, nx, lerna and pnpm give the packages the same ports', async () => {
  const [dir] = await copies('monorepo', ['monorepo'], { '.': ['nx'] });
  // pnpm would fetch the version that the example names; turbo does not pass on the variables that keep it from that.
  await fs.appendFile(path.join(dir, 'pnpm-workspace.yaml'), 'pmOnFail: ignore\nverifyDepsBeforeRun: false\n');
  await stacks.up(dir);
  const ports = await knowsItsApi(dir);
  await ends(dir);
  for (const runner of ['turbo run dev', 'nx run-many -t dev', 'lerna run dev --stream', 'pnpm -r --parallel dev']) {
    assert.deepEqual(await whileItRuns(dir, runner, ports.length), [...ports].sort(), runner);
  }
});

/** The ports of so many servers that a command starts, which ends then. */
async function whileItRuns(dir, command, count, more) {
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd: dir, env: stacks.env(more), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const active = async () => {
    const leases = (await stacks.home.leases()).filter(({ state, project_path: at }) => state === 'active' && at === dir);
    return leases.length === count && leases.map(({ port }) => port).sort();
  };
  const ports = await eventually(`${command} serves`, active, 120_000).catch((error) => assert.fail(`${error.message}: ${said}`));
  const closed = once(child, 'close');
  process.kill(-child.pid, 'SIGTERM');
  await closed;
  await stacks.isOver(ports);
  return ports;
}

test('procfile: styxy up, and foreman give the processes the same ports', async () => {
  const [dir] = await copies('procfile', ['procfile']);
  await stacks.up(dir);
  const ports = await knowsItsApi(dir);
  await ends(dir);
  assert.deepEqual(await whileItRuns(dir, 'styxy run -- nf start -j Procfile.dev', 2), [...ports].sort());
});

test('compose: two worktrees publish different ports, and web would learn them', async (context) => {
  const program = await compose();
  if (!program) return context.skip('no Docker Compose');
  await fs.symlink(program, path.join(stacks.home.top, 'bin', 'docker-compose'));
  const published = async (dir) => {
    const config = JSON.parse(await sh(dir, 'eval "$(styxy env)" && docker-compose config --format json'));
    const services = Object.values(config.services);
    return [config.name, ...services.flatMap(({ ports }) => ports.map(({ published: port }) => port)), config.volumes.data.name];
  };
  const both = await Promise.all((await copies('compose', ['shop', 'fix'])).map(published));
  assert.equal(new Set(both.flat()).size, 10, JSON.stringify(both));
  assert.ok(!both.flat().some((port) => ['5432', '1025', '8025'].includes(port)), JSON.stringify(both));
  context.diagnostic('the containers were not started: there is no engine');
});

test('launchers: the commands of each file start the server on the port of the worktree, and end it', async (context) => {
  const [dir] = await copies('launchers', ['launchers']);
  const json = async (file) => JSON.parse(await fs.readFile(path.join(dir, file), 'utf8'));
  const toml = async (file) => JSON.parse(await succeeds('python3', ['-c', 'import json, sys, tomllib; print(json.dumps(tomllib.load(open(sys.argv[1], "rb"))))', path.join(dir, file)]));
  const codex = await toml('.codex/environments/environment.toml');
  const conductor = (await json('conductor.json')).scripts;
  const [cursor] = [await json('.cursor/worktrees.json')].map((file) => file['setup-worktree']);
  const tasks = Object.fromEntries((await json('.vscode/tasks.json')).tasks.map(({ label, command }) => [label, command]));
  const mise = (await toml('mise.toml')).tasks;
  const ways = {
    Conductor: [conductor.setup, conductor.run, conductor.archive],
    Cursor: [...cursor, 'styxy down'],
    Codex: [codex.setup.script, codex.actions[0].command, codex.cleanup.script],
    'VS Code': [tasks.up, tasks.down],
    mise: [mise.up.run, mise.down.run],
  };
  const ports = {};
  for (const [name, commands] of Object.entries(ways)) {
    const down = commands.pop();
    for (const command of commands) await sh(dir, command);
    const { dev } = await stacks.ps(dir);
    assert.equal((await ask(dev.url)).text, 'here', name);
    ports[name] = dev.port;
    await sh(dir, down);
    await stacks.isOver([dev.port]);
  }
  assert.equal(new Set(Object.values(ports)).size, 1, JSON.stringify(ports));
  context.diagnostic(`${Object.keys(ways).join(', ')}: their commands were run, and not the programs`);
  const [preview] = (await json('.claude/launch.json')).configurations;
  const wished = `${stacks.home.last}`;
  const command = [preview.runtimeExecutable, ...preview.runtimeArgs].join(' ');
  assert.deepEqual(await whileItRuns(dir, command, 1, { PORT: wished }), [Number(wished)], 'the port that the preview sets');
});

test('launchers: mise and direnv themselves', async (context) => {
  const [dir] = await copies('launchers', ['mise']);
  const bin = path.join(await installed('mise', { '@jdxcode/mise': '*' }), 'node_modules/.bin');
  const env = { PATH: `${bin}:${stacks.env().PATH}`, MISE_YES: '1', MISE_OFFLINE: '1', HOME: stacks.home.top, MISE_TRUSTED_CONFIG_PATHS: dir };
  await sh(dir, 'mise run up', env);
  const { dev } = await stacks.ps(dir);
  assert.equal((await ask(dev.url)).text, 'here');
  await sh(dir, 'mise run down', env);
  await stacks.isOver([dev.port]);
  context.diagnostic((await sh(dir, 'mise --version', env)).trim().split('\n').at(-1));
  if ((await run('sh', ['-c', 'command -v direnv'])).code !== 0) return context.diagnostic(lacking('tools', 'direnv is not there: apt-get install direnv'));
  const shown = await sh(dir, 'direnv allow && direnv exec . printenv PORT', env);
  assert.equal(shown.trim(), `${dev.port}`, 'the port that the server had');
  context.diagnostic(`direnv ${(await sh(dir, 'direnv --version')).trim()}`);
});

test('playwright-up: styxy up --wait for two worktrees at once, and services that ran before stay', { skip: !(await exists(chromium)) && lacking('chromium', `${chromium} is not there`) }, async () => {
  const tool = await installed('playwright', { '@playwright/test': '^1.50' });
  const dirs = await copies('playwright-up', ['tested', 'also-tested']);
  for (const dir of dirs) {
    await fs.mkdir(path.join(dir, 'node_modules/@playwright'), { recursive: true });
    await fs.symlink(path.join(tool, 'node_modules/@playwright/test'), path.join(dir, 'node_modules/@playwright/test'));
  }
  const tested = async (dir) => {
    const env = stacks.env({ CHROMIUM_PATH: chromium, DEBUG: 'pw:webserver' });
    const { code, stdout, stderr } = await run(process.execPath, ['node_modules/@playwright/test/cli.js', 'test'], { cwd: dir, env });
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stdout, /1 passed/);
    return stderr;
  };
  for (const said of await Promise.all(dirs.map(tested))) assert.match(said, /Starting WebServer process/);
  await stacks.isOver([]);
  const { services } = await stacks.up(dirs[0]);
  assert.match(await tested(dirs[0]), /WebServer is already available/);
  assert.equal((await stacks.ps(dirs[0])).web.pid, services.web.pid);
  await ends(dirs[0]);
});
