// pnpm and turbo, three apps, four worktrees that are started at once: twelve services on twelve ports, and no request reaches another
// worktree's server, by port or by name, straight or through the web app's own API address.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Stacks, ask, write } from './stack.mjs';

const NAMES = ['market', 'login', 'search', 'basket'];
const APPS = ['admin', 'api', 'web'];
const REQUESTS = 200;

const SERVER = (name) => `import { createServer } from 'node:http';
import fs from 'node:fs';
const who = fs.readFileSync('../../who', 'utf8');
const origins = (process.env.WEB_ORIGIN ?? '').split(',');
createServer(({ url, headers }, answer) => {
  if (origins.includes(headers.origin)) answer.setHeader('access-control-allow-origin', headers.origin);
  answer.end('${name} ' + who + ' ' + new URL(url, 'http://it').searchParams.get('token'));
}).listen(process.env.PORT);
`;
const VITE = `import fs from 'node:fs';
const who = fs.readFileSync('../../who', 'utf8');
const api = process.env.VITE_API_URL ?? process.env.STYXY_API_URL;
const asked = (url) => new URL(url, 'http://it').searchParams.get('token');
export default { plugins: [{ name: 'who', configureServer(server) {
  server.middlewares.use('/who', (request, answer) => answer.end('web ' + who + ' ' + asked(request.url)));
  server.middlewares.use('/through', async (request, answer) => answer.end(await (await fetch(api + '/?token=' + asked(request.url))).text()));
} }] };
`;

let stacks;
let dirs;

before(async () => {
  stacks = await Stacks.make();
  const files = {
    'package.json': { name: 'market', private: true, packageManager: `pnpm@${await stacks.version('pnpm')}`, scripts: { dev: 'turbo run dev' } },
    'pnpm-workspace.yaml': 'packages:\n  - apps/*\n',
    'turbo.json': { tasks: { dev: { cache: false, persistent: true } } },
    'apps/web/vite.config.mjs': VITE,
    'apps/web/index.html': '<!doctype html><script type="module" src="/main.js"></script>\n',
    'apps/web/main.js': 'console.log(import.meta.env.VITE_API_URL);\n',
  };
  for (const app of APPS) {
    const dev = app === 'web' ? 'vite' : 'node server.mjs';
    files[`apps/${app}/package.json`] = { name: `@market/${app}`, version: '1.0.0', scripts: { dev } };
    if (app !== 'web') files[`apps/${app}/server.mjs`] = SERVER(app);
  }
  dirs = await stacks.worktrees(NAMES, files, { 'apps/web': ['vite'] });
  for (const dir of dirs) await write(dir, { who: path.basename(dir) });
});

after(() => stacks?.end());

/** `styxy up` in all worktrees at once: the services of each. */
async function allUp() {
  const all = (await Promise.all(dirs.map((dir) => stacks.up(dir)))).map(({ services }) => services);
  const each = all.flatMap((services) => APPS.map((app) => services[app]));
  assert.deepEqual(all.map((services) => Object.keys(services).sort()), dirs.map(() => APPS));
  assert.equal(new Set(each.map(({ port }) => port)).size, dirs.length * APPS.length, 'each has a port of its own');
  return all;
}

/** Asks the services of all worktrees in turn, each time with another token: how many answers came from a wrong server. */
async function crossed(all) {
  const wrong = [];
  const one = async (at) => {
    const [services, who] = [all[at % dirs.length], NAMES[at % dirs.length]];
    const kind = Math.floor(at / dirs.length) % (APPS.length + 1);
    const app = APPS[kind] ?? 'web';
    const service = services[app];
    const token = `${at}-${Math.random()}`;
    const base = Math.floor(at / 16) % 2 === 0 ? service.url : service.named_url;
    const route = kind === APPS.length ? '/through' : app === 'web' ? '/who' : '/';
    const { text } = await ask(`${base}${route}?token=${token}`);
    if (text !== `${route === '/through' ? 'api' : app} ${who} ${token}`) wrong.push(`${base}${route}: ${text}`);
  };
  for (let at = 0; at < REQUESTS; at += 20) await Promise.all(Array.from({ length: 20 }, (_, more) => one(at + more)));
  return wrong;
}

test('the packages that turbo starts, in four worktrees at once', async (context) => {
  const all = await allUp();
  assert.deepEqual(await crossed(all), []);
  context.diagnostic(`${REQUESTS} requests, 0 crossed over, on ports ${all.flatMap(Object.values).map(({ port }) => port)}`);
  await Promise.all(dirs.map((dir) => stacks.down(dir)));
  await stacks.isOver(all.flatMap(Object.values).map(({ port }) => port));
});

test("a web app's VITE_API_URL is its own worktree's API, which allows the app's two origins and no other", async (context) => {
  const service = (app, more) => ({ run: 'pnpm dev', cwd: `apps/${app}`, type: 'dev', ...more });
  const services = {
    admin: service('admin'),
    api: service('api', { env: { WEB_ORIGIN: '{web.origin},{web.named_origin}' }, ready: '/' }),
    web: service('web', { env: { VITE_API_URL: '{api.url}' } }),
  };
  for (const dir of dirs) await write(dir, { '.styxy.json': { services } });
  const all = await allUp();
  assert.deepEqual(await crossed(all), []);
  for (const [at, { api, web }] of all.entries()) {
    const { text } = await ask(`${web.url}/main.js`);
    assert.ok(text.includes(`"VITE_API_URL": "${api.url}"`), text);
    const next = all[(at + 1) % all.length].web;
    const allowed = async (origin) => (await ask(`${api.url}/`, { origin })).headers['access-control-allow-origin'];
    for (const own of [web.url, web.named_url]) assert.equal(await allowed(own), own);
    for (const other of [next.url, next.named_url]) assert.equal(await allowed(other), undefined);
  }
  context.diagnostic(`${REQUESTS} requests, 0 crossed over; pnpm ${await stacks.version('pnpm')}, Vite ${await stacks.version('vite')}`);
  await Promise.all(dirs.map((dir) => stacks.down(dir)));
  await fs.rm(path.join(dirs[0], '.styxy.json'));
});
