// Builds the program and its black-box tests for Windows, and runs those under Wine: what can be known of Windows on Linux.
//
//   npm run test:wine                    all of it
//   npm run test:wine -- windows:: -q    words for the test program
//
// Needs Wine (64 bit), a linker and a target of the compiler; says what to install if one is missing. Everything that it
// makes is in the target folder: its own Windows registry, and a log of the whole run.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { root, run, targetFolder } from './repository.mjs';

const TARGET = 'x86_64-pc-windows-gnu';
const LINKER = 'x86_64-w64-mingw32-gcc';
/** All tests together end much earlier, also on a busy machine. Then they are ended from outside. */
const LONGEST_MS = 40 * 60 * 1000;

const wine = found('wine64', '/usr/lib/wine/wine64');
const wineserver = found('wineserver64', 'wineserver', '/usr/lib/wine/wineserver64');
const missing = [
  [wine && wineserver, 'Wine:      apt-get install wine64'],
  [found(LINKER), 'a linker:  apt-get install gcc-mingw-w64-x86-64'],
  [hasTarget(), `a target:  rustup target add ${TARGET}`],
].filter(([there]) => !there);
if (missing.length > 0) {
  console.error(`wine: this machine lacks\n${missing.map(([, what]) => `  ${what}`).join('\n')}`);
  process.exit(1);
}

const target = path.join(targetFolder(), 'wine');
const folder = path.join(target, TARGET, 'debug');
const log = path.join(target, 'tests.log');
const env = {
  ...process.env,
  CARGO_TARGET_DIR: target,
  CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER: LINKER,
  CARGO_INCREMENTAL: '0',
  CARGO_PROFILE_DEV_DEBUG: '0',
  WINEPREFIX: path.join(target, 'prefix'),
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=',
  // Its table of IPv6 sockets names no processes.
  STYXY_TEST_WINE: '1',
  CARGO_MANIFEST_DIR: windowsPath(path.join(root, 'crates/cli')),
};

// This builds the program too.
const tests = testProgram();
addRandomNumbers();
// A run that is interrupted leaves nothing behind either.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopWine();
    process.exit(130);
  });
}
let code;
try {
  code = await testsUnderWine(process.argv.slice(2));
} finally {
  stopWine();
}
process.exit(code);

/** The first of the programs that is there. */
function found(...programs) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const paths = programs.flatMap((program) =>
    path.isAbsolute(program) ? [program] : folders.map((folder) => path.join(folder, program)),
  );
  return paths.find((file) => fs.existsSync(file));
}

function hasTarget() {
  const { stdout } = spawnSync('rustc', ['--print', 'target-libdir', '--target', TARGET], { encoding: 'utf8' });
  return Boolean(stdout) && fs.existsSync(stdout.trim());
}

/** The path as Wine's programs see it. */
function windowsPath(file) {
  return `Z:${file.replaceAll('/', '\\')}`;
}

/** Builds the tests, and says where their program is. */
function testProgram() {
  const words = ['test', '--no-run', '--target', TARGET, '-p', 'styxy', '--test', 'it', '--message-format', 'json'];
  const { stdout, status } = spawnSync('cargo', words, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const messages = (stdout ?? '').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  if (status !== 0) {
    for (const { message } of messages) if (message?.level === 'error') console.error(message.rendered);
    process.exit(status ?? 1);
  }
  return messages.find((message) => message.executable && message.target.name === 'it').executable;
}

/** Wine 8 lacks the library that Rust's standard library takes random numbers from: this one asks another of Wine's. */
function addRandomNumbers() {
  const source = path.join(target, 'random.c');
  fs.writeFileSync(
    source,
    `int SystemFunction036(void *, unsigned long);
int ProcessPrng(unsigned char *to, unsigned long long n) {
  for (; n > 1 << 20; n -= 1 << 20, to += 1 << 20) SystemFunction036(to, 1 << 20);
  return SystemFunction036(to, n);
}
`,
  );
  const library = path.join(folder, 'bcryptprimitives.dll');
  run(LINKER, ['-shared', '-w', '-o', library, source, '-ladvapi32']);
  fs.copyFileSync(library, path.join(folder, 'deps', 'bcryptprimitives.dll'));
}

/** Starts what serves all of Wine's programs, so that none of them is the parent of what the others leave behind. */
function startWine() {
  fs.mkdirSync(env.WINEPREFIX, { recursive: true });
  spawn(wineserver, ['-f', '-p'], { env, stdio: 'ignore', detached: true }).unref();
  if (!fs.existsSync(path.join(env.WINEPREFIX, 'system.reg'))) {
    const options = { env, cwd: root, stdio: 'ignore', timeout: LONGEST_MS };
    for (const words of [['wineboot', '-i'], ['winecfg', '/v', 'win10']]) spawnSync(wine, words, options);
  }
}

/** Ends whatever a failed test has left in this registry, and nothing else. */
function stopWine() {
  spawnSync(wineserver, ['-k'], { env });
}

/**
 * Runs the tests, and those that failed once more, each alone: on a busy machine a daemon takes longer to start under Wine than a
 * command waits for it. Says which tests failed, and which passed only alone: the exit code. The log has all that they said.
 */
async function testsUnderWine(words) {
  const kept = fs.createWriteStream(log);
  const until = Date.now() + LONGEST_MS;
  // More at once are slower: one process serves them all.
  const threads = words.some((word) => word.startsWith('--test-threads')) ? [] : ['--test-threads', '2'];
  const first = await outcome([...threads, ...words], { kept, until, isShown: words.length > 0 });
  const { failed, verdict } = first;
  let left = failed;
  if (failed.size > 0 && verdict) {
    const again = await outcome(['--exact', '--test-threads', '1', ...failed], { kept, until, isShown: false });
    left = again.verdict ? again.failed : failed;
  }
  await new Promise((resolve) => kept.end(resolve));
  for (const name of failed) console.log(`${left.has(name) ? 'failed' : 'passed alone only'}: ${name}`);
  if (!verdict) for (const name of first.unfinished) console.log(`did not end: ${name}`);
  console.log(`wine: ${verdict ?? `no result after ${Math.round((Date.now() - until + LONGEST_MS) / 60_000)} minutes`}`);
  console.log(`wine: all that the tests said is in ${log}`);
  return verdict && left.size === 0 ? 0 : 1;
}

/** What came of one run of the test program, which is ended from outside when the time is over. */
async function outcome(words, { kept, until, isShown }) {
  startWine();
  const options = { env, cwd: path.join(root, 'crates/cli'), stdio: ['ignore', 'pipe', 'pipe'] };
  const program = spawn(wine, [tests, ...words], options);
  const [failed, unfinished] = [new Set(), new Set()];
  let verdict;
  const hear = (line) => {
    kept.write(`${line}\n`);
    if (isShown) console.log(line);
    const [, name, result] = /^test (\S+)(?: - should panic)? (?:\.\.\. (\w+)|has been running)/.exec(line) ?? [];
    if (name && result) unfinished.delete(name);
    else if (name) unfinished.add(name);
    if (result === 'FAILED') failed.add(name);
    verdict = /^test result: (.*)/.exec(line)?.[1] ?? verdict;
  };
  const readers = [program.stdout, program.stderr].map((input) => readline.createInterface({ input }).on('line', hear));
  const timer = setTimeout(stopWine, Math.max(until - Date.now(), 0));
  await once(program, 'exit');
  clearTimeout(timer);
  // What a failed test has left running may keep the output open for ever.
  stopWine();
  await Promise.all(readers.map((reader) => once(reader, 'close')));
  return { failed, unfinished, verdict };
}
