// The kill corpus, run: who is signalled?
//
//   node bench/guard-corpus.mjs [--short] [--corpus agent|shell] [--only TEXT] [--every N] [--repeat N] [PROGRAM]
//
// Each command runs four times by real tools in namespaces of its own (bench/guard-corpus/world.sh): bare and under the guard,
// beside servers of another worktree and beside its own. Nobody's expectation is written down. What the bare command ends of
// another's must be spared under the guard, what it ends of its own must still end, and nothing is said or refused without a
// cause: a refusal names a server of another's that the bare command signals. Many signals end nobody (CONT, WINCH). So where a
// refusal's server was not ended, the command runs once more beside servers that block every signal, and what arrived there counts. --short runs a sample of the commands. PROGRAM is target/debug/styxy if it is not named; it must not be in /tmp.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean' }, only: { type: 'string' }, corpus: { type: 'string' }, every: { type: 'string', default: '1' }, repeat: { type: 'string', default: '1' } },
});
const program = path.resolve(positionals[0] ?? path.join(root, 'target/debug/styxy'));

/** The ways that the guard does not reach, and why (docs/DESIGN.md, R93). */
const BEYOND = [/\bsudo\b/, /\bSTYXY(_GUARD)?=off\b/, /\benv -i\b/, /\bstyxy kill .*--force\b/];
/** What cannot be split, and so ends nobody (R90). */
const WHOLE = /\bkill\b.* -1$/;
/** What needs a machine that is not here. */
const ELSEWHERE = /^(Get-|Stop-)|\b(taskkill|powershell|wmic|cmd|docker|kubectl|adb|gh|ssh|scp|xdg-open)\b/;
/** The commands of the other corpus that speak of a kill. */
const KILLS = /\b(p?kill|killall|fuser|skill|kill-port|fkill)\b/;
/** A sample for CI, the first command of each kind: by name, by its pid, by a pipeline of the port, in a loop, by a package's script. */
const KINDS = [/^killall node$/, /^kill (-9 )?4242/, /^lsof -ti ?:3000 \| xargs kill/, /^for .*lsof.*kill/, /^make stop|^npm run stop/];

function rows(file, wanted) {
  const lines = fs.readFileSync(path.join(root, 'tests/corpus', file), 'utf8').split('\n');
  return lines.filter((line) => line && !line.startsWith('#') && wanted(line) && !ELSEWHERE.test(line));
}

function text(command) {
  return command.replaceAll(/\\(n|\\)/g, (_, what) => (what === 'n' ? '\n' : '\\'));
}

const SERVER = `use IO::Socket::INET; use POSIX (); $SIG{CHLD} = 'IGNORE';
my $all = POSIX::SigSet->new; $all->fillset; POSIX::sigprocmask(POSIX::SIG_BLOCK(), $all) if $ENV{BLOCKS}; $0 = $ENV{TITLE} if $ENV{TITLE};
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ENV{SERVE}, Listen => 64, ReuseAddr => 1) or die;
while (1) { my $c = $s->accept or next; close $c }
`;

/** What every world has. */
function template(folder) {
  const write = (name, content, mode = 0o644) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content, { mode });
  };
  for (const name of ['run', 'home/shop/.git', 'home/shop/.git/worktrees/shop-fix']) {
    fs.mkdirSync(path.join(folder, name), { recursive: true, mode: 0o700 });
  }
  write('home/shop/.git/HEAD', 'ref: refs/heads/main\n');
  write('home/shop/.git/worktrees/shop-fix/HEAD', 'ref: refs/heads/fix\n');
  write('home/shop/.git/worktrees/shop-fix/commondir', '../..\n');
  write('home/shop/.git/worktrees/shop-fix/gitdir', '/tmp/home/shop-fix/.git\n');
  write('home/shop-fix/.git', 'gitdir: /tmp/home/shop/.git/worktrees/shop-fix\n');
  const scripts = { stop: 'pkill -f server.js', kill3000: 'kill-port 3000', free: 'lsof -ti:3000 | xargs kill -9', dev: 'sleep 9', start: 'sleep 9' };
  for (const shop of ['home/shop', 'home/shop-fix']) {
    write(`${shop}/package.json`, JSON.stringify({ name: 'shop', scripts }));
    for (const server of ['server.js', 'next.js', 'node_modules/.bin/vite', 'fake/uvicorn']) write(`${shop}/${server}`, SERVER);
    // As the package of that name does.
    write(`${shop}/node_modules/.bin/kill-port`, '#!/bin/sh\nfor port; do lsof -ti "tcp:$port" | xargs kill -9; done 2>/dev/null\n', 0o755);
    write(`${shop}/scripts/kill-port.sh`, '#!/bin/bash\nlsof -ti:"$1" | xargs kill -9\n', 0o755);
    write(`${shop}/stop.sh`, 'pkill -f server.js\n', 0o755);
    write(`${shop}/Makefile`, 'stop:\n\tpkill -f server.js\n');
    for (const name of ['dist', 'backend', 'frontend']) fs.mkdirSync(path.join(folder, shop, name), { recursive: true });
  }
  // From within the world, which has a mount of its own, a link to what is outside of it is impossible, and a copy of the program is
  // what takes longest.
  try {
    fs.linkSync(program, path.join(folder, 'styxy'));
  } catch {
    fs.copyFileSync(program, path.join(folder, 'styxy'));
  }
  for (const tool of ['node', 'python3']) {
    fs.mkdirSync(path.join(folder, 'tools'), { recursive: true });
    fs.copyFileSync('/usr/bin/perl', path.join(folder, 'tools', tool));
    fs.chmodSync(path.join(folder, 'tools', tool), 0o755);
  }
}

const top = fs.mkdtempSync(path.join(fs.existsSync(path.dirname(program)) ? path.dirname(program) : root, 'guard-corpus-'));
process.on('exit', () => fs.rmSync(top, { recursive: true, force: true }));
template(path.join(top, 'template'));
let count = 0;

async function world(command, guard, whose) {
  const folder = path.join(top, String(count++));
  fs.cpSync(path.join(top, 'template'), folder, { recursive: true, filter: (file) => path.basename(file) !== 'styxy' });
  fs.linkSync(path.join(top, 'template', 'styxy'), path.join(folder, 'styxy'));
  fs.writeFileSync(path.join(folder, 'command'), `${text(command)}\n`);
  const inside = [path.join(root, 'bench/guard-corpus/world.sh'), '/tmp/styxy', folder, guard, whose, '/tmp/command'];
  const unshare = ['--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc', '--net', 'bash', ...inside];
  const env = { PATH: process.env.PATH, TERM: 'dumb' };
  const child = spawn('unshare', unshare, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (data) => (said[name] += data));
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  const log = path.join(folder, 'out.log');
  const out = fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : '';
  fs.rmSync(folder, { recursive: true, force: true });
  try {
    return { ...JSON.parse(said.stdout.trim().split('\n').at(-1)), out };
  } catch {
    return { broken: said.stderr.trim().split('\n').at(-1) || 'no answer', out };
  }
}

const THEIRS = [3000, 3001, 5173, 8000];
const tally = { rows: 0, broken: 0, endedOthers: 0, spared: 0, beyond: 0, endedOwn: 0, stillEnded: 0, silent: 0, causeless: 0, wordsOnOwn: 0 };
const wrong = [];

async function row(command) {
  const bare = await world(command, 'bare', 'others');
  const guarded = await world(command, 'guarded', 'others');
  const bareOwn = await world(command, 'bare', 'own');
  const guardedOwn = await world(command, 'guarded', 'own');
  tally.rows++;
  const broken = [bare, guarded, bareOwn, guardedOwn].find((one) => one.broken);
  if (broken) {
    tally.broken++;
    wrong.push(`broken (${broken.broken}): ${command}`);
    return;
  }
  const others = (one) => one.ended.filter((port) => THEIRS.includes(port));
  const isBeyond = BEYOND.some((way) => way.test(command));
  if (others(bare).length > 0) {
    tally.endedOthers++;
    if (others(guarded).length === 0) {
      tally.spared++;
      if (guarded.words === 0) tally.silent++;
    } else if (isBeyond) tally.beyond++;
    else wrong.push(`ended another's (${others(guarded)}): ${command}`);
  }
  let causes = others(bare);
  const causeless = () => guarded.named.filter((port) => !causes.includes(port));
  const isCauseless = () => causeless().length > 0 || (guarded.refused + guarded.words > 0 && causes.length === 0);
  if (isCauseless()) {
    const blocked = await world(command, 'blocked', 'others');
    causes = [...causes, ...(blocked.ended ?? []), ...(blocked.signalled ?? [])].filter((port) => THEIRS.includes(port));
  }
  if (isCauseless()) {
    tally.causeless++;
    wrong.push(`refused without a cause (${causeless()}): ${command}: ${guarded.out.split('\n').find((line) => line.startsWith('styxy: ')) ?? ''}`);
  }
  if (WHOLE.test(command)) return;
  for (const [free, under, ports] of [
    [bare, guarded, [8007]],
    [bareOwn, guardedOwn, THEIRS],
  ]) {
    const ended = (one) => one.ended.filter((port) => ports.includes(port)).sort();
    if (ended(free).length === 0) continue;
    tally.endedOwn++;
    if (String(ended(free)) === String(ended(under))) tally.stillEnded++;
    else wrong.push(`own not ended (${ended(free)}, ${ended(under)}): ${command}: ${under.out.split('\n').find((line) => line.startsWith('styxy: ')) ?? ''}`);
  }
  if (guardedOwn.words + guardedOwn.refused > 0) {
    tally.wordsOnOwn++;
    wrong.push(`words about its own: ${command}: ${guardedOwn.out.split('\n').find((line) => line.startsWith('styxy: ')) ?? ''}`);
  }
}

const corpora = {
  agent: () => rows('agent-commands.tsv', () => true),
  shell: () => rows('shell-commands.tsv', (command) => KILLS.test(command)),
};
let all = Object.keys(corpora).flatMap((name) => ([name, undefined].includes(values.corpus) ? corpora[name]() : []));
all = [...new Set(all)].filter((command) => !values.only || command.includes(values.only));
if (values.short) all = KINDS.map((kind) => all.find((command) => kind.test(command))).filter(Boolean);
all = all.filter((_, at) => at % Number(values.every) === 0);
const queue = Array.from({ length: Number(values.repeat) }, () => all).flat();
// What has run by then is counted.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (queue.length = 0));
const workers = Array.from({ length: Math.max(2, os.availableParallelism()) }, async () => {
  for (let command = queue.shift(); command !== undefined; command = queue.shift()) await row(command);
});
await Promise.all(workers);
for (const line of wrong) console.log(line.replaceAll('\n', '\\n'));
console.log(`${tally.rows} commands, ${tally.broken} broken runs
another's server ended when nothing guards it: ${tally.endedOthers}; spared under the guard: ${tally.spared}, and ${tally.beyond} by ways that it does not reach
own servers ended when nothing guards them: ${tally.endedOwn}; still ended under the guard: ${tally.stillEnded}
refusals without a cause: ${tally.causeless}; words about an own server: ${tally.wordsOnOwn}; spared without a word on the command's output: ${tally.silent}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
