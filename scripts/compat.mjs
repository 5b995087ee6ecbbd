// Runs the oldest version that is kept beside today's: each as the client and as the daemon, and one after the other on the
// same journal. Builds the old program from its commit, which the clone must have, and keeps it in the target folder.
//
//   npm run test:compat            all of it; the addon must have been built, as `npm test` does
//   npm run test:compat -- --build builds the old program only, and prints its path

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root, targetFolder } from './platforms.mjs';

const VERSION = '0.1.0';
const commit = fs.readFileSync(path.join(root, 'tests', 'fixtures', VERSION, 'commit'), 'utf8').trim();
const folder = path.join(targetFolder(), 'compat', commit.slice(0, 12));
const program = path.join(folder, 'target', 'debug', process.platform === 'win32' ? 'styxy.exe' : 'styxy');

if (!fs.existsSync(program)) build();
if (process.argv.includes('--build')) {
  console.log(program);
} else {
  const env = { ...process.env, STYXY_OLD_BIN: program };
  // The flags of `npm test`, so that nothing is compiled again for other features.
  run('cargo', ['test', '--workspace', '--all-features', '--test', 'it', '--', 'compat::programs'], { env });
  run(process.execPath, ['--test', '--test-timeout=240000', '__test__/compat.test.mjs'], { env });
}

/** Builds the program of the commit, in a source and a target folder of its own. */
function build() {
  if (!has(commit)) {
    console.error(`compat: this clone has no commit ${commit}, which is version ${VERSION}; git fetch --unshallow gets it`);
    process.exit(1);
  }
  const source = path.join(folder, 'source');
  fs.rmSync(source, { recursive: true, force: true });
  fs.mkdirSync(source, { recursive: true });
  // Not `git worktree add`: that would leave an entry in the repository when the target folder is removed.
  const archive = execFileSync('git', ['archive', '--format=tar', commit], { cwd: root, maxBuffer: 1 << 28 });
  execFileSync('tar', ['-x', '-C', source], { input: archive });
  // Nobody debugs it: without debug information it is built in two thirds of the time.
  const env = { ...process.env, CARGO_TARGET_DIR: path.join(folder, 'target'), CARGO_PROFILE_DEV_DEBUG: '0' };
  run('cargo', ['build', '--locked', '-p', 'styxy'], { cwd: source, env });
}

function has(name) {
  try {
    execFileSync('git', ['cat-file', '-e', `${name}^{commit}`], { cwd: root, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a command, which has said by itself what is wrong if it fails. */
function run(command, words, options) {
  const { status, error } = spawnSync(command, words, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
