// Runs what depends on Node's own version with other versions of it, which npm has as packages: the launcher, the addon and the API.
//
//   npm run test:nodes                      20, 22, 24 and the newest, with what `npm test` has built
//   npm run test:nodes -- 24 --launcher     the launcher alone, with one of them
//
// They are kept in the target folder. A version of Node that this system has no package for is named, and fails.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { npm, root } from './repository.mjs';

const TESTS = ['launcher', 'platform', 'api', 'abort', 'listen', 'process', 'names', 'types'];

const { values, positionals } = parseArgs({ options: { launcher: { type: 'boolean' } }, allowPositionals: true });
const tools = path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'tools');
const versions = positionals.length > 0 ? positionals : ['20', '22', '24', 'latest'];
const tests = (values.launcher ? ['launcher', 'platform'] : TESTS).map((name) => path.join(root, '__test__', `${name}.test.mjs`));

let failed = 0;
for (const version of versions) {
  const node = nodeOf(version);
  console.log(`\n== Node ${execFileSync(node, ['-p', 'process.version'], { encoding: 'utf8' }).trim()}`);
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` };
  const { status } = spawnSync(node, ['--test', '--test-timeout=240000', ...tests], { cwd: root, stdio: 'inherit', env });
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;

/** The program of a version, installed if it is not there. */
function nodeOf(version) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = path.join(tools, `node-${version}`);
  const node = path.join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!fs.existsSync(node)) {
    fs.mkdirSync(folder, { recursive: true });
    const [program, words] = npm([
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      `${name}@${version}`,
    ]);
    execFileSync(program, words, { cwd: folder, stdio: 'inherit' });
  }
  return node;
}
