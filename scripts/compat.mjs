// Runs the oldest version that is kept beside today's: each as the client and as the daemon, and one after the other on the
// same journal. Builds the old program from its commit, which the clone must have, and keeps it in the target folder.
//
//   npm run test:compat            all of it; the addon must have been built, as `npm test` does
//   npm run test:compat -- --build builds the old program only, and prints its path

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { hostPlatform } from './platforms.mjs';
import { readText, root, run, targetFolder } from './repository.mjs';

const VERSION = '0.1.0';
const commit = readText(`tests/fixtures/${VERSION}/commit`).trim();
const folder = path.join(targetFolder(), 'compat', commit.slice(0, 12));
const program = path.join(folder, 'target', 'debug', hostPlatform().program);

if (!fs.existsSync(program)) build();
if (process.argv.includes('--build')) {
  console.log(program);
} else {
  const env = { ...process.env, STYXY_OLD_BIN: program };
  // The flags of `npm test`, so that nothing is compiled again for other features.
  run('cargo', ['test', '--workspace', '--all-features', '--test', 'it', '--', 'compat::programs', '--ignored'], { env });
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
  // Nobody debugs it.
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
