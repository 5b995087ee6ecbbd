// Real development servers with their default settings, opened by their names in a headless Chromium: the page, an edit that
// it shows, a form; and what a page of another site gets. `npm run test:names`; it installs the servers from npm and PyPI into the folder
// that tools.mjs names. STYXY_NAMED='Vite 8, Django' runs these alone.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Chromium, missing } from '../chromium.mjs';
import { Home, binary, eventually, run } from '../support.mjs';
import { SERVERS } from './named-servers.mjs';
import { exists, installed } from './tools.mjs';

const skip = process.platform === 'linux' ? missing : 'it was written for Chromium on Linux';
const INSTALL_TIME = 300_000;
/** A first start may compile much, on a busy machine. */
const PATIENCE = 120_000;
/** How long an edit may take, and how often it is made. */
const EDIT = 20_000;
const MOST_EDITS = 5;
const asked = process.env.STYXY_NAMED?.split(',').map((name) => name.trim());
for (const name of asked ?? []) assert.ok(SERVERS[name], `${name} is not one of ${Object.keys(SERVERS).join(', ')}`);

let home, browser;

before(async () => {
  if (skip) return;
  home = await Home.make();
  browser = await Chromium.start();
});

after(async () => {
  if (skip) return;
  await browser.end();
  await home.end();
});

for (const [name, server] of Object.entries(SERVERS)) {
  if (asked && !asked.includes(name)) continue;
  test(`${name} by its name`, { skip, timeout: 900_000 }, async (context) => {
    const { folder, version } = await project(name, server);
    const running = start(folder, server);
    try {
      const url = await addressOf(running, server.service ?? 'dev');
      const edit = await shows(running, url, folder, server);
      await refuses(url, server);
      context.diagnostic(`${name}, ${version}: the page, an edit ${edit}, a form; 403 for another origin`);
    } catch (error) {
      error.message += `\n${running.said().slice(-4000)}`;
      throw error;
    } finally {
      await running.end();
    }
  });
}

/** The project's files, as they are before the edit, and what is installed for it. */
async function project(name, { npm = {}, pip, of, files }) {
  const folder = await installed(path.join('named', name.toLowerCase().replace(/[^a-z0-9]+/g, '-')), npm);
  await fs.mkdir(path.join(folder, '.git'), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await fs.writeFile(path.join(folder, file), text);
  }
  if (!pip) {
    const { version } = JSON.parse(await fs.readFile(path.join(folder, 'node_modules', of, 'package.json'), 'utf8'));
    return { folder, version };
  }
  const python = path.join(folder, 'venv', 'bin', 'python');
  if (!(await exists(python))) {
    for (const words of [['python3', '-m', 'venv', 'venv'], [python, '-m', 'pip', 'install', '--quiet', ...pip]]) {
      const { code, stderr } = await run(words[0], words.slice(1), { cwd: folder, timeout: INSTALL_TIME });
      assert.equal(code, 0, stderr);
    }
  }
  const { stdout } = await run(python, ['-m', 'pip', 'show', pip[0]]);
  return { folder, version: /^Version: (.*)$/m.exec(stdout)?.[1] };
}

/** Starts a server as people do, in a process group of its own. */
function start(folder, { command, env }) {
  const variables = home.env({ ...env, BROWSER: 'none', CI: '1', PORT: undefined, NODE_ENV: undefined });
  for (const name of ['PORT', 'NODE_ENV', 'NODE_TEST_CONTEXT']) delete variables[name];
  const child = spawn(binary, ['run', '--quiet', '--', ...command], { cwd: folder, env: variables, detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
  const ended = once(child, 'exit');
  const end = async () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of them have ended.
    }
    await ended;
  };
  return { child, said: () => said, end };
}

async function addressOf({ child }, service) {
  const lease = await eventually('the server has a lease', async () => {
    assert.equal(child.exitCode, null, 'the server ended');
    return (await home.leases()).find(({ owner, service_type }) => owner.pid === child.pid && service_type === service);
  });
  return lease.named_url;
}

/** The page, an edit, and a form; says how the edit came to the page. */
async function shows({ child }, url, folder, { at = '/', edited, socket, ready = 'true' }) {
  const tab = await browser.tab();
  const says = (text) => `document.querySelector('#said')?.textContent === '${text}'`;
  // Whoever comes before the server listens has a page that becomes the app.
  await tab.open(url + at);
  await must(tab, says('before'));
  assert.equal(child.exitCode, null, 'the server ended');
  if (socket) await eventually('the page is connected for hot reloading', () => tab.sockets.includes(101));
  await must(tab, ready);
  const file = path.join(folder, edited);
  const text = await fs.readFile(file, 'utf8');
  // On a busy machine Turbopack overlooks an edit now and then, also by the port. A person saves again.
  let edit;
  for (let count = 1; !edit; count++) {
    assert.ok(count <= MOST_EDITS, `none of ${MOST_EDITS} edits came`);
    await tab.get("window.kept = 'kept'");
    const began = performance.now();
    await fs.writeFile(file, text.replace("'before'", `'after ${count}'`));
    // A server without a socket is started again by an edit, and its page is asked for.
    const came = await becomes(tab, says(`after ${count}`), { first: socket ? undefined : () => tab.reload(), within: EDIT });
    const how = (await tab.get('window.kept').catch(() => {})) === 'kept' ? 'without a reload' : 'with a reload';
    if (came) edit = `after ${Math.round(performance.now() - began)} ms, ${how}`;
  }
  await tab.get('document.forms[0].requestSubmit()');
  await must(tab, says('posted hello'));
  await tab.close();
  return edit;
}

/** Waits until a condition is true in the tab, whatever page is in it by then; false if it does not become so in time. */
async function becomes(tab, condition, { first = () => {}, within = PATIENCE } = {}) {
  const deadline = performance.now() + within;
  for (;;) {
    await first();
    // While it goes to another page, nothing can be asked.
    if (await tab.get(condition).catch(() => false)) return true;
    if (performance.now() > deadline) return false;
    await new Promise((go) => setTimeout(go, 20));
  }
}

/** The same for what must become so. */
async function must(tab, condition) {
  if (!(await becomes(tab, condition))) assert.fail(`it never was so: ${condition}\n${await tab.get('document.documentElement.innerText')}`);
}

/** What a page of another site gets: nothing, unless somebody goes there. */
async function refuses(url, { at = '/', socket }) {
  const { port, host } = new URL(url);
  const status = async (route, headers) => {
    const request = http.get({ host: '127.0.0.1', port, path: route, headers: { host, ...headers }, agent: false });
    const [response] = await Promise.race([once(request, 'response'), once(request, 'upgrade')]);
    response.destroy();
    return response.statusCode;
  };
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  assert.equal(await status(at, { ...evil, 'sec-fetch-mode': 'cors' }), 403, 'a fetch');
  assert.equal(await status(socket ?? '/', { ...evil, ...upgrade, 'sec-fetch-mode': 'websocket' }), 403, 'a WebSocket');
  const navigation = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' };
  assert.equal(await status(at, navigation), 200, 'a link');
}
