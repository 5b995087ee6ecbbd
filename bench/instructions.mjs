// How many instructions the hot paths take, by valgrind's callgrind: unlike times they are the same on a busy machine, to a hundredth.
// The kernel's are not among them.
//
//   cargo build --release -p styxy-daemon --example pairs --features rustix/use-libc-auxv     valgrind hides what the kernel says
//   node bench/instructions.mjs [PROGRAM]     PROGRAM as `npm run build` makes it. With symbols it also lists the functions that take most:
//                                             cargo rustc --profile release-cli -p styxy --bin styxy -- -C strip=none
//
// A pair is one allocate and one release over a kept connection to the socket, the client's part with them. It is the difference of two
// runs, so that the daemon's start and end are not counted.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

if (process.argv[2]) process.env.STYXY_BINARY = process.argv[2];
const { end, freeRange, target, top } = await import('./compare/machine.mjs');
const { daemon, program } = await import('./compare/servers.mjs');

/** How many functions are listed. */
const SHOWN = 25;
const pairs = path.join(target, 'release/examples/pairs');

/** The instructions of a command in user space, from its start to its end, and the file that says where. */
function counted(name, command, words, env = process.env) {
  const file = path.join(top, `${name}.out`);
  const before = ['--tool=callgrind', `--callgrind-out-file=${file}`, command, ...words];
  const { error, status, stderr } = spawnSync('valgrind', before, { env, encoding: 'utf8' });
  if (error || status !== 0) throw new Error(error?.message ?? stderr);
  return { count: Number(fs.readFileSync(file, 'utf8').match(/^(?:summary|totals): (\d+)/m)[1]), file };
}

function pair(live) {
  const few = counted(`few-${live}`, pairs, ['200', String(live)]);
  const many = counted(`many-${live}`, pairs, ['1200', String(live)]);
  return { count: Math.round((many.count - few.count) / 1000), file: many.file };
}

function most(file) {
  const { stdout } = spawnSync('callgrind_annotate', ['--threshold=90', file], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => /^\s*[\d,]+ \(/.test(line) && !line.includes('PROGRAM TOTALS'));
  return lines.slice(0, SHOWN).map((line) => line.replace(/ \[[^\]]*\]$/, '').trim());
}

try {
  const from = await freeRange(100);
  const { env, stop } = await daemon('home', { from, to: from + 99 });
  const rows = [
    ['a pair', pair(0)],
    ['a pair beside 200 leases', pair(200)],
    ['styxy allocate', counted('allocate', program, ['allocate', '-s', 'bench', '-q'], env)],
    ['styxy check 8000', counted('check', program, ['check', '8000'], env)],
  ];
  stop();
  for (const [name, { count }] of rows) console.log(`${name.padEnd(28)} ${count.toLocaleString('en')}`);
  for (const [name, { file }] of [rows[0], rows[2]]) console.log(`\n${name}:\n  ${most(file).join('\n  ')}`);
} finally {
  await end();
}
process.exit();
