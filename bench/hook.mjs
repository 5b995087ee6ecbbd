// How long one call of `styxy hook claude` takes, from its start to its end, beside a program that does nothing.
// Has a daemon and a folder of its own. Prints milliseconds.
//
//   cargo build --release -p styxy && node bench/hook.mjs [calls] [program]

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const calls = Number(process.argv[2] ?? 1000);
const program = path.resolve(process.argv[3] ?? path.join(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'styxy'));
const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-bench-')));
const project = path.join(top, 'project');
const other = path.join(top, 'other');
for (const folder of [project, other]) fs.mkdirSync(path.join(folder, '.git'), { recursive: true });
fs.mkdirSync(path.join(top, 'home'), { mode: 0o700 });
const env = {
  PATH: process.env.PATH, HOME: top, STYXY_HOME: path.join(top, 'home'), CLAUDE_PID: String(process.pid),
  CLAUDE_ENV_FILE: path.join(top, 'env'),
};
const asked = net.createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => asked.once('listening', resolve));
fs.writeFileSync(path.join(top, 'home', 'config.json'), JSON.stringify({ listen_port: asked.address().port }));
asked.close();

const bash = (command) => JSON.stringify({
  session_id: 's', cwd: project, hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command },
});

/** The port of a server of the other checkout. */
const server = spawn(process.execPath, ['-e', `
  const server = require('net').createServer().listen(0, '127.0.0.1', () => console.log(server.address().port));
`], { cwd: other, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const port = String(await new Promise((resolve) => server.stdout.once('data', resolve))).trim();
  hook(JSON.stringify({ session_id: 's', cwd: project, hook_event_name: 'SessionStart', source: 'startup' }));
  // A session that has no guard, as on macOS.
  const { CLAUDE_PID, ...bare } = env;
  if (!hook(bash(`npx kill-port ${port}`), bare).stdout.includes('"deny"')) throw new Error('nothing is denied');
  const rows = {
    '/bin/true': () => spawnSync('/bin/true'),
    'styxy --version': () => spawnSync(program, ['--version'], { env }),
    'a command': () => hook(bash('git status && npm test')),
    'a literal kill, under the guard': () => hook(bash('pkill -f no-such-server')),
    'a literal kill, without it': () => hook(bash('pkill -f no-such-server'), bare),
    "the same of another's, denied": () => hook(bash(`npx kill-port ${port}`), bare),
    'a session that goes on': () => hook(JSON.stringify({ session_id: 's', cwd: project, hook_event_name: 'SessionStart', source: 'compact' })),
    'a sub-agent that begins': () => hook(JSON.stringify({ session_id: 's', cwd: project, hook_event_name: 'SubagentStart', agent_id: 'a' })),
    'the ports of another folder': () => shell('/nowhere', 'PORT=1 STYXY_PORT=1'),
  };
  console.log(`${calls} calls each, ms${' '.repeat(15)}p50     p99`);
  for (const [name, call] of Object.entries(rows)) {
    for (let warm = 0; warm < 20; warm++) call();
    const times = [];
    for (let at = 0; at < calls; at++) {
      const start = performance.now();
      call();
      times.push(performance.now() - start);
    }
    times.sort((one, two) => one - two);
    const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(2).padStart(7);
    console.log(`${name.padEnd(32)}${at(0.5)} ${at(0.99)}`);
  }
} finally {
  server.kill();
  spawnSync(program, ['daemon', 'stop'], { env });
  fs.rmSync(top, { recursive: true, force: true });
}

/** What the agent's shell asks in each folder but the one in which the session began. */
function shell(root, told) {
  const answer = spawnSync(program, ['hook', 'env', root, told], { env, cwd: project, encoding: 'utf8' });
  if (answer.error) throw answer.error;
  if (!answer.stdout.includes("export PORT='")) throw new Error(answer.stdout + answer.stderr);
  return answer;
}

function hook(input, variables = env) {
  const answer = spawnSync(program, ['hook', 'claude'], { env: variables, input, encoding: 'utf8' });
  if (answer.status !== 0) throw new Error(answer.stderr);
  return answer;
}
