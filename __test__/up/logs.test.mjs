// What tools print, as a program gets it: Storybook colours its output wherever it goes, and `styxy logs` through a pipe has none of it.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Stacks } from './stack.mjs';

const ESC = '\x1b';
const escapes = (text) => text.split(ESC).length - 1;
const FILES = {
  'package.json': { private: true, type: 'module', scripts: { storybook: 'storybook dev --ci --no-version-updates' } },
  '.storybook/main.js':
    "export default { stories: ['../*.stories.js'], framework: '@storybook/html-vite', core: { disableTelemetry: true } };\n",
  'one.stories.js': "export default { title: 'One' };\nexport const Two = () => '<p>it works</p>';\n",
  '.styxy.json': { services: { storybook: { run: 'npm run storybook', timeout: 180 } } },
};

let stacks;
let dir;

before(async () => {
  stacks = await Stacks.make();
  [dir] = await stacks.worktrees(['market'], FILES);
  // Vite serves files of the project alone.
  await fs.symlink(path.join(stacks.tools, 'node_modules'), path.join(dir, 'node_modules'));
});

after(() => stacks?.end());

test('the log of Storybook has no escape code for a program', async (context) => {
  const { services } = await stacks.up(dir);
  const written = await fs.readFile(services.storybook.log, 'utf8');
  const shown = await stacks.log(dir, 'storybook');
  assert.ok(escapes(written) > 0, 'Storybook colours what it prints');
  assert.equal(escapes(shown), 0, shown);
  assert.match(shown, /Storybook/i);
  context.diagnostic(`Storybook ${await stacks.version('storybook')}: ${escapes(written)} escape codes in the file, 0 through a pipe`);
  await stacks.down(dir);
  await stacks.isOver([services.storybook.port]);
});
