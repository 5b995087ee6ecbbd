// The API and the life of the process around it: it ends when it should, and whatever way it ends takes its leases with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { DEADLINE, Home, eventually, root, run } from './support.mjs';

let home;

before(async () => {
  home = await Home.make();
});

after(() => home.end());

/** Runs a program that has the API as `styxy`, to its end; it must end by itself. */
function program(text, { words = [], env = {} } = {}) {
  const whole = `const styxy = require(${JSON.stringify(root)}); (async () => { ${text} })();`;
  return run(process.execPath, [...words, '-e', whole], { env: home.env(env), cwd: home.top });
}

async function succeeds(text, options) {
  const { code, signal, stdout, stderr } = await program(text, options);
  assert.deepEqual([code, signal, stderr], [0, null, ''], stdout);
  return stdout;
}

const noLeases = () => eventually('every lease has ended', async () => (await home.leases()).length === 0);

test('a process that has nothing left to do ends, and its leases with it', async () => {
  await succeeds("await styxy.allocate({ service: 'dev' }); const events = styxy.events(); await styxy.status();");
  await noLeases();
});

test('a key of the project file that is not known is one warning in a process, whoever asks', async () => {
  const project = path.join(home.top, 'newer');
  await fs.mkdir(path.join(project, '.git'), { recursive: true });
  const file = path.join(project, '.styxy.json');
  await fs.writeFile(file, '{ "services": { "dev": { "nmae": "web", "proxy": true } } }\n');
  const asks = `const asked = { service: 'dev', project: ${JSON.stringify(project)} };`;
  const sync = `const { allocateSync, runningSync } = require(${JSON.stringify(path.join(root, 'lib/sync.js'))});`;
  const worker = `require(${JSON.stringify(root)}).allocate({ service: 'dev', project: ${JSON.stringify(project)} })`;
  const all = `${asks} ${sync} await styxy.allocate(asked); await styxy.allocate([asked, asked]); allocateSync(asked); runningSync(asked);
    await new Promise((done) => new (require('node:worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true }).once('exit', done));`;
  const { code, stderr } = await program(all);
  assert.equal(code, 0, stderr);
  const warnings = stderr.match(/StyxyWarning: .*/g);
  assert.deepEqual(warnings.length, 1, stderr);
  assert.ok(warnings[0].startsWith(`StyxyWarning: ${file}:1:26: services.dev.nmae is not a known key`), warnings[0]);
  assert.match(warnings[0], /did you mean name\? \(it is ignored\)$/);
  assert.match(stderr, /^\S+:1:41: services\.dev\.proxy is not a known key; .* \(it is ignored\)$/m);
  for (const call of ['await styxy.listen(require("node:http").createServer(), asked); process.exit();', `${sync} runningSync(asked);`]) {
    assert.equal((await program(`${asks} ${call}`)).stderr.match(/StyxyWarning/g)?.length, 1, call);
  }
  const handled = "process.on('warning', ({ name, message }) => console.log(name, message.includes('nmae')));";
  assert.match((await program(`${asks} ${handled} await styxy.allocate(asked);`)).stdout, /^StyxyWarning true\n$/);
  const refused = `await styxy.allocate({ ...asked, port: 70000 }).catch(() => {}); await styxy.allocate({ ...asked, pid: 2147483000 }).catch(() => {});`;
  assert.equal((await program(`${asks} ${refused}`)).stderr.match(/StyxyWarning/g)?.length, 1, 'also beside a refusal');
  await noLeases();
});

test('a stream of events that nobody reads keeps no process alive, and a reader does', async () => {
  await succeeds('styxy.events();');
  const script = 'for await (const event of styxy.events()) { console.log(event.type); break; }';
  let ended;
  const reader = program(script).then((how) => (ended = how));
  await eventually('an event was read', async () => {
    const port = await home.styxy('allocate', '-s', 'dev', '-q');
    await home.styxy('release', port.trim());
    return ended;
  });
  const { code, stdout } = await reader;
  assert.equal(code, 0);
  assert.match(stdout, /^(granted|ended)\n$/);
});

test('process.exit() in the middle of calls ends the process at once with its own code', async () => {
  for (const when of ['', 'await new Promise(setImmediate);', 'await styxy.status();']) {
    const calls = `for (let i = 0; i < 50; i += 1) styxy.allocate({ service: 'dev' }).catch(() => {}); styxy.events().next();`;
    const { code, signal, stderr } = await program(`${calls} ${when} process.exit(7);`);
    assert.deepEqual([code, signal, stderr], [7, null, ''], when);
  }
  await noLeases();
});

test('an uncaught error in the middle of calls ends the process as it always does', async () => {
  const { code, stderr } = await program("styxy.allocate({ service: 'dev' }); setImmediate(() => { throw new Error('mine'); });");
  assert.equal(code, 1);
  assert.match(stderr, /mine/);
  await noLeases();
});

test('a refusal that nobody catches is printed with its code and hint', async () => {
  const { code, stderr } = await program("await styxy.allocate({ service: 'dev', prt: 1 });");
  assert.equal(code, 1);
  assert.match(stderr, /StyxyError: unknown field "prt"/);
  assert.match(stderr, /code: 'invalid_request'/);
  assert.match(stderr, /hint: 'did you mean port\?'/);
});

test('a killed process gives its ports back', async () => {
  const text = "styxy.listen(require('node:http').createServer(), { service: 'dev' }).then((lease) => console.log(lease.port))";
  const whole = `const styxy = require(${JSON.stringify(root)}); ${text}`;
  const child = spawn(process.execPath, ['-e', whole], { env: home.env(), stdio: ['ignore', 'pipe', 'inherit'] });
  const [bytes] = await once(child.stdout, 'data');
  const port = Number(bytes);
  assert.equal((await home.leases())[0].port, port);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await noLeases();
});

test('workers have leases of their own process, their own environment, and may end at any time', async () => {
  const worker = `
    const { parentPort, workerData } = require('node:worker_threads');
    const styxy = require(workerData.root);
    (async () => {
      const lease = await styxy.allocate({ service: 'dev' });
      parentPort.postMessage({ port: lease.port, pid: lease.owner.pid, home: process.env.STYXY_HOME });
      if (workerData.hangs) await styxy.events().next();
    })();`;
  const text = `
    const { Worker } = require('node:worker_threads');
    const { once } = require('node:events');
    const start = (hangs) => new Worker(${JSON.stringify(worker)}, { eval: true, workerData: { root: ${JSON.stringify(root)}, hangs } });
    const workers = Array.from({ length: 8 }, (_, index) => start(index % 2 === 1));
    const exits = workers.map((worker) => once(worker, 'exit'));
    const said = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
    workers.forEach((worker, index) => index % 2 && worker.terminate());
    await Promise.all(exits);
    if (new Set(said.map(({ port }) => port)).size !== 8) throw new Error('a port was granted twice');
    if (!said.every(({ pid }) => pid === process.pid)) throw new Error('another process owns it');
    // After the last worker the addon still works, here and in a new one.
    await styxy.status();
    const [{ port }] = await once(start(false), 'message');
    console.log((await styxy.list()).length, port > 0);`;
  assert.equal(await succeeds(text), '9 true\n');
  await noLeases();
});

test('a worker that ends in the middle of calls harms nobody', async () => {
  const ends = {
    'it is terminated': { worker: 'for (;;) await Promise.all(Array.from({ length: 20 }, () => styxy.status()));', terminated: true },
    'it throws': { worker: 'await styxy.status(); for (let i = 0; i < 20; i += 1) styxy.status(); throw new Error();' },
    'it exits': { worker: 'await styxy.status(); for (let i = 0; i < 20; i += 1) styxy.status(); process.exit(0);' },
    'it waits for events': { worker: 'styxy.events().next(); await styxy.status(); process.exit(0);' },
  };
  for (const [how, { worker, terminated = false }] of Object.entries(ends)) {
    const whole = `const styxy = require(${JSON.stringify(root)}); (async () => { ${worker} })();`;
    const text = `
      const { Worker } = require('node:worker_threads');
      const { once } = require('node:events');
      await styxy.status();
      for (let turn = 0; turn < 8; turn += 1) {
        const workers = Array.from({ length: 4 }, () => new Worker(${JSON.stringify(whole)}, { eval: true }));
        const exits = workers.map((worker) => new Promise((resolve) => worker.on('error', () => {}).once('exit', resolve)));
        if (${terminated}) {
          await Promise.all(workers.map((worker) => once(worker, 'online')));
          // Some while they load the addon, some in their calls: as far as they get during a call of ours.
          for (const worker of workers) { await styxy.list(); worker.terminate(); }
        }
        await Promise.all(exits);
        await styxy.list();
      }
      console.log('fine');`;
    assert.equal(await succeeds(text), 'fine\n', how);
  }
});

test('an addon that only a worker has loaded goes with the worker', async () => {
  const worker = `require(${JSON.stringify(root)}).allocate({ service: 'dev' }).then(() => process.exit(0))`;
  const text = `
    const { Worker } = require('node:worker_threads');
    const { once } = require('node:events');
    for (let turn = 0; turn < 5; turn += 1) {
      await once(new Worker(${JSON.stringify(worker)}, { eval: true }), 'exit');
    }
    console.log('done');`;
  const { code, stdout, stderr } = await run(process.execPath, ['-e', `(async () => { ${text} })()`], { env: home.env() });
  assert.deepEqual([code, stdout, stderr], [0, 'done\n', '']);
});

test('several copies of the package in one process share the daemon and not each other', async () => {
  const copy = path.join(home.top, 'copy');
  await fs.mkdir(copy);
  const addons = (await fs.readdir(root)).filter((name) => name.endsWith('.node'));
  for (const name of ['index.js', 'package.json', 'lib', ...addons]) {
    await fs.cp(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  const text = `
    const other = require(${JSON.stringify(copy)});
    const [one, two] = await Promise.all([styxy.allocate({ service: 'dev' }), other.allocate({ service: 'dev' })]);
    const [again, owned] = [await other.allocate({ service: 'dev', reuse: true }), await styxy.list()];
    console.log(one.port !== two.port, other !== styxy, owned.length, again.reused);
    await two.release();`;
  assert.equal(await succeeds(text), 'true true 2 true\n');
});

test('many processes that all start the daemon at once end with one daemon and a port each', async () => {
  await home.styxy('daemon', 'stop');
  const text = `const lease = await styxy.allocate({ service: 'dev' }); console.log(lease.port, (await styxy.status()).pid);
    process.stdin.resume();`;
  const whole = `const styxy = require(${JSON.stringify(root)}); (async () => { ${text} })();`;
  // So many at once as a small machine starts in seconds.
  const children = Array.from({ length: 20 }, () =>
    spawn(process.execPath, ['-e', whole], { env: home.env(), stdio: ['pipe', 'pipe', 'inherit'], timeout: DEADLINE }),
  );
  const said = await Promise.all(children.map(async (child) => String((await once(child.stdout, 'data'))[0]).split(' ')));
  assert.equal(new Set(said.map(([port]) => port)).size, children.length);
  assert.equal(new Set(said.map(([, daemon]) => daemon)).size, 1);
  for (const child of children) child.stdin.end();
  await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
  await noLeases();
});

test('any number of calls at once opens sixteen connections at most, and keeps none of them', { skip: process.platform !== 'linux' && 'only Linux lists a process\' own descriptors in a folder' }, async () => {
  const count = `const { readdirSync } = require('node:fs'); const count = () => readdirSync('/proc/self/fd').length;`;
  const calls = `
    await styxy.status();
    const before = count();
    let most = before;
    const watch = setInterval(() => { most = Math.max(most, count()); }, 1);
    const calls = Array.from({ length: 1000 }, (_, index) => (index % 2 ? styxy.list() : styxy.check(${home.first + 1})));
    await Promise.all(calls);
    clearInterval(watch);
    const until = Date.now() + ${DEADLINE};
    while (count() > before - 1 && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
    console.log(JSON.stringify({ before, most, after: count() }));`;
  const { before, most, after } = JSON.parse(await succeeds(count + calls));
  // The first call had one connection already.
  assert.ok(most - before <= 15, `${most - before} more than before`);
  assert.ok(after < before, `${after} are left of ${before}`);
});
