// `styxy.listen`: a server that listens on a leased port, and a lease that ends with the server.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Home, eventually } from './support.mjs';

const require = createRequire(import.meta.url);
let home, styxy;

before(async () => {
  home = await Home.make();
  Object.assign(process.env, { STYXY_HOME: home.path, STYXY_BINARY: home.env().STYXY_BINARY });
  for (const name of ['STYXY_INSTANCE', 'CLAUDE_PID', 'CLAUDE_CODE_SESSION_ID', 'STYXY_NO_AUTOSTART']) {
    delete process.env[name];
  }
  styxy = require('..');
});

beforeEach(() => styxy.cleanup({ force: true }));

after(() => home.end());

/** The refusal that `call` rejects with. */
async function refused(call) {
  try {
    const answer = await call;
    return assert.fail(`it was not refused: ${JSON.stringify(answer)}`);
  } catch (error) {
    assert.ok(error instanceof styxy.StyxyError, error.stack);
    return error;
  }
}

test('listen leases a port, listens, and gives it back when the server closes', async () => {
  const server = http.createServer((_, response) => response.end('here'));
  const lease = await styxy.listen(server, { service: 'api' });
  assert.equal(server.address().port, lease.port);
  assert.equal(await (await fetch(lease.url)).text(), 'here');
  assert.equal(lease.running, null);
  const active = await eventually('active', async () => (await styxy.list({ port: lease.port })).find(({ state }) => state === 'active'));
  const { pid, process: name, container } = active.listener;
  assert.deepEqual([pid, typeof name, container], [process.pid, 'string', null]);
  server.close();
  server.closeAllConnections();
  await eventually('released', async () => (await styxy.list()).length === 0);
});

test('a lease says which port another server of its name has', async () => {
  const server = http.createServer();
  const first = await styxy.listen(server, { service: 'api', name: 'twice' });
  await eventually('active', async () => (await styxy.list({ port: first.port }))[0]?.state === 'active');
  const second = await styxy.allocate({ service: 'api', name: 'twice' });
  assert.equal(second.running, first.port);
  const [waiting] = await styxy.list({ port: second.port });
  assert.equal(waiting.listener, null, 'nothing listens');
  server.close();
  await eventually('released', async () => (await styxy.list()).length === 1);
});

test('a server is what listens as one does, as in Bun, whose servers are not instances of net.Server', async () => {
  const inner = http.createServer();
  const server = {
    get listening() {
      return inner.listening;
    },
    listen: (...words) => inner.listen(...words),
    close: () => inner.close(),
    once: (...words) => inner.once(...words),
    on: (...words) => inner.on(...words),
    removeListener: (...words) => inner.removeListener(...words),
  };
  const lease = await styxy.listen(server, { service: 'api' });
  assert.equal(inner.address().port, lease.port);
  inner.close();
  await eventually('released', async () => (await styxy.list()).length === 0);
});

test('listen goes on to another port when one is stolen, and insists if it is told to', async () => {
  // The daemon has granted the port before the thief binds it: the server's own listen is when it shows.
  const steal = (server, times) => {
    const thieves = [];
    const { listen } = server;
    server.listen = function stolen(options, ...rest) {
      if (thieves.length >= times) return listen.call(this, options, ...rest);
      const thief = net.createServer();
      thieves.push(thief);
      thief.listen({ port: options.port }, () => listen.call(this, options, ...rest));
      return this;
    };
    return thieves;
  };
  const server = net.createServer();
  const thieves = steal(server, 3);
  const lease = await styxy.listen(server, { service: 'dev', port: home.last, requestId: 'once', reuse: true });
  const lost = thieves.map((thief) => thief.address().port);
  assert.equal(new Set([...lost, lease.port]).size, 4);
  assert.deepEqual([lost[0], server.address().port], [home.last, lease.port]);
  assert.deepEqual((await styxy.list()).map(({ port }) => port), [lease.port], 'a stolen port is still leased');
  for (const open of [server, ...thieves]) open.close();
  await eventually('released', async () => (await styxy.list()).length === 0);

  const insists = net.createServer();
  const winners = steal(insists, 1);
  const error = await refused(styxy.listen(insists, { service: 'dev', port: home.last, exact: true }));
  for (const open of winners) open.close();
  assert.deepEqual([error.code, error.cause.code], ['port_unavailable', 'EADDRINUSE']);
  assert.deepEqual(await styxy.list(), []);
});

test('a second server of this process gets a port of its own, and the first one keeps its lease', async () => {
  const [one, two] = [net.createServer(), net.createServer()];
  const first = await styxy.listen(one, { service: 'api', reuse: true });
  const second = await styxy.listen(two, { service: 'api', reuse: true });
  assert.notEqual(first.port, second.port);
  assert.deepEqual((await styxy.list()).map(({ lockId }) => lockId).sort(), [first.lockId, second.lockId].sort());
  for (const server of [one, two]) server.close();
  await eventually('released', async () => (await styxy.list()).length === 0);
});

test('listen refuses what is no server, and a failed listen leaves no lease', async () => {
  const listening = net.createServer().listen(0);
  await once(listening, 'listening');
  for (const [server, options, field] of [
    [undefined, { service: 'dev' }, 'server'],
    [{}, { service: 'dev' }, 'server'],
    [Object.assign(() => {}, { listen() {} }), { service: 'dev' }, 'server'],
    [listening, { service: 'dev' }, 'server'],
    [net.createServer(), { service: 'dev', host: 5 }, 'host'],
    [net.createServer(), { service: 'dev', dryRun: true }, 'dryRun'],
    [net.createServer(), undefined, 'service'],
    [net.createServer(), null, 'options'],
  ]) {
    const error = await refused(styxy.listen(server, options));
    assert.deepEqual([error.code, error.details.field], ['invalid_request', field], error.message);
  }
  listening.close();
  const nowhere = styxy.listen(net.createServer(), { service: 'dev', host: '192.0.2.1' });
  await assert.rejects(nowhere, { code: 'EADDRNOTAVAIL' });
  assert.deepEqual(await styxy.list(), []);
});

test('the workers of a cluster listen on one port, which is the primary\'s', async (t) => {
  const fixture = fileURLToPath(new URL('fixtures/cluster.cjs', import.meta.url));
  const primary = spawn(process.execPath, [fixture], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.after(() => primary.kill('SIGKILL'));
  const [{ ports }] = await once(primary, 'message');
  assert.equal(new Set(ports).size, 1, `${ports}`);
  assert.equal(await (await fetch(`http://localhost:${ports[0]}`)).text(), 'here');
  const [lease, ...others] = await styxy.list();
  assert.deepEqual([lease.port, lease.owner.pid, others], [ports[0], primary.pid, []]);
  primary.kill();
  await eventually('over', async () => (await styxy.list()).length === 0);
});
