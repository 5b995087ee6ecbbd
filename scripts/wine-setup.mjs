// What every run under Wine needs: the compiler's target and linker, a Windows registry of its own, and how it starts and ends.
// Everything is in the target folder. Says what to install if something is missing, and ends.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root, run, targetFolder } from './repository.mjs';

export const TARGET = 'x86_64-pc-windows-gnu';
export const LINKER = 'x86_64-w64-mingw32-gcc';
/** The first start of Wine makes a registry. */
const LONGEST_MS = 10 * 60 * 1000;

export const wine = found('wine64', '/usr/lib/wine/wine64');
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

export const target = path.join(targetFolder(), 'wine');
/** Where the programs for Windows are built. */
export const built = path.join(target, TARGET, 'debug');
/** The environment of cargo and of Wine. */
export const env = {
  ...process.env,
  CARGO_TARGET_DIR: target,
  CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER: LINKER,
  CARGO_INCREMENTAL: '0',
  CARGO_PROFILE_DEV_DEBUG: '0',
  WINEPREFIX: path.join(target, 'prefix'),
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=',
};

/** The first of the programs that is there. */
function found(...programs) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const paths = programs.flatMap((program) => (path.isAbsolute(program) ? [program] : folders.map((folder) => path.join(folder, program))));
  return paths.find((file) => fs.existsSync(file));
}

function hasTarget() {
  const { stdout } = spawnSync('rustc', ['--print', 'target-libdir', '--target', TARGET], { encoding: 'utf8' });
  return Boolean(stdout) && fs.existsSync(stdout.trim());
}

/** The path as Wine's programs see it. */
export function windowsPath(file) {
  return `Z:${file.replaceAll('/', '\\')}`;
}

/** Wine 8 lacks the library that Rust's standard library takes random numbers from: this one asks another of Wine's. */
export function addRandomNumbers(...folders) {
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
  for (const folder of folders) {
    run(LINKER, ['-shared', '-w', '-o', path.join(folder, 'bcryptprimitives.dll'), source, '-ladvapi32']);
  }
}

/** Starts what serves all of Wine's programs, so that none of them is the parent of what the others leave behind. */
export function startWine() {
  fs.mkdirSync(env.WINEPREFIX, { recursive: true });
  spawn(wineserver, ['-f', '-p'], { env, stdio: 'ignore', detached: true }).unref();
  if (!fs.existsSync(path.join(env.WINEPREFIX, 'system.reg'))) {
    const options = { env, cwd: root, stdio: 'ignore', timeout: LONGEST_MS };
    for (const words of [
      ['wineboot', '-i'],
      ['winecfg', '/v', 'win10'],
    ])
      spawnSync(wine, words, options);
  }
}

/** Ends whatever a failed test has left in this registry, and nothing else. */
export function stopWine() {
  spawnSync(wineserver, ['-k'], { env });
}

/** A run that is interrupted leaves nothing behind either. */
export function stopWineWithUs() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      stopWine();
      process.exit(130);
    });
  }
}
