// Measures the guard beside the same without it, in one run: ratios say more than times. Prints a table for docs/AGENTS.md.
//
//   node bench/guard.mjs          needs `npm run build`, or STYXY_PROGRAM; python3, Linux
//
// exec: /bin/true with and without the library. kill: a program that signals a process 2,000 times (SIGWINCH), with the library and
// without: an idle one, a server of its own worktree, and one of another worktree, which is refused each time. no daemon: the same after
// the daemon has gone. flood: signals that are refused while four other processes ask as fast as they can. stopped: one signal while the
// daemon is stopped.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = process.env.STYXY_PROGRAM ?? path.join(root, 'target', 'release-cli', 'styxy');
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-guard-'));
const plain = { ...process.env, STYXY_HOME: home };
delete plain.LD_PRELOAD;
const styxy = (...words) => execFileSync(program, words, { env: plain, encoding: 'utf8' });
const variables = JSON.parse(styxy('guard', 'env', '--json'));
const guarded = { ...plain, ...variables };
const idle = spawn('sleep', ['1000']);
const SERVE = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(1000)";
const server = (name) => {
  const folder = path.join(home, 'worktrees', name);
  fs.mkdirSync(path.join(folder, '.git'), { recursive: true });
  const child = spawn('python3', ['-c', SERVE], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve) => child.stdout.once('data', () => resolve({ child, folder })));
};
const [own, other] = await Promise.all(['own', 'other'].map(server));

const loop = `
import os, sys, time
times, refused = [], 0
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter_ns()
    try: os.kill(int(sys.argv[1]), 28)
    except PermissionError: refused += 1
    times.append(time.perf_counter_ns() - begun)
times.sort()
print(times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000, refused)
`;
const kills = (env, count, { pid } = idle) =>
  execFileSync('python3', ['-c', loop, String(pid), String(count)], { env, cwd: own.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim().split(' ').map(Number);

/** Median and 99th percentile of `count` starts of /bin/true with each environment in turn, in µs. */
function starts(count, ...environments) {
  const times = environments.map(() => []);
  for (let round = 0; round < count; round++) {
    environments.forEach((env, index) => {
      const begun = process.hrtime.bigint();
      spawnSync('/bin/true', { env });
      times[index].push(Number(process.hrtime.bigint() - begun) / 1000);
    });
  }
  return times.map((all) => all.sort((a, b) => a - b)).map((all) => [all[count >> 1], all[Math.floor(count * 0.99)]]);
}

const row = (what, [p50, p99], [guarded50, guarded99], limit) => {
  const more = (guarded50 - p50) / 1000;
  const cell = (p50, p99) => `${(p50 / 1000).toFixed(3)} / ${(p99 / 1000).toFixed(3)} ms`;
  console.log(`| ${what} | ${cell(p50, p99)} | ${cell(guarded50, guarded99)} | ${more < 0 ? '' : '+'}${more.toFixed(3)} ms | ${limit} |`);
};
try {
  const load = fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0];
  console.log(`${os.availableParallelism()} processors of ${os.cpus()[0].model.trim()}, load ${load}, program of ${Math.round(fs.statSync(program).size / 1e6)} MB\n`);
  console.log('| p50 / p99 | without the guard | with it | p50, the difference | wanted |\n| --- | --- | --- | --- | --- |');
  row('start of `/bin/true`', ...starts(1000, plain, guarded), '0.1 ms more');
  const free = kills(plain, 2000);
  row('a signal that is asked about and passes', free, kills(guarded, 2000), 'at most 0.3 ms');
  row('a signal to an own server', free, kills(guarded, 2000, own.child), 'at most 0.3 ms');
  const refused = kills(guarded, 2000, other.child);
  if (refused[2] !== 2000) throw new Error(`only ${refused[2]} of 2000 were refused`);
  row("a signal to another's server, refused", free, refused, 'at most 0.3 ms');
  const flood = spawn('python3', [path.join(root, 'bench', 'guard-flood.py'), variables.STYXY_GUARD_SOCKET, String(other.child.pid)], {
    cwd: own.folder, stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(flood.stdout, 'data');
  const beside = kills(guarded, 2000, other.child);
  flood.stdin.end();
  const [failed, questions, perSecond] = String(await once(flood.stdout, 'data')).trim().split(' ').map(Number);
  if (beside[2] !== 2000 || failed !== 0) throw new Error(`${beside[2]} of 2000 were refused beside a flood, of which ${failed} processes failed`);
  row(`the same beside ${perSecond.toLocaleString('en')} questions a second (${questions.toLocaleString('en')} in all)`, free, beside, 'an answer within 2 s');
  const { pid } = JSON.parse(styxy('status', '--json'));
  process.kill(pid, 'SIGSTOP');
  const begun = Date.now();
  const { stderr } = spawnSync('python3', ['-c', loop, String(idle.pid), '1'], { env: guarded, encoding: 'utf8' });
  const waited = Date.now() - begun;
  process.kill(pid, 'SIGCONT');
  styxy('daemon', 'stop');
  row('a signal, no daemon runs', free, kills(guarded, 2000), 'at once');
  console.log(`\na stopped daemon: sent after ${(waited / 1000).toFixed(1)} s, the start of Python included: ${stderr.trim()}`);
} finally {
  for (const child of [idle, own.child, other.child]) child.kill();
  spawnSync(program, ['daemon', 'stop'], { env: plain });
  fs.rmSync(home, { recursive: true, force: true });
}
