// The name of a server, as the JavaScript API gives it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Home } from './support.mjs';

const require = createRequire(import.meta.url);
let home, styxy;

before(async () => {
  home = await Home.make();
  Object.assign(process.env, { STYXY_HOME: home.path, STYXY_BINARY: home.env().STYXY_BINARY, STYXY_AGENT: 'off' });
  delete process.env.STYXY_INSTANCE;
  styxy = require('..');
});

after(() => home.end());

test('a lease has a name beside its port, and keeps it', async () => {
  const lease = await styxy.allocate({ service: 'dev', name: 'web', project: home.top });
  const label = path.basename(home.top).toLowerCase().replace(/[^a-z0-9]+/g, '-');
  assert.equal(lease.host, `web.${label}.localhost`);
  assert.equal(lease.namedUrl, `http://${lease.host}:${home.first}`);
  assert.equal(lease.url, `http://localhost:${lease.port}`);
  const [listed] = await styxy.list();
  assert.deepEqual([listed.host, listed.namedUrl], [lease.host, lease.namedUrl]);
  await lease.release();
  const again = await styxy.allocate({ service: 'dev', name: 'web', project: home.top });
  assert.equal(again.namedUrl, lease.namedUrl);
});
