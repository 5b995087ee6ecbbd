// styxy/playwright, evaluated as Playwright's processes evaluate a config. The real Playwright: integrations/.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';

import { Home, binary, eventually, isFree, notOnWindows, root, run } from './support.mjs';
import { Program, areFree, checkout, page } from './worktrees.mjs';

const fixture = path.join(root, '__test__/fixtures/playwright-config.cjs');
const ask = { command: 'npm run dev' };

let home;
let names = 0;

before(async () => {
  home = await Home.make();
});

afterEach(() => Program.endAll());

after(() => home.end());

function worktree() {
  names += 1;
  return checkout(home, 'playwright', `p${names}`, {});
}

function evaluating(dir, asks, more = {}, env = {}) {
  const words = [fixture, JSON.stringify({ asks, ...more })];
  const options = { cwd: dir, env: home.env({ STYXY_PLAYWRIGHT: undefined, PLAYWRIGHT_TEST_BASE_URL: undefined, ...env }) };
  return new Program(words, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** What came of the evaluations in one folder: `count` of them. */
async function evaluations(program, count) {
  const found = await program.prints(new RegExp(`^(?:[^{].*\\n)*(?:(\\{"servers.*\\})\\n[^]*?){${count}}`, 'm'));
  return found[0].split('\n').filter((line) => line.startsWith('{"servers')).map((line) => JSON.parse(line));
}

async function evaluate(dir, asks = [ask], more = {}, env = {}) {
  const program = evaluating(dir, asks, more, env);
  const count = 1 + (more.then ?? []).filter((step) => step !== 'stay').length;
  return { program, all: await evaluations(program, count) };
}

function portOf({ servers }, index = 0) {
  return Number(new URL(servers[index].url).port);
}

/** A server of a checkout, on a port leased for it, whose lease is active. */
async function serve(dir, words = []) {
  const allocate = ['allocate', '--service', 'dev', '--json', ...words];
  const { port } = JSON.parse((await run(binary, allocate, { cwd: dir, env: home.env() })).stdout);
  const server = await listenOn(dir, port);
  await eventually('active', async () => (await leaseOn(port))?.state === 'active');
  return { port, server };
}

async function listenOn(dir, port) {
  const server = new Program(['server.mjs'], { cwd: dir, env: home.env({ PORT: `${port}` }) });
  await server.prints(/http:\/\//);
  return server;
}

async function leaseOn(port) {
  return (await home.leases()).find((lease) => lease.port === port);
}

test('a config gets a server on a leased port, and its workers the same, without the daemon', async () => {
  const dir = await worktree();
  const options = { ...ask, command: 'serve --port {port} {port}', path: '/health', env: { MODE: 'e2e' }, timeout: 5 };
  const { program, all } = await evaluate(dir, [options], { then: ['worker', 'stay'] });
  const [main, worker] = all;
  const port = portOf(main);
  const { named_url: named } = await leaseOn(port);
  assert.deepEqual(main.servers, [
    {
      timeout: 5,
      command: `serve --port ${port} ${port}`,
      url: `http://localhost:${port}/health`,
      reuseExistingServer: false,
      env: {
        ...{ PORT: `${port}`, STYXY_PORT: `${port}`, STYXY_URL: `http://localhost:${port}` },
        ...{ STYXY_DEV_PORT: `${port}`, STYXY_DEV_URL: `http://localhost:${port}`, MODE: 'e2e' },
        ...{ STYXY_NAMED_URL: named, STYXY_DEV_NAMED_URL: named },
      },
    },
  ]);
  assert.equal(main.baseUrl, `http://localhost:${port}/health`);
  assert.notEqual(worker.pid, main.pid);
  assert.deepEqual({ ...worker, pid: main.pid }, main);
  const lease = await leaseOn(port);
  assert.deepEqual([lease.project_path, lease.service_type, lease.service_name], [dir, 'dev', null]);
  assert.deepEqual([lease.owner.kind, lease.owner.pid], ['process', main.pid]);
  assert.equal((await home.leases()).filter((each) => each.project_path === dir).length, 1);
  await program.kill();
  await areFree(home, [port]);
});

test('the variables are called as those of styxy env', async () => {
  const dir = await worktree();
  const { all } = await evaluate(dir, [{ ...ask, service: 'my-api' }], { then: ['stay'] });
  const { stdout } = await run(binary, ['env', 'my-api', '--json'], { cwd: dir, env: home.env() });
  assert.deepEqual(all[0].servers[0].env, JSON.parse(stdout));
});

test('a server of this checkout that runs is used, unless the config forbids it', async () => {
  const dir = await worktree();
  const { port } = await serve(dir);
  const { all } = await evaluate(dir, [ask], { then: ['worker'] });
  for (const each of all) {
    assert.deepEqual([portOf(each), each.servers[0].reuseExistingServer], [port, true]);
    assert.equal(each.baseUrl, `http://localhost:${port}/`);
  }
  const inside = await evaluate(path.join(dir, 'tests'));
  assert.equal(portOf(inside.all[0]), port);
  const others = [{ ...ask, reuseExistingServer: false }, { ...ask, name: 'web' }, { ...ask, service: 'api' }];
  for (const other of others) {
    const [own] = (await evaluate(dir, [other])).all;
    assert.notEqual(portOf(own), port);
    assert.equal(own.servers[0].reuseExistingServer, false);
    assert.ok(await isFree(portOf(own)));
  }
});

test("another checkout's server is never used, nor one that nobody leased a port for", async () => {
  const [dir, other] = [await worktree(), await worktree()];
  const { port } = await serve(other);
  const unleased = home.last - 2;
  await listenOn(dir, unleased);
  for (const wanted of [port, unleased, undefined]) {
    const [own] = (await evaluate(dir, [{ ...ask, port: wanted }])).all;
    assert.equal(own.servers[0].reuseExistingServer, false);
    assert.notEqual(portOf(own), wanted);
    assert.ok(await isFree(portOf(own)));
  }
});

test("a leased port that another checkout's server has bound is not used", async () => {
  const [dir, other] = [await worktree(), await worktree()];
  const words = ['allocate', '--service', 'dev', '--json'];
  const { port } = JSON.parse((await run(binary, words, { cwd: dir, env: home.env() })).stdout);
  await listenOn(other, port);
  await eventually('in conflict', async () => (await leaseOn(port))?.conflict);
  const [own] = (await evaluate(dir)).all;
  assert.notEqual(portOf(own), port);
  assert.equal(own.servers[0].reuseExistingServer, false);
});

test('the process that decided decides anew, as UI mode does: the same port, and its own server by then', async () => {
  const dir = await worktree();
  const program = evaluating(dir, [ask], { then: ['again'] });
  const [first] = await evaluations(program, 1);
  const server = await listenOn(dir, portOf(first));
  await eventually('active', async () => (await leaseOn(portOf(first)))?.state === 'active');
  program.child.stdin.write('again\n');
  const [, second] = await evaluations(program, 2);
  assert.deepEqual([portOf(second), second.servers[0].reuseExistingServer], [portOf(first), true]);
  await server.kill();
  await eventually('granted', async () => (await leaseOn(portOf(first)))?.state === 'granted');
  program.child.stdin.write('again\n');
  const [, , third] = await evaluations(program, 3);
  assert.deepEqual([portOf(third), third.servers[0].reuseExistingServer], [portOf(first), false]);
  assert.equal(third.baseUrl, first.baseUrl);
});

test('a run inside a run decides for itself, in another checkout and in its own', { skip: notOnWindows('a POSIX shell stands between the two processes') }, async () => {
  const [dir, other] = [await worktree(), await worktree()];
  const { port: running } = await serve(other);
  const { all } = await evaluate(dir, [ask], { then: ['nested'], cwd: other });
  const [outer, nested] = all;
  assert.equal(portOf(nested), running);
  assert.notEqual(portOf(outer), running);
  assert.equal(nested.servers[0].reuseExistingServer, true);
  assert.equal(nested.baseUrl, `http://localhost:${running}/`);
  const own = evaluating(other, [{ ...ask, reuseExistingServer: false }], { then: ['nested', 'stay'], cwd: other });
  const [first, second] = await evaluations(own, 2);
  // The lease is an ancestor's, so it is the same; that it was decided anew shows in who is said to have decided.
  assert.equal(portOf(first), portOf(second));
});

test("the user's base URL stays; of several servers the first gives it", async () => {
  const dir = await worktree();
  const users = { PLAYWRIGHT_TEST_BASE_URL: 'http://localhost:1/' };
  assert.equal((await evaluate(dir, [ask], {}, users)).all[0].baseUrl, 'http://localhost:1/');
  const asks = [{ ...ask, name: 'web' }, { ...ask, service: 'api' }];
  const { all } = await evaluate(dir, asks, { then: ['worker'] });
  for (const each of all) {
    assert.equal(each.baseUrl, each.servers[0].url);
    assert.notEqual(each.servers[0].url, each.servers[1].url);
    assert.equal(each.servers[0].name, 'web');
    assert.equal(each.servers[1].env.STYXY_API_PORT, `${portOf(each, 1)}`);
  }
  assert.equal(all[0].baseUrl, all[1].baseUrl);
});

test('tests see the port and the URL of every server, by variables and by name, in the order of the config', async () => {
  const dir = await worktree();
  const asks = [{ ...ask, name: 'web' }, { ...ask, service: 'api', path: '/health' }, { ...ask, name: 'admin' }];
  const lookups = [{}, null, { service: 'api' }, { name: 'admin' }, { service: 'storybook' }, { nmae: 'web' }];
  const { program, all } = await evaluate(dir, asks, { lookups, then: ['worker', 'stay'] });
  const [web, api, admin] = [0, 1, 2].map((index) => portOf(all[0], index));
  const named = async (port) => (await leaseOn(port)).named_url;
  const names = { STYXY_DEV_NAMED_URL: await named(web), STYXY_API_NAMED_URL: await named(api) };
  const at = (port) => ({ port, url: `http://localhost:${port}` });
  for (const each of all) {
    assert.deepEqual(each.variables, {
      ...{ STYXY_DEV_PORT: `${web}`, STYXY_DEV_URL: `http://localhost:${web}` },
      ...{ STYXY_API_PORT: `${api}`, STYXY_API_URL: `http://localhost:${api}` },
      ...names,
    });
    const [unknown, mistake] = each.found.splice(4);
    assert.deepEqual(each.found, [at(web), at(web), at(api), at(admin)]);
    assert.equal(unknown, 'styxy/playwright: the config has no server storybook; it has dev/web, api, dev/admin');
    assert.match(mistake, /unknown option nmae \(did you mean name\?\)/);
  }
  await program.kill();
});

test('two checkouts at once have two servers, and the same ports next time', async () => {
  const dirs = [await worktree(), await worktree()];
  const both = async () => {
    const runs = await Promise.all(dirs.map((dir) => evaluate(dir, [ask], { then: ['stay'] })));
    const ports = runs.map(({ all }) => portOf(all[0]));
    await Promise.all(runs.map(({ program }) => program.kill()));
    await areFree(home, ports);
    return ports;
  };
  const ports = await both();
  assert.notEqual(ports[0], ports[1]);
  assert.deepEqual(await both(), ports);
});

test('a server that Playwright kills gives its port back with Playwright, and one that stays keeps it', async () => {
  const dir = await worktree();
  const { program, all } = await evaluate(dir, [ask], { then: ['stay'] });
  const port = portOf(all[0]);
  const server = await listenOn(dir, port);
  await eventually('active', async () => (await leaseOn(port))?.state === 'active');
  await program.kill();
  const passed = await eventually('passed on', async () => {
    const lease = await leaseOn(port);
    return lease?.owner.kind === 'listener' && lease;
  });
  assert.equal(passed.owner.pid, server.child.pid);
  assert.match(await page(port), /<h1>/);
  await server.kill();
  await areFree(home, [port]);
});

test('without a daemon a free port is found, with one warning, and no server is used that listens', async (context) => {
  const alone = await Home.make();
  context.after(() => alone.end());
  const dir = await worktree();
  const taken = net.createServer().listen(alone.last);
  await once(taken, 'listening');
  context.after(() => taken.close());
  const env = { STYXY_HOME: alone.path, STYXY_NO_AUTOSTART: '1' };
  const asks = [{ ...ask, port: alone.last }, { ...ask, service: 'api', port: alone.last - 1 }];
  const program = evaluating(dir, asks, { then: ['worker', 'again'] }, env);
  await evaluations(program, 2);
  program.child.stdin.end('again\n');
  await program.closed;
  const all = await evaluations(program, 3);
  assert.equal(program.output.match(/StyxyWarning: .*not leased/g).length, 1, program.output);
  assert.notEqual(portOf(all[0]), alone.last);
  assert.equal(portOf(all[0], 1), alone.last - 1);
  assert.deepEqual(all[0].servers.map((server) => server.reuseExistingServer), [false, false]);
  assert.deepEqual(all[1].servers, all[0].servers);
  assert.deepEqual(all[2].servers, all[0].servers);
});

test('with STYXY=off the daemon is not asked, and a free port is found', async (context) => {
  const idle = await Home.make();
  context.after(() => idle.end());
  const { all } = await evaluate(await worktree(), [{ ...ask, port: idle.last }], {}, { STYXY: 'off', STYXY_HOME: idle.path });
  assert.equal(portOf(all[0]), idle.last);
});

test('wrong options, and refusals, are told in words', async () => {
  const { styxyWebServer } = await import('../playwright.mjs');
  const cases = [
    [{}, /styxy\/playwright: command is missing/],
    [{ ...ask, url: 'http://localhost:3000' }, /unknown option url; it knows command, service/],
    [{ ...ask, port: '3000' }, /port is "3000", not a number/],
  ];
  for (const [options, message] of cases) assert.throws(() => styxyWebServer(options), { name: 'TypeError', message });
  const program = evaluating(await worktree(), [{ ...ask, name: 'no spaces' }]);
  assert.equal((await program.closed).code, 1);
  assert.match(program.output, /styxy: .*no spaces/);
});

test('two packages of one checkout have two servers, each on its own port', async () => {
  const dir = await worktree();
  const found = [];
  for (const name of ['web', 'api']) {
    const folder = path.join(dir, 'packages', name);
    await fs.mkdir(folder, { recursive: true });
    await fs.writeFile(path.join(folder, 'package.json'), '{}');
    const { all } = await evaluate(folder, [ask], { then: ['stay'] });
    const port = portOf(all[0]);
    const lease = await leaseOn(port);
    assert.deepEqual([lease.project_path, lease.service_name], [dir, `packages.${name}`]);
    found.push(port);
  }
  assert.notEqual(found[0], found[1]);
});
