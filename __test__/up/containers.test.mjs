// The tests of containers (tests/compose.rs) with the real Docker Compose: ranges, UDP, `include`, `extends`, `container_name`,
// profiles and an override file. They need no engine.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { root, run } from '../support.mjs';
import { compose } from './compose.mjs';

const program = await compose();

test('two worktrees share no port, container, network or unnamed volume', { skip: !program && 'no Docker Compose' }, async (context) => {
  const env = { ...process.env, STYXY_TEST_COMPOSE: program };
  const { code, stdout, stderr } = await run('cargo', ['test', '-p', 'styxy', '--test', 'it', '--', 'compose::'], { cwd: root, env, timeout: 600_000 });
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.doesNotMatch(stderr, /^skipped:/m);
  const version = (await run(program, ['version', '--short'])).stdout.trim();
  context.diagnostic(`Docker Compose ${version}: ${/^test result: .*? passed/m.exec(stdout)?.[0]}`);
});
