// A real Storybook on the port that styxy-storybook leases.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Home, root } from '../support.mjs';
import { Program, areFree, page, withhold } from '../worktrees.mjs';
import { installed } from './tools.mjs';

let home;
let dir;

// The example with its packages in its own folder, as a user has it: Vite serves files of the project alone.
before(async () => {
  home = await Home.make();
  await withhold(home, 6006);
  const example = path.join(root, 'examples/storybook');
  const { devDependencies } = JSON.parse(await fs.readFile(path.join(example, 'package.json'), 'utf8'));
  const { styxy, ...packages } = devDependencies;
  assert.ok(styxy, 'the example needs styxy');
  dir = await fs.realpath(await installed('storybook', packages));
  for (const each of ['.storybook', 'src']) await fs.cp(path.join(example, each), path.join(dir, each), { recursive: true });
  await fs.mkdir(path.join(dir, '.git'), { recursive: true });
  await fs.rm(path.join(dir, 'node_modules/styxy'), { force: true });
  await fs.symlink(root, path.join(dir, 'node_modules/styxy'), 'junction');
});

afterEach(() => Program.endAll());

after(() => home.end());

const env = () => home.env({ PORT: undefined, SBCONFIG_PORT: undefined, STORYBOOK_DISABLE_TELEMETRY: '1', BROWSER: 'none' });

test('Storybook runs on the leased port, and the addon has nothing to say', async () => {
  const words = ['node_modules/styxy/bin/styxy-storybook.js', 'dev', '--ci', '--no-version-updates'];
  const program = new Program(words, { cwd: dir, env: env() });
  const [, shown] = await program.prints(/http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/);
  const port = Number(shown);
  const lease = (await home.leases()).find((each) => each.project_path === dir);
  assert.deepEqual([lease.port, lease.service_type, lease.owner.pid], [port, 'storybook', program.child.pid]);
  const { entries } = JSON.parse(await page(port, '/index.json'));
  assert.ok(entries['button--plain'], JSON.stringify(entries));
  assert.match(await page(port, '/iframe.html?id=button--plain'), /vite/);
  assert.doesNotMatch(program.output, /styxy:/);
  await program.kill();
  await areFree(home, [port]);
});

test('the addon says so when Storybook was started on another port', async () => {
  const words = ['node_modules/storybook/dist/bin/dispatcher.js', 'dev', '--ci', '--no-version-updates', '-p', `${home.last}`];
  const program = new Program(words, { cwd: dir, env: env() });
  await program.prints(new RegExp(`styxy: Storybook runs on port ${home.last}, which is not leased`));
  await program.prints(new RegExp(`http://(?:localhost|127\\.0\\.0\\.1):${home.last}`));
});
