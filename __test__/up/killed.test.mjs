// kill -9 of the keeper, of the daemon and of both, while each server of Node, Python, Vite and Next is asked 20 times a second: no
// server is lost and no request fails, `styxy up` adopts all and starts none, and `styxy down` leaves nothing, also of what has gone
// into a session of its own.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from '../support.mjs';
import { Stacks, ask, ms } from './stack.mjs';

/** So often is each server asked, with a line in its log each time. */
const EVERY = 50;
/** So long after each kill: Vite and Next would notice a broken pipe at the next line. */
const WHILE = Number(process.env.STYXY_TEST_SECONDS ?? 4) * 1000;
const PATHS = { next: '/', node: '/', python: '/', vite: '/who' };

// Two grandchildren that no signal to a group reaches: one in a session of its own, one whose parent has ended too.
const APART = `import os, signal, subprocess, sys, time
def apart():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True: time.sleep(1000)
if os.fork() == 0:
    os.setsid()
    apart()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: apart()
    os._exit(0)
os.execvp(sys.argv[1], sys.argv[1:])
`;
const NODE = `require('http').createServer((ask, answer) => { console.log('asked', ask.url); answer.end('node'); }).listen(process.env.PORT);\n`;
const VITE = `export default { plugins: [{ name: 'who', configureServer(server) {
  server.middlewares.use('/who', (_, answer) => { console.log('asked /who'); answer.end('vite'); });
} }] };
`;
const FILES = {
  'apart.py': APART,
  'node/server.js': NODE,
  'python/index.html': 'python',
  'vite/index.html': '<!doctype html><title>vite</title>\n',
  'vite/vite.config.mjs': VITE,
  'vite/package.json': { private: true, scripts: { dev: 'vite' } },
  'next/package.json': { private: true, scripts: { dev: 'next dev' } },
  'next/app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
  'next/app/page.js': "export const dynamic = 'force-dynamic';\nexport default function Page() { return <p>next</p>; }\n",
  '.styxy.json': {
    services: {
      next: { run: 'npm run dev', cwd: 'next', type: 'dev', ready: '/', timeout: 60 },
      node: { run: ['python3', '../apart.py', 'node', 'server.js'], cwd: 'node', type: 'dev', ready: '/' },
      python: { run: ['python3', '-m', 'http.server'], cwd: 'python', type: 'dev', ready: '/' },
      vite: { run: 'npm run dev', cwd: 'vite', type: 'dev', ready: '/' },
    },
  },
};

let stacks;
let dir;

before(async () => {
  stacks = await Stacks.make();
  [dir] = await stacks.worktrees(['market'], FILES, { vite: ['vite'] });
  await stacks.next(path.join(dir, 'next'));
});

after(() => stacks?.end());

/** Asks each service again and again, until it is stopped. */
class Load {
  asked = Object.fromEntries(Object.keys(PATHS).map((name) => [name, 0]));
  failed = [];
  #open = new Set();
  #timer;

  constructor(services) {
    this.#timer = setInterval(() => {
      for (const [name, route] of Object.entries(PATHS)) this.#ask(name, `${services[name].url}${route}`);
    }, EVERY);
  }

  #ask(name, url) {
    this.asked[name] += 1;
    const one = ask(url)
      .then(({ status }) => status === 200 || this.failed.push(`${name}: ${status}`))
      .catch((error) => this.failed.push(`${name}: ${error.message}`))
      .finally(() => this.#open.delete(one));
    this.#open.add(one);
  }

  async stop() {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }
}

const kept = (services) => Object.values(services).map(({ service, pid, port }) => [service, pid, port]);
const ports = (services) => Object.values(services).map(({ port }) => port);

async function hasEnded(pid) {
  const runs = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await eventually(`${pid} ends`, () => !runs());
}

/** kill -9 of these at once, more load, and `styxy up`: it adopts all and starts none. Gives the time of the latter. */
async function survives(before, pids) {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await Promise.all(pids.map(hasEnded));
  await pause(WHILE);
  const began = performance.now();
  const { services } = await stacks.up(dir);
  const took = performance.now() - began;
  assert.deepEqual(kept(services), kept(before), 'each service is the same process on the same port');
  assert.ok(Object.values(services).every(({ started, state }) => !started && state === 'ready'), JSON.stringify(services));
  return took;
}

test('down leaves nothing, where nobody was killed', async (context) => {
  const { services } = await stacks.up(dir);
  await stacks.down(dir);
  context.diagnostic(`0 processes left, ${ms(await stacks.isOver(ports(services)))} after down`);
});

test('no server is lost and no request fails, whoever is killed, and down leaves nothing after the last adoption', async (context) => {
  const { services } = await stacks.up(dir);
  for (const [name, route] of Object.entries(PATHS)) assert.equal((await ask(`${services[name].url}${route}`)).status, 200);
  const load = new Load(services);
  const who = {
    keeper: async () => [await stacks.keeper(dir)],
    daemon: async () => [await stacks.daemon()],
    both: async () => [await stacks.keeper(dir), await stacks.daemon()],
  };
  for (const [name, pids] of Object.entries(who)) {
    const took = await survives(services, await pids());
    context.diagnostic(`${name} killed: 4 adopted, 0 started; up took ${ms(took)}`);
  }
  await load.stop();
  assert.deepEqual(load.failed, []);
  // The first one was before the load.
  const lines = (await stacks.log(dir, 'node')).match(/^asked/gm).length;
  assert.equal(lines, load.asked.node + 1 + 1, 'a line for each request, the one by the keeper too');
  context.diagnostic(`${Object.values(load.asked).reduce((sum, one) => sum + one)} requests, 0 failed`);
  await stacks.down(dir);
  context.diagnostic(`0 processes left, ${ms(await stacks.isOver(ports(services)))} after down`);
});
