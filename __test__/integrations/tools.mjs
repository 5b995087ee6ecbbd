// The real tools, installed with npm into a folder that stays from one run to the next: STYXY_TOOLS, or one of this user's
// own among the temporary ones.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { run } from '../support.mjs';

const INSTALL_TIME = 600_000;
const tools = path.resolve(process.env.STYXY_TOOLS ?? path.join(os.tmpdir(), `styxy-tools-${os.userInfo().username}`));

/** A folder of that name among the tools, in which these packages are installed: `{ vite: '^8' }`. */
export async function installed(name, packages) {
  const dir = path.join(tools, name);
  await fs.mkdir(tools, { recursive: true, mode: 0o700 });
  assert.equal((await fs.stat(tools)).uid, process.getuid?.() ?? 0, `${tools} is somebody else's`);
  await fs.mkdir(dir, { recursive: true });
  const manifest = path.join(dir, 'package.json');
  const wanted = JSON.stringify({ private: true, type: 'module', dependencies: packages });
  const has = await fs.readFile(manifest, 'utf8').catch(() => '');
  const isThere = await Promise.all(Object.keys(packages).map((each) => exists(path.join(dir, 'node_modules', each))));
  if (has === wanted && isThere.every(Boolean)) return dir;
  await fs.writeFile(manifest, wanted);
  const env = { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' };
  const { code, stderr } = await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: dir, env, timeout: INSTALL_TIME });
  assert.equal(code, 0, stderr);
  return dir;
}

export async function exists(file) {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}
