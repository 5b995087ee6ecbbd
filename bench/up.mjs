// What `styxy up` takes: the first one, a second one that finds everything as it should be, one that adopts the services of a killed
// keeper, and `down`; and what the keeper itself takes while nothing happens: memory of its own, and how often it wakes.
//
//   cargo build --release -p styxy && node bench/up.mjs [rounds] [program]

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const rounds = Number(process.argv[2] ?? 200);
const program = process.argv[3] ?? path.join(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'styxy');
const SERVICES = 5;
/** How long the keeper is watched while it sleeps. */
const IDLE = 60_000;
const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-bench-')));
const project = path.join(top, 'project');
const env = { PATH: process.env.PATH, HOME: top, STYXY_HOME: path.join(top, 'home'), STYXY_AGENT: 'off' };

fs.mkdirSync(path.join(project, '.git'), { recursive: true });
fs.mkdirSync(env.STYXY_HOME, { mode: 0o700 });
const config = { listen_port: 39_876, overflow_range: [40_000, 41_000], service_types: {} };
fs.writeFileSync(path.join(env.STYXY_HOME, 'config.json'), JSON.stringify(config));
fs.writeFileSync(path.join(project, 'server.js'), `require('http').createServer((_, to) => to.end('here')).listen(process.env.PORT)`);
const services = {};
for (let at = 0; at < SERVICES; at++) services[`web${at}`] = { type: 'dev', name: `web${at}`, run: ['node', 'server.js'], ready: '/' };
fs.writeFileSync(path.join(project, '.styxy.json'), JSON.stringify({ services }));

function styxy(...words) {
  const begun = performance.now();
  const ended = spawnSync(program, words, { cwd: project, env, encoding: 'utf8' });
  const ms = performance.now() - begun;
  if (ended.status !== 0) throw new Error(`styxy ${words.join(' ')}: ${ended.status}\n${ended.stdout}${ended.stderr}`);
  return { ms, out: ended.stdout };
}

const up = () => {
  const { ms, out } = styxy('up', '-d', '--json');
  return { ms, pids: JSON.parse(out).services.map((service) => service.pid) };
};

const shown = (ms) => `${ms.toFixed(1)} ms`;
const at = (times, part) => [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * part))];

/** The keeper of the project. */
function keeper() {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const words = (pid) => {
    try { return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'); } catch { return []; }
  };
  return Number(pids.find((pid) => words(pid)[1] === 'keeper' && words(pid).includes(project)));
}

/** Voluntary switches of all threads: each is one wake-up. */
const wakes = (pid) => fs.readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
  const status = fs.readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
  return sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)[1]);
}, 0);

const own = (pid) => Number(/^Private_Dirty:\s*(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);

try {
  styxy('daemon', 'start');
  const load = os.loadavg()[0].toFixed(1);
  const first = up();
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const again = up();
    if (again.pids.join() !== first.pids.join()) throw new Error('a second up has started something');
    times.push(again.ms);
  }
  const bare = Array.from({ length: rounds }, () => styxy('--version').ms);
  console.log(`load ${load}; ${SERVICES} services`);
  console.log(`first up, until all are ready    ${shown(first.ms)}`);
  console.log(`second up                        p50 ${shown(at(times, 0.5))}, p99 ${shown(at(times, 0.99))} (styxy --version: p50 ${shown(at(bare, 0.5))}, p99 ${shown(at(bare, 0.99))})`);
  process.kill(keeper(), 'SIGKILL');
  const adopted = up();
  console.log(`up that adopts                   ${shown(adopted.ms)}, ${adopted.pids.filter((pid) => !first.pids.includes(pid)).length} started`);
  const pid = keeper();
  await pause(5000);
  const before = wakes(pid);
  await pause(IDLE);
  console.log(`keeper, idle for ${IDLE / 1000} s          ${wakes(pid) - before} wake-ups, ${own(pid)} kB of its own`);
  console.log(`down                             ${shown(styxy('down').ms)}`);
} finally {
  spawnSync(program, ['down', '--now'], { cwd: project, env });
  spawnSync(program, ['daemon', 'stop'], { env });
  fs.rmSync(top, { recursive: true, force: true });
}
