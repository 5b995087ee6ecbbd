// The live view in a real browser: what it shows and how soon, that names of others stay text, that it asks nobody else, and that
// no other page learns of it. Without Chromium the tests are skipped.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Chromium, missing } from './chromium.mjs';
import { DEADLINE, Home, eventually, root } from './support.mjs';

const skip = missing || (process.platform !== 'linux' && 'the token of the view there is tested by itself');
const options = { skip, timeout: 4 * DEADLINE };
const LEASES = 100;
const LISTENERS = 500;
/**
 * How soon something must be seen, in milliseconds, on the best of some tries, where an empty page is painted within 25 ms. Where
 * that takes longer the machine is busy, and everything may take as much longer.
 */
const SOON = 300;
const EMPTY = 25;
const TRIES = 5;

let home, browser, url;

before(async () => {
  if (skip) return;
  home = await Home.make();
  await home.styxy('daemon', 'start');
  url = `http://localhost:${home.first}/`;
  browser = await Chromium.start();
});

after(async () => {
  if (skip) return;
  await browser.end();
  await home.end();
});

async function ask(method, route, body) {
  const answer = await fetch(new URL(route, url), { method, body: body && JSON.stringify(body) });
  assert.equal(answer.status, 200, `${method} ${route}`);
  return answer.json();
}

const allocate = (body) => ask('POST', '/allocate', { service_type: 'web', ...body });
const release = ({ lock_id: id }) => ask('DELETE', `/allocate/${id}`);

let tabs = [];

/** A new tab, until the test is over: a page that is left open asks at each event. */
async function tabbed() {
  const tab = await browser.tab();
  tabs.push(tab);
  return tab;
}

afterEach(async () => {
  await Promise.all(tabs.map((tab) => tab.close()));
  tabs = [];
});

/** The page, when it shows what is there. */
async function opened() {
  const tab = await tabbed();
  await tab.open(url);
  await tab.until("document.getElementById('main').getAttribute('aria-busy') === 'false'");
  return tab;
}

const rows = '[...document.querySelectorAll("#services tr:has(td)")]';
const row = (port) => `${rows}.find((row) => row.cells[0].textContent === '${port}')`;

test('with 500 listeners and 100 leases the page is there at once, and so is the end of a lease', options, async () => {
  const servers = Array.from({ length: LISTENERS }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const leases = [];
  for (let count = 0; count < LEASES; count += 1) leases.push(await allocate({ project_path: `/srv/shop-${count % 20}` }));
  const tab = await tabbed();
  // When the rows of the table were painted, by the page's own clock.
  const source = `new MutationObserver((_, observer) => {
    if (document.querySelectorAll('#services td').length === 0) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => (window.shown = performance.now())));
  }).observe(document, { childList: true, subtree: true });`;
  await tab.send('Page.addScriptToEvaluateOnNewDocument', { source });
  const paint = async () => {
    await tab.until("performance.getEntriesByName('first-contentful-paint').length > 0");
    return tab.get("performance.getEntriesByName('first-contentful-paint')[0].startTime");
  };
  const [empty, painted, shown] = [[], [], []];
  for (let turn = 0; turn < TRIES; turn += 1) {
    await tab.open('data:text/html,<p>empty');
    empty.push(await paint());
    await tab.open(url);
    painted.push(await paint());
    await tab.until(`window.shown && ${rows}.length >= ${LEASES}`);
    shown.push(await tab.get('window.shown'));
  }
  await tab.get("document.getElementById('others').hidden || document.getElementById('others').click()");
  await tab.until(`${rows}.length >= ${LEASES + LISTENERS}`);
  const gone = [];
  for (const lease of leases.splice(0, TRIES)) {
    // The page's clock and ours are the same: both count from 1970.
    const isGone = tab.get(`new Promise((done) => {
      const look = () => (${row(lease.port)} ? requestAnimationFrame(look) : done(performance.timeOrigin + performance.now()));
      look();
    })`);
    await release(lease);
    const begun = performance.timeOrigin + performance.now();
    gone.push((await isGone) - begun);
  }
  const said = (times) => times.map(Math.round).join(' ');
  const limit = Math.max(1, Math.min(...empty) / EMPTY) * SOON;
  const facts = `an empty page ${said(empty)}; first paint ${said(painted)}; all rows ${said(shown)}; a lease's end ${said(gone)} ms`;
  console.log(facts);
  for (const times of [painted, gone]) assert.ok(Math.min(...times) <= limit, facts);
  // A daemon that was built for tests takes its time to look at them all.
  assert.ok(Math.min(...shown) <= 2 * limit, facts);
  assert.deepEqual(tab.errors, []);
  for (const server of servers) server.close();
  await Promise.all(leases.map(release));
});

test('what others call themselves stays text, and the page asks nobody but its daemon', options, async () => {
  const hostile = ['<script>window.hacked = 1</script>', '<img src=x onerror="window.hacked=1">', '"><svg onload=hacked=1>', '\u202egnp.exe'];
  const leases = await Promise.all(hostile.map((name) => allocate({ project_path: `/srv/${name}` })));
  await ask('POST', '/instance/register', { instance_id: 'session', working_directory: `/srv/${hostile[1]}`, pid: process.pid });
  const tab = await opened();
  for (const name of hostile) await tab.until(`document.body.textContent.includes(${JSON.stringify(`/srv/${name}`)})`);
  assert.equal(await tab.get('window.hacked'), undefined);
  assert.equal(await tab.get('document.querySelectorAll("main img, main svg, main script").length'), 0);
  const links = await tab.get('[...document.querySelectorAll("a[href]")].map((link) => link.href)');
  for (const link of links) assert.match(link, /^http:\/\/([a-z\d-]+\.)*localhost:\d+\/$/);
  const asked = tab.requests.filter((address) => !address.startsWith(url));
  assert.deepEqual(asked.filter((address) => address !== 'about:blank'), []);
  assert.deepEqual(tab.errors, [], 'no file is missing, and the policy forbids nothing that the page does');
  await ask('DELETE', '/instance/session');
  await Promise.all(leases.map(release));
});

test('a server that comes and goes is drawn and said, and the row keeps its focus', options, async () => {
  const [lease, other] = [await allocate({ service_name: 'shown', project_path: '/srv/shop' }), await allocate({})];
  const tab = await opened();
  await tab.until(`${row(lease.port)}?.className === 'granted'`);
  await tab.get(`${row(lease.port)}.querySelector('button').focus()`);
  const server = net.createServer().listen(other.port, '127.0.0.1');
  await once(server, 'listening');
  await tab.until(`${row(other.port)}.className === 'active'`);
  const cells = await tab.get(`[...${row(other.port)}.cells].map((cell) => cell.textContent)`);
  assert.equal(cells[1], 'web');
  assert.match(cells[3], new RegExp(`\\(${process.pid}\\)`));
  assert.match(cells[4], /^\d+ MB$/);
  assert.equal(await tab.get('document.activeElement.title'), `styxy release ${lease.port}`);
  assert.match(await tab.get("document.getElementById('news').textContent"), new RegExp(`^web on port ${other.port} is up$`));
  server.close();
  await tab.until(`document.getElementById('news').textContent.startsWith('web on port ${other.port}') && !${row(other.port)}?.classList.contains('active')`);
  await release(lease);
  await tab.until(`!${row(lease.port)}`);
});

test('it is searched and used by keys, copies commands, and has names for a screen reader', options, async () => {
  const leases = await Promise.all(['one', 'two', 'three'].map((name) => allocate({ service_name: name, project_path: '/srv/shop' })));
  const tab = await opened();
  await tab.until(`${row(leases[2].port)}`);
  await browser.send('Browser.grantPermissions', { permissions: ['clipboardReadWrite', 'clipboardSanitizedWrite'], origin: url });
  await tab.press('/');
  await tab.send('Input.insertText', { text: 'web/tw' });
  await tab.until(`${rows}.length === 1 && document.getElementById('summary').textContent.endsWith('1 found')`);
  await tab.press('Escape');
  await tab.until(`${rows}.length >= 3`);
  await tab.get(`${row(leases[0].port)}.querySelector('button').focus()`);
  await tab.press('ArrowDown');
  assert.equal(await tab.get('document.activeElement.getAttribute("aria-label")'), `Copy: styxy release ${leases[1].port}`);
  await tab.get('document.activeElement.click()');
  await tab.until(`document.getElementById('news').textContent === 'Copied: styxy release ${leases[1].port}'`);
  const { nodes } = await tab.send('Accessibility.getFullAXTree');
  const named = (role) => nodes.filter((node) => node.role?.value === role && !node.ignored).map((node) => node.name?.value);
  assert.deepEqual(named('table'), ['Services by repository and worktree']);
  assert.deepEqual(named('columnheader').slice(0, 3), ['Port', 'Service', 'State']);
  assert.ok(named('rowheader').some((name) => name.includes('/srv/shop')), String(named('rowheader')));
  assert.ok(named('searchbox').length === 1 && named('status').length === 1);
  await Promise.all(leases.map(release));
});

test('a daemon that is gone is said, and the next one is found', options, async () => {
  const tab = await opened();
  await home.styxy('daemon', 'stop');
  await tab.until("document.getElementById('trouble').textContent.includes('lost') && document.body.classList.contains('lost')");
  await home.styxy('daemon', 'start');
  const lease = await allocate({});
  await tab.until(`document.getElementById('trouble').hidden && ${row(lease.port)}`);
  await release(lease);
  await tab.until(`!${row(lease.port)}`);
});

test('it is dark where that is wished for', options, async () => {
  const tab = await opened();
  const colour = async (scheme) => {
    await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    const [red] = (await tab.get('getComputedStyle(document.body).backgroundColor')).match(/\d+/g);
    return Number(red);
  };
  assert.ok((await colour('light')) > 200);
  assert.ok((await colour('dark')) < 60);
});

/** Everything that a page can try to reach the view, and what it learnt. */
const ATTACK = `async (target) => {
  const learnt = [];
  const paths = ['/', '/view', '/events', '/view/page.js', '/view/style.css', '/view/icon.svg', '/allocations', '/status'];
  const note = (what, said) => learnt.push(what + ': ' + String(said).slice(0, 80));
  const loads = (node, what) => new Promise((done) => {
    node.onload = () => done(note(what, 'loaded'));
    node.onerror = () => done();
    document.body.append(node);
  });
  const until = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 1000))]);
  for (const path of paths) {
    const address = target + path;
    for (const mode of ['cors', 'no-cors']) {
      for (const method of ['GET', 'POST']) {
        const answer = await fetch(address, { mode, method, referrerPolicy: 'no-referrer' }).catch(() => null);
        if (answer && answer.type !== 'opaque') note(mode + ' ' + method + ' ' + path, await answer.text());
      }
    }
    await until(loads(Object.assign(document.createElement('script'), { src: address }), 'script ' + path));
    await until(loads(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: address }), 'style ' + path));
    await until(loads(Object.assign(document.createElement('img'), { src: address }), 'image ' + path));
    const source = new EventSource(address);
    await until(new Promise((done) => { source.onopen = () => done(note('stream ' + path, 'opened')); source.onerror = done; }));
    source.close();
  }
  const frame = Object.assign(document.createElement('iframe'), { src: target + '/' });
  await until(new Promise((done) => { frame.onload = done; document.body.append(frame); }));
  try { note('frame', frame.contentDocument.body.textContent); } catch {}
  const opened = window.open(target + '/');
  await new Promise((done) => setTimeout(done, 500));
  try { if (opened) note('window', opened.document.body.textContent); } catch {}
  try { if (opened?.length > 0) note('window', opened.length); } catch {}
  return learnt;
}`;

test('a page of another origin learns nothing of it and changes nothing', options, async () => {
  const lease = await allocate({ project_path: '/srv/secret' });
  const state = async () => JSON.stringify([await ask('GET', '/allocations'), (await ask('GET', '/status')).pid]);
  const before = await state();
  const refused = async () => {
    const text = await (await fetch(new URL('/metrics', url))).text();
    return Number(text.match(/code="forbidden",rule="sec_fetch_site"\} (\d+)/)?.[1] ?? 0);
  };
  const [app] = [http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<body>')).listen(0, '127.0.0.1')];
  await once(app, 'listening');
  const counted = await refused();
  for (const name of ['localhost', '127.0.0.1']) {
    const tab = await tabbed();
    await tab.open(`http://${name}:${app.address().port}/`);
    await tab.until('document.body !== null && location.port');
    const learnt = await tab.get(`(${ATTACK})('${url.slice(0, -1)}')`);
    assert.deepEqual(learnt, [], name);
  }
  assert.ok((await refused()) - counted > 40, 'the attacks reached the daemon: it refused them, and not the browser');
  assert.equal(await state(), before);
  app.close();
  app.closeAllConnections();
  await release(lease);
});

test('where the token is needed it comes behind the #, leaves the address, and goes to the daemon only', options, async () => {
  // As a daemon on macOS or Windows answers: the page to everybody, the rest to whoever has the token.
  const token = 'a'.repeat(64);
  const folder = path.join(root, 'crates/daemon/src/view/page');
  const types = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' };
  const asked = [];
  const server = http.createServer((request, answer) => {
    const { url: route, headers } = request;
    asked.push(route);
    const file = route === '/' ? 'index.html' : route.replace('/view/', '');
    if (route !== '/view' && route !== '/events') {
      return answer.setHeader('content-type', types[path.extname(file)]).end(fs.readFileSync(path.join(folder, file)));
    }
    if (headers.authorization !== `Bearer ${token}`) {
      return answer.writeHead(403).end(JSON.stringify({ code: 'forbidden', details: { rule: 'token' } }));
    }
    if (route === '/events') return answer.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    answer.end(JSON.stringify({ at: '2026-11-22T17:40:00Z', version: '9', repositories: [], sessions: [], refusals: [] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const there = `http://localhost:${server.address().port}/`;
  const tab = await tabbed();
  await tab.open(there);
  await tab.until("document.getElementById('trouble').textContent.includes('styxy open --view')");
  await tab.open('about:blank');
  await tab.open(`${there}#token=${token}`);
  await tab.until("document.getElementById('version').textContent === 'styxy 9'");
  assert.equal(await tab.get('location.href'), there);
  assert.equal(await tab.get('document.cookie'), '');
  await tab.reload();
  await tab.until("document.getElementById('version').textContent === 'styxy 9'");
  assert.ok(!asked.some((route) => route.includes(token)));
  server.close();
  server.closeAllConnections();
  await eventually('the page notices', () => tab.get("document.body.classList.contains('lost')"));
});
