// The API in a route handler of the real Next.js, bundled by Turbopack and by webpack, for development and built.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Home, eventually, root, run } from '../support.mjs';
import { Program } from '../worktrees.mjs';
import { installed } from './tools.mjs';

const { packageName, triple } = createRequire(import.meta.url)('../../lib/platform.js');
const BUILD_TIME = 300_000;
const cli = 'node_modules/next/dist/bin/next';
const FILES = {
  'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }',
  'app/page.js': 'export default function Page() { return <p>here</p>; }',
  'app/api/port/route.js': `import { allocate, StyxyError } from 'styxy';
    export const dynamic = 'force-dynamic';
    export async function GET() {
      const lease = await allocate({ service: 'api' });
      await lease.release();
      const refused = await allocate({ service: 'a b' }).catch((error) => error instanceof StyxyError);
      return Response.json({ port: lease.port, own: lease.owner.pid === process.pid, refused });
    }`,
};

let home;

before(async () => {
  home = await Home.make();
});

afterEach(() => Program.endAll());

after(() => home.end());

/** An application with the package as npm installs it: Turbopack follows no link out of the application's folder. */
async function application(version) {
  const packages = { next: `^${version}`, react: '^19', 'react-dom': '^19' };
  const dir = await installed(`next${version}`, packages);
  for (const [name, text] of Object.entries(FILES)) {
    await fs.mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await fs.writeFile(path.join(dir, name), text);
  }
  const [to, native] = ['styxy', packageName(triple())].map((name) => path.join(dir, 'node_modules', name));
  for (const folder of [to, native]) await fs.rm(folder, { recursive: true, force: true });
  for (const name of ['index.js', 'index.mjs', 'package.json', 'lib']) {
    await fs.cp(path.join(root, name), path.join(to, name), { recursive: true });
  }
  const addon = `styxy.${triple()}.node`;
  await fs.cp(path.join(root, 'npm', triple(), 'package.json'), path.join(native, 'package.json'));
  await fs.cp(path.join(root, addon), path.join(native, addon));
  return dir;
}

/** What the route handler answers when Next runs like this. */
async function answer(dir, words) {
  const env = home.env({ NEXT_TELEMETRY_DISABLED: '1', PORT: undefined, NODE_ENV: undefined });
  const port = `${home.last}`;
  const server = new Program([cli, ...words, '-p', port], { cwd: dir, env });
  await server.prints(/Ready in/);
  const response = await fetch(`http://localhost:${port}/api/port`, { signal: AbortSignal.timeout(BUILD_TIME) });
  const text = await response.text();
  assert.equal(response.status, 200, `${text}\n${server.output}`);
  await server.kill('SIGTERM');
  await eventually('Next has ended', async () => server.child.exitCode !== null || server.child.signalCode !== null);
  return JSON.parse(text);
}

for (const [version, bundler, flags] of [
  [16, 'Turbopack', []],
  [16, 'webpack', ['--webpack']],
  [15, 'Turbopack', ['--turbopack']],
  [15, 'webpack', []],
]) {
  test(`a route handler of Next ${version} leases a port, bundled by ${bundler}`, { timeout: 2 * BUILD_TIME }, async () => {
    const dir = await application(version);
    const env = home.env({ NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: undefined });
    const built = await run(process.execPath, [cli, 'build', ...flags], { cwd: dir, env, timeout: BUILD_TIME });
    assert.equal(built.code, 0, `${built.stdout}${built.stderr}`);
    for (const words of [['start'], ['dev', ...flags]]) {
      const { port, own, refused } = await answer(dir, words);
      assert.ok(port > home.first && port <= home.last, `${port}`);
      assert.deepEqual([own, refused], [true, true]);
    }
  });
}
