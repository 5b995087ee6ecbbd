// Which checkout a folder lies in, as the plugins ask the addon.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const require = createRequire(import.meta.url);
const { packageName, projectAround, projectRoot } = require('../lib/place.js');

async function folder(context) {
  const top = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-')));
  context.after(() => fs.rm(top, { recursive: true }));
  return top;
}

test('a checkout is the nearest folder with a marker of version control, a folder or a file', async (context) => {
  const top = await folder(context);
  const worktree = path.join(top, 'app/trees/feature');
  const deep = path.join(worktree, 'packages/web');
  await fs.mkdir(deep, { recursive: true });
  assert.equal(projectRoot(deep), deep, 'outside of a checkout a folder stands for itself');
  await fs.writeFile(path.join(worktree, 'package.json'), '{}');
  assert.equal(projectRoot(deep), worktree);
  await fs.mkdir(path.join(top, 'app/.git'));
  assert.equal(projectRoot(deep), path.join(top, 'app'));
  await fs.writeFile(path.join(worktree, '.git'), 'gitdir: ../../.git/worktrees/feature\n');
  assert.equal(projectRoot(deep), worktree);
  assert.equal(projectRoot(worktree), worktree);
  await fs.symlink(worktree, path.join(top, 'link'), 'junction');
  assert.equal(projectRoot(path.join(top, 'link')), worktree);
});

test('a home folder is no project, whatever is in it', async (context) => {
  const top = await folder(context);
  const variable = process.platform === 'win32' ? 'USERPROFILE' : 'HOME';
  const before = process.env[variable];
  context.after(() => (process.env[variable] = before));
  await fs.mkdir(path.join(top, '.git'));
  await fs.mkdir(path.join(top, 'notes'));
  assert.equal(projectRoot(path.join(top, 'notes')), top);
  process.env[variable] = top;
  assert.equal(projectRoot(path.join(top, 'notes')), path.join(top, 'notes'));
  assert.equal(projectRoot(top), null);
});

test('outside of a checkout a folder stands for itself, also one that is gone', async (context) => {
  const top = await folder(context);
  assert.equal(projectAround(top), top);
  const gone = path.join(top, 'gone');
  assert.equal(projectRoot(gone), null);
  assert.equal(projectAround(gone), gone);
});

test('without an addon a folder stands for itself, so that a tool starts all the same', async (context) => {
  const top = await folder(context);
  await fs.mkdir(path.join(top, '.git'));
  await fs.mkdir(path.join(top, 'web'));
  const script = `require(${JSON.stringify(require.resolve('../lib/place.js'))}).projectAround('web')`;
  const env = { ...process.env, STYXY_ADDON: path.join(top, 'absent.node') };
  const printed = execFileSync(process.execPath, ['-p', script], { cwd: top, env, encoding: 'utf8' });
  assert.equal(printed.trim(), path.join(top, 'web'));
});

test('a package below the root has a name, and the root has none', async (context) => {
  const top = await folder(context);
  const web = path.join(top, 'packages/web');
  await fs.mkdir(path.join(web, 'src'), { recursive: true });
  await fs.mkdir(path.join(top, '.git'));
  assert.equal(packageName(web), undefined);
  for (const manifest of [top, web]) await fs.writeFile(path.join(manifest, 'package.json'), '{}');
  assert.equal(packageName(path.join(web, 'src')), 'packages.web');
  assert.equal(packageName(top), undefined);
});
