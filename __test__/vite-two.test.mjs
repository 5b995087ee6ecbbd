// Two Vite servers of one config in one process, both made before either listens, as a framework may make them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Home, root, run } from './support.mjs';

let home;

before(async () => {
  home = await Home.make();
});

after(() => home.end());

test('two servers that are made before either listens have a port each', async () => {
  const text = `
    import { createServer } from ${JSON.stringify(`${root}/node_modules/vite/dist/node/index.js`)};
    import styxy from ${JSON.stringify(`${root}/vite.mjs`)};
    const make = () => createServer({ root: ${JSON.stringify(home.top)}, configFile: false, logLevel: 'error', plugins: [styxy()] });
    const servers = [await make(), await make()];
    for (const server of servers) await server.listen();
    const ports = servers.map((server) => server.httpServer.address().port);
    for (const server of servers) await server.close();
    console.log(new Set(ports).size);`;
  const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', text], {
    env: home.env(),
    cwd: home.top,
  });
  assert.deepEqual([code, stdout], [0, '2\n'], stderr);
});
