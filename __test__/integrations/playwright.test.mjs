// The real Playwright with Debian's Chromium, or the one that CHROMIUM_PATH names.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Home, binary, eventually, root, run } from '../support.mjs';
import { Program, areFree, checkout, withhold } from '../worktrees.mjs';
import { exists, installed } from './tools.mjs';

const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const skip = (await exists(chromium)) ? false : `${chromium} is not there: apt-get install chromium, or set CHROMIUM_PATH`;
const cli = 'node_modules/@playwright/test/cli.js';

let home;
let package_;

before(async () => {
  if (skip) return;
  home = await Home.make();
  await withhold(home, 5173);
  const dir = await installed('playwright', { '@playwright/test': '^1.50' });
  package_ = path.join(dir, 'node_modules/@playwright/test');
});

afterEach(() => Program.endAll());

after(() => home?.end());

function worktree(name) {
  return checkout(home, 'playwright', name, { '@playwright/test': package_ });
}

/** Runs the example's tests; what Playwright did about the server is in the output too. */
function tested(dir, more = {}) {
  const env = home.env({ CHROMIUM_PATH: chromium, DEBUG: 'pw:webserver', CI: undefined, PORT: undefined, ...more });
  return run(process.execPath, [cli, 'test'], { cwd: dir, env });
}

function passed({ code, stdout, stderr }) {
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, /1 passed/);
}

test('two worktrees at once: each tests its own server, which ends with the run', { skip }, async () => {
  const dirs = [await worktree('one'), await worktree('two')];
  for (const result of await Promise.all(dirs.map((dir) => tested(dir)))) {
    passed(result);
    assert.match(result.stderr, /Starting WebServer process/);
  }
  await eventually('no lease is left', async () => !(await home.leases()).some((lease) => dirs.includes(lease.project_path)));
});

test("a running server of the worktree is used, and another worktree's is not", { skip }, async () => {
  const [dir, other] = [await worktree('three'), await worktree('four')];
  const words = ['allocate', '--service', 'dev', '--json'];
  const { port } = JSON.parse((await run(binary, words, { cwd: dir, env: home.env() })).stdout);
  const server = new Program(['server.mjs'], { cwd: dir, env: home.env({ PORT: `${port}` }) });
  await server.prints(/http:\/\//);
  const own = await tested(dir);
  passed(own);
  assert.match(own.stderr, /WebServer is already available/);
  for (const result of [await tested(other), await tested(dir, { CI: '1' })]) {
    passed(result);
    assert.match(result.stderr, /Starting WebServer process/);
  }
  await server.kill();
  await areFree(home, [port]);
});

test('styxy/vite in the server takes over the lease that Playwright holds', { skip }, async () => {
  const vite = path.join(root, 'node_modules/vite');
  const dir = await checkout(home, 'vite', 'five', { vite, '@playwright/test': package_ });
  const config = `import { styxyWebServer } from 'styxy/playwright';
    const command = '${process.execPath} node_modules/vite/bin/vite.js';
    const use = { launchOptions: { executablePath: process.env.CHROMIUM_PATH } };
    export default { use, webServer: styxyWebServer({ command, timeout: 20_000 }) };`;
  await fs.writeFile(path.join(dir, 'playwright.config.mjs'), config);
  const test = `import { expect, test } from '@playwright/test';
    test('here', async ({ page }) => {
      await page.goto('/');
      await expect(page.getByRole('heading')).toContainText(new URL(process.env.PLAYWRIGHT_TEST_BASE_URL).host);
    });`;
  await fs.writeFile(path.join(dir, 'here.spec.mjs'), test);
  passed(await tested(dir));
  await eventually('no lease is left', async () => (await home.leases()).every((lease) => lease.project_path !== dir));
});
