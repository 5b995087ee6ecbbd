// What the front door costs: the time that it adds to a request, what a lease costs while it carries downloads, and its memory.
// Everything is interleaved in one run, so that the ratios count also on a busy machine. Beside it are measured the least that a proxy made
// of hyper does, if that is built, and portless, if the folder of an installation of it is given.
//
//   cargo build --release -p styxy && cargo build --release -p styxy-door --example bare_proxy
//   node bench/door.mjs [program] [folder with node_modules/portless]

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const program = path.resolve(process.argv[2] ?? path.join(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'styxy'));
const portless = process.argv[3];
const bareProxy = path.resolve(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'examples', 'bare_proxy');
const ROUNDS = 20;
const REQUESTS = 500;
const LEASES = 200;
const LEASE_ROUNDS = 10;
const DOWNLOAD = 64 * 2 ** 20;

const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-bench-')));
const home = path.join(top, 'home');
const shop = path.join(top, 'shop');
fs.mkdirSync(home, { mode: 0o700 });
fs.mkdirSync(path.join(shop, '.git'), { recursive: true });
const env = { PATH: process.env.PATH, HOME: top, STYXY_HOME: home };
const config = { cleanup_interval: 86400, overflow_range: null, service_types: { dev: { range: [11000, 15999] } } };
config.quotas = { leases_per_checkout: 65535, waiting_per_owner: 65535 };
const stops = [];

/** A port that nobody has now. */
async function free() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const at = (times, part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
const sorted = (times) => times.sort((one, two) => one - two);
const us = (ms) => `${(ms * 1000).toFixed(0)} µs`;

/** A client over one kept connection that writes and reads bytes itself: Node's own client would be most of what is measured. */
class Client {
  constructor(port, host, route = '/', body = '') {
    const method = body ? 'POST' : 'GET';
    const more = body ? `content-type: application/json\r\ncontent-length: ${body.length}\r\n` : '';
    this.request = `${method} ${route} HTTP/1.1\r\nhost: ${host}\r\n${more}\r\n${body}`;
    this.socket = net.connect(port, '127.0.0.1').setNoDelay(true);
    this.text = '';
    this.socket.on('data', (bytes) => {
      this.text += bytes;
      const end = this.text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(this.text)?.[1] ?? 0);
      if (this.text.length < end + 4 + length) return;
      const answer = this.text;
      this.text = '';
      this.done(answer);
    });
    // What went wrong is said by the end that follows.
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.failed?.(new Error('the connection has ended')));
  }

  ask() {
    return new Promise((done, failed) => {
      Object.assign(this, { done, failed });
      this.socket.write(this.request);
    });
  }

  async time() {
    const start = performance.now();
    this.answer = await this.ask();
    const took = performance.now() - start;
    if (!this.answer.startsWith('HTTP/1.1 200')) throw new Error(this.answer);
    return took;
  }

  close() {
    this.failed = undefined;
    this.socket.destroy();
  }
}

/** The backend, in a process of its own: the smallest answer there is, and one of 64 MiB. */
const BACKEND = `
import net from 'node:net';
const small = Buffer.from('HTTP/1.1 200 OK\\r\\ncontent-length: 12\\r\\n\\r\\nhello, world');
const chunk = Buffer.alloc(2 ** 20);
net.createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', async (bytes) => {
    if (!String(bytes).startsWith('GET /large')) return socket.write(small);
    socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: ${DOWNLOAD}\\r\\n\\r\\n');
    for (let sent = 0; sent < ${DOWNLOAD} && !socket.destroyed; sent += chunk.length) {
      if (socket.write(chunk)) continue;
      await new Promise((go) => {
        const on = () => socket.off('drain', on).off('close', on) && go();
        socket.on('drain', on).on('close', on);
      });
    }
  });
}).listen(Number(process.env.PORT), '127.0.0.1', () => console.log('ready'));
`;

async function backend(port) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', BACKEND], { cwd: shop, env: { ...env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'] });
  stops.push(() => child.kill());
  await once(child.stdout, 'data');
  return child;
}

async function ask(method, route, body) {
  const request = http.request({ socketPath: path.join(home, 'styxy.sock'), method, path: route, agent: false });
  request.end(body && JSON.stringify(body));
  const [response] = await once(request, 'response');
  let text = '';
  for await (const part of response) text += part;
  if (response.statusCode !== 200) throw new Error(text);
  return JSON.parse(text);
}

const mebibytes = async () => (await ask('GET', '/status')).memory.rss / 2 ** 20;

/** The bare proxy in front of the same backend; the port it listens on. */
async function startBare(backendPort) {
  if (!fs.existsSync(bareProxy)) return console.log(`the bare proxy: skipped, there is no ${bareProxy}`);
  const port = await free();
  const child = spawn(bareProxy, [String(port), String(backendPort)], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  stops.push(() => child.kill());
  await answers(port, 'localhost');
  return port;
}

/** Waits until a proxy passes requests on; what it answered last if it does not. */
async function answers(port, host) {
  const until = performance.now() + 5000;
  for (;;) {
    const client = new Client(port, `${host}:${port}`);
    const answer = await client.ask().catch(String);
    client.close();
    if (answer.startsWith('HTTP/1.1 200')) return undefined;
    if (performance.now() > until) return answer.slice(0, 80);
    await new Promise((go) => setTimeout(go, 100));
  }
}

/** portless in front of the same backend; the port it listens on. */
async function startPortless(backendPort) {
  if (!portless) return console.log('portless: skipped, no folder of an installation was given');
  const bin = path.join(path.resolve(portless), 'node_modules', '.bin', 'portless');
  if (!fs.existsSync(bin)) return console.log(`portless: skipped, there is no ${bin}`);
  const port = await free();
  const its = { ...env, PORTLESS_PORT: String(port), PORTLESS_HTTPS: '0', PORTLESS_SYNC_HOSTS: '0', PORTLESS_STATE_DIR: path.join(top, 'portless') };
  const run = (...words) => spawnSync(bin, words, { env: its, encoding: 'utf8', timeout: 20_000 });
  const proxy = run('proxy', 'start', '-p', String(port), '--no-tls');
  stops.push(() => run('proxy', 'stop', '-p', String(port)));
  const alias = run('alias', 'dev.shop', String(backendPort));
  // Its proxy reads its routes a little later.
  const answer = await answers(port, 'dev.shop.localhost');
  return answer === undefined ? port : console.log(`portless: skipped (${proxy.stderr}${alias.stderr}${answer})`);
}

async function latency(ways) {
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, [port, host]] of Object.entries(ways)) {
      const client = new Client(port, host);
      for (let count = 0; count < 50; count++) await client.time();
      for (let count = 0; count < REQUESTS; count++) times[name].push(await client.time());
      client.close();
    }
  }
  const direct = sorted(times.direct);
  for (const [name, all] of Object.entries(times)) {
    sorted(all);
    const added = (part) => us(at(all, part) - at(direct, part));
    console.log(`${name}: p50 ${us(at(all, 0.5))} (added ${added(0.5)}), p90 ${us(at(all, 0.9))}, p99 ${us(at(all, 0.99))} (added ${added(0.99)})`);
  }
  const over = (name) => at(times[name], 0.5) - at(direct, 0.5);
  for (const other of ['bare', 'portless'].filter((name) => times[name])) {
    console.log(`the door adds ${(over('door') / over(other)).toFixed(2)} of what ${other} adds`);
  }
}

/** One allocate after the other over a kept connection; each lease is given back, so that the next ones find as many as these. */
async function leases(port) {
  const times = [];
  const client = new Client(port, `localhost:${port}`, '/allocate', JSON.stringify({ service_type: 'dev' }));
  const answers = [];
  for (let count = 0; count < LEASES; count++) {
    times.push(await client.time());
    answers.push(client.answer);
  }
  client.close();
  for (const answer of answers) await ask('DELETE', `/allocate/${JSON.parse(answer.slice(answer.indexOf('{'))).lock_id}`);
  return times;
}

/**
 * What a lease costs while nothing else happens, while four clients download past the door, and while they download through it, in turn.
 * Those who download and the server have one processor, this process another: what they do to each other is not what is measured.
 */
async function leasesBeside(port, past, through) {
  const times = { idle: [], past: [], through: [] };
  let under = 0;
  for (let round = 0; round < LEASE_ROUNDS; round++) {
    times.idle.push(...(await leases(port)));
    for (const [name, way] of Object.entries({ past, through })) {
      const loader = await downloads(...way);
      times[name].push(...(await leases(port)));
      under = Math.max(under, await mebibytes());
      loader.kill();
      await once(loader, 'exit');
    }
  }
  const [idle, beside, busy] = Object.values(times).map((all) => at(sorted(all), 0.99));
  console.log(`allocate p99: ${us(idle)} idle, ${us(beside)} during four downloads past the door, ${us(busy)} through it: ${(busy / beside).toFixed(2)} times past it, ${(busy / idle).toFixed(2)} times idle`);
  return under;
}

/** Gives a process one processor, if there are several and the system has a command for it. */
function keepOn(processor, pid) {
  if (os.cpus().length > 1) spawnSync('taskset', ['-acp', String(processor), String(pid)]);
}

/** Four clients that download through the door, again and again, in a process of their own: here they would be in the way of what is timed. */
const LOADER = `
import net from 'node:net';
const download = () => {
  const socket = net.connect(Number(process.env.PORT), '127.0.0.1');
  socket.write(\`GET /large HTTP/1.1\\r\\nhost: \${process.env.NAME}\\r\\nconnection: close\\r\\n\\r\\n\`);
  socket.once('data', () => console.log('downloads')).resume().on('close', download);
};
for (let count = 0; count < 4; count++) download();
`;

async function downloads(port, name) {
  const variables = { ...env, PORT: String(port), NAME: name };
  const child = spawn(process.execPath, ['--input-type=module', '-e', LOADER], { env: variables, stdio: ['ignore', 'pipe', 'inherit'] });
  stops.push(() => child.kill());
  await once(child.stdout, 'data');
  keepOn(0, child.pid);
  child.stdout.resume();
  return child;
}

async function main() {
  const port = await free();
  fs.writeFileSync(path.join(home, 'config.json'), JSON.stringify({ ...config, listen_port: port }));
  const daemon = spawn(program, ['daemon', 'run', '--detached'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(daemon.stdout, 'data');
  if (!String(line).includes('"ready"')) throw new Error(String(line));
  stops.push(() => spawnSync(program, ['daemon', 'stop'], { env }));

  const lease = await ask('POST', '/allocate', { service_type: 'dev', project_path: shop, pid: process.pid });
  const server = await backend(lease.port);
  const name = `dev.shop.localhost:${port}`;
  const [bare, beside] = [await startBare(lease.port), await startPortless(lease.port)];
  const ways = { direct: [lease.port, `localhost:${lease.port}`], door: [port, name] };
  if (bare) ways.bare = [bare, `localhost:${bare}`];
  if (beside) ways.portless = [beside, `dev.shop.localhost:${beside}`];
  const before = await mebibytes();
  await latency(ways);

  keepOn(0, server.pid);
  keepOn(1, process.pid);
  const under = await leasesBeside(port, [lease.port, `localhost:${lease.port}`], [port, name]);
  console.log(`resident memory: ${before.toFixed(1)} MiB before, ${under.toFixed(1)} MiB during the downloads`);
  console.log(`load of the machine: ${os.loadavg().map((load) => load.toFixed(1)).join(' ')} on ${os.cpus().length} processors`);
}

try {
  await main();
} finally {
  for (const stop of stops.reverse()) stop();
  fs.rmSync(top, { recursive: true, force: true });
}
process.exit();
