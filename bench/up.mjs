// What `styxy up` takes: the first one, a second one that finds everything as it should be, one that adopts the services of a killed
// keeper, and `down`; how soon it says that a service has failed; how much slower a service writes because its log is a ring, and how
// much of that is on the disk; and what the keeper itself takes while nothing happens: memory of its own, and how often it wakes.
//
//   cargo build --release -p styxy && node bench/up.mjs [rounds] [program] [part …]
//
// The parts are `again`, `failure`, `log` and `idle`; all of them if none is named. `idle` takes a minute, the others some seconds.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const rounds = Number(process.argv[2] ?? 200);
const parts = process.argv.slice(4);
const program = path.resolve(process.argv[3] ?? path.join(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'styxy'));
const SERVICES = 5;
/** What a service prints at full speed, and how often that is measured. */
const MEBIBYTES = 100;
const PRINTS = 7;
const FAILURES = 20;
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
// Line by line, as servers do, and with its own watch.
const PRINT = `import os, time
line = b"x" * 127 + b"\\n"
begun = time.monotonic()
for _ in range(${MEBIBYTES} * 8192): os.write(1, line)
open("took", "w").write(str((time.monotonic() - begun) * 1000))
`;
fs.writeFileSync(path.join(project, 'print.py'), PRINT);

/** Writes the project's file. */
const say = (services) => fs.writeFileSync(path.join(project, '.styxy.json'), JSON.stringify({ services }));

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

function again() {
  const services = {};
  for (let at = 0; at < SERVICES; at++) services[`web${at}`] = { type: 'dev', name: `web${at}`, run: ['node', 'server.js'], ready: '/' };
  say(services);
  const first = up();
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const next = up();
    if (next.pids.join() !== first.pids.join()) throw new Error('a second up has started something');
    times.push(next.ms);
  }
  const bare = Array.from({ length: rounds }, () => styxy('--version').ms);
  console.log(`first up of ${SERVICES} services, until ready ${shown(first.ms)}`);
  console.log(`second up                         p50 ${shown(at(times, 0.5))}, p99 ${shown(at(times, 0.99))} (styxy --version: p50 ${shown(at(bare, 0.5))}, p99 ${shown(at(bare, 0.99))})`);
  process.kill(keeper(), 'SIGKILL');
  const adopted = up();
  console.log(`up that adopts                    ${shown(adopted.ms)}, ${adopted.pids.filter((pid) => !first.pids.includes(pid)).length} started`);
}

/** How long after the end of a service that exits 3 `up` has said so and ended. */
function failure() {
  const late = Array.from({ length: FAILURES }, () => {
    say({ bad: { run: 'sleep 0.1; date +%s%N > ended; exit 3', port: false } });
    const { status, stderr } = spawnSync(program, ['up', '-d'], { cwd: project, env, encoding: 'utf8' });
    const now = performance.timeOrigin + performance.now();
    if (status !== 1 || !stderr.includes('bad: failed: exit 3')) throw new Error(`it ended with ${status}: ${stderr}`);
    return now - Number(fs.readFileSync(path.join(project, 'ended'), 'utf8')) / 1e6;
  });
  console.log(`until up says that one has failed p50 ${shown(at(late, 0.5))}, at most ${shown(Math.max(...late))}`);
}

/** How long the last print has taken by its own watch. */
function took() {
  const file = path.join(project, 'took');
  const ms = Number(fs.readFileSync(file, 'utf8'));
  fs.rmSync(file);
  return ms;
}

/** Until the service has ended, or the next `up` would find it. */
async function printed() {
  while (!fs.existsSync(path.join(project, 'took'))) await pause(10);
  while (JSON.parse(styxy('ps', '--json').out).services[0].state !== 'ended') await pause(10);
}

/** A service that prints at full speed into its log, and the same program with a file that nobody cuts. */
async function log() {
  say({ print: { run: ['python3', 'print.py'], port: false } });
  const plain = path.join(project, 'plain.log');
  const [rings, files] = [[], []];
  let file;
  for (let round = 0; round < PRINTS; round++) {
    const target = fs.openSync(plain, 'a');
    spawnSync('python3', ['print.py'], { cwd: project, env, stdio: ['ignore', target, 'inherit'] });
    fs.closeSync(target);
    fs.rmSync(plain);
    files.push(took());
    [{ log: file }] = JSON.parse(styxy('up', '-d', '--json').out).services;
    await printed();
    rings.push(took());
  }
  // To look is work too, so nothing is timed while somebody looks.
  let most = 0;
  for (let round = 0; round < 3; round++) {
    const ended = once(spawn(program, ['up', '-d'], { cwd: project, env, stdio: 'ignore' }), 'exit');
    while (!fs.existsSync(path.join(project, 'took'))) {
      most = Math.max(most, fs.statSync(file).blocks * 512);
      await pause(1);
    }
    await ended;
    await printed();
    took();
  }
  const [ring, other] = [at(rings, 0.5), at(files, 0.5)];
  console.log(`${MEBIBYTES} MiB printed at full speed      ${shown(ring)}, ${(ring / other).toFixed(2)} of what a file takes that nobody cuts; at most ${(most / 2 ** 20).toFixed(1)} MiB on the disk`);
}

async function idle() {
  say({ web: { type: 'dev', run: ['node', 'server.js'], ready: '/' } });
  up();
  const pid = keeper();
  // What has started it is over by then, with the threads that it needed.
  await pause(15_000);
  const before = wakes(pid);
  await pause(IDLE);
  console.log(`keeper, idle for ${IDLE / 1000} s           ${wakes(pid) - before} wake-ups, ${own(pid)} kB of its own`);
}

try {
  styxy('daemon', 'start');
  console.log(`load ${os.loadavg()[0].toFixed(1)}`);
  for (const part of [again, failure, log, idle]) {
    if (parts.length > 0 && !parts.includes(part.name)) continue;
    await part();
    console.log(`down                              ${shown(styxy('down').ms)}`);
  }
} finally {
  spawnSync(program, ['down', '--now'], { cwd: project, env });
  spawnSync(program, ['daemon', 'stop'], { env });
  fs.rmSync(top, { recursive: true, force: true });
}
