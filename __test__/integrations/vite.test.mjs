// The tests of styxy/vite, over every Vite that it knows.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { root, run } from '../support.mjs';
import { installed } from './tools.mjs';

for (const version of ['5', '6', '7', '8']) {
  test(`the plugin in Vite ${version}`, async (context) => {
    const dir = await installed(`vite-${version}`, { vite: `^${version}` });
    // Without the variable, the tests inside would report to the runner of this one.
    const env = { ...process.env, STYXY_TEST_VITE: path.join(dir, 'node_modules/vite'), NODE_TEST_CONTEXT: undefined };
    const words = ['--test', ...['vite', 'vite-middleware'].map((name) => path.join(root, `__test__/${name}.test.mjs`))];
    const { code, stdout } = await run(process.execPath, words, { env, timeout: 300_000 });
    context.diagnostic(/^# pass \d+/m.exec(stdout)?.[0] ?? 'no test ran');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^# pass [1-9]/m);
  });
}
