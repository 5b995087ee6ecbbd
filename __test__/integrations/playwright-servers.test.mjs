// The real Playwright with several servers, without a browser: what its tests see of them.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Home, eventually, run } from '../support.mjs';
import { checkout } from '../worktrees.mjs';
import { installed } from './tools.mjs';

const CONFIG = `
  import { defineConfig } from '@playwright/test';
  import { styxyWebServer } from 'styxy/playwright';
  const command = '${process.execPath} server.mjs';
  const web = styxyWebServer({ command, name: 'web' });
  const api = styxyWebServer({ command, service: 'api', path: '/health' });
  export default defineConfig({
    workers: 2,
    webServer: [web, api],
    projects: [{ name: 'web', testMatch: /first/ }, { name: 'api', testMatch: /second/, use: { baseURL: api.url } }],
  });`;
const SPEC = `
  import { expect, test } from '@playwright/test';
  import { styxyServer } from 'styxy/playwright';
  const services = { web: ['dev', 'STYXY_DEV_URL'], api: ['api', 'STYXY_API_URL'] };
  test('sees both servers', async ({ request, baseURL }, { project }) => {
    const [service, variable] = services[project.name];
    expect(new URL(baseURL).origin).toBe(styxyServer({ service }).url);
    expect(process.env[variable]).toBe(styxyServer({ service }).url);
    for (const each of ['dev', 'api']) expect((await request.get(styxyServer({ service: each }).url)).status()).toBe(200);
    expect(styxyServer().port).not.toBe(styxyServer({ service: 'api' }).port);
  });`;

let home;
let playwright;

before(async () => {
  home = await Home.make();
  playwright = path.join(await installed('playwright', { '@playwright/test': '^1.50' }), 'node_modules/@playwright/test');
});

after(() => home.end());

test('two projects of two servers each have their own base URL, and see the other one by name and by variable', async () => {
  const dir = await checkout(home, 'playwright', 'several', { '@playwright/test': playwright });
  await fs.rm(path.join(dir, 'playwright.config.js'));
  await fs.writeFile(path.join(dir, 'playwright.config.mjs'), CONFIG);
  for (const name of ['first', 'second']) await fs.writeFile(path.join(dir, `${name}.spec.mjs`), SPEC);
  const env = home.env({ CI: undefined, PORT: undefined, PLAYWRIGHT_TEST_BASE_URL: undefined });
  const words = ['node_modules/@playwright/test/cli.js', 'test'];
  const { code, stdout, stderr } = await run(process.execPath, words, { cwd: dir, env });
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, /2 passed/);
  await eventually('no lease is left', async () => !(await home.leases()).some((lease) => lease.project_path === dir));
});
