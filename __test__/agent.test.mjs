// A coding agent's session: what the hook tells it is what its servers do.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { Home, binary, eventually, root, run } from './support.mjs';
import { Program, checkout, page, withhold } from './worktrees.mjs';

const vite = path.join(root, 'node_modules/vite');
let home;
const agents = [];

before(async () => {
  home = await Home.make();
  await withhold(home, 5173);
});

afterEach(async () => {
  await Program.endAll();
  for (const agent of agents.splice(0)) agent.kill('SIGKILL');
});

after(() => home.end());

/** A session of Claude Code in a folder, as far as Styxy sees it: its process, and the variables of its shell. */
async function session(dir) {
  const agent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  agents.push(agent);
  const [input, envFile] = ['input', 'env'].map((name) => path.join(home.top, `${name}-${agent.pid}`));
  await fs.writeFile(input, JSON.stringify({ hook_event_name: 'SessionStart', source: 'startup', cwd: dir }));
  const env = home.env({ CLAUDE_PID: String(agent.pid), CLAUDE_ENV_FILE: envFile });
  const file = await fs.open(input);
  const hook = await run(binary, ['hook', 'claude'], { cwd: dir, env, stdio: [file.fd, 'pipe', 'pipe'] });
  await file.close();
  assert.deepEqual([hook.code, hook.stderr], [0, '']);
  // The agent's shell reads the file before each command.
  const shell = await run('bash', ['-c', '. "$0" && exec env -0', envFile], { cwd: dir, env });
  assert.deepEqual([shell.code, shell.stderr], [0, '']);
  const pairs = shell.stdout.split('\0').map((line) => /^([^=]+)=(.*)$/s.exec(line)?.slice(1));
  return { agent, env: Object.fromEntries(pairs.filter(Boolean)) };
}

/** The port that Vite serves on, started in a session's shell. */
async function serves(dir, env, words = ['node_modules/vite/bin/vite.js']) {
  const server = new Program(words, { cwd: dir, env });
  return Number((await server.prints(/Local: {3}http:\/\/localhost:(\d+)\//))[1]);
}

test('Vite serves on the port that its session was told, also for two sessions of one worktree', async () => {
  const [app, fix] = [await checkout(home, 'vite', 'app', { vite }), await checkout(home, 'vite', 'fix', { vite })];
  const sessions = [[app, await session(app)], [app, await session(app)], [fix, await session(fix)]];
  const told = sessions.map(([, { env }]) => Number(env.PORT));
  assert.equal(new Set(told).size, 3);
  const served = await Promise.all(sessions.map(([dir, { env }]) => serves(dir, env)));
  assert.deepEqual(served, told);
  assert.ok(await page(served[0]));
  const { env } = sessions[0][1];
  // The second server of a session has another port, and the first keeps its own.
  const second = await serves(app, env);
  assert.ok(!told.includes(second), `${second} of ${told}`);
});

test('what a session never started has its port back with the agent', async () => {
  const dir = await checkout(home, 'vite', 'idle', { vite });
  const { agent, env } = await session(dir);
  const isLeased = async () => (await home.leases()).some((lease) => String(lease.port) === env.PORT);
  assert.ok(await isLeased());
  agent.kill('SIGKILL');
  await eventually('its lease has ended', async () => !(await isLeased()));
});
