// The rows about a daemon's life: many leases, the end of an owner, idleness, and the front door beside portless.

import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freeRange, quantile, request, start, top, usage } from './machine.mjs';
import { daemon, portless, portserver } from './servers.mjs';

const GROUP = 64;

async function lease(agent, socketPath, count) {
  for (let made = 0; made < count; made += GROUP) {
    const services = Array.from({ length: Math.min(GROUP, count - made) }, () => ({ service_type: 'bench' }));
    await request(agent, { socketPath, body: { services, pid: process.pid } });
  }
}

/** The time of an allocate over the socket, in µs, with each number of live leases, `pairs` times. */
export async function growth(levels, pairs) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  // The range has room for all of them; whoever listens in it is passed over.
  const { socketPath, stop } = await daemon(`growth-${Date.now()}`, { from: 12_000, to: 62_000 });
  const found = {};
  let held = 0;
  try {
    for (const level of levels) {
      await lease(agent, socketPath, level - held);
      held = level;
      const times = [];
      for (let pair = 0; pair < pairs; pair++) {
        const begun = performance.now();
        const { lock_id: id } = await request(agent, { socketPath, body: { service_type: 'bench', pid: process.pid } });
        times.push((performance.now() - begun) * 1000);
        await request(agent, { socketPath, method: 'DELETE', route: `/allocate/${id}` });
      }
      found[level] = { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    }
    return found;
  } finally {
    agent.destroy();
    stop();
  }
}

/** A server that says that it is there, and listens when it is told to. */
const SERVER = `
console.log('there');
process.stdin.once('data', () => require('net').createServer().listen(Number(process.argv[1]), () => console.log('listens')));
`;

/** The time, in ms, from a kill -9 of a server until the next who asks gets its port: one port in the range, asked for without a pause. */
export async function fresh(name) {
  const port = await freeRange(1);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const { ask, stop } = await asker(name, { from: port, to: port }, agent);
  try {
    const server = await start(process.execPath, ['-e', SERVER, String(port)]);
    if (!(await ask(server.pid))) throw new Error('the server itself gets no port');
    server.stdin.write('\n');
    await once(server.stdout, 'data');
    const begun = performance.now();
    server.kill('SIGKILL');
    while (!(await ask(process.pid))) {
      if (performance.now() - begun > 20_000) throw new Error('not after 20 s');
    }
    return performance.now() - begun;
  } finally {
    agent.destroy();
    await stop();
  }
}

/** How to ask for the one port of a range, for a process; true if it was given. */
async function asker(name, range, agent) {
  if (name === 'portserver') {
    const { socket, stop } = await portserver(range);
    return { stop, ask: async (pid) => Number(await line(socket, `${pid}\n`)) === range.from };
  }
  const { socketPath, stop } = await daemon(`fresh-${range.from}`, range);
  const ask = (pid) =>
    request(agent, { socketPath, body: { service_type: 'bench', pid } }).then(
      () => true,
      () => false,
    );
  return { stop, ask };
}

async function line(socketPath, text) {
  const socket = net.connect(socketPath);
  socket.setEncoding('utf8').end(text);
  let said = '';
  for await (const piece of socket) said += piece;
  return said.trim();
}

/** What an idle server uses with `leases`, in `seconds`: processor time, switches to it, memory. */
export async function idle(name, { leases, seconds }) {
  const from = await freeRange(leases);
  const range = { from, to: from + leases - 1 };
  let made;
  if (name === 'Styxy') {
    made = await daemon(`idle-${Date.now()}`, range);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    await lease(agent, made.socketPath, leases);
    agent.destroy();
  } else if (name === 'portserver') {
    made = await portserver(range);
    for (let count = 0; count < leases; count++) await line(made.socket, `${process.pid}\n`);
  } else {
    made = await portless(Object.fromEntries(Array.from({ length: leases }, (_, index) => [`app${index}`, from + index])));
  }
  try {
    // What it did for the leases is over after a second.
    await pause(1000);
    const before = usage(made.pid);
    await pause(seconds * 1000);
    const after = usage(made.pid);
    const per = (what) => (after[what] - before[what]) / seconds;
    return { cpuMsPerS: per('cpuMs'), wakeupsPerS: per('switches'), memory: after.memory };
  } finally {
    await made.stop();
  }
}

const BACKEND = `
require('http').createServer((_, answer) => answer.end('hello')).listen(Number(process.argv[1]), '127.0.0.1', () => console.log('ready'));
`;

/** Requests to one server, past and through the door and portless, in turn; and what fails while the server is started again. */
export async function door({ rounds, requests, restarts }) {
  const to = await freeRange(1);
  const made = await daemon(`door-${Date.now()}`, { from: to, to });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  // The door passes a request on only to a server that runs in the folder of the lease.
  const shop = path.join(top, 'shop');
  fs.mkdirSync(path.join(shop, '.git'), { recursive: true });
  const backend = () => start(process.execPath, ['-e', BACKEND, String(to)], { cwd: shop });
  await request(agent, { socketPath: made.socketPath, body: { service_type: 'bench', pid: process.pid, project_path: shop } });
  const { allocations } = await request(agent, { socketPath: made.socketPath, method: 'GET', route: '/allocations' });
  const { host } = allocations[0];
  const ways = { direct: { port: to, host: `localhost:${to}` }, 'Styxy, door': { port: made.port, host: `${host}:${made.port}` } };
  let skipped;
  let beside;
  try {
    beside = await portless({ shop: to });
    ways.portless = { port: beside.port, host: `shop.localhost:${beside.port}` };
  } catch (error) {
    skipped = error.message;
  }
  let server = await backend();
  try {
    const times = await latencies(ways, { rounds, requests });
    const failures = Object.fromEntries(Object.keys(ways).map((name) => [name, { asked: 0, failed: 0 }]));
    for (const [name, way] of Object.entries(ways)) {
      let isOn = true;
      const asking = (async () => {
        while (isOn) {
          failures[name].asked += 1;
          await get(way).catch(() => (failures[name].failed += 1));
          await pause(5);
        }
      })();
      for (let restart = 0; restart < restarts; restart++) {
        server.kill('SIGKILL');
        await pause(300);
        server = await backend();
        await pause(200);
      }
      isOn = false;
      await asking;
    }
    return { times, failures, skipped };
  } finally {
    agent.destroy();
    server.kill('SIGKILL');
    await beside?.stop();
    made.stop();
  }
}

async function latencies(ways, { rounds, requests }) {
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let count = -20; count < requests; count++) {
        const begun = performance.now();
        await get({ ...way, agent });
        if (count >= 0) times[name].push((performance.now() - begun) * 1000);
      }
      agent.destroy();
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, { p50: quantile(all, 0.5), p99: quantile(all, 0.99) }]));
}

/** One GET; fails unless it is answered with 200 within 10 s. */
function get({ port, host, agent = false }) {
  return new Promise((done, failed) => {
    const asked = http.get({ host: '127.0.0.1', port, agent, headers: { host }, timeout: 10_000 }, (answer) => {
      answer.resume().on('end', () => (answer.statusCode === 200 ? done() : failed(new Error(`${answer.statusCode}`))));
      answer.on('error', failed);
    });
    asked.on('timeout', () => asked.destroy(new Error('it took more than 10 s')));
    asked.on('error', failed);
  });
}
