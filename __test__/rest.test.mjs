// The REST API as any program may use it: plain fetch over TCP, no library.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';

import { DEADLINE, Home, eventually } from './support.mjs';

let home, base, token;

before(async () => {
  home = await Home.make();
  base = `http://localhost:${home.first}`;
  await home.styxy('daemon', 'start');
  token = await home.headers();
});

after(() => home.end());

async function ask(method, route, body, headers) {
  const response = await fetch(base + route, {
    method,
    headers: { ...token, ...headers },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE),
  });
  assert.equal(response.headers.get('content-type'), 'application/json', `${method} ${route}`);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(response.headers.get('access-control-allow-origin'), null);
  return { status: response.status, json: await response.json() };
}

async function allocate(more = {}) {
  const { status, json } = await ask('POST', '/allocate', { service_type: 'web', ...more });
  assert.equal(status, 200, json.error);
  return json;
}

async function leaseOf({ lock_id: id }) {
  const { json } = await ask('GET', '/allocations');
  return json.allocations.find((lease) => lease.lock_id === id);
}

async function release({ lock_id: id }) {
  const { status, json } = await ask('DELETE', `/allocate/${id}`);
  assert.equal(status, 200, json.error);
}

/** The events from now on, one after the other. */
async function* events(headers) {
  const ended = new AbortController();
  const response = await fetch(`${base}/events`, { headers: { ...token, ...headers }, signal: ended.signal });
  assert.equal(response.status, 200);
  yield 'connected';
  let text = '';
  try {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2)));
        if (fields.event) yield { id: Number(fields.id), name: fields.event, data: JSON.parse(fields.data) };
      }
    }
  } finally {
    ended.abort();
  }
}

async function next(stream) {
  const { value, done } = await stream.next();
  assert.ok(!done, 'the stream ended');
  return value;
}

async function connected(headers) {
  const stream = events(headers);
  assert.equal(await next(stream), 'connected');
  return stream;
}

test('fetch gets a port, and what it sends by itself is no reason to refuse', async () => {
  const lease = await allocate({ service_name: 'front' });
  assert.ok(lease.port > home.first && lease.port <= home.last);
  assert.equal(lease.url, `http://localhost:${lease.port}`);
  assert.deepEqual([lease.success, lease.state, lease.service_name], [true, 'granted', 'front']);
  await release(lease);
  assert.equal(await leaseOf(lease), undefined);
});

test('both loopback addresses are served', async () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const response = await fetch(`http://${host}:${home.first}/status`, { headers: token });
    assert.equal((await response.json()).status, 'running', host);
  }
});

test("a Node server on the port makes the lease active, and its port stays its own", async () => {
  const lease = await allocate();
  const server = http.createServer((_, response) => response.end('here'));
  server.listen(lease.port);
  await once(server, 'listening');
  try {
    const active = await eventually('active', async () => {
      const seen = await leaseOf(lease);
      return seen?.state === 'active' && seen;
    });
    assert.deepEqual([active.owner.kind, active.owner.pid], ['listener', process.pid]);
    const exact = await ask('POST', '/allocate', { service_type: 'web', port: lease.port, exact: true });
    assert.deepEqual([exact.status, exact.json.code], [409, 'port_unavailable']);
    assert.equal(await (await fetch(lease.url)).text(), 'here');
  } finally {
    server.close();
    server.closeAllConnections();
  }
  await release(lease);
});

test("a server's end is its lease's", async () => {
  const lease = await allocate();
  const script = `require('node:http').createServer().listen(${lease.port}, () => console.log('ready'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    await eventually('active', async () => (await leaseOf(lease))?.owner.pid === child.pid);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await eventually('ended', async () => !(await leaseOf(lease)));
});

test("a process's end is the end of what it owns", async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const lease = await allocate({ pid: child.pid });
  assert.deepEqual([lease.owner.kind, lease.owner.pid], ['process', child.pid]);
  const stream = await connected();
  child.kill('SIGKILL');
  await once(child, 'exit');
  for await (const event of stream) {
    if (event.data.lease?.lock_id !== lease.lock_id) continue;
    assert.deepEqual([event.name, event.data.reason], ['ended', 'owner_exited']);
    break;
  }
  assert.equal(await leaseOf(lease), undefined);
});

test('the events of a lease come in order, and from where a reader left off', async () => {
  const stream = await connected();
  const lease = await allocate();
  await release(lease);
  const [granted, ended] = [await next(stream), await next(stream)];
  await stream.return();
  assert.deepEqual([granted.name, ended.name], ['granted', 'ended']);
  assert.ok(granted.id < ended.id);
  for (const event of [granted, ended]) {
    assert.equal(event.id, event.data.seq);
    assert.equal(event.data.lease.lock_id, lease.lock_id);
  }
  const again = await connected({ 'Last-Event-ID': String(granted.id) });
  assert.deepEqual(await next(again), ended);
  await again.return();
  const future = await connected({ 'Last-Event-ID': '1000000000' });
  assert.equal((await next(future)).name, 'reset');
  await future.return();
});

test('every refusal is JSON with a code and a sentence', async () => {
  const cases = [
    ['POST', '/allocate', '', 400, 'invalid_request'],
    ['POST', '/allocate', '{"service_type":', 400, 'invalid_request'],
    ['POST', '/allocate', { service_type: 'web', port: 70_000 }, 400, 'invalid_request'],
    ['POST', '/allocate', { service_type: 'web', prot: 3000 }, 400, 'invalid_request'],
    ['POST', '/allocate', { service_type: 'web', metadata: 'x'.repeat(17 * 1024) }, 413, 'body_too_large'],
    ['DELETE', '/allocate/00000000-0000-4000-8000-000000000000', undefined, 404, 'unknown_lease'],
    ['GET', '/check/3.5', undefined, 400, 'invalid_request'],
    ['GET', '/nothing/here', undefined, 404, 'unknown_route'],
    ['PUT', '/status', '{}', 405, 'method_not_allowed'],
    ['POST', '/shutdown', '{}', 404, 'unknown_route'],
  ];
  for (const [method, route, body, status, code] of cases) {
    const answer = await ask(method, route, body);
    assert.deepEqual([answer.status, answer.json.code, answer.json.success], [status, code, false], `${method} ${route}`);
    assert.ok(answer.json.error.length > 0);
  }
  const form = new FormData();
  form.set('service_type', 'web');
  const multipart = await fetch(`${base}/allocate`, { method: 'POST', headers: token, body: form });
  assert.deepEqual([multipart.status, (await multipart.json()).code], [415, 'unsupported_media_type']);
});

test('a web page is refused', async () => {
  // fetch may not set Host, Origin and the like as a browser does; node:http may.
  const get = (headers) =>
    new Promise((resolve, reject) => {
      const ask = { host: '127.0.0.1', port: home.first, path: '/status', headers: { ...token, ...headers } };
      const request = http.get(ask, async (response) => {
        const chunks = await response.toArray();
        resolve({ status: response.statusCode, json: JSON.parse(Buffer.concat(chunks)) });
      });
      request.once('error', reject);
    });
  const cases = [
    [{ Host: `evil.example:${home.first}` }, 'host'],
    [{ Origin: base }, 'origin'],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 'sec_fetch_site'],
    [{ Referer: `${base}/` }, 'referer'],
  ];
  for (const [headers, rule] of cases) {
    const { status, json } = await get(headers);
    assert.deepEqual([status, json.code, json.details.rule], [403, 'forbidden', rule]);
  }
  assert.equal((await get({})).status, 200);
});
