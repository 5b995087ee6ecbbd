// styxy/vite in applications that have Vite in middleware mode: the port of HMR is leased. STYXY_TEST_VITE as in vite.test.mjs.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Home, eventually, root } from './support.mjs';
import { Program, areFree, checkout, hotClient, withhold } from './worktrees.mjs';

const vite = process.env.STYXY_TEST_VITE ?? path.join(root, 'node_modules/vite');
const DEFAULT_PORT = 24678;
// An application with `count` servers, one after the other; a line on its stdin restarts the first.
const APPLICATION = `
  import http from 'node:http';
  import { createServer } from 'vite';
  const [count, hmr] = JSON.parse(process.argv[2]);
  const vites = [];
  for (let index = 0; index < count; index += 1) {
    const server = http.createServer();
    const config = hmr === 'server' ? { server } : hmr;
    const vite = await createServer({ appType: 'custom', server: { middlewareMode: true, ...(config === null ? {} : { hmr: config }) } });
    server.on('request', vite.middlewares);
    await new Promise((resolve) => server.listen(0, resolve));
    vites.push(vite);
    console.log('listens on ' + server.address().port + ';');
  }
  process.stdin.on('data', async () => {
    await vites[0].restart();
    console.log('restarted');
  });`;

let home;
let names = 0;

before(async () => {
  home = await Home.make();
  await withhold(home, DEFAULT_PORT);
});

afterEach(() => Program.endAll());

after(() => home.end());

async function worktree() {
  names += 1;
  const dir = await checkout(home, 'vite', `m${names}`, { vite });
  await fs.writeFile(path.join(dir, 'application.mjs'), APPLICATION);
  return dir;
}

/** An application that runs, with the ports of its own servers. */
async function start(dir, { count = 1, hmr = null, env = {} } = {}) {
  const options = { cwd: dir, env: home.env(env), stdio: ['pipe', 'pipe', 'pipe'] };
  const program = new Program(['application.mjs', JSON.stringify([count, hmr])], options);
  await program.prints(new RegExp(`(listens on \\d+;[^]*){${count}}`));
  return { program, ports: [...program.output.matchAll(/listens on (\d+);/g)].map(([, port]) => Number(port)) };
}

/** The port that the page's HMR connects to, after a message from there. */
async function hotPort(port) {
  const client = await hotClient(port);
  assert.equal((await client.messages.next()).value.type, 'connected');
  client.close();
  return client.port;
}

const leasesOf = async (dir) => (await home.leases()).filter((lease) => lease.project_path === dir);

test('two applications at once have an HMR port each, which is leased, and the same next time', async () => {
  const dirs = [await worktree(), await worktree()];
  const both = async () => {
    const started = await Promise.all(dirs.map((dir) => start(dir)));
    const ports = await Promise.all(started.map(({ ports: [port] }) => hotPort(port)));
    for (const [index, dir] of dirs.entries()) {
      const [lease, ...more] = await leasesOf(dir);
      assert.deepEqual([lease.service_type, lease.port, more], ['hmr', ports[index], []]);
      assert.deepEqual([lease.owner.kind, lease.owner.pid], ['process', started[index].program.child.pid]);
      assert.doesNotMatch(started[index].program.output, /already in use|deprecated|styxy/);
    }
    await Promise.all(started.map(({ program }) => program.kill()));
    await areFree(home, ports);
    return ports;
  };
  const ports = await both();
  assert.notEqual(ports[0], ports[1]);
  assert.ok(!ports.includes(DEFAULT_PORT));
  assert.deepEqual(await both(), ports);
});

test('two servers of one application have an HMR port each, and a restart keeps it', async () => {
  const dir = await worktree();
  const { program, ports } = await start(dir, { count: 2 });
  const hot = await Promise.all(ports.map(hotPort));
  assert.notEqual(hot[0], hot[1]);
  for (let turn = 1; turn <= 2; turn += 1) {
    program.child.stdin.write('restart\n');
    await program.prints(new RegExp(`(restarted\\n[^]*){${turn}}`));
    assert.deepEqual(await Promise.all(ports.map(hotPort)), hot);
  }
  assert.equal((await leasesOf(dir)).length, 2);
});

test('a port for HMR that the user names is preferred, and the page connects to the port that was leased', async () => {
  const [wanted, first, second] = [home.last - 7, await worktree(), await worktree()];
  const hmr = { port: wanted, clientPort: wanted };
  assert.equal(await hotPort((await start(first, { hmr })).ports[0]), wanted);
  const other = await hotPort((await start(second, { hmr })).ports[0]);
  assert.equal((await leasesOf(second))[0].port, other);
  assert.notEqual(other, wanted);
});

test('nothing is leased where HMR is off or shares the server of the application', async () => {
  const dir = await worktree();
  const { ports: [port] } = await start(dir, { hmr: 'server' });
  const client = await hotClient(port);
  assert.equal(client.port, port);
  client.close();
  await start(await worktree(), { env: { STYXY: 'off' }, hmr: { port: home.last - 9 } });
  await start(await worktree(), { env: { STYXY_HOME: path.join(home.top, 'idle') }, hmr: 'server' });
  assert.deepEqual(await leasesOf(dir), []);
  await assert.rejects(fs.access(path.join(home.top, 'idle')));
});

test('without a daemon, or with a refusal, the application starts as without the plugin, with one warning', async (context) => {
  const alone = await Home.make();
  context.after(() => alone.end());
  const port = alone.last;
  const env = { STYXY_HOME: alone.path, STYXY_NO_AUTOSTART: '1' };
  const { program, ports } = await start(await worktree(), { hmr: { port }, env });
  assert.equal(await hotPort(ports[0]), port);
  assert.equal(program.output.match(/styxy: no port was leased/g).length, 1, program.output);
  await program.kill();

  const strict = await Home.make();
  context.after(() => strict.end());
  const file = path.join(strict.path, 'config.json');
  const config = JSON.parse(await fs.readFile(file, 'utf8'));
  await fs.writeFile(file, JSON.stringify({ ...config, strict_service_types: true }));
  const refused = await start(await worktree(), { hmr: { port: strict.last }, env: { STYXY_HOME: strict.path } });
  assert.equal(await hotPort(refused.ports[0]), strict.last);
  const warnings = await eventually('a warning', () => refused.program.output.match(/styxy: no port was leased for HMR.*/g));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /hmr/);
});
