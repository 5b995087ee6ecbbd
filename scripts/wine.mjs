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
/** All tests end much earlier, each of them after some 30 s at the latest. Then the run is ended from outside. */
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
const server = startWine();
// A run that is interrupted leaves nothing behind either.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(stopWine() ?? 130));
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
  const server = spawn(wineserver, ['-f', '-p'], { env, stdio: 'ignore', detached: true });
  server.unref();
  if (!fs.existsSync(path.join(env.WINEPREFIX, 'system.reg'))) {
    const options = { env, cwd: root, stdio: 'ignore', timeout: LONGEST_MS };
    for (const words of [['wineboot', '-i'], ['winecfg', '/v', 'win10']]) spawnSync(wine, words, options);
  }
  return server;
}

/** Ends whatever a failed test has left in this registry, and nothing else. */
function stopWine() {
  spawnSync(wineserver, ['-k'], { env });
}

/**
 * Runs the test program to its end, or until the time is over, and says which tests failed: its exit code. The log has all that it
 * said; with words for the test program it is shown too.
 */
async function testsUnderWine(words) {
  // More at once are slower: one process serves them all.
  const threads = words.some((word) => word.startsWith('--test-threads')) ? [] : ['--test-threads', '2'];
  const program = spawn(wine, [tests, ...threads, ...words], {
    env,
    cwd: path.join(root, 'crates/cli'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kept = fs.createWriteStream(log);
  const [failed, slow] = [new Set(), new Set()];
  let verdict;
  const hear = (line) => {
    kept.write(`${line}\n`);
    if (words.length > 0) console.log(line);
    const [, name, result] = /^test (\S+)(?: - should panic)? (?:\.\.\. (\w+)|has been running)/.exec(line) ?? [];
    if (name && result) slow.delete(name);
    else if (name) slow.add(name);
    if (result === 'FAILED') failed.add(name);
    verdict = /^test result: (.*)/.exec(line)?.[1] ?? verdict;
  };
  const readers = [program.stdout, program.stderr].map((input) => readline.createInterface({ input }).on('line', hear));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stopWine();
  }, LONGEST_MS);
  const [status] = await once(program, 'exit');
  clearTimeout(timer);
  // What a failed test has left running may write to the log for ever.
  stopWine();
  await Promise.all(readers.map((reader) => once(reader, 'close')));
  await new Promise((resolve) => kept.end(resolve));
  for (const name of failed) console.log(`failed: ${name}`);
  if (isLate) for (const name of slow) console.log(`never ended: ${name}`);
  const ending = isLate ? `ended from outside after ${LONGEST_MS / 60_000} minutes` : 'ended without a result';
  console.log(`wine: ${verdict ?? ending}\nwine: all that the tests said is in ${log}`);
  return verdict ? (status ?? 1) : 1;
}
