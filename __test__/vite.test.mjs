// styxy/vite in a real Vite, in checkouts made from the example. STYXY_TEST_VITE may name the folder of another Vite.
// Long because the same tests, in this one file, run over every version of Vite.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Driver } from './driver.mjs';
import { DEADLINE, Home, binary, eventually, isFree, root, run } from './support.mjs';
import { Program, areFree, checkout, hotClient, page, saveUntil, withhold } from './worktrees.mjs';

const vite = process.env.STYXY_TEST_VITE ?? path.join(root, 'node_modules/vite');
const program = path.join('node_modules/vite/bin/vite.js');
const styxyLine = /➜ {2}Styxy: {3}(.*)\n/;

let home;
let names = 0;

before(async () => {
  home = await Home.make();
  await withhold(home, 5173, 4173);
});

afterEach(endAll);

after(() => home.end());

/** A fresh checkout of the example; `config` replaces its config file's. */
async function worktree(config) {
  names += 1;
  const dir = await checkout(home, 'vite', `w${names}`, { vite });
  if (config) await configure(dir, config);
  return dir;
}

function configure(dir, config, file = 'vite.config.js') {
  const text = `import styxy from 'styxy/vite';\nexport default ${config};\n`;
  return fs.writeFile(path.join(dir, file), text);
}

/** A daemon's folder for one test, whose daemon does not run yet. */
async function homeOf(context) {
  const own = await Home.make();
  context.after(async () => {
    await endAll();
    await own.end();
  });
  return own;
}

/** Ends what a failed test may have left. */
async function endAll() {
  await Program.endAll();
  await Driver.endAll();
}

/** Starts `vite` and waits for its URL. */
async function start(dir, words = [], env = {}) {
  const server = launch(dir, words, env);
  return Object.assign(server, { port: await portOf(server) });
}

function launch(dir, words = [], env = {}) {
  return new Program([program, ...words], { cwd: dir, env: home.env(env) });
}

async function portOf(server, from = 0) {
  return Number((await server.prints(/Local: {3}http:\/\/localhost:(\d+)\//, from))[1]);
}

/** Restarts a server as people do: by saving its config file. */
function touch(server, dir) {
  return saveUntil(path.join(dir, 'vite.config.js'), server.prints(/server restarted\./, server.output.length));
}

async function leaseOn(port) {
  return (await home.leases()).find((lease) => lease.port === port);
}

test("the dev server runs on a leased port, and says so below Vite's URLs", async () => {
  const dir = await worktree();
  const server = await start(dir);
  const [, told] = await server.prints(styxyLine);
  assert.equal(told, `port ${server.port} is leased for dev`);
  assert.match(await page(server.port), /leased port/);
  const lease = await eventually('active', async () => {
    const seen = await leaseOn(server.port);
    return seen?.state === 'active' && seen;
  });
  assert.deepEqual([lease.project_path, lease.service_type, lease.service_name], [dir, 'dev', null]);
  assert.deepEqual([lease.owner.kind, lease.owner.pid], ['process', server.child.pid]);
  await server.kill();
  await areFree(home, [server.port]);
});

test("a port that the user names is preferred, and the reason is printed when it is not had", async () => {
  const [wanted, dir, other] = [home.last - 1, await worktree(), await worktree()];
  for (const each of [dir, other]) await configure(each, `{ server: { port: ${wanted} }, plugins: [styxy()] }`);
  const first = await start(dir);
  assert.equal(first.port, wanted);
  const second = await start(other);
  assert.notEqual(second.port, wanted);
  const [, told] = await second.prints(styxyLine);
  assert.match(told, new RegExp(`^port ${second.port} is leased for dev: preferred port ${wanted} is leased by .*${dir}`));
  const third = await start(await worktree(), ['--port', `${wanted - 1}`]);
  assert.equal(third.port, wanted - 1);
});

test('where the user insists on a port that is not to be had, the start fails with the reason and what to do', async () => {
  const [wanted, dir] = [home.last - 3, await worktree()];
  await configure(dir, `{ server: { port: ${wanted}, strictPort: true }, plugins: [styxy()] }`);
  const first = await start(dir);
  assert.equal(first.port, wanted);
  const second = launch(dir);
  assert.equal((await second.closed).code, 1);
  assert.match(second.output, new RegExp(`styxy: port ${wanted} .*\\n +hint: .*\\n +hint: .*strictPort`));
  assert.doesNotMatch(second.output, /at .*vite\.js/);
  const unknown = await worktree();
  await configure(unknown, `{ plugins: [styxy({ service: 'no spaces' })] }`);
  const third = launch(unknown);
  assert.equal((await third.closed).code, 1);
  assert.match(third.output, /styxy: .*no spaces/);
});

test('a restart keeps the port, by a saved config file and by server.restart()', async () => {
  const dir = await worktree();
  const server = await start(dir);
  for (let turn = 0; turn < 3; turn += 1) {
    await touch(server, dir);
    assert.match(await page(server.port), /leased port/);
  }
  assert.equal((await home.leases()).filter((lease) => lease.project_path === dir).length, 1);
  await server.kill();

  const driver = await Driver.start(dir, home.env());
  const { port } = await driver.tell('start', { name: 'one', config: {} });
  for (let turn = 0; turn < 3; turn += 1) {
    assert.deepEqual((await driver.tell('restart', { name: 'one' })).port, port);
  }
  await page(port);
  assert.equal((await home.leases()).filter((lease) => lease.project_path === dir).length, 1);
  await driver.end();
});

test('a restart that fails changes nothing for the next one', async () => {
  const dir = await worktree();
  const driver = await Driver.start(dir, home.env());
  // Without a watcher: the one of the failed server would restart it as well.
  const { port } = await driver.tell('start', { name: 'one', config: { server: { watch: null } } });
  await configure(dir, "{ plugins: [styxy(), { name: 'late', configureServer() { throw new Error('too bad') } }] }");
  assert.equal((await driver.tell('restart', { name: 'one' })).port, port);
  await configure(dir, '{ plugins: [styxy()] }');
  assert.equal((await driver.tell('restart', { name: 'one' })).port, port);
  await page(port);
});

test('hot updates come over the leased port', async () => {
  const dir = await worktree();
  const server = await start(dir);
  await page(server.port, '/main.js');
  const client = await hotClient(server.port);
  assert.equal(client.port, server.port);
  assert.equal((await client.messages.next()).value.type, 'connected');
  const updated = async () => {
    for await (const { type } of client.messages) if (['update', 'full-reload'].includes(type)) return type;
    return undefined;
  };
  assert.ok(await saveUntil(path.join(dir, 'main.js'), updated()));
  client.close();
});

test("HMR options that name the server's own port go where it goes", async () => {
  const [wanted, dir] = [home.last - 5, await worktree()];
  await configure(dir, `{ server: { port: ${wanted}, hmr: { port: ${wanted} } }, plugins: [styxy()] }`);
  const first = await start(dir);
  const second = await start(dir);
  assert.equal(first.port, wanted);
  assert.notEqual(second.port, wanted);
  const client = await hotClient(second.port);
  assert.equal(client.port, second.port);
  assert.equal((await client.messages.next()).value.type, 'connected');
  client.close();
});

test('eight servers of eight worktrees at once: each on its own port, restarted, killed, and there again next time', async () => {
  const dirs = await Promise.all(Array.from({ length: 8 }, () => worktree()));
  const servers = await Promise.all(dirs.map((dir) => start(dir)));
  const ports = servers.map((server) => server.port);
  assert.equal(new Set(ports).size, 8, `${ports}`);
  await Promise.all(ports.map((port) => page(port)));
  const leases = await home.leases();
  for (const [index, dir] of dirs.entries()) {
    const own = leases.filter((lease) => lease.project_path === dir);
    assert.deepEqual(own.map(({ port }) => port), [ports[index]]);
  }

  await Promise.all(servers.map((server, index) => touch(server, dirs[index])));
  await Promise.all(ports.map((port) => page(port)));

  await Promise.all(servers.map((server) => server.kill('SIGKILL')));
  await areFree(home, ports);

  const again = await Promise.all(dirs.map((dir) => start(dir)));
  assert.deepEqual(again.map((server) => server.port), ports);
});

test('two servers of one process have two leases, and each its port again next time', async () => {
  const dir = await worktree();
  await fs.mkdir(path.join(dir, 'admin'));
  await fs.copyFile(path.join(dir, 'index.html'), path.join(dir, 'admin/index.html'));
  await configure(dir, '{ plugins: [styxy()] }', 'admin/vite.config.js');
  const both = [
    { name: 'main', config: {} },
    { name: 'admin', config: { root: 'admin' } },
    // The same config file and folder once more is a server of its own, not a restart.
    { name: 'twin', config: {} },
  ];
  const startAll = async () => {
    const driver = await Driver.start(dir, home.env());
    const ports = [];
    for (const each of both) ports.push((await driver.tell('start', each)).port);
    await driver.tell('restart', { name: 'admin' });
    await driver.tell('restart', { name: 'twin' });
    await Promise.all(ports.map((port) => page(port)));
    const leases = (await home.leases()).filter((lease) => lease.project_path === dir);
    await driver.end();
    await areFree(home, ports);
    return { ports, names: ports.map((port) => leases.find((lease) => lease.port === port).service_name) };
  };
  const first = await startAll();
  assert.equal(new Set(first.ports).size, 3);
  assert.deepEqual(first.names, [null, 'admin-vite.config.js', 'vite.config.js']);
  assert.deepEqual(await startAll(), first);
});

test('two servers that one process starts at the same instant have two leases', async () => {
  const dir = await worktree();
  await fs.mkdir(path.join(dir, 'admin'));
  await configure(dir, '{ plugins: [styxy()] }', 'admin/vite.config.js');
  const driver = await Driver.start(dir, home.env());
  const both = [{ name: 'main', config: {} }, { name: 'admin', config: { root: 'admin' } }];
  const started = await Promise.all(both.map((each) => driver.tell('start', each)));
  for (const { error } of started) assert.equal(error, undefined);
  assert.notEqual(started[0].port, started[1].port);
  assert.equal((await home.leases()).filter((lease) => lease.project_path === dir).length, 2);
});

test('the plugin twice in one config is the plugin once', async () => {
  const dir = await worktree("{ plugins: [styxy({ name: 'one' }), [styxy({ name: 'two' })]] }");
  const server = await start(dir);
  await server.prints(styxyLine);
  const leases = (await home.leases()).filter((lease) => lease.project_path === dir);
  assert.deepEqual(leases.map((lease) => lease.service_name), ['one']);
  assert.equal(server.output.match(/Styxy:/g).length, 1);
});

test('a server that is closed and started again in its process has its port again', async () => {
  const driver = await Driver.start(await worktree(), home.env());
  const { port } = await driver.tell('start', { name: 'one', config: {} });
  await driver.tell('close', { name: 'one' });
  assert.equal((await driver.tell('start', { name: 'one', config: {} })).port, port);
  await driver.end();
});

test('a port that the worktree was leased before, by the command or by a process above, is the one taken', async () => {
  const dir = await worktree();
  const options = { cwd: dir, env: home.env() };
  const words = ['allocate', '--service', 'dev', '--port', `${home.last - 8}`, '--json'];
  const leased = JSON.parse((await run(binary, words, options)).stdout);
  const server = await start(dir);
  assert.equal(server.port, leased.port);
  assert.equal((await leaseOn(server.port)).lock_id, leased.lock_id);
  await server.kill();

  const pid = ['--pid', `${process.pid}`];
  const above = JSON.parse((await run(binary, [...words, ...pid], options)).stdout);
  const first = await start(dir);
  assert.equal(first.port, above.port);
  // A second server below the same process does not run into the first.
  const second = await start(dir);
  assert.notEqual(second.port, above.port);
  assert.equal((await leaseOn(second.port)).service_name, 'vite.config.js');
  await home.styxy('release', above.lock_id);
});

test('a port that `styxy run` leased under another name and put into the arguments is the one taken', async () => {
  const dir = await worktree();
  const [port, options] = [home.last - 10, { cwd: dir, env: home.env() }];
  const words = ['allocate', '--service', 'web', '--port', `${port}`, '--pid', `${process.pid}`, '--json'];
  const leased = JSON.parse((await run(binary, words, options)).stdout);
  const server = await start(dir, ['--port', `${port}`, '--strictPort'], { STYXY_LOCK_ID: leased.lock_id });
  assert.equal(server.port, port);
  assert.equal((await home.leases()).filter((lease) => lease.project_path === dir).length, 1);
  await home.styxy('release', leased.lock_id);
});

test('the daemon is not asked where no dev server is to come', async (context) => {
  const idle = await homeOf(context);
  const dir = await worktree();
  const env = { ...idle.env(), STYXY: undefined };
  const port = ['--port', `${idle.last}`, '--strictPort'];
  const words = (...more) => ({ cwd: dir, env: { ...env, ...Object.assign({}, ...more) } });
  const built = await run(process.execPath, [program, 'build'], words());
  assert.equal(built.code, 0, built.stderr);
  for (const off of [{ STYXY: 'off' }, { VITEST: 'true' }]) {
    const server = new Program([program, ...port], words(off));
    assert.equal(await portOf(server), idle.last);
    assert.doesNotMatch(server.output, /styxy/i);
    await server.kill();
  }
  await configure(dir, '{ plugins: [styxy()] }');
  const preview = new Program([program, 'preview', ...port], words());
  assert.equal(await portOf(preview), idle.last);
  assert.doesNotMatch(preview.output, /styxy/i);
  await preview.kill();
  const driver = await Driver.start(dir, idle.env());
  const middleware = { server: { middlewareMode: true, hmr: false, ws: false } };
  assert.equal((await driver.tell('start', { name: 'middleware', config: middleware })).error, undefined);
  await driver.end();
  assert.deepEqual(await fs.readdir(idle.path), ['config.json']);
});

test('a preview gets a leased port when it is asked for, under its own service type', async () => {
  const dir = await worktree();
  const unbuilt = launch(dir, ['preview']);
  assert.equal((await unbuilt.closed).code, 1);
  assert.match(unbuilt.output, /does not exist/, "Vite's own words");
  assert.equal((await run(process.execPath, [program, 'build'], { cwd: dir, env: home.env() })).code, 0);
  const preview = await start(dir, ['preview']);
  const [, told] = await preview.prints(styxyLine);
  assert.equal(told, `port ${preview.port} is leased for preview`);
  assert.equal((await leaseOn(preview.port)).service_type, 'preview');
  assert.match(await page(preview.port), /leased port/);
});

test('without a daemon the server starts as without the plugin, with one warning', async (context) => {
  const dir = await worktree();
  const alone = await homeOf(context);
  const env = { STYXY_HOME: alone.path, STYXY_NO_AUTOSTART: '1' };
  const server = await start(dir, ['--port', `${alone.last}`], env);
  assert.equal(server.port, alone.last);
  await touch(server, dir);
  await page(server.port);
  assert.equal(server.output.match(/styxy: no port was leased/g).length, 1, server.output);
  assert.doesNotMatch(server.output, styxyLine);
});

test('a daemon that stops takes nothing from a running server, whether or not it may be started again', async (context) => {
  for (const more of [{}, { STYXY_NO_AUTOSTART: '1' }]) {
    const own = await homeOf(context);
    await own.styxy('daemon', 'start');
    await withhold(own, 5173);
    const dir = await worktree();
    const server = await start(dir, [], { STYXY_HOME: own.path, ...more });
    await own.styxy('daemon', 'stop');
    await touch(server, dir);
    await page(server.port);
    assert.doesNotMatch(server.output, /no port was leased/);
    await own.styxy('daemon', 'start');
    await touch(server, dir);
    await page(server.port);
  }
});

test("5173 is what Vite's server takes when nobody names a port, and any when the user names 0", async (context) => {
  const own = await homeOf(context);
  const resolved = async (config) => {
    const driver = await Driver.start(await worktree(), own.env());
    const { server } = await driver.tell('resolve', { config });
    await driver.end();
    assert.equal(server.strictPort, true);
    return server.port;
  };
  const any = await resolved({ server: { port: 0 } });
  assert.ok(any > own.first && any <= own.last, `${any}`);
  const port = await resolved({});
  assert.ok(port === 5173 || !(await isFree(5173)), `${port}`);
});

test('wrong options are told at once', async () => {
  const { default: styxy } = await import('../vite.mjs');
  const cases = [
    [{ prot: 3000 }, /styxy\/vite: unknown option prot; .*service, name, preview, project/],
    [{ serivce: 'dev' }, /unknown option serivce \(did you mean service\?\)/],
    [{ service: 3 }, /service is 3, not a string/],
    [{ preview: 'yes' }, /preview is "yes", not a boolean or a object|an object/],
    [{ preview: { port: 3 } }, /styxy\/vite: preview: unknown option port/],
    ['dev', /the options are "dev", not an object/],
  ];
  for (const [options, message] of cases) assert.throws(() => styxy(options), { name: 'TypeError', message });
  assert.deepEqual([styxy().name, styxy({ name: undefined }).apply], ['styxy', 'serve']);
});

test('a process whose servers are closed ends by itself, and a server ends on SIGTERM', async () => {
  const dir = await worktree();
  const driver = await Driver.start(dir, home.env());
  await driver.tell('start', { name: 'one', config: {} });
  await driver.tell('close', { name: 'one' });
  driver.child.disconnect();
  const [code, signal] = await once(driver.child, 'exit', { signal: AbortSignal.timeout(DEADLINE) });
  assert.deepEqual([code, signal], [0, null]);
  const server = await start(dir);
  const { code: ended } = await server.kill('SIGTERM');
  // Windows has no such signal: there Node ends the process from outside.
  assert.ok(ended === (process.platform === 'win32' ? null : 143) || ended === 0, `${ended}`);
  await areFree(home, [server.port]);
});
