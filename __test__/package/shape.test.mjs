// The shape of the packed packages, as publint and "are the types wrong?" judge it: what bundlers, Node and TypeScript find in them.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { root } from '../../scripts/repository.mjs';
import { run } from '../support.mjs';

const dist = path.join(root, 'dist');
const packed = fs.existsSync(dist) ? fs.readdirSync(dist).filter((name) => name.endsWith('.tgz')) : [];
const program = (name, file) => path.join(root, 'node_modules', name, file);

test('publint finds nothing in any package', async () => {
  assert.ok(packed.length >= 2, 'npm run test:package packs first');
  for (const name of packed) {
    const { code, stdout, stderr } = await run(process.execPath, [program('publint', 'src/cli.js'), 'run', '--strict', path.join(dist, name)]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /All good!/);
  }
});

test('each entry has types that fit, for CommonJS, ES modules and bundlers', async () => {
  const [name] = packed.filter((each) => !each.startsWith('styxy-native-'));
  // node16: what came before knows no `exports`, and finds the entries at the top only.
  const words = [program('@arethetypeswrong/cli', 'dist/index.js'), path.join(dist, name), '--profile', 'node16', '--no-emoji', '--format', 'ascii'];
  const { code, stdout, stderr } = await run(process.execPath, words);
  assert.equal(code, 0, stdout + stderr);
  for (const entry of ['styxy', 'styxy/vite', 'styxy/playwright', 'styxy/storybook']) assert.ok(stdout.includes(`"${entry}"`), stdout);
});
