// Web pages in a real browser: whatever they try, they learn nothing of the daemon and change nothing. Chromium is Debian's,
// or the one that CHROMIUM_PATH names; without it the test is skipped.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { missing, program as chromium } from './chromium.mjs';
import { DEADLINE, Home } from './support.mjs';

const skip =
  process.platform === 'linux' ? missing : 'only Linux has 127.0.0.2, which the name that is rebound leads to first';
const page = fs.readFileSync(new URL('fixtures/hostile-page.html', import.meta.url));
const SECRET = '/srv/nobody-may-learn-this';

let home, evil, relay, profile;
const reports = [];

before(async () => {
  if (skip) return;
  home = await Home.make();
  await home.styxy('daemon', 'start');
  evil = await pages('127.0.0.1', 0);
  // Where `rebind.example` leads first: the page is from there, and all that comes later reaches the daemon, as it would
  // after the name got another address. A browser sees one origin.
  relay = await listening(net.createServer(rebind), '127.0.0.2', home.first);
  profile = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-chromium-'));
});

after(async () => {
  if (skip) return;
  for (const server of [evil, relay]) server.close();
  evil.closeAllConnections();
  fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  await home.end();
});

async function listening(server, host, port) {
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** A server of the hostile page, which takes the reports too. */
function pages(host, port) {
  const answer = async (request, response) => {
    if (request.method === 'POST') reports.push(JSON.parse((await request.toArray()).join('')));
    evil.emit('report');
    // The next request is for whoever has the name by then.
    response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(request.method === 'GET' ? page : '');
  };
  return listening(http.createServer(answer), host, port);
}

function rebind(client) {
  client.once('data', (first) => {
    const place = first.includes('GET /page') ? evil.address().port : home.first;
    const server = net.connect(place, '127.0.0.1');
    // Before the pipe: what comes next, such as the body of this request, must not overtake its head.
    server.write(first);
    server.pipe(client).pipe(server);
    for (const end of [client, server]) end.on('error', () => [client, server].forEach((each) => each.destroy()));
  });
  client.on('error', () => {});
}

/** The addresses of the page by each of its origins, each of which leads to the next. */
function visits(lock) {
  const own = evil.address().port;
  const daemon = ['localhost', '127.0.0.1', '[::1]', 'rebind.example', 'localhost.evil.example'];
  const targets = daemon.map((name) => `http://${name}:${home.first}`);
  const report = `http://evil.example:${own}/report`;
  const rebound = `http://rebind.example:${home.first}`;
  const origins = ['evil.example', 'localhost'].map((name) => [`http://${name}:${own}`, targets]);
  // First, while no connection of the browser leads to the daemon by that name.
  origins.unshift([rebound, [rebound]]);
  let next = '';
  for (const [origin, attacked] of origins.reverse()) {
    const query = new URLSearchParams({ targets: attacked.join(' '), report, next, lock });
    next = `${origin}/page?${query}`;
  }
  return { first: next, origins: origins.map(([origin]) => origin) };
}

async function browse(url, isOver) {
  const names = 'MAP rebind.example 127.0.0.2, MAP *.example 127.0.0.1';
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-popup-blocking', '--no-proxy-server'];
  // What the browser itself keeps from pages is off: the daemon must not need it.
  flags.push('--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests', `--host-resolver-rules=${names}`);
  flags.push(`--user-data-dir=${profile}`, url);
  const browser = spawn(chromium, flags, { stdio: 'ignore', detached: true });
  const ended = once(browser, 'exit');
  const deadline = AbortSignal.timeout(DEADLINE);
  try {
    while (!isOver()) await once(evil, 'report', { signal: deadline });
  } finally {
    // Its own group: the browser has children.
    process.kill(-browser.pid, 'SIGKILL');
    await ended;
  }
}

/** How often the daemon refused by each rule. */
async function refusals() {
  const text = await (await fetch(`http://localhost:${home.first}/metrics`)).text();
  return Object.fromEntries([...text.matchAll(/code="forbidden",rule="(\w+)"\} (\d+)/g)].map(([, rule, count]) => [rule, Number(count)]));
}

test('hostile pages learn nothing and change nothing, also after a rebinding of their name', { skip, timeout: 2 * DEADLINE }, async () => {
  const post = async (route, body) => (await fetch(`http://localhost:${home.first}${route}`, { method: 'POST', body: JSON.stringify(body) })).json();
  const { lock_id: lock } = await post('/allocate', { service_type: 'web', project_path: SECRET });
  await post('/instance/register', { instance_id: 'session', pid: process.pid });
  const state = async () => {
    const ask = async (route) => (await fetch(`http://localhost:${home.first}${route}`)).json();
    const [{ pid }, leases, { instances }] = await Promise.all(['/status', '/allocations', '/instance/list'].map(ask));
    return { pid, leases, instances };
  };
  const before = await state();
  const { first, origins } = visits(lock);
  await browse(first, () => reports.length === origins.length);
  assert.deepEqual(reports.map(({ origin }) => origin).sort(), origins.sort());
  for (const { origin, tried, learnt } of reports) {
    assert.ok(tried >= 40, `${origin}: ${tried}`);
    // A page whose name was rebound reads that it is refused; the others read nothing at all.
    const refused = (said) => origin.includes('rebind') && /: (403 \{"success":false.*"code":"forbidden"|403 $|\{"success":false.*"code":"forbidden")/.test(said);
    assert.deepEqual(learnt.filter((said) => !refused(said) || said.includes(SECRET)), [], origin);
  }
  assert.deepEqual(await state(), before, 'a page changed something');
  const counts = await refusals();
  // The attacks reached the daemon: it refused them, and not the browser.
  for (const rule of ['host', 'origin', 'sec_fetch_site']) assert.ok(counts[rule] > 10, `${rule}: ${JSON.stringify(counts)}`);
});
