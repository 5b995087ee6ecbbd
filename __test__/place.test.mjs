// Which checkout a folder lies in: the plugins' rule, which is the native client's.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const { projectAround, projectRoot } = createRequire(import.meta.url)('../lib/place.js');

async function folder(context) {
  const top = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-')));
  context.after(() => fs.rm(top, { recursive: true }));
  return top;
}

test('a checkout is the nearest folder with a .git, be it a folder or a file', async (context) => {
  const top = await folder(context);
  const worktree = path.join(top, 'app/trees/feature');
  const deep = path.join(worktree, 'packages/web');
  await fs.mkdir(deep, { recursive: true });
  assert.equal(projectRoot(deep), null);
  await fs.mkdir(path.join(top, 'app/.git'));
  assert.equal(projectRoot(deep), path.join(top, 'app'));
  await fs.writeFile(path.join(worktree, '.git'), 'gitdir: ../../.git/worktrees/feature\n');
  assert.equal(projectRoot(deep), worktree);
  assert.equal(projectRoot(worktree), worktree);
  await fs.symlink(worktree, path.join(top, 'link'), 'junction');
  assert.equal(projectRoot(path.join(top, 'link')), worktree);
});

test('a .git in the home folder makes no checkout of it', async (context) => {
  const top = await folder(context);
  const variable = process.platform === 'win32' ? 'USERPROFILE' : 'HOME';
  const before = process.env[variable];
  context.after(() => (process.env[variable] = before));
  await fs.mkdir(path.join(top, '.git'));
  await fs.mkdir(path.join(top, 'notes'));
  assert.equal(projectRoot(path.join(top, 'notes')), top);
  process.env[variable] = top;
  assert.equal(projectRoot(path.join(top, 'notes')), null);
});

test('outside of a checkout a folder stands for itself, also one that is gone', async (context) => {
  const top = await folder(context);
  assert.equal(projectAround(top), top);
  const gone = path.join(top, 'gone');
  assert.equal(projectRoot(gone), null);
  assert.equal(projectAround(gone), gone);
});
