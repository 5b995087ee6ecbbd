// The front door in real browsers: each worktree keeps its own logins, and a page that waits becomes the app. Chromium and Firefox are
// Debian's, or those that CHROMIUM_PATH and FIREFOX_PATH name; the tests of one that is missing are skipped. STYXY_TEST_ROUNDS=100 says how
// often each goes from one worktree to the other.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { missing, program as chromium } from './chromium.mjs';
import { DEADLINE, Home, lacking } from './support.mjs';

const firefox = process.env.FIREFOX_PATH ?? '/usr/bin/firefox';
const noFirefox = !fs.existsSync(firefox) && lacking('firefox', `${firefox} is not there: apt-get install firefox-esr, or set FIREFOX_PATH`);
const rounds = (usual) => Number(process.env.STYXY_TEST_ROUNDS ?? usual);
/** How each browser opens one page with a profile of its own, why it cannot, and how often it alternates. */
const BROWSERS = {
  Chromium: {
    program: chromium,
    skip: missing,
    alternations: rounds(100),
    words: (profile) => ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-proxy-server', `--user-data-dir=${profile}`],
  },
  // It takes its time for each page.
  Firefox: {
    program: firefox,
    skip: noFirefox,
    alternations: rounds(20),
    words: (profile) => ['--headless', '--no-remote', '--profile', profile],
  },
};
const elsewhere = process.platform !== 'linux' && 'it was written for browsers on Linux';
const skip = elsewhere || (missing && noFirefox);

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

/** The folder of a checkout, as version control leaves it: `linked` is git's name for a linked worktree of `repository`. */
function checkout(name, linked, repository) {
  const folder = path.join(top, name);
  const git = path.join(top, repository ?? name, '.git');
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

async function browse({ program, words }, url, isOver) {
  const profile = fs.mkdtempSync(path.join(top, 'profile-'));
  // Firefox has its caches in the home.
  const env = { ...process.env, HOME: profile };
  const browser = spawn(program, [...words(profile), url], { env, stdio: 'ignore', detached: true });
  const ended = once(browser, 'exit');
  try {
    while (!isOver()) await new Promise((go) => setTimeout(go, 10));
  } finally {
    // Its own group: the browser has children.
    process.kill(-browser.pid, 'SIGKILL');
    await ended;
  }
}

/** Stands in front of the door, and notes what is asked of it and the status of each answer. Where it listens. */
async function noted(requests) {
  const relay = http.createServer((request, response) => {
    const { method, headers, url } = request;
    const onward = http.request({ host: '127.0.0.1', port: home.first, path: url, method, headers, agent: false }, (answer) => {
      requests.push(`${url} ${headers['sec-fetch-mode']} ${answer.statusCode}`);
      answer.pipe(response.writeHead(answer.statusCode, answer.rawHeaders));
    });
    onward.on('error', () => response.destroy());
    // A browser that ends, or goes elsewhere, waits for nothing.
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  servers.push(relay.listen(0, '127.0.0.1'));
  await once(relay, 'listening');
  return relay.address().port;
}

/**
 * A browser that goes from server to server, again and again: those of the service `web` log it in at the first visit, with a cookie of their
 * own and one for the domain above; `domain` says which that is. How many visits found another login than their worktree's.
 */
async function logouts(browser, urls, domain) {
  let visit = 0;
  let lost = 0;
  const end = browser.alternations * 2;
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
  // On a busy machine it takes long, but it goes on.
  let seen = 0;
  let since = performance.now();
  await browse(browser, `${urls[0].url}/visit/0`, () => {
    if (visit > seen) [seen, since] = [visit, performance.now()];
    assert.ok(performance.now() - since < DEADLINE, `the browser stopped after ${visit} visits`);
    return visit >= end;
  });
  return lost;
}

for (const [name, browser] of Object.entries(BROWSERS)) {
  test(`two worktrees never log each other out by their names in ${name}, and do by their ports`, { skip: elsewhere || browser.skip, timeout: 4 * DEADLINE }, async () => {
    const shop = `shop-${name.toLowerCase()}`;
    const folders = { main: checkout(shop), fix: checkout(`elsewhere-${shop}`, 'fix', shop) };
    const label = { main: shop, fix: `fix-${shop}` };
    const places = async () => {
      const all = [];
      for (const worktree of ['main', 'fix']) {
        for (const service of ['web', 'api']) all.push({ worktree, service, port: await lease(service, folders[worktree], label[worktree]) });
      }
      return all;
    };
    const byName = (await places()).map((place) => ({ ...place, url: `http://${place.service}.${label[place.worktree]}.localhost:${home.first}` }));
    const domain = { main: `${label.main}.localhost`, fix: `${label.fix}.localhost` };
    assert.equal(await logouts(browser, byName, domain), 0);
    const byPort = (await places()).map((place) => ({ ...place, url: `http://localhost:${place.port}` }));
    assert.ok((await logouts(browser, byPort)) > browser.alternations / 2, 'what the names are for');
  });

  test(`a page that waits becomes the app without a click in ${name}, and loads nothing else`, { skip: elsewhere || browser.skip, timeout: 2 * DEADLINE }, async () => {
    const late = `late-${name.toLowerCase()}`;
    const port = await lease('web', checkout(late), late);
    const [requests, asked] = [[], []];
    const relay = await noted(requests);
    const answer = (request, response) => {
      asked.push(request.url);
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>the app</title>');
    };
    let starts;
    const until = performance.now() + DEADLINE;
    await browse(browser, `http://web.${late}.localhost:${relay}/deep?x=1`, () => {
      assert.ok(performance.now() < until, `the browser asked for no more than ${requests.join()}`);
      // The server starts once the browser has the page that waits.
      if (requests.length > 0) starts ??= serve(port, answer);
      return asked.length > 0;
    });
    await starts;
    assert.equal(asked[0], '/deep?x=1');
    // What comes once the app is there, such as its icon, is the app's.
    const ofPage = requests.slice(0, requests.indexOf('/deep?x=1 navigate 200'));
    assert.deepEqual(new Set(ofPage), new Set(['/deep?x=1 navigate 503']), 'the page loads nothing but itself');
  });
}
