// The JavaScript API against a live daemon: what each call gives, refuses and releases.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { Home, root } from './support.mjs';

const require = createRequire(import.meta.url);
let home, styxy;

before(async () => {
  home = await Home.make();
  Object.assign(process.env, { STYXY_HOME: home.path, STYXY_BINARY: home.env().STYXY_BINARY, STYXY_AGENT: 'off' });
  for (const name of ['STYXY_INSTANCE', 'CLAUDE_PID', 'CODEX_SESSION_ID', 'CLAUDE_CODE_SESSION_ID', 'STYXY_NO_AUTOSTART']) {
    delete process.env[name];
  }
  styxy = require('..');
});

beforeEach(() => styxy.cleanup({ force: true }));

after(() => home.end());

/** The refusal that `call` rejects with. */
async function refused(call) {
  try {
    const answer = await call;
    return assert.fail(`it was not refused: ${JSON.stringify(answer)}`);
  } catch (error) {
    assert.ok(error instanceof styxy.StyxyError, error.stack);
    return error;
  }
}

test('the first call starts the daemon, and a lease has everything a program needs', async () => {
  const lease = await styxy.allocate({ service: 'dev', name: 'web' });
  assert.ok(lease instanceof styxy.Lease);
  assert.ok(lease.port > home.first && lease.port <= home.last);
  assert.equal(lease.url, `http://localhost:${lease.port}`);
  assert.match(lease.lockId, /^[0-9a-f-]{36}$/);
  assert.deepEqual([lease.owner.kind, lease.owner.pid], ['process', process.pid]);
  const { serviceType, serviceName, state, reused, existing, reason, displacedFrom } = lease;
  assert.deepEqual([serviceType, serviceName, state], ['dev', 'web', 'granted']);
  assert.deepEqual({ reused, existing, reason, displacedFrom }, { reused: false, existing: false, reason: null, displacedFrom: null });
  const [listed] = await styxy.list();
  assert.deepEqual([listed.lockId, listed.port, listed.projectPath], [lease.lockId, lease.port, root]);
});

test('require and import give the same objects', async () => {
  const imported = await import('../index.mjs');
  assert.equal(imported.default, styxy);
  assert.equal(styxy.default, styxy);
  for (const [name, value] of Object.entries(styxy)) if (name !== 'default') assert.equal(imported[name], value, name);
  const named = Object.keys(imported).filter((name) => name !== 'default').sort();
  assert.deepEqual(named, Object.keys(styxy).filter((name) => name !== 'default').sort());
});

test('a lease is released once, and releasing it again is no error', async () => {
  const lease = await styxy.allocate({ service: 'dev' });
  await lease.release();
  assert.deepEqual(await styxy.list(), []);
  await lease.release();
  const error = await refused(styxy.release(lease.lockId));
  assert.deepEqual([error.code, error.details.reason, error.details.lockId], ['lease_ended', 'released', lease.lockId]);
});

test('sentences are printable, and what programs read is exact', async () => {
  const project = path.join(home.top, '\u001b[2J\u202eevil\u2066');
  fs.mkdirSync(project);
  const lease = await styxy.allocate({ service: 'dev', project });
  const shown = project.replace('\u001b', '\\u{1b}').replace('\u202e', '\\u{202e}').replace('\u2066', '\\u{2066}');
  const error = await refused(styxy.allocate({ service: 'api', port: lease.port, exact: true }));
  assert.ok(error.message.includes(shown), error.message);
  const { reason } = await styxy.allocate({ service: 'api', port: lease.port });
  assert.ok(reason.includes(shown), reason);
  assert.equal((await styxy.check(lease.port)).allocatedTo.projectPath, project);
  for (const text of [error.message, error.hint, reason]) assert.doesNotMatch(text ?? '', /[\p{Cc}\p{Cf}]/u);
});

test('disposal releases', { skip: Symbol.asyncDispose ? false : 'this Node has no Symbol.asyncDispose' }, async () => {
  const lease = await styxy.allocate({ service: 'dev' });
  await lease[Symbol.asyncDispose]();
  assert.deepEqual(await styxy.list(), []);
});

test('a group is leased all or none, in the order asked for', async () => {
  const [web, api] = await styxy.allocate([{ service: 'dev' }, { service: 'api', name: 'v2' }]);
  assert.deepEqual([web.serviceType, api.serviceType, api.serviceName], ['dev', 'api', 'v2']);
  assert.notEqual(web.port, api.port);
  assert.equal(api.owner.pid, process.pid);
  const error = await refused(styxy.allocate([{ service: 'dev' }, { service: 'dev', port: web.port, exact: true }]));
  assert.equal(error.code, 'port_unavailable');
  assert.equal((await styxy.list()).length, 2);
});

test('the port asked for is given, and if it is not the reason says why', async () => {
  const port = home.last;
  const first = await styxy.allocate({ service: 'dev', port });
  assert.deepEqual([first.port, first.reason], [port, null]);
  const second = await styxy.allocate({ service: 'dev', port });
  assert.notEqual(second.port, port);
  assert.match(second.reason, new RegExp(`preferred port ${port} is leased by node \\(pid ${process.pid}\\)`));
  const exact = await refused(styxy.allocate({ service: 'dev', port, exact: true }));
  assert.deepEqual([exact.code, exact.hint], ['port_unavailable', `styxy check ${port}`]);
  assert.doesNotMatch(JSON.stringify(exact.details), /"\w+_\w+":/, 'the names in details are JavaScript\'s');
});

test('reuse gives back what this process has, and a repeated requestId the first answer', async () => {
  const first = await styxy.allocate({ service: 'dev', requestId: 'r1' });
  const again = await styxy.allocate({ service: 'dev', reuse: true });
  assert.deepEqual([again.lockId, again.reused], [first.lockId, true]);
  assert.equal((await styxy.allocate({ service: 'dev', requestId: 'r1' })).lockId, first.lockId);
  assert.equal((await refused(styxy.allocate({ service: 'api', requestId: 'r1' }))).code, 'request_id_reused');
  assert.notEqual((await styxy.allocate({ service: 'dev' })).lockId, first.lockId);
});

test('a dry run leases nothing', async () => {
  const would = await styxy.allocate({ service: 'dev', dryRun: true });
  assert.deepEqual([would.lockId, would instanceof styxy.Lease], [null, false]);
  const [group] = await styxy.allocate([{ service: 'dev' }], { dryRun: true });
  assert.equal(group.lockId, null);
  assert.deepEqual(await styxy.list(), []);
  assert.equal((await styxy.allocate({ service: 'dev' })).port, would.port);
});

test('the project is the worktree around the current folder, or the one that is named', async () => {
  const worktree = path.join(home.top, 'app');
  fs.mkdirSync(path.join(worktree, '.git'), { recursive: true });
  fs.mkdirSync(path.join(worktree, 'packages', 'web'), { recursive: true });
  const before = process.cwd();
  try {
    process.chdir(path.join(worktree, 'packages', 'web'));
    await styxy.allocate({ service: 'dev' });
    assert.equal((await styxy.list({ project: '../..' })).length, 1);
  } finally {
    process.chdir(before);
  }
  await styxy.allocate({ service: 'dev', project: worktree });
  const [first, second] = await styxy.list({ project: worktree, service: 'dev' });
  assert.deepEqual([first.projectPath, second.projectPath], [worktree, worktree]);
  assert.deepEqual(await styxy.list({ project: root }), []);
  const error = await refused(styxy.allocate({ service: 'dev', project: path.join(home.top, 'nowhere') }));
  assert.deepEqual([error.code, error.details.field], ['invalid_request', 'project']);
});

test("a project's file names its servers and their ports, and options count more", async () => {
  const worktree = path.join(home.top, 'named');
  fs.mkdirSync(path.join(worktree, '.git'), { recursive: true });
  fs.mkdirSync(path.join(worktree, 'packages'));
  const file = path.join(worktree, '.styxy.json');
  fs.writeFileSync(file, JSON.stringify({ services: { dev: { name: 'web', port: home.last } } }));
  const project = worktree;
  const said = await styxy.allocate({ service: 'dev', project, defaultPort: home.last - 1 });
  assert.deepEqual([said.serviceName, said.port], ['web', home.last]);
  await said.release();
  const named = await styxy.allocate({ service: 'dev', project, name: 'admin' });
  assert.notEqual(named.port, home.last, 'the port is for the server that the file names');
  const wished = await styxy.allocate({ service: 'dev', project, port: home.last - 2 });
  assert.deepEqual([wished.serviceName, wished.port], ['web', home.last - 2]);
  const [dev, api] = await styxy.allocate([{ service: 'dev' }, { service: 'api' }], { project });
  assert.deepEqual([dev.serviceName, dev.port, api.serviceName], ['web', home.last, null]);
  const before = process.cwd();
  try {
    process.chdir(path.join(worktree, 'packages'));
    const again = await styxy.allocate({ service: 'dev', reuse: true });
    assert.deepEqual([again.serviceName, again.reused], ['web', true]);
  } finally {
    process.chdir(before);
  }
  fs.writeFileSync(file, '{"services": {"dev": {"port": 0}}}');
  const error = await refused(styxy.allocate({ service: 'dev', project }));
  assert.deepEqual([error.code, error.details.path, error.details.line], ['invalid_request', file, 1]);
});

test('the agent session is the one that the environment names, or the options', async () => {
  process.env.STYXY_INSTANCE = 'agent-1';
  try {
    const mine = await styxy.allocate({ service: 'dev' });
    const other = await styxy.allocate({ service: 'dev', instance: 'agent-2' });
    assert.deepEqual((await styxy.list({ instance: 'agent-1' })).map((lease) => lease.lockId), [mine.lockId]);
    assert.deepEqual((await styxy.list({ instance: 'agent-2' })).map((lease) => lease.lockId), [other.lockId]);
    process.env.STYXY_INSTANCE = 'agent 3';
    const error = await refused(styxy.allocate({ service: 'dev' }));
    assert.deepEqual([error.code, error.details.field], ['invalid_request', 'instance']);
  } finally {
    delete process.env.STYXY_INSTANCE;
  }
});

test('what is not of its form is refused by name, never wrapped or dropped', async () => {
  const dev = { service: 'dev' };
  const circular = {};
  circular.metadata = circular;
  const cases = [
    [() => styxy.allocate(), 'options'],
    [() => styxy.allocate(null), 'options'],
    [() => styxy.allocate('dev'), 'options'],
    [() => styxy.allocate({}), 'service'],
    [() => styxy.allocate({ service: 'a b' }), 'service'],
    [() => styxy.allocate({ service: 5 }), 'service'],
    [() => styxy.allocate({ ...dev, port: 3.5 }), 'port'],
    [() => styxy.allocate({ ...dev, port: 70_000 }), 'port'],
    [() => styxy.allocate({ ...dev, port: 65_536 + 3000 }), 'port'],
    [() => styxy.allocate({ ...dev, port: 0 }), 'port'],
    [() => styxy.allocate({ ...dev, port: -1 }), 'port'],
    [() => styxy.allocate({ ...dev, port: '3000' }), 'port'],
    [() => styxy.allocate({ ...dev, port: Number.NaN }), 'port'],
    [() => styxy.allocate({ ...dev, port: Number.POSITIVE_INFINITY }), 'port'],
    [() => styxy.allocate({ ...dev, port: 3000n }), 'port'],
    [() => styxy.allocate({ ...dev, port: () => 3000 }), 'port'],
    [() => styxy.allocate({ ...dev, prot: 3000 }), 'prot'],
    [() => styxy.allocate({ ...dev, exact: 'yes' }), 'exact'],
    [() => styxy.allocate({ ...dev, exact: true }), 'port'],
    [() => styxy.allocate({ ...dev, port: 3000, defaultPort: 3001 }), 'defaultPort'],
    [() => styxy.allocate({ ...dev, pid: 2 ** 31 }), 'pid'],
    [() => styxy.allocate({ ...dev, pid: 0.5 }), 'pid'],
    [() => styxy.allocate({ ...dev, requestId: '' }), 'requestId'],
    [() => styxy.allocate(dev, dev), 'options'],
    [() => styxy.allocate([]), 'options'],
    [() => styxy.allocate([dev, 5]), '[1]'],
    [() => styxy.allocate([dev, { ...dev, port: 70_000 }]), '[1].port'],
    [() => styxy.allocate([{ ...dev, dryRun: true }]), '[0]'],
    [() => styxy.allocate([dev], { port: 1 }), 'port'],
    [() => styxy.release(), 'lockId'],
    [() => styxy.release(true), 'lockId'],
    [() => styxy.release('nonsense'), 'lockId'],
    [() => styxy.check(), 'port'],
    [() => styxy.check('3000'), 'port'],
    [() => styxy.check(3.5), 'port'],
    [() => styxy.suggest(), 'service'],
    [() => styxy.suggest('dev', { count: 0 }), 'count'],
    [() => styxy.suggest('dev', { count: 256 + 5 }), 'count'],
    [() => styxy.list({ project: 5 }), 'project'],
    [() => styxy.list({ root: '/' }), 'root'],
    [() => styxy.scan({ start: 0 }), 'start'],
    [() => styxy.register({}), 'instanceId'],
    [() => styxy.allocate({ ...dev, project: '' }), 'project'],
    [() => styxy.allocate({ service: '\ud800' }), 'service'],
    [() => styxy.allocate({ toJSON: () => undefined }), 'options'],
    [() => styxy.register({ instanceId: 'x', metadata: 'text' }), 'metadata'],
    [() => styxy.register(circular), 'options'],
    [() => styxy.heartbeat(), 'instanceId'],
    [() => styxy.unregister('a b'), 'instanceId'],
    [() => styxy.cleanup({ force: 1 }), 'force'],
    [() => styxy.events({ after: -1 }).next(), 'after'],
    [async () => styxy.connect({ sokcet: '/x' }), 'sokcet'],
    [async () => styxy.connect({ timeoutMs: 1.5 }), 'timeoutMs'],
    [async () => styxy.connect({ timeoutMs: 2 ** 32 + 1000 }), 'timeoutMs'],
    [async () => styxy.connect({ home: 'here' }), 'home'],
    [async () => styxy.connect({ home: '' }), 'home'],
    [async () => styxy.connect({ socket: '' }), 'socket'],
    [async () => styxy.connect({ socket: '/x', autoStart: true }), 'autoStart'],
  ];
  for (const [call, field] of cases) {
    const error = await refused(call());
    assert.deepEqual([error.code, error.details.field], ['invalid_request', field], `${call}: ${error.message}`);
    assert.equal(error.name, 'StyxyError');
  }
  assert.deepEqual(await styxy.list(), [], 'a refused call leased something');
  const typo = await refused(styxy.suggest('dev', { cout: 3 }));
  assert.equal(typo.hint, 'did you mean count?');
});

test('null and undefined are the same as absent', async () => {
  const lease = await styxy.allocate({ service: 'dev', port: null, name: undefined, pid: null, exact: null, reuse: undefined });
  assert.deepEqual([lease.serviceName, lease.owner.pid], [null, process.pid]);
});

test('check says who has a port', async () => {
  const server = http.createServer();
  server.listen(0);
  await once(server, 'listening');
  try {
    const { port } = server.address();
    const { available, allocatedTo, systemUsage } = await styxy.check(port);
    assert.deepEqual([available, allocatedTo, systemUsage.pid, systemUsage.projectPath], [false, null, process.pid, root]);
    const { portsInUse, scanRange } = await styxy.scan({ start: port, end: port });
    assert.deepEqual([scanRange, portsInUse.length, portsInUse[0].systemUsage.pid], [`${port}-${port}`, 1, process.pid]);
  } finally {
    server.close();
  }
});

test('suggest gives what allocate would, and reserves none', async () => {
  const { port, suggestions } = await styxy.suggest('dev', { count: 3 });
  assert.deepEqual([suggestions.length, suggestions[0]], [3, port]);
  assert.deepEqual(Object.keys(await styxy.suggest('dev')), ['port', 'suggestions']);
});

test('an agent session is registered, beats and ends', async () => {
  const metadata = { taskName: 'login', nested: { a_b: [1, 'two', null] } };
  const { heartbeatInterval, expiresIn } = await styxy.register({ instanceId: 'agent-9', workingDirectory: root, metadata });
  assert.ok(heartbeatInterval > 0 && heartbeatInterval < expiresIn);
  assert.equal((await styxy.heartbeat('agent-9')).instanceId, 'agent-9');
  const lease = await styxy.allocate({ service: 'dev', instance: 'agent-9' });
  const instance = (await styxy.instances()).find(({ instanceId }) => instanceId === 'agent-9');
  assert.deepEqual([instance.metadata, instance.workingDirectory], [metadata, root]);
  assert.deepEqual(instance.activeAllocations.map(({ lockId }) => lockId), [lease.lockId]);
  assert.equal((await styxy.unregister('agent-9')).instanceId, 'agent-9');
  assert.equal((await refused(styxy.heartbeat('agent-9'))).code, 'unknown_instance');
});

test("a singleton's second asker is given the first one's lease, and cannot end it", async () => {
  const first = await styxy.allocate({ service: 'ai' });
  const second = await styxy.allocate({ service: 'ai' });
  assert.deepEqual([second.existing, second.lockId], [true, first.lockId]);
  await second.release();
  assert.equal((await styxy.list({ service: 'ai' })).length, 1);
  await first.release();
  assert.deepEqual(await styxy.list({ service: 'ai' }), []);
});

test('events come in order, from where a reader left off, and end with a break', async () => {
  const stream = styxy.events();
  const lease = await styxy.allocate({ service: 'dev' });
  await lease.release();
  const seen = [];
  for await (const event of stream) {
    seen.push(event);
    if (event.type === 'ended') break;
  }
  assert.deepEqual(seen.map(({ type }) => type), ['granted', 'ended']);
  const [granted, ended] = seen;
  assert.deepEqual([granted.lease.lockId, ended.lease.port, ended.reason], [lease.lockId, lease.port, 'released']);
  assert.ok(granted.seq < ended.seq && !Number.isNaN(Date.parse(granted.at)));
  assert.equal('instance' in granted, false);
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
  const again = styxy.events({ after: granted.seq });
  assert.deepEqual((await again.next()).value, ended);
  await again.return();
  const reset = styxy.events({ after: 1_000_000_000 });
  assert.deepEqual((await reset.next()).value, { type: 'reset' });
  await reset.return();
});

test('a next that waits ends when the stream is closed', async () => {
  const stream = styxy.events();
  const waiting = stream.next();
  await stream.return();
  assert.equal((await waiting).done, true);
});

test('a thousand calls at once all get their own answer', async () => {
  const ports = new Map((await styxy.suggest('dev', { count: 100 })).suggestions.map((port) => [port, 0]));
  const calls = Array.from({ length: 1000 }, (_, index) => {
    if (index % 10 === 0) return styxy.allocate({ service: 'dev', name: `n${index}` });
    return index % 2 ? styxy.status() : styxy.check(3000);
  });
  const answers = await Promise.all(calls);
  const leases = answers.filter((answer) => answer instanceof styxy.Lease);
  assert.equal(new Set(leases.map(({ port }) => port)).size, 100);
  assert.ok(leases.every(({ port }) => ports.has(port)));
  assert.equal((await styxy.status()).allocations, 100);
});

test('a client of a named socket speaks to that one and starts nothing', async () => {
  const { listen } = await styxy.status();
  const named = styxy.connect({ socket: listen.socket, timeoutMs: 5000 });
  assert.ok(named instanceof styxy.Client);
  const lease = await named.allocate({ service: 'dev' });
  assert.deepEqual((await styxy.list()).map(({ lockId }) => lockId), [lease.lockId]);
  await lease.release();
  const nobody = path.join(home.top, 'nobody.sock');
  const error = await refused(styxy.connect({ socket: nobody }).status());
  assert.equal(error.code, 'daemon_unreachable');
  assert.ok(error.message.includes(nobody), error.message);
});

test('without a daemon and without autostart a call says so and starts none', async () => {
  const empty = path.join(home.top, 'empty');
  const error = await refused(styxy.connect({ home: empty, autoStart: false }).allocate({ service: 'dev' }));
  assert.deepEqual([error.code, error.hint], ['daemon_unreachable', 'styxy daemon start']);
  assert.equal(fs.existsSync(empty), false);
  process.env.STYXY_NO_AUTOSTART = '1';
  try {
    assert.equal((await refused(styxy.connect({ home: empty }).status())).code, 'daemon_unreachable');
  } finally {
    delete process.env.STYXY_NO_AUTOSTART;
  }
});

test('a program that cannot be started is a refusal', async () => {
  const before = process.env.STYXY_BINARY;
  process.env.STYXY_BINARY = path.join(home.top, 'no-such-program');
  try {
    const error = await refused(styxy.connect({ home: path.join(home.top, 'empty') }).status());
    assert.equal(error.code, 'daemon_unreachable');
    assert.ok(error.message.includes('no-such-program'), error.message);
  } finally {
    process.env.STYXY_BINARY = before;
  }
});
