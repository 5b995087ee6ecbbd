// The real tools, each started twice at once by `styxy run`: both listen on the port they were leased, and their leases
// end within a second of a kill -9. It installs the tools from npm and PyPI into a temporary folder, so it takes
// minutes, and `npm it` leaves it out: `npm run test:frameworks` runs it.
//
// STYXY_BINARY is the binary, else the one that `cargo build` leaves. Names as arguments run those tools alone.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? path.join(here, '..', '..', 'target');
const binary = path.resolve(process.env.STYXY_BINARY ?? path.join(target, 'debug', 'styxy'));
const run = promisify(execFile);

// A tool's first start may compile half of npm.
const DEADLINE = 180_000;
const FIRST = 20_000;
const BLOCK = 200;
const BLOCKS = 60;

const page = '<!doctype html><title>it</title><p>it works</p>';
const modern = Number(process.versions.node.split('.')[0]) >= 22;
const story = "export default { title: 'One' };\nexport const Two = () => '<p>it works</p>';\n";

/** What is installed, which files it serves, and how people start it. */
const TOOLS = {
  vite: { npm: ['vite'], files: { 'index.html': page }, scripts: { dev: 'vite' }, command: ['npm', 'run', 'dev'] },
  'vite preview': {
    npm: ['vite'],
    files: { 'dist/index.html': page },
    command: ['npx', 'vite', 'preview', '--port', '4173'],
  },
  vitest: {
    npm: modern ? ['vitest', '@vitest/ui'] : ['vitest@3', '@vitest/ui@3'],
    files: { 'one.test.js': "import { test } from 'vitest';\ntest('one', () => {});\n" },
    command: ['npx', 'vitest', '--ui', '--open=false'],
    at: '/__vitest__/',
  },
  astro: {
    npm: [modern ? 'astro' : 'astro@5'],
    files: { 'src/pages/index.astro': page },
    scripts: { start: 'astro dev' },
    command: ['npm', 'start'],
    // It is asked for nothing, and it goes into the background if it believes that an agent started it.
    env: { ASTRO_TELEMETRY_DISABLED: '1' },
  },
  storybook: {
    npm: ['storybook', '@storybook/html-vite', 'vite'],
    files: {
      '.storybook/main.js':
        "export default { stories: ['../*.stories.js'], framework: '@storybook/html-vite', core: { disableTelemetry: true } };\n",
      'one.stories.js': story,
    },
    scripts: { storybook: 'storybook dev -p 6006' },
    command: ['npm', 'run', 'storybook'],
    service: 'storybook',
  },
  'http-server': { npm: ['http-server'], files: { 'index.html': page }, command: ['npx', 'http-server', '.'] },
  serve: { npm: ['serve'], files: { 'index.html': page }, command: ['npx', 'serve'] },
  'json-server': { npm: ['json-server'], files: { 'db.json': '{"posts": []}' }, command: ['npx', 'json-server', 'db.json'] },
  'webpack-dev-server': {
    npm: ['webpack', 'webpack-cli', 'webpack-dev-server'],
    files: { 'src/index.js': 'document.title = 1;\n', 'public/index.html': page },
    scripts: { start: 'webpack serve --mode development' },
    command: ['npm', 'start'],
  },
  django: {
    pip: ['django'],
    files: {
      'manage.py': [
        'import sys',
        'from django.conf import settings',
        'from django.http import HttpResponse',
        'from django.urls import path',
        "settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'])",
        "urlpatterns = [path('', lambda request: HttpResponse('it works'))]",
        "if __name__ == '__main__':",
        '    from django.core.management import execute_from_command_line',
        '    execute_from_command_line(sys.argv)',
        '',
      ].join('\n'),
    },
    command: ['python', 'manage.py', 'runserver', '8000'],
  },
  flask: {
    pip: ['flask'],
    files: { 'app.py': "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef it(): return 'it works'\n" },
    command: ['flask', '--app', 'app', 'run'],
  },
  uvicorn: {
    pip: ['uvicorn'],
    files: {
      'app.py': [
        'async def app(scope, receive, send):',
        "    if scope['type'] != 'http': return",
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})",
        "    await send({'type': 'http.response.body', 'body': b'it works'})",
        '',
      ].join('\n'),
    },
    command: ['python', '-m', 'uvicorn', 'app:app'],
  },
};

const asked = process.argv.slice(2);
for (const name of asked) assert.ok(TOOLS[name], `${name} is not one of ${Object.keys(TOOLS).join(', ')}`);
await fs.access(binary).catch(() => assert.fail(`${binary} is not there: cargo build, or set STYXY_BINARY`));
const top = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-')));
const { claim, first } = await claimPorts();
const environment = { ...process.env, STYXY_HOME: path.join(top, 'home'), NO_COLOR: '1', BROWSER: 'none', CI: '1' };
environment.STYXY_AGENT = 'off';
for (const name of ['STYXY', 'STYXY_INSTANCE', 'STYXY_LOCK_ID', 'PORT', 'CLAUDECODE', 'CLAUDE_PID', 'CLAUDE_CODE_SESSION_ID']) {
  delete environment[name];
}
await fs.mkdir(environment.STYXY_HOME, { mode: 0o700 });
const range = { preferred_ports: [], range: [first + 1, first + BLOCK - 1] };
const config = { listen_port: first, service_types: { dev: range, storybook: range } };
await fs.writeFile(path.join(environment.STYXY_HOME, 'config.json'), JSON.stringify(config));

let failed = 0;
try {
  for (const [name, tool] of Object.entries(TOOLS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    try {
      console.log(`ok    ${name}: ${await check(name, tool)}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}: ${error.message}`);
    }
  }
} finally {
  await run(binary, ['daemon', 'stop'], { env: environment });
  claim.close();
  await fs.rm(top, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;

/** Installs a tool, starts it twice, and kills both. */
async function check(name, tool) {
  const folder = path.join(top, name.replaceAll(' ', '-'));
  const files = { ...tool.files, 'package.json': JSON.stringify({ private: true, scripts: tool.scripts ?? {} }) };
  await fs.mkdir(path.join(folder, '.git'), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await fs.writeFile(path.join(folder, file), text);
  }
  const env = { ...environment, ...tool.env };
  if (tool.npm) {
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tool.npm], { cwd: folder, env });
  }
  if (tool.pip) {
    await run('python3', ['-m', 'venv', 'venv'], { cwd: folder, env });
    await run('venv/bin/pip', ['install', '--quiet', ...tool.pip], { cwd: folder, env });
    env.PATH = `${path.join(folder, 'venv', 'bin')}${path.delimiter}${env.PATH}`;
  }
  const servers = [start(folder, tool, env, 1), start(folder, tool, env, 2)];
  try {
    const ports = [];
    for (const server of servers) ports.push(await listening(server, tool));
    assert.notEqual(ports[0], ports[1], 'one port was given twice');
    for (const port of ports) await answers(port, tool.at ?? '/');
    const began = performance.now();
    for (const server of servers) process.kill(-server.pid, 'SIGKILL');
    await until('the leases end', async () => (await leases()).length === 0, 5_000);
    const took = Math.round(performance.now() - began);
    assert.ok(took <= 1000, `the leases ended only after ${took} ms`);
    return `${ports.join(' and ')}, given back ${took} ms after kill -9`;
  } catch (error) {
    throw new Error(`${error.message}\n${servers.map((server) => server.said()).join('\n---\n')}`);
  } finally {
    for (const server of servers) {
      try {
        process.kill(-server.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }
}

/** Starts a tool in a process group of its own, which is to be killed as a whole. */
function start(folder, tool, env, number) {
  const words = ['run', '--quiet', '--name', `n${number}`, '--', ...tool.command];
  const child = spawn(binary, words, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
  return { pid: child.pid, child, said: () => said };
}

/** The port of the server's lease, once something listens on it. */
async function listening(server, tool) {
  let port;
  await until('the server listens on its lease', async () => {
    assert.equal(server.child.exitCode, null, 'the server ended');
    const own = (await leases()).find((lease) => lease.owner.pid === server.pid);
    if (own) assert.equal(own.service_type, tool.service ?? 'dev');
    port = own?.state === 'active' ? own.port : undefined;
    return port !== undefined;
  });
  return port;
}

async function answers(port, at) {
  await until(`something answers on ${port}`, async () => {
    const answer = await fetch(`http://localhost:${port}${at}`).catch(() => undefined);
    return answer !== undefined && answer.status < 500;
  });
}

async function leases() {
  const { stdout } = await run(binary, ['list', '--json'], { env: environment });
  return JSON.parse(stdout).allocations;
}

async function until(what, isSo, within = DEADLINE) {
  const deadline = performance.now() + within;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A block of ports that no test of another run has, in the grid of the Rust tests. */
async function claimPorts() {
  for (let turn = 0; turn < BLOCKS; turn += 1) {
    const at = FIRST + ((process.pid + turn) % BLOCKS) * BLOCK;
    const socket = dgram.createSocket('udp4');
    socket.bind({ address: '127.0.0.1', port: at, exclusive: true });
    const bound = await Promise.race([once(socket, 'listening').then(() => true), once(socket, 'error').then(() => false)]);
    if (bound) {
      socket.unref();
      return { claim: socket, first: at };
    }
  }
  assert.fail('no block of ports is free');
}
