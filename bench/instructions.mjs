// How many instructions the hot paths take, by valgrind's callgrind: unlike times they are the same on a busy machine, to a thousandth.
// The kernel's are not among them.
//
//   node bench/instructions.mjs [PROGRAM]     PROGRAM as `npm run build` makes it; with symbols it also lists the functions that take most:
//                                             CARGO_PROFILE_RELEASE_CLI_STRIP=none npm run build
//
// A pair is one allocate and one release over a kept connection to the socket. It is the difference of two runs of the daemon, so that
// its start and its end are not counted.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

if (process.argv[2]) process.env.STYXY_BINARY = process.argv[2];
const { end, freeRange, request, top, until } = await import('./compare/machine.mjs');
const { daemon, program } = await import('./compare/servers.mjs');

/** How many functions are listed. */
const SHOWN = 25;
const callgrind = (file) => ['valgrind', '--tool=callgrind', `--callgrind-out-file=${file}`];

function total(file) {
  const found = fs.readFileSync(file, 'utf8').match(/^(?:summary|totals): (\d+)/m);
  if (!found) throw new Error(`${file} has no total`);
  return Number(found[1]);
}

/** The instructions of a daemon that serves so many pairs, from its start to its end, beside other live leases. */
async function served(pairs, { live, body }) {
  const file = path.join(top, `daemon-${live}-${pairs}.out`);
  const from = await freeRange(4000);
  const { socketPath, stop } = await daemon(`home-${live}-${pairs}`, { from, to: from + 3999 }, callgrind(file));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const leases = Array.from({ length: live }, () => ({ service_type: 'bench' }));
  for (let made = 0; made < live; made += 64) {
    await request(agent, { socketPath, body: { services: leases.slice(made, made + 64), pid: process.pid } });
  }
  for (let pair = 0; pair < pairs; pair++) {
    const { lock_id: id } = await request(agent, { socketPath, body: { service_type: 'bench', pid: process.pid, ...body } });
    await request(agent, { socketPath, method: 'DELETE', route: `/allocate/${id}` });
  }
  agent.destroy();
  stop();
  await until('the daemon has written its counts', () => fs.existsSync(file) && fs.statSync(file).size > 0);
  return { count: total(file), file };
}

async function pair(what) {
  const few = await served(200, what);
  const many = await served(1200, what);
  return { count: Math.round((many.count - few.count) / 1000), file: many.file };
}

/** The instructions of a command in user space, from its start to its end. */
async function command(words) {
  const from = await freeRange(100);
  const { env, stop } = await daemon(`home-${words[0]}`, { from, to: from + 99 });
  const file = path.join(top, `command-${words[0]}.out`);
  const [valgrind, ...rest] = [...callgrind(file), program, ...words];
  spawnSync(program, words, { env });
  const { status, stderr } = spawnSync(valgrind, rest, { env, encoding: 'utf8' });
  stop();
  if (status !== 0) throw new Error(stderr);
  return { count: total(file), file };
}

function most(file) {
  const { stdout } = spawnSync('callgrind_annotate', ['--threshold=90', file], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => /^\s*[\d,]+ \(/.test(line) && !line.includes('PROGRAM TOTALS'));
  return lines.slice(0, SHOWN).map((line) => line.replace(/ \[[^\]]*\]$/, '').trim());
}

try {
  if (spawnSync('valgrind', ['--version']).error) throw new Error('valgrind is not installed');
  const rows = [
    ['a pair, for a process', await pair({ live: 0 })],
    ['a pair, beside 2,000 leases', await pair({ live: 2000 })],
    ['a pair, for a checkout', await pair({ live: 0, body: { project_path: '/home/someone/app' } })],
    ['styxy allocate', await command(['allocate', '-s', 'bench', '-q'])],
    ['styxy check 8000', await command(['check', '8000'])],
  ];
  for (const [name, { count }] of rows) console.log(`${name.padEnd(28)} ${count.toLocaleString('en')}`);
  for (const [name, { file }] of [rows[0], rows[3]]) console.log(`\n${name}:\n  ${most(file).join('\n  ')}`);
} finally {
  await end();
}
process.exit();
