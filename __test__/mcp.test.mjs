// The MCP server as the official JavaScript client of the protocol sees it. The client checks each answer against the
// schema that the server lists for the tool.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Home, binary, eventually } from './support.mjs';

let home;
let checkout;
before(async () => {
  home = await Home.make();
  checkout = path.join(home.top, 'shop');
  await fs.mkdir(path.join(checkout, '.git'), { recursive: true });
});
after(() => home.end());

/** A client that is connected to a server of its own, for the length of a test. */
async function connected(t) {
  const transport = new StdioClientTransport({ command: binary, args: ['mcp'], cwd: checkout, env: home.env() });
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  t.after(() => client.close());
  // The client remembers the schemas that are listed, and checks answers against them from then on.
  const { tools } = await client.listTools();
  const call = (name, args) => client.callTool({ name, arguments: args });
  return { client, tools, call, pid: transport.pid };
}

test('the server names itself and lists nine tools', async (t) => {
  const { client, tools } = await connected(t);
  const manifest = JSON.parse(await fs.readFile(new URL('../package.json', import.meta.url), 'utf8'));
  assert.deepEqual(client.getServerVersion(), { name: 'styxy', version: manifest.version });
  assert.match(client.getInstructions(), /one port, one holder/);
  const names = tools.map((tool) => tool.name);
  const ofPorts = ['allocate_port', 'release_port', 'list_ports', 'check_port', 'who_owns_port'];
  assert.deepEqual(names, [...ofPorts, 'start_service', 'stop_service', 'service_logs', 'wait_for']);
  assert.deepEqual(tools[0].inputSchema.required, ['service']);
  assert.ok(tools.every((tool) => tool.outputSchema && tool.annotations.openWorldHint === false));
  await client.ping();
});

test('every tool answers as its schema says', async (t) => {
  const { call, pid } = await connected(t);
  const granted = await call('allocate_port', { service: 'dev', name: 'web' });
  const { port, lock_id: lockId, owner } = granted.structuredContent;
  assert.equal(granted.isError, false);
  assert.equal(owner.pid, pid);
  assert.match(granted.content[0].text, new RegExp(`^dev/web: ${port}\n`));
  const again = await call('allocate_port', { service: 'dev', name: 'web' });
  assert.equal(again.structuredContent.lock_id, lockId);

  const listed = await call('list_ports', { service: 'dev' });
  assert.deepEqual(listed.structuredContent.allocations.map((lease) => lease.port), [port]);
  const checked = await call('check_port', { port });
  assert.equal(checked.structuredContent.allocated_to.lock_id, lockId);
  const daemon = await call('check_port', { port: home.first });
  assert.equal(daemon.structuredContent.available, false);
  assert.equal(daemon.structuredContent.system_usage.command, undefined);
  const owned = await call('who_owns_port', { port: home.first });
  assert.equal(owned.structuredContent.whose, 'foreign');
  const released = await call('release_port', { port });
  assert.equal(released.structuredContent.port, port);
  assert.deepEqual(await home.leases(), []);
});

test('a refusal is an answer that the agent reads', async (t) => {
  const { client, call } = await connected(t);
  const unknown = await call('allocate_port', { service: 'dev', prt: 3000 });
  assert.equal(unknown.isError, true);
  assert.equal(unknown.structuredContent.code, 'invalid_request');
  assert.equal(unknown.structuredContent.hint, 'did you mean port?');
  assert.match(unknown.content[0].text, /unknown field "prt"; allowed: service, name, port, project/);
  const missing = await call('check_port', {});
  assert.equal(missing.isError, true);
  const none = await call('release_port', { port: home.last });
  assert.equal(none.structuredContent.code, 'unknown_lease');
  await assert.rejects(client.callTool({ name: 'no_such', arguments: {} }), { code: -32602 });
  await client.ping();
});

test('a client that goes away takes its leases along', async (t) => {
  const { client, call } = await connected(t);
  const stays = await connected(t);
  await call('allocate_port', { service: 'dev' });
  const kept = await stays.call('allocate_port', { service: 'api' });
  await client.close();
  const left = await eventually('the lease ends', async () => {
    const leases = await home.leases();
    return leases.length === 1 && leases;
  });
  assert.equal(left[0].lock_id, kept.structuredContent.lock_id);
});

test('a server that is killed takes its leases along', async (t) => {
  const { call, pid } = await connected(t);
  const { structuredContent: grant } = await call('allocate_port', { service: 'web' });
  process.kill(pid, 'SIGKILL');
  const gone = (leases) => !leases.some((lease) => lease.lock_id === grant.lock_id);
  await eventually('the lease ends', async () => gone(await home.leases()));
});
