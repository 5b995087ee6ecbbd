// Builds the program and its black-box tests for Windows, and runs those under Wine: what can be known of Windows on Linux.
//
//   npm run test:wine                    all of it
//   npm run test:wine -- windows:: -q    words for the test program
//
// Needs Wine (64 bit), a linker and a target of the compiler; says what to install if one is missing. Everything that it
// makes is in the target folder, its own Windows registry too.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root, run, targetFolder } from './repository.mjs';

const TARGET = 'x86_64-pc-windows-gnu';
const LINKER = 'x86_64-w64-mingw32-gcc';
/** A test hangs no longer than 30 s, but Wine is slow. */
const LONGEST_MS = 20 * 60 * 1000;

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
const env = {
  ...process.env,
  CARGO_TARGET_DIR: target,
  CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER: LINKER,
  CARGO_INCREMENTAL: '0',
  CARGO_PROFILE_DEV_DEBUG: '0',
  WINEPREFIX: path.join(target, 'prefix'),
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=',
  // Wine's table of sockets names no processes.
  STYXY_TEST_WINE: '1',
  CARGO_MANIFEST_DIR: windowsPath(path.join(root, 'crates/cli')),
};

run('cargo', ['build', '--target', TARGET, '-p', 'styxy'], { env });
const tests = testProgram();
addRandomNumbers();
const server = startWine();
let code;
try {
  const words = process.argv.slice(2);
  // More at once are slower: one process serves them all.
  const threads = words.some((word) => word.startsWith('--test-threads')) ? [] : ['--test-threads', '2'];
  code = underWine([tests, ...threads, ...words], path.join(root, 'crates/cli'));
} finally {
  // Ends whatever a failed test has left in this registry, and nothing else.
  spawnSync(wineserver, ['-k'], { env });
  server.unref();
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
  if (status !== 0) process.exit(status ?? 1);
  const messages = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
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
  if (!fs.existsSync(path.join(env.WINEPREFIX, 'system.reg'))) {
    underWine(['wineboot', '-i'], root);
    underWine(['winecfg', '/v', 'win10'], root);
  }
  return server;
}

/** Runs a program of Windows to its end: its exit code. */
function underWine(words, cwd) {
  const options = { env, cwd, stdio: ['ignore', 'inherit', 'inherit'], timeout: LONGEST_MS };
  const { status, error } = spawnSync(wine, words, options);
  if (error) console.error(`wine: ${error.message}`);
  return status ?? 1;
}
