// The real runners of a monorepo's packages, as docs/MONOREPOS.md types them: each package's server has a port of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Home, binary, eventually, run } from '../support.mjs';
import { areFree, page } from '../worktrees.mjs';
import { installed } from './tools.mjs';

const PACKAGES = { concurrently: '^9', lerna: '^9', nx: '^22', pnpm: '^12', turbo: '^2' };
const NAMES = ['api', 'web'];
const PLAIN = 'node server.js';
const LEASING = 'styxy run -- node server.js';
// What is typed, the script of each package, and what the runner needs in the manifest at the root.
const RUNNERS = [
  ['styxy run -- pnpm -r --parallel dev', PLAIN],
  ['styxy run -- lerna run dev --stream', PLAIN],
  ["styxy run -- concurrently 'npm run dev -w web' 'npm run dev -w api'", PLAIN],
  ['styxy run -- turbo run dev --env-mode=loose', PLAIN, { packageManager: 'npm@11.0.0' }],
  ['turbo run dev', LEASING, { packageManager: 'npm@11.0.0' }],
  ['nx run-many -t dev', LEASING],
];

let home;
let tools;
let bin;

before(async () => {
  home = await Home.make();
  tools = await installed('monorepos', PACKAGES);
  const own = path.join(home.top, 'bin');
  await fs.mkdir(own);
  await fs.symlink(binary, path.join(own, 'styxy'));
  bin = [own, path.join(tools, 'node_modules/.bin'), process.env.PATH].join(path.delimiter);
});

after(() => home.end());

/** A checkout with two packages, whose `dev` is `script`. */
async function monorepo(folder, script, more) {
  const dir = path.join(home.top, folder);
  const files = {
    'package.json': { name: 'market', private: true, workspaces: ['packages/*'], ...more },
    'pnpm-workspace.yaml': 'packages:\n  - packages/*\n',
    'lerna.json': { version: 'independent', packages: ['packages/*'] },
    'nx.json': {},
    'turbo.json': { globalPassThroughEnv: ['STYXY*', 'CLAUDE*'], tasks: { dev: { cache: false, persistent: true } } },
  };
  for (const name of NAMES) {
    files[`packages/${name}/package.json`] = { name, version: '1.0.0', scripts: { dev: script } };
    files[`packages/${name}/server.js`] = `
      const { createServer } = require('node:http');
      createServer((_, answer) => answer.end('${name}')).listen(process.env.PORT ?? 1);`;
  }
  for (const [name, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await fs.writeFile(path.join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  await run('git', ['init', '--quiet', dir]);
  const { code, stderr } = await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: dir, env: home.env() });
  assert.equal(code, 0, stderr);
  // Nx runs only where the repository has it.
  await fs.symlink(path.join(tools, 'node_modules/nx'), path.join(dir, 'node_modules/nx'));
  return dir;
}

for (const [index, [typed, script, more]] of RUNNERS.entries()) {
  test(`${typed}, where dev is ${script}`, async () => {
    const cwd = await monorepo(`market-${index}`, script, more);
    const quiet = { NX_DAEMON: 'false', NX_NO_CLOUD: 'true', TURBO_TELEMETRY_DISABLED: '1', PORT: undefined };
    const env = home.env({ ...quiet, PATH: bin });
    const isOver = () => runner.exitCode !== null || runner.signalCode !== null;
    const runner = spawn('sh', ['-c', `exec ${typed}`], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let printed = '';
    for (const stream of [runner.stdout, runner.stderr]) stream.on('data', (text) => (printed += text));
    let ports = [];
    try {
      const both = async () => {
        const leases = (await home.leases()).filter(({ state }) => state === 'active');
        leases.sort((one, other) => one.service_name.localeCompare(other.service_name));
        ports = leases.map(({ port }) => port);
        assert.ok(!isOver(), 'the runner has ended');
        return leases.length === NAMES.length && leases;
      };
      const leases = await eventually('both servers listen', both).catch((error) => assert.fail(`${error.message}\n${printed}`));
      assert.deepEqual(leases.map(({ service_name: name }) => name), NAMES.map((name) => `packages.${name}`));
      assert.deepEqual(await Promise.all(ports.map((port) => page(port))), NAMES);
    } finally {
      if (!isOver()) process.kill(-runner.pid, 'SIGTERM');
      await areFree(home, ports);
    }
  });
}
