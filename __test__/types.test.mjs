// The types, as strict TypeScript sees them from outside: the files in types/ use every member.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { root, run } from './support.mjs';

test('strict TypeScript takes every use of the types that is right, and no other', async () => {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await run(process.execPath, [tsc, '--project', path.join(root, '__test__/types')]);
  assert.equal(code, 0, stdout);
});
