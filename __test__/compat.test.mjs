// Today's addon and a daemon of an old version, whose program STYXY_OLD_BIN names; `npm run test:compat` builds one.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { Home, eventually, root, run } from './support.mjs';

const old = process.env.STYXY_OLD_BIN;
const skip = old ? false : 'STYXY_OLD_BIN names no program; npm run test:compat builds one';
const require = createRequire(import.meta.url);
let home, styxy;

before(async () => {
  if (skip) return;
  home = await Home.make();
  const { code, stderr } = await run(old, ['daemon', 'start'], { env: home.env() });
  assert.equal(code, 0, stderr);
  styxy = require('..').connect({ home: home.path, autoStart: false });
});

after(() => home?.end());

test('leases are granted, listed, told and released', { skip }, async () => {
  const events = styxy.events();
  const lease = await styxy.allocate({ service: 'dev', name: 'web' });
  assert.deepEqual([lease.serviceType, lease.serviceName, lease.state, lease.owner.kind], ['dev', 'web', 'granted', 'process']);
  const [granted] = [(await events.next()).value];
  assert.deepEqual([granted.type, granted.lease.lockId], ['granted', lease.lockId]);
  const [listed] = await styxy.list({ port: lease.port });
  assert.deepEqual([listed.lockId, listed.projectPath], [lease.lockId, root]);
  assert.equal((await styxy.allocate({ service: 'dev', name: 'web', reuse: true })).lockId, lease.lockId);
  const group = await styxy.allocate([{ service: 'dev' }, { service: 'api' }]);
  assert.equal(group.length, 2);
  assert.equal((await styxy.allocate({ service: 'api', dryRun: true })).lockId, null);
  await lease.release();
  await assert.rejects(styxy.release(lease.lockId), { code: 'lease_ended' });
  await events.return();
});

test('a server on a leased port is seen', { skip }, async () => {
  const server = net.createServer();
  const { port } = await styxy.listen(server, { service: 'dev', host: '127.0.0.1' });
  const { available, allocatedTo, systemUsage } = await styxy.check(port);
  assert.deepEqual([available, allocatedTo.port, systemUsage.pid], [false, port, process.pid]);
  await assert.rejects(styxy.allocate({ service: 'api', port, exact: true }), { code: 'port_unavailable' });
  const { portsInUse } = await styxy.scan({ start: home.first, end: home.last });
  assert.ok(portsInUse.some((used) => used.port === port));
  server.close();
  await eventually('the lease ends', async () => (await styxy.list({ port })).length === 0);
});

test('sessions are registered, counted and ended', { skip }, async () => {
  const { heartbeatInterval } = await styxy.register({ instanceId: 'a', metadata: { any: [1, null] } });
  assert.ok(heartbeatInterval > 0);
  await styxy.heartbeat('a');
  const [instance] = await styxy.instances();
  assert.deepEqual([instance.instanceId, instance.metadata], ['a', { any: [1, null] }]);
  await styxy.unregister('a');
  assert.equal((await styxy.suggest('dev', { count: 2 })).suggestions.length, 2);
  const status = await styxy.status();
  assert.deepEqual([status.apiVersion, status.instances], [1, 0]);
  assert.ok((await styxy.cleanup({ force: true })).released.length > 0);
});
