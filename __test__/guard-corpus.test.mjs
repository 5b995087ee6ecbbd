// A sample of the kill corpus under the guard, by real tools. `npm run test:guard` runs all of it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { binary, lacking, root, run } from './support.mjs';

const works = (program, ...words) => spawnSync(program, words, { stdio: 'ignore' }).status === 0;
const skip =
  (process.platform !== 'linux' && 'the guard needs Linux') ||
  (root.startsWith('/tmp/') && 'each world has a /tmp of its own, which hides this repository') ||
  (!works('unshare', '--map-root-user', '--pid', '--fork', '--mount-proc', '--net', 'true') &&
    lacking('namespaces', 'no namespaces here')) ||
  (!['perl', 'lsof', 'fuser', 'pkill', 'killall', 'curl'].every((tool) => works('sh', '-c', `command -v ${tool}`)) &&
    lacking('tools', 'the tools are not installed'));

test("another's server is spared and its own ends, whatever signals it", { skip }, async () => {
  const said = await run(process.execPath, [path.join(root, 'bench/guard-corpus.mjs'), '--short', binary]);
  assert.equal(said.code, 0, said.stdout + said.stderr);
});
