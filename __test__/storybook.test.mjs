// styxy-storybook before a stub of Storybook, and the addon as Storybook calls it. The real one: integrations/.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';

import { Home, binary, root, run } from './support.mjs';
import { Program, areFree, checkout, withhold } from './worktrees.mjs';

const command = 'node_modules/styxy/bin/styxy-storybook.js';

let home;
let stub;
let names = 0;

before(async () => {
  home = await Home.make();
  await withhold(home, 6006);
  stub = path.join(home.top, 'stub');
  await fs.mkdir(stub);
  await fs.writeFile(path.join(stub, 'package.json'), JSON.stringify({ name: 'storybook', bin: './bin.mjs' }));
  await fs.copyFile(path.join(root, '__test__/fixtures/stub-storybook.mjs'), path.join(stub, 'bin.mjs'));
});

afterEach(() => Program.endAll());

after(() => home.end());

async function worktree() {
  names += 1;
  return checkout(home, 'storybook', `s${names}`, { storybook: stub });
}

/** Runs styxy-storybook, and gives what the stub said of itself. */
async function called(dir, words, env = {}) {
  const program = new Program([command, ...words], { cwd: dir, env: home.env({ PORT: undefined, ...env }) });
  const said = JSON.parse((await program.prints(/^\{.*\}$/m))[0]);
  return { program, ...said };
}

test('dev gets the leased port and --exact-port before its other arguments, in the process that owns the lease', async () => {
  const dir = await worktree();
  const { program, pid, words, told } = await called(dir, ['dev', '--ci', '--no-open']);
  const port = Number(words[2]);
  assert.deepEqual(words, ['dev', '-p', `${port}`, '--exact-port', '--ci', '--no-open']);
  assert.equal(told, `${port}`);
  assert.equal(pid, program.child.pid);
  const [lease] = (await home.leases()).filter((each) => each.project_path === dir);
  assert.deepEqual([lease.port, lease.service_type, lease.service_name], [port, 'storybook', null]);
  assert.deepEqual([lease.owner.kind, lease.owner.pid], ['process', pid]);
  await program.kill('SIGKILL');
  await areFree(home, [port]);
  const again = await called(dir, ['dev', '--exact-port']);
  assert.deepEqual(again.words, ['dev', '-p', `${port}`, '--exact-port']);
});

test('four Storybooks of two worktrees at once have four ports', async () => {
  const dirs = [await worktree(), await worktree()];
  const all = await Promise.all([...dirs, ...dirs].map((dir) => called(dir, ['dev'])));
  assert.equal(new Set(all.map(({ words }) => words[2])).size, 4);
});

test('two Storybooks below the process that holds the lease have two ports', async () => {
  const dir = await worktree();
  const words = ['allocate', '--service', 'storybook', '--pid', `${process.pid}`, '--json'];
  const above = JSON.parse((await run(binary, words, { cwd: dir, env: home.env() })).stdout);
  const first = await called(dir, ['dev']);
  const second = await called(dir, ['dev']);
  assert.equal(first.words[2], `${above.port}`);
  assert.notEqual(second.words[2], `${above.port}`);
  await home.styxy('release', above.lock_id);
});

test('a port of the user, and every other command, is passed on as it is, and the daemon is not asked', async (context) => {
  const dir = await worktree();
  const idle = await Home.make();
  context.after(() => idle.end());
  const env = { STYXY_HOME: idle.path };
  const port = `${idle.last}`;
  const cases = [
    ['dev', '-p', port],
    ['dev', `-p${port}`],
    ['dev', '--ci', '--port', port],
    ['dev', `--port=${port}`],
    ['dev', '--help'],
    ['build', '-o', 'out'],
    ['index'],
    ['--version'],
    ['init', 'dev'],
    [],
  ];
  for (const words of cases) {
    const { program, ...said } = await called(dir, words, env);
    assert.deepEqual([said.words, said.told], [words, undefined]);
    await program.kill();
  }
  const variables = [
    { STYXY: 'off' },
    { SBCONFIG_PORT: port },
    { CLAUDE_AGENT_SDK_VERSION: '1', AI_AGENT: undefined, PORT: port },
  ];
  for (const more of variables) {
    assert.deepEqual((await called(dir, ['dev'], { ...env, ...more })).words, ['dev']);
  }
  assert.deepEqual(await fs.readdir(idle.path), ['config.json']);
});

test("Storybook's exit code is the command's", async () => {
  const { program } = await called(await worktree(), ['fail']);
  assert.deepEqual(await program.closed, { code: 3, signal: null });
});

test('without a daemon Storybook starts as without it, with a warning', async (context) => {
  const alone = await Home.make();
  context.after(() => alone.end());
  const env = { STYXY_HOME: alone.path, STYXY_NO_AUTOSTART: '1' };
  const { program, words } = await called(await worktree(), ['dev'], env);
  assert.deepEqual(words, ['dev']);
  assert.equal((await program.closed).code, 0);
  assert.equal(program.output.match(/styxy: no port was leased/g).length, 1);
});

test('where Storybook is not installed, that is said', async () => {
  const dir = await worktree();
  await fs.rm(path.join(dir, 'node_modules/storybook'));
  const { code, stderr } = await run(process.execPath, [command, 'dev'], { cwd: dir, env: home.env() });
  assert.equal(code, 127);
  assert.match(stderr, /styxy: storybook is not installed in .*\n +hint: npm install -D storybook/);
});

test('a refusal keeps Storybook from starting and says what to do', async (context) => {
  const strict = await Home.make();
  context.after(() => strict.end());
  const file = path.join(strict.path, 'config.json');
  const config = JSON.parse(await fs.readFile(file, 'utf8'));
  config.service_types.storybook = { preferred_ports: [], range: [strict.last, strict.last] };
  config.overflow_range = null;
  await fs.writeFile(file, JSON.stringify(config));
  const taken = net.createServer().listen(strict.last);
  await once(taken, 'listening');
  context.after(() => taken.close());
  // 6006 is what Storybook would have by default; then there is none but the one that is taken.
  await withhold(strict, 6006);
  const dir = await worktree();
  const { code, stdout, stderr } = await run(process.execPath, [command, 'dev'], { cwd: dir, env: { ...home.env(), STYXY_HOME: strict.path } });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^styxy: .*storybook.*\n +hint: /);
});

/** What the addon prints when Storybook runs on `port`. */
async function addonSays(dir, port, env = {}, configType = 'DEVELOPMENT') {
  const script = `
    import(process.argv[1]).then(async ({ core }) => {
      const config = { renderer: 'html' };
      const options = ${JSON.stringify({ port, configType })};
      for (let turn = 0; turn < 2; turn += 1) if ((await core(config, options)) !== config) throw new Error('changed');
    })`;
  const { code, stdout, stderr } = await run(process.execPath, ['-e', script, '--', 'styxy/storybook'], {
    cwd: dir,
    env: home.env(env),
  });
  assert.deepEqual([code, stdout], [0, ''], stderr);
  return stderr;
}

test('the addon says once when the port in use is not leased for this checkout', async () => {
  const dir = await worktree();
  const words = ['allocate', '--service', 'storybook', '--json'];
  const allocate = async (cwd) => JSON.parse((await run(binary, words, { cwd, env: home.env() })).stdout).port;
  const [own, others] = [await allocate(dir), await allocate(await worktree())];
  const [{ named_url: named }] = (await home.leases()).filter((each) => each.port === own);
  assert.equal(await addonSays(dir, own), `styxy: Storybook is ${named}\n`);
  for (const port of [others, home.last]) {
    const said = await addonSays(dir, port);
    assert.match(said, new RegExp(`^styxy: Storybook runs on port ${port}, which is not leased for this checkout\\n +hint: `));
    assert.equal(said.match(/not leased/g).length, 1);
  }
  assert.equal(await addonSays(dir, home.last, { STYXY_STORYBOOK_PORT: `${home.last}` }), '');
  assert.equal(await addonSays(dir, home.last, { STYXY: 'off' }), '');
  assert.equal(await addonSays(dir, undefined, {}, 'PRODUCTION'), '');
});

test('the addon starts no daemon', async (context) => {
  const idle = await Home.make();
  context.after(() => idle.end());
  assert.equal(await addonSays(await worktree(), idle.last, { STYXY_HOME: idle.path }), '');
  assert.deepEqual(await fs.readdir(idle.path), ['config.json']);
});
