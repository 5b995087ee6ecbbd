// The API in the real Bun: it loads Node's addons, and its servers are not of Node's classes.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Home, root, run } from '../support.mjs';
import { installed } from './tools.mjs';

let home;
let bun;

before(async () => {
  home = await Home.make();
  bun = path.join(await installed('bun', { bun: '^1.2' }), 'node_modules/.bin/bun');
});

after(() => home.end());

/** What a program prints that has the API as `styxy`. */
async function printed(text) {
  const file = path.join(home.top, 'program.mjs');
  await fs.writeFile(file, `import http from 'node:http';\nimport styxy from ${JSON.stringify(root)};\n${text}`);
  const { code, stdout, stderr } = await run(bun, [file], { cwd: home.top, env: home.env() });
  assert.equal(code, 0, stderr);
  return stdout;
}

const gone = `while ((await styxy.list()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));`;

test('listen works in Bun, and the lease ends with the server', async () => {
  const text = `
    const server = http.createServer((_, response) => response.end('here'));
    const lease = await styxy.listen(server, { service: 'api' });
    console.log(server.address().port === lease.port, await (await fetch(lease.url)).text());
    server.close();
    server.closeAllConnections();
    ${gone}`;
  assert.equal(await printed(text), 'true here\n');
});

test('listen in Bun goes on to another port when one is stolen, and ends when it is aborted', async () => {
  const text = `
    const server = http.createServer();
    const { listen } = server;
    let thief;
    server.listen = function stolen(options, ...rest) {
      if (thief) return listen.call(this, options, ...rest);
      thief = http.createServer();
      thief.listen({ port: options.port }, () => listen.call(this, options, ...rest));
      return this;
    };
    const lease = await styxy.listen(server, { service: 'api' });
    console.log(thief.address().port !== lease.port, server.address().port === lease.port);
    thief.close();
    server.close();
    const controller = new AbortController();
    const call = styxy.listen(http.createServer(), { service: 'api', signal: controller.signal });
    controller.abort();
    console.log(await call.catch((error) => error === controller.signal.reason));
    ${gone}`;
  assert.equal(await printed(text), 'true true\ntrue\n');
});
