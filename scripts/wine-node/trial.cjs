'use strict';
// Runs in node.exe: loads the addon, and tries what a program does with it. Ends with 1 at the first thing that is wrong.
//
//   node.exe trial.cjs FOLDER        FOLDER has the package

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const { setTimeout: pause } = require('node:timers/promises');

const [, , folder, role] = process.argv;
const styxy = require(folder);

const TRIALS = {
  async 'the addon loads, and its first call starts the daemon'() {
    assert.strictEqual(process.platform, 'win32');
    const status = await styxy.status();
    assert.ok(status.pid > 0);
  },

  async 'a lease has a port, and is gone after its release'() {
    const lease = await styxy.allocate({ service: 'dev' });
    assert.ok(lease.port > 1023);
    assert.ok(await has(lease.port));
    await lease.release();
    assert.ok(!(await has(lease.port)));
  },

  async 'a server listens on its leased port, and closing it ends the lease'() {
    const server = http.createServer();
    const { port } = await styxy.listen(server, { service: 'api' });
    assert.strictEqual(server.address().port, port);
    // Wine does not have what Node's connect asks of Windows, so another server shows that the port is taken.
    const [error] = await once(http.createServer().listen(port), 'error');
    assert.strictEqual(error.code, 'EADDRINUSE');
    server.close();
    await once(server, 'close');
    await until(async () => !(await has(port)), 'the lease ends with its server');
  },

  async 'an exact port that somebody has is refused with a code'() {
    const lease = await styxy.allocate({ service: 'dev' });
    await assert.rejects(styxy.allocate({ service: 'dev', port: lease.port, exact: true }), { code: 'port_unavailable' });
    await lease.release();
  },

  async 'a lease ends with the process that owns it'() {
    const owner = spawn(process.execPath, [__filename, folder, 'owner'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(owner.stdout, 'data');
    const port = Number(said);
    assert.ok(await has(port), `${port} is leased while its owner runs`);
    const killed = Date.now();
    owner.kill();
    await until(async () => !(await has(port)), 'the lease ends with its owner');
    console.log(`  gone ${Date.now() - killed} ms after the kill`);
  },
};

async function has(port) {
  return (await styxy.list()).some((lease) => lease.port === port);
}

/** Waits for what must come soon. */
async function until(holds, what) {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`);
    await pause(20);
  }
}

async function main() {
  if (role === 'owner') {
    const { port } = await styxy.allocate({ service: 'dev' });
    process.stdout.write(`${port}\n`);
    return pause(60_000);
  }
  for (const [name, trial] of Object.entries(TRIALS)) {
    await trial();
    console.log(`ok: ${name}`);
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
