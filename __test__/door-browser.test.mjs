// The front door in a real browser: each worktree keeps its own logins, and a page that waits becomes the app. Chromium is Debian's,
// or the one that CHROMIUM_PATH names; without it the tests are skipped.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { missing, program as chromium } from './chromium.mjs';
import { DEADLINE, eventually, Home } from './support.mjs';

const skip = process.platform === 'linux' ? missing : 'it was written for Chromium on Linux';
const ALTERNATIONS = 100;

let home, top;
const servers = [];

before(async () => {
  if (skip) return;
  home = await Home.make();
  await home.styxy('daemon', 'start');
  top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-door-')));
});

after(async () => {
  if (skip) return;
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  fs.rmSync(top, { recursive: true, force: true, maxRetries: 10 });
  await home.end();
});

/** The folder of a checkout, as version control leaves it: `linked` is git's name for a linked worktree. */
function checkout(name, linked) {
  const folder = path.join(top, name);
  const git = path.join(top, 'shop', '.git');
  if (!linked) fs.mkdirSync(path.join(folder, '.git'), { recursive: true });
  else {
    const own = path.join(git, 'worktrees', linked);
    for (const each of [folder, own]) fs.mkdirSync(each, { recursive: true });
    fs.writeFileSync(path.join(folder, '.git'), `gitdir: ${own}\n`);
    fs.writeFileSync(path.join(own, 'commondir'), '../..\n');
    fs.writeFileSync(path.join(own, 'gitdir'), `${folder}/.git\n`);
  }
  return folder;
}

async function lease(service_type, project_path, label) {
  const body = JSON.stringify({ service_type, project_path, label, pid: process.pid });
  const { port } = await (await fetch(`http://localhost:${home.first}/allocate`, { method: 'POST', body })).json();
  return port;
}

async function serve(port, answer) {
  const server = http.createServer(answer).listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
}

async function browse(url, isOver) {
  const profile = fs.mkdtempSync(path.join(top, 'profile-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-proxy-server', `--user-data-dir=${profile}`, url];
  const browser = spawn(chromium, flags, { stdio: 'ignore', detached: true });
  const ended = once(browser, 'exit');
  try {
    await eventually('the browser has done it', isOver);
  } finally {
    // Its own group: the browser has children.
    process.kill(-browser.pid, 'SIGKILL');
    await ended;
  }
}

/**
 * A browser that goes from server to server, again and again: those of the service `web` log it in at the first visit, with a cookie of their
 * own and one for the domain above; `domain` says which that is. How many visits found another login than their worktree's.
 */
async function logouts(urls, domain) {
  let visit = 0;
  let lost = 0;
  const end = ALTERNATIONS * 2;
  const handler = (worktree, service) => (request, response) => {
    if (request.url !== `/visit/${visit}`) return response.writeHead(404).end();
    const cookies = Object.fromEntries((request.headers.cookie ?? '').split('; ').map((cookie) => cookie.split('=')));
    const login = service === 'web' && visit < urls.length;
    const seen = service === 'web' ? [cookies.own, cookies.shared] : [cookies.shared];
    if (!login && visit >= urls.length && seen.some((value) => value !== worktree)) lost += 1;
    const cookie = login ? [`own=${worktree}`, `shared=${worktree}${domain ? `; Domain=${domain[worktree]}` : ''}`] : [];
    visit += 1;
    const next = `${urls[visit % urls.length].url}/visit/${visit}`;
    response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': cookie });
    response.end(visit < end ? `<script>location.replace(${JSON.stringify(next)})</script>` : 'done');
  };
  for (const { port, worktree, service } of urls) await serve(port, handler(worktree, service));
  await browse(`${urls[0].url}/visit/0`, () => visit >= end);
  return lost;
}

test('two worktrees never log each other out by their names, and do by their ports', { skip, timeout: 4 * DEADLINE }, async () => {
  const folders = { main: checkout('shop'), fix: checkout('elsewhere', 'fix') };
  const label = { main: 'shop', fix: 'fix-shop' };
  const places = async () => {
    const all = [];
    for (const worktree of ['main', 'fix']) {
      for (const service of ['web', 'api']) all.push({ worktree, service, port: await lease(service, folders[worktree], label[worktree]) });
    }
    return all;
  };
  const byName = (await places()).map((place) => ({ ...place, url: `http://${place.service}.${label[place.worktree]}.localhost:${home.first}` }));
  const domain = { main: 'shop.localhost', fix: 'fix-shop.localhost' };
  assert.equal(await logouts(byName, domain), 0);
  const byPort = (await places()).map((place) => ({ ...place, url: `http://localhost:${place.port}` }));
  assert.ok((await logouts(byPort)) > ALTERNATIONS / 2, 'what the names are for');
});

test('a page that waits becomes the app without a click, and loads nothing else', { skip, timeout: 2 * DEADLINE }, async () => {
  const port = await lease('web', checkout('late'), 'late');
  const asked = [];
  const waits = new Promise((resolve) => setTimeout(resolve, 3000));
  const starts = waits.then(() => serve(port, (request, response) => {
    asked.push(`${request.url} ${request.headers['sec-fetch-mode']}`);
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>the app</title>');
  }));
  await browse(`http://web.late.localhost:${home.first}/deep?x=1`, () => asked.length > 0);
  await starts;
  assert.equal(asked[0], '/deep?x=1 navigate');
  assert.ok(asked.every((one) => one.startsWith('/deep?x=1') || one.startsWith('/favicon.ico')), asked.join());
});
