// The REST API as any program may use it: plain fetch over TCP, no library.
// The binary is STYXY_BINARY, or the one that `cargo build` leaves.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? path.join(here, '..', 'target');
const program = process.platform === 'win32' ? 'styxy.exe' : 'styxy';
const binary = path.resolve(process.env.STYXY_BINARY ?? path.join(target, 'debug', program));

// No condition takes longer, on the slowest machine.
const DEADLINE = 30_000;
// Ports of this run alone, in the grid of the Rust tests: so many in a row, the first of them the daemon's.
const FROM = 20_000;
const BLOCK = 200;
const BLOCKS = 60;

let home, top, claim, first, base;

before(async () => {
  await fs.access(binary).catch(() => assert.fail(`${binary} is not there: cargo build, or set STYXY_BINARY`));
  top = await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-'));
  home = path.join(top, 'home');
  await fs.mkdir(home, { mode: 0o700 });
  ({ claim, first } = await claimPorts());
  const config = {
    listen_port: first,
    overflow_range: null,
    service_types: { web: { range: [first + 1, first + BLOCK - 1] } },
  };
  await fs.writeFile(path.join(home, 'config.json'), JSON.stringify(config));
  base = `http://localhost:${first}`;
  await styxy('daemon', 'start');
});

after(async () => {
  await styxy('daemon', 'stop');
  claim?.close();
  await fs.rm(top, { recursive: true, force: true });
});

/** Runs the command to its end and gives what it printed. */
async function styxy(...words) {
  const env = { ...process.env, STYXY_HOME: home, NO_COLOR: '1' };
  for (const name of ['STYXY_INSTANCE', 'CLAUDE_PID', 'CLAUDE_CODE_SESSION_ID', 'STYXY_NO_AUTOSTART']) delete env[name];
  const child = spawn(binary, words, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: DEADLINE });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes) => (stdout += bytes));
  child.stderr.on('data', (bytes) => (stderr += bytes));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, `styxy ${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** Finds ports in a row that nobody listens on; a UDP socket on the first keeps other runs off them. */
async function claimPorts() {
  for (let turn = 0; turn < BLOCKS; turn += 1) {
    const first = FROM + ((process.pid + turn) % BLOCKS) * BLOCK;
    const claim = dgram.createSocket('udp4');
    const claimed = await new Promise((resolve) => {
      claim.once('error', () => resolve(false));
      claim.bind(first, '127.0.0.1', () => resolve(true));
    });
    const ports = Array.from({ length: BLOCK }, (_, offset) => first + offset);
    if (claimed && (await Promise.all(ports.map(isFree))).every(Boolean)) return { claim, first };
    claim.close();
  }
  return assert.fail('no ports in a row are free on this machine');
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/** What `look` gives as soon as that is something. */
async function eventually(what, look) {
  const deadline = Date.now() + DEADLINE;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < deadline, `never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function ask(method, route, body, headers) {
  const response = await fetch(base + route, {
    method,
    headers,
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
  const response = await fetch(`${base}/events`, { headers, signal: ended.signal });
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
  assert.ok(lease.port > first && lease.port < first + BLOCK);
  assert.equal(lease.url, `http://localhost:${lease.port}`);
  assert.deepEqual([lease.success, lease.state, lease.service_name], [true, 'granted', 'front']);
  await release(lease);
  assert.equal(await leaseOf(lease), undefined);
});

test('both loopback addresses are served', async () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const response = await fetch(`http://${host}:${first}/status`);
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
  const multipart = await fetch(`${base}/allocate`, { method: 'POST', body: form });
  assert.deepEqual([multipart.status, (await multipart.json()).code], [415, 'unsupported_media_type']);
});

test('a web page is refused', async () => {
  // fetch may not set Host, Origin and the like as a browser does; node:http may.
  const get = (headers) =>
    new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port: first, path: '/status', headers }, async (response) => {
        const chunks = await response.toArray();
        resolve({ status: response.statusCode, json: JSON.parse(Buffer.concat(chunks)) });
      });
      request.once('error', reject);
    });
  const cases = [
    [{ Host: `evil.example:${first}` }, 'host'],
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
