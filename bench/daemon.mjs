// What the daemon itself costs: its start, its memory, and the file calls of 10,000 allocate and release pairs.
// Every daemon has its own folder. The last figure needs strace, and is left out without it.
//
//   cargo build --release -p styxy && node bench/daemon.mjs [leases] [program]

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const leases = Number(process.argv[2] ?? 10_000);
const program = process.argv[3] ?? path.join(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'styxy');
const STARTS = 20;
const GROUP = 64;
const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-bench-')));
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
/** What stops each daemon that was started. */
const stops = [];

/** A daemon with its own folder; `ms` is the time from its start to its word that it is ready. */
async function daemon(name) {
  const home = path.join(top, name);
  fs.mkdirSync(home, { mode: 0o700 });
  // The sweep looks at the daemon's own files, and is not what is measured.
  const config = { cleanup_interval: 86400, overflow_range: null, service_types: { bench: { range: [11000, 31999] } } };
  config.quotas = { leases_per_checkout: 65535, waiting_per_owner: 65535 };
  fs.writeFileSync(path.join(home, 'config.json'), JSON.stringify(config));
  const env = { PATH: process.env.PATH, HOME: top, STYXY_HOME: home };
  const start = performance.now();
  const child = spawn(program, ['daemon', 'run', '--detached'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(child.stdout, 'data');
  const ms = performance.now() - start;
  const stop = () => spawnSync(program, ['daemon', 'stop'], { env });
  stops.push(stop);
  if (!String(line).includes('"ready"')) throw new Error(String(line));
  return { ms, socketPath: path.join(home, 'styxy.sock'), stop };
}

async function ask({ socketPath }, method, route, body) {
  const request = http.request({ socketPath, method, path: route, agent });
  request.end(body && JSON.stringify(body));
  const [response] = await once(request, 'response');
  let text = '';
  for await (const part of response) text += part;
  if (response.statusCode !== 200) throw new Error(text);
  return JSON.parse(text);
}

const mebibytes = async (daemon) => ((await ask(daemon, 'GET', '/status')).memory.rss / 2 ** 20).toFixed(1);

async function starts() {
  const times = [];
  for (let at = 0; at < STARTS; at++) {
    const one = await daemon(`start-${at}`);
    times.push(one.ms);
    one.stop();
  }
  times.sort((one, two) => one - two);
  console.log(`start to ready, ${STARTS} times: median ${times[STARTS / 2].toFixed(1)} ms, most ${times.at(-1).toFixed(1)} ms`);
}

async function memory() {
  const one = await daemon('memory');
  const before = await mebibytes(one);
  for (let made = 0; made < leases; made += GROUP) {
    const services = Array.from({ length: Math.min(GROUP, leases - made) }, () => ({ service_type: 'bench' }));
    await ask(one, 'POST', '/allocate', { services });
  }
  console.log(`resident memory: ${before} MiB at no lease, ${await mebibytes(one)} MiB at ${leases}`);
  one.stop();
}

async function fileCalls() {
  if (spawnSync('strace', ['-V']).error) return console.log('file calls: skipped, there is no strace');
  const one = await daemon('strace');
  const { pid } = await ask(one, 'GET', '/status');
  const log = path.join(top, 'strace.log');
  const words = ['-f', '-e', 'trace=%file,fallocate,ftruncate', '-o', log, '-p', String(pid)];
  const tracer = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(tracer.stderr, 'data'); // "attached"
  for (let pairs = 0; pairs < leases; pairs++) {
    const { lock_id: id } = await ask(one, 'POST', '/allocate', { service_type: 'bench' });
    await ask(one, 'DELETE', `/allocate/${id}`);
  }
  tracer.kill('SIGINT');
  await once(tracer, 'exit');
  const calls = [...fs.readFileSync(log, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)];
  const others = calls.filter(([, thread]) => Number(thread) !== pid).map(([, , call]) => call);
  const serving = calls.length - others.length;
  console.log(`${leases} pairs: ${serving} file calls by the serving thread, by others: ${others.join(' ') || 'none'}`);
  one.stop();
}

try {
  await starts();
  await memory();
  await fileCalls();
} finally {
  agent.destroy();
  for (const stop of stops) stop();
  fs.rmSync(top, { recursive: true, force: true });
}
