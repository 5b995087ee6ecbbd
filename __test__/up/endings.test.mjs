// However `styxy up` ends, nothing is left and the ports are free: Ctrl-C once and twice, a closed terminal, `git worktree remove
// --force`; and a second one's Ctrl-C ends nothing. The services are real tools with processes of their own below them.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { binary, run } from '../support.mjs';
import { Stacks, ask, ms } from './stack.mjs';
import { Terminal } from './terminal.mjs';

/** How long a real tool may take until it is ready, on a machine that is busy. */
const PATIENCE = 180_000;
/** So long takes the server that wants to end politely. */
const POLITE = 3000;
/** No ending may take longer: five seconds for being interrupted, two for being asked to terminate, and the look around afterwards. */
const MOST = 9000;

const APART = `import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True: time.sleep(1000)
    os._exit(0)
os.execvp(sys.argv[1], sys.argv[1:])
`;
const SLOW = `process.on('SIGINT', () => setTimeout(() => { console.log('ends politely'); process.exit(); }, ${POLITE}));
require('http').createServer((_, answer) => answer.end('slow')).listen(process.env.PORT);
`;
const FILES = {
  'apart.py': APART,
  'slow.js': SLOW,
  'worker.js': 'setInterval(() => {}, 1000);\n',
  'package.json': { private: true, workspaces: ['vite'], packageManager: 'npm@11.0.0' },
  'turbo.json': { tasks: { dev: { cache: false, persistent: true } } },
  'vite/package.json': { name: 'vite-app', private: true, scripts: { dev: 'styxy run -- vite' } },
  'vite/index.html': '<!doctype html><title>vite</title>\n',
  'next/package.json': { private: true, scripts: { dev: 'next dev' } },
  'next/app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
  'next/app/page.js': 'export default function Page() { return <p>next</p>; }\n',
  '.styxy.json': {
    services: {
      next: { run: 'npm run dev', cwd: 'next', type: 'dev', timeout: 180 },
      slow: { run: ['python3', 'apart.py', 'node', 'slow.js'], type: 'dev', name: 'slow' },
      vite: { run: 'npm run dev', cwd: 'vite', type: 'dev', timeout: 180 },
      workers: { run: "concurrently 'node worker.js' 'node worker.js'", port: false },
    },
  },
};
const READY = ['next', 'slow', 'vite'];

let stacks;
let dirs;

before(async () => {
  stacks = await Stacks.make();
  dirs = await stacks.worktrees(['market', 'login'], FILES, { vite: ['vite'] });
  for (const dir of dirs) await stacks.next(path.join(dir, 'next'));
});

after(() => stacks?.end());

/** `styxy up` at a terminal, once all are ready: the terminal, and their ports. */
async function up(dir = dirs[0]) {
  const terminal = new Terminal([binary, 'up'], { cwd: dir, env: stacks.env({ TERM: 'xterm' }) });
  await terminal.sees('Ctrl-C', PATIENCE);
  return { terminal, ports: await ready(dir) };
}

async function ready(dir) {
  const services = await stacks.ps(dir);
  assert.deepEqual(READY.map((name) => services[name].state), READY.map(() => 'ready'));
  assert.equal(services.workers.state, 'running');
  for (const name of READY) assert.equal((await ask(services[name].url)).status, 200, name);
  return READY.map((name) => services[name].port);
}

async function over(context, began, ports) {
  await stacks.isOver(ports);
  const took = performance.now() - began;
  context.diagnostic(`0 processes left and ${ports.length} ports free after ${ms(took)}`);
  assert.ok(took < MOST, `it took ${ms(took)}`);
  return took;
}

test('Ctrl-C once: a server that takes its time has it', async (context) => {
  const { terminal, ports } = await up();
  const began = performance.now();
  terminal.types('\x03');
  await terminal.sees('ends politely');
  assert.equal(await terminal.ends(), 0);
  const took = await over(context, began, ports);
  assert.ok(took >= POLITE - 500, `it had only ${ms(took)}`);
});

test('Ctrl-C twice: nobody is waited for', async (context) => {
  const { terminal, ports } = await up();
  const began = performance.now();
  terminal.types('\x03');
  await terminal.sees('Ctrl-C again is faster');
  terminal.types('\x03');
  assert.equal(await terminal.ends(), 0);
  await over(context, began, ports);
  assert.doesNotMatch(await stacks.log(dirs[0], 'slow'), /ends politely/);
});

test('a closed terminal', async (context) => {
  const { terminal, ports } = await up();
  const began = performance.now();
  await terminal.closes();
  await over(context, began, ports);
});

test("a second one's Ctrl-C ends nothing", async (context) => {
  const { terminal, ports } = await up();
  const before = await stacks.ps(dirs[0]);
  const second = new Terminal([binary, 'up'], { cwd: dirs[0], env: stacks.env({ TERM: 'xterm' }) });
  await second.sees('the services stay up when you leave');
  second.types('\x03');
  assert.equal(await second.ends(), 0);
  assert.deepEqual(await ready(dirs[0]), ports);
  const now = await stacks.ps(dirs[0]);
  for (const name of READY) assert.equal(now[name].pid, before[name].pid);
  const began = performance.now();
  terminal.types('\x03');
  await terminal.ends();
  await over(context, began, ports);
});

test('without a terminal it returns, and the services stay until down', async (context) => {
  const began = performance.now();
  const { code, stderr } = await run(binary, ['up'], { cwd: dirs[0], env: stacks.env(), timeout: PATIENCE });
  assert.equal(code, 0, stderr);
  context.diagnostic(`up returned after ${ms(performance.now() - began)}`);
  const ports = await ready(dirs[0]);
  const ending = performance.now();
  await stacks.down(dirs[0]);
  await over(context, ending, ports);
});

test('git worktree remove --force', async (context) => {
  await stacks.up(dirs[1]);
  const ports = await ready(dirs[1]);
  // A server that writes while its folder is removed may leave a file of it behind; git says so then, and forgets the worktree.
  const { code, stderr } = await run('git', ['-C', dirs[0], 'worktree', 'remove', '--force', dirs[1]]);
  if (code !== 0) context.diagnostic(stderr.trim());
  await over(context, performance.now(), ports);
  const { stdout } = await run('git', ['-C', dirs[0], 'worktree', 'list']);
  assert.ok(!stdout.includes(path.basename(dirs[1])), stdout);
});
