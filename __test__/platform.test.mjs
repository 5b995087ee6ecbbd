// The package without its native part, and inside a bundle: what `require('styxy')` does where the files are elsewhere.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Home, root, run } from './support.mjs';

const { TRIPLES, packageName, triple } = createRequire(import.meta.url)('../lib/platform.js');
const other = TRIPLES.find((one) => one !== triple());

let home;
let projects = 0;

before(async () => {
  home = await Home.make();
});

after(() => home.end());

/** The package in a project's node_modules, as npm lays it out, without the native part. Gives the project's folder. */
async function project(nodeModules = 'node_modules') {
  const dir = path.join(home.top, `project-${(projects += 1)}`);
  const to = path.join(dir, nodeModules, 'styxy');
  for (const name of ['index.js', 'index.mjs', 'package.json', 'lib', 'bin']) {
    await fs.cp(path.join(root, name), path.join(to, name), { recursive: true });
  }
  await fs.writeFile(path.join(dir, 'package.json'), '{}');
  return dir;
}

/** What `require('styxy')` and the command say in a project: one error each, and the same. */
async function told(dir, { env = {}, nodeModules = 'node_modules', cwd = dir } = {}) {
  const folder = path.join(dir, nodeModules, 'styxy');
  const show = 'console.log(JSON.stringify([error.code, error.message, error.cause?.message, error.cause?.cause?.message]))';
  const script = `try { require(${JSON.stringify(folder)}) } catch (error) { ${show} }`;
  const options = { cwd, env: home.env({ STYXY_BINARY: undefined, ...env }) };
  const { stdout, stderr } = await run(process.execPath, ['-e', script], options);
  assert.equal(stderr, '');
  const [code, message, ...causes] = JSON.parse(stdout);
  assert.equal(code, 'ERR_STYXY_PLATFORM');
  const command = await run(process.execPath, [path.join(folder, 'bin/styxy.js'), 'list'], options);
  return { message, causes, command };
}

test('a platform package that was left out: one cause, and one thing to do, from require and from the command', async () => {
  const { message, causes, command } = await told(await project());
  const what = `styxy lacks its native part for this platform, ${triple()}: the package ${packageName(triple())} is not installed`;
  assert.equal(message, `${what}\n  hint: npm install --include=optional`);
  assert.deepEqual(causes, [null, null]);
  assert.deepEqual([command.code, command.stderr], [127, `${message}\n`]);
});

test('what is to be done is that which fits the reason', async () => {
  const [copied, locked, both] = [await project(), await project(), await project('lib/node_modules')];
  const foreign = path.join(copied, 'node_modules', packageName(other));
  await fs.mkdir(foreign, { recursive: true });
  await fs.writeFile(path.join(foreign, 'package.json'), '{}');
  const one = await told(copied);
  assert.match(one.message, new RegExp(`node_modules comes from another system, it has the one for ${other}\n  hint: remove node_modules`));

  const lock = { packages: { [`node_modules/${packageName(other)}`]: {} } };
  await fs.writeFile(path.join(locked, 'package-lock.json'), JSON.stringify(lock));
  const two = await told(locked);
  assert.match(two.message, /package-lock\.json was written on another system and does not name it\n {2}hint: remove package-lock\.json and/);

  const three = await told(both, { nodeModules: 'lib/node_modules' });
  assert.match(three.message, /\n {2}hint: npm install -g --include=optional styxy$/);
});

test("an installed package does not take the native part of the current folder, which may be anybody's", async () => {
  const [dir, folder] = [await project(), path.join(home.top, 'hostile')];
  await fs.mkdir(path.join(folder, 'node_modules'), { recursive: true });
  await fs.symlink(root, path.join(folder, 'node_modules/styxy'), 'junction');
  const { message, command } = await told(dir, { cwd: folder });
  assert.match(message, /is not installed\n/);
  assert.equal(command.code, 127);
});

test('an addon that does not load is one cause too, and is not a missing one', async () => {
  const dir = await project();
  const damaged = path.join(dir, 'damaged.node');
  await fs.writeFile(damaged, 'not a library\n');
  const { message, causes } = await told(dir, { env: { STYXY_ADDON: damaged } });
  // What comes next is the system's own sentence, which names the file.
  const [first, why] = message.split('\n');
  assert.equal(first, `styxy's addon for this platform, ${triple()}, does not load:`);
  assert.ok(why.includes(damaged), message);
  assert.ok(causes[0].includes(damaged) && causes[1] === null, `${causes}`);
});

test('a server that a bundler put into one file finds the addon and the program', async () => {
  const { build } = await import('vite');
  const dir = path.join(home.top, 'bundled');
  await fs.mkdir(path.join(dir, 'node_modules'), { recursive: true });
  await fs.symlink(root, path.join(dir, 'node_modules/styxy'), 'junction');
  const server = `import http from 'node:http';
    import { listen } from 'styxy';
    const server = http.createServer();
    listen(server, { service: 'api' }).then(({ port }) => {
      console.log(port === server.address().port);
      server.close();
    });`;
  await fs.writeFile(path.join(dir, 'server.mjs'), server);
  for (const [format, file] of [['es', 'server.mjs'], ['cjs', 'server.cjs']]) {
    await build({
      root: dir,
      logLevel: 'warn',
      ssr: { noExternal: true },
      build: { ssr: 'server.mjs', outDir: `out-${format}`, rollupOptions: { output: { format, entryFileNames: file } } },
    });
    const bundle = path.join(dir, `out-${format}`, file);
    assert.doesNotMatch(await fs.readFile(bundle, 'utf8'), /from ['"]styxy['"]|require\(['"]styxy['"]\)/);
    // From its own folder, and from another one.
    for (const cwd of [dir, os.tmpdir()]) {
      const { code, stdout, stderr } = await run(process.execPath, [bundle], { cwd, env: home.env() });
      assert.deepEqual([code, stdout, stderr], [0, 'true\n', ''], `${format} in ${cwd}`);
    }
    const away = path.join(home.top, `away-${file}`);
    await fs.copyFile(bundle, away);
    const { code, stderr } = await run(process.execPath, [away], { cwd: home.top, env: home.env() });
    assert.equal(code, 1);
    assert.match(stderr, /is not installed where this bundle finds it\n {2}hint: leave styxy out of the bundle, or name .* STYXY_ADDON/);
    const env = home.env({ STYXY_ADDON: path.join(root, `styxy.${triple()}.node`) });
    assert.equal((await run(process.execPath, [away], { cwd: home.top, env })).stdout, 'true\n');
  }
});
