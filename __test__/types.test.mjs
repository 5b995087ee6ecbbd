// The types, as strict TypeScript sees them from outside: the files in types/ use every member.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { root, run } from './support.mjs';

test('strict TypeScript takes every use of the types that is right, and no other', async () => {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await run(process.execPath, [tsc, '--project', path.join(root, '__test__/types')]);
  assert.equal(code, 0, stdout);
});

test('the unions of codes, events and reasons are those of the contract', () => {
  const { schemas } = JSON.parse(fs.readFileSync(path.join(root, 'docs/openapi.json'), 'utf8')).components;
  const types = fs.readFileSync(path.join(root, 'types.d.ts'), 'utf8').replaceAll(/\/\*\*.*?\*\//gs, '');
  const quoted = (text) => [...text.matchAll(/'(\w+)'/g)].map(([, word]) => word).sort();
  const values = (name) => (schemas[name].enum ?? schemas[name].oneOf.flatMap((one) => one.enum)).toSorted();
  const union = (name) => quoted(types.match(new RegExp(`type ${name} =([^;]*);`))[1]);
  assert.deepEqual(union('StyxyErrorCode'), values('Code'));
  assert.deepEqual(union('EndReason'), values('EndReason'));
  const happened = [...types.matchAll(/Happened<([^>]*)>/g)].flatMap(([, names]) => quoted(names));
  assert.deepEqual(happened.sort(), values('EventName'));
});
