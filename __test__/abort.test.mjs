// AbortSignals, blocks of ports, and the ways to name a lease to `release`.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { Home, eventually, notOnWindows } from './support.mjs';

const require = createRequire(import.meta.url);
let home, styxy;
// A named pipe answers a client only if the daemon's own code made it.
const skip = notOnWindows('the stand-in for the daemon serves a Unix socket');

before(async () => {
  home = await Home.make();
  const { STYXY_HOME, STYXY_BINARY, STYXY_AGENT } = home.env();
  Object.assign(process.env, { STYXY_HOME, STYXY_BINARY, STYXY_AGENT });
  for (const name of ['STYXY_INSTANCE', 'CLAUDE_PID', 'CLAUDE_CODE_SESSION_ID', 'STYXY_NO_AUTOSTART']) {
    delete process.env[name];
  }
  styxy = require('..');
});

beforeEach(() => styxy.cleanup({ force: true }));

after(() => home.end());

/** The error that `call` rejects with. */
async function rejected(call) {
  const answer = await call.then((value) => assert.fail(`it did not reject: ${JSON.stringify(value)}`), (error) => ({ error }));
  return answer.error;
}

/** What has happened to the leases of these names, until each has ended. */
async function story(...names) {
  const told = Object.fromEntries(names.map((name) => [name, []]));
  const left = new Set(names);
  // From the first event of the daemon on: a stream that opens now may come too late.
  for await (const { type, reason, lease } of styxy.events({ after: 0 })) {
    told[lease?.serviceName]?.push(reason ?? type);
    if (type === 'ended') left.delete(lease.serviceName);
    if (left.size === 0) break;
  }
  return told;
}

test('an aborted allocate rejects with the reason, and what was granted too late is given back', async () => {
  const [one, group] = [new AbortController(), new AbortController()];
  const calls = [
    styxy.allocate({ service: 'dev', name: 'one', signal: one.signal }),
    styxy.allocate([{ service: 'dev', name: 'two' }, { service: 'api', name: 'three' }], { signal: group.signal }),
  ];
  const settled = Promise.allSettled(calls);
  const why = new Error('changed my mind');
  one.abort();
  group.abort(why);
  const [first, second] = await settled;
  assert.equal(first.reason.name, 'AbortError');
  assert.equal(second.reason, why);
  const both = ['granted', 'released'];
  assert.deepEqual(await story('one', 'two', 'three'), { one: both, two: both, three: both });
  assert.deepEqual(await styxy.list(), []);
});

test('a signal that is aborted already asks for nothing, and one that is not, or not any more, changes nothing', async () => {
  const early = styxy.allocate({ service: 'dev', name: 'early', signal: AbortSignal.abort() });
  assert.equal((await rejected(early)).name, 'AbortError');
  const controller = new AbortController();
  const lease = await styxy.allocate({ service: 'dev', name: 'kept', signal: controller.signal });
  controller.abort();
  assert.deepEqual((await styxy.list()).map(({ lockId }) => lockId), [lease.lockId]);
  await lease.release();
  await (await styxy.allocate({ service: 'dev', name: 'early' })).release();
  const { kept, early: asked } = await story('kept', 'early');
  assert.deepEqual([kept, asked], [['granted', 'released'], ['granted', 'released']], 'the aborted one was never asked for');
  const own = await styxy.allocate({ service: 'dev', signal: null });
  const again = new AbortController();
  const call = styxy.allocate({ service: 'dev', reuse: true, signal: again.signal });
  again.abort();
  await rejected(call);
  await styxy.status();
  assert.deepEqual((await styxy.list()).map(({ lockId }) => lockId), [own.lockId], 'what was there before stays');
  assert.equal((await rejected(styxy.allocate({ service: 'dev', signal: 5 }))).details.field, 'signal');
});

test('a call to a daemon that never answers ends when it is aborted', { skip }, async (t) => {
  const socket = path.join(home.top, 'silent.sock');
  const silent = net.createServer(() => {}).listen(socket);
  t.after(() => silent.close());
  const client = styxy.connect({ socket, timeoutMs: 500 });
  const error = await rejected(client.allocate({ service: 'dev', signal: AbortSignal.timeout(20) }));
  assert.equal(error.name, 'TimeoutError');
});

test('an aborted listen leaves neither a lease nor a listening server, and a later abort closes the server, as in Node', async () => {
  for (const when of ['before', 'while it binds', 'once it listens']) {
    const [server, controller] = [http.createServer(), new AbortController()];
    const { listen } = server;
    server.listen = function aborted(...words) {
      if (when === 'while it binds') process.nextTick(() => controller.abort());
      return listen.apply(this, words);
    };
    const call = styxy.listen(server, { service: 'dev', host: '127.0.0.1', signal: controller.signal });
    if (when === 'before') controller.abort();
    if (when === 'once it listens') {
      await call;
      controller.abort();
    } else {
      assert.equal(await rejected(call), controller.signal.reason, when);
    }
    await eventually(`nothing is left: ${when}`, async () => !server.listening && (await styxy.list()).length === 0);
  }
});

test('an aborted stream of events rejects the reader that waits, and the next one', async () => {
  const controller = new AbortController();
  const stream = styxy.events({ signal: controller.signal });
  const waiting = stream.next();
  controller.abort();
  assert.equal(await rejected(waiting), controller.signal.reason);
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
  const early = styxy.events({ signal: AbortSignal.abort() });
  assert.equal((await rejected(early.next())).name, 'AbortError');
  const ended = new AbortController();
  const left = styxy.events({ signal: ended.signal });
  await left.return();
  ended.abort();
  assert.equal((await left.next()).done, true);
});

test('a lease is released by itself, by its id, or by its port', async () => {
  const [one, two, three] = await styxy.allocate([{ service: 'dev' }, { service: 'dev' }, { service: 'api' }]);
  assert.equal((await styxy.release(one)).port, one.port);
  assert.equal((await styxy.release(two.lockId)).port, two.port);
  assert.equal((await styxy.release(three.port)).port, three.port);
  assert.deepEqual(await styxy.list(), []);
  const [info] = [await styxy.allocate({ service: 'dev' }), await styxy.list()][1];
  assert.equal((await styxy.release(info)).port, info.port);
  const error = await rejected(styxy.release(info.port));
  assert.deepEqual([error.code, error.hint], ['unknown_lease', `styxy check ${info.port}`]);
  for (const [wrong, field] of [[3.5, 'port'], [70_000, 'port'], [null, 'lockId'], [{}, 'lockId'], ['x', 'lockId']]) {
    const refused = await rejected(styxy.release(wrong));
    assert.deepEqual([refused.code, refused.details.field], ['invalid_request', field]);
  }
});

test("a port does not release another project's lease, and its id does", async () => {
  const other = path.join(home.top, 'other');
  fs.mkdirSync(path.join(other, '.git'), { recursive: true });
  const own = await styxy.allocate({ service: 'dev', project: other });
  assert.equal((await styxy.release(own.port)).port, own.port, "this process' own");
  const theirs = await styxy.allocate({ service: 'dev', project: other, pid: process.ppid });
  const error = await rejected(styxy.release(theirs.port));
  assert.deepEqual([error.code, error.details.rule], ['forbidden', 'owner']);
  assert.equal(error.hint, `styxy release ${theirs.port} --force`);
  await styxy.release(theirs.lockId);
});

test('a block is consecutive ports, all or none, and is returned in a list', async () => {
  const block = await styxy.allocate({ service: 'dev', block: 3, port: home.first + 50 });
  assert.deepEqual(block.map(({ port }) => port), [home.first + 50, home.first + 51, home.first + 52]);
  assert.ok(block.every((lease) => lease instanceof styxy.Lease));
  const dry = await styxy.allocate({ service: 'dev', block: 2, dryRun: true });
  assert.deepEqual(dry.map(({ lockId }) => lockId), [null, null]);
  for (const lease of block) await lease.release();
  assert.deepEqual(await styxy.list(), []);
  for (const [call, field] of [
    [() => styxy.allocate({ service: 'dev', block: 1 }), 'block'],
    [() => styxy.allocate({ service: 'dev', block: 17 }), 'block'],
    [() => styxy.allocate([{ service: 'dev', block: 2 }]), '[0].block'],
    [() => styxy.listen(net.createServer(), { service: 'dev', block: 2 }), 'block'],
  ]) {
    const error = await rejected(call());
    assert.deepEqual([error.code, error.details.field], ['invalid_request', field]);
  }
});

test('a daemon that knows no blocks is no reason to have fewer ports', { skip }, async (t) => {
  const { message, ...rest } = await styxy.allocate({ service: 'dev' });
  const grant = {
    ...{ success: true, port: rest.port, lock_id: rest.lockId, service_type: 'dev', service_name: null, state: 'granted' },
    ...{ owner: { kind: 'listener' }, url: rest.url, reused: false, existing: false, reason: null, displaced_from: null, message },
  };
  const asked = [];
  const old = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    asked.push(`${request.method} ${request.url.split('/')[1]}`);
    response.setHeader('content-type', 'application/json');
    response.setHeader('styxy-api', '1');
    if (body.includes('"block"')) {
      response.statusCode = 400;
      const refusal = { success: false, error: 'unknown field "block"', code: 'invalid_request', hint: null };
      return response.end(JSON.stringify({ ...refusal, details: { field: 'block', unknown: true } }));
    }
    if (request.method === 'DELETE') return response.end('{"success": true, "port": 3000, "message": "Port 3000 released"}');
    return response.end(JSON.stringify(grant));
  });
  const socket = path.join(home.top, 'old.sock');
  old.listen(socket);
  t.after(() => old.close());
  const error = await rejected(styxy.connect({ socket }).allocate({ service: 'dev', block: 3 }));
  assert.deepEqual([error.code, error.hint, error.details.field], ['invalid_request', 'styxy daemon restart', 'block']);
  assert.deepEqual(asked, ['POST allocate', 'POST allocate', 'DELETE allocate']);
});
