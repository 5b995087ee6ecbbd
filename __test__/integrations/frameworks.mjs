// The real tools, each started by `styxy run` in two checkouts at once: both serve on the port they were leased, and so do
// their further ports, and their leases end within a second of a kill -9. It installs the tools from npm and PyPI into a
// temporary folder and removes each when it is done. That takes minutes, so `npm it` leaves it out:
// `npm run test:frameworks` runs it. Tools of other package managers are skipped where they are not installed.
//
// STYXY_BINARY is the binary, else the one that `cargo build` leaves. Names as arguments run those tools alone. Each line
// has the tool's version: the table in docs/FRAMEWORKS.md names it.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { TOOLS } from './servers.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? path.join(here, '..', '..', 'target');
const binary = path.resolve(process.env.STYXY_BINARY ?? path.join(target, 'debug', 'styxy'));
const run = promisify(execFile);

// A tool's first start may compile half of npm.
const DEADLINE = Number(process.env.STYXY_TEST_DEADLINE ?? 180_000);
const INSTALL = 300_000;
const FIRST = 20_000;
const BLOCK = 200;
const BLOCKS = 60;

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
const services = ['dev', 'storybook', 'inspector', 'ui', 'reload', 'admin', 'monitoring'];
const config = { listen_port: first, service_types: Object.fromEntries(services.map((service) => [service, range])) };
await fs.writeFile(path.join(environment.STYXY_HOME, 'config.json'), JSON.stringify(config));

let failed = 0;
try {
  for (const [name, tool] of Object.entries(TOOLS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    if (tool.program && !(await isInstalled(tool.program))) {
      console.log(`skip  ${name}: ${tool.program} is not installed`);
      continue;
    }
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

/** Installs a tool, starts it in two checkouts, and kills both. */
async function check(name, tool) {
  const folder = path.join(top, name.replaceAll(' ', '-'));
  const checkouts = ['one', 'two'].map((each) => path.join(folder, each));
  const files = { ...tool.files, 'package.json': JSON.stringify({ private: true, scripts: tool.scripts ?? {} }) };
  for (const checkout of checkouts) {
    await fs.mkdir(path.join(checkout, '.git'), { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await fs.mkdir(path.dirname(path.join(checkout, file)), { recursive: true });
      await fs.writeFile(path.join(checkout, file), text);
    }
  }
  const env = { ...environment, ...tool.env };
  let version = '';
  if (tool.npm) {
    const install = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tool.npm];
    await run('npm', install, { cwd: checkouts[0], env, timeout: INSTALL });
    // Bundlers refuse files that a link leads to outside of the project.
    await fs.cp(path.join(checkouts[0], 'node_modules'), path.join(checkouts[1], 'node_modules'), { recursive: true, verbatimSymlinks: true });
    const manifest = path.join(checkouts[0], 'node_modules', tool.npm[0].replace(/(?<=.)@.*/, ''), 'package.json');
    ({ version } = JSON.parse(await fs.readFile(manifest, 'utf8')));
  }
  if (tool.pip) {
    await run('python3', ['-m', 'venv', 'venv'], { cwd: folder, env });
    await run('venv/bin/pip', ['install', '--quiet', ...tool.pip], { cwd: folder, env, timeout: INSTALL });
    const { stdout } = await run('venv/bin/pip', ['show', tool.pip[0].replace(/\[.*/, '')], { cwd: folder, env });
    version = /^Version: (.*)$/m.exec(stdout)?.[1] ?? '';
    env.PATH = `${path.join(folder, 'venv', 'bin')}${path.delimiter}${env.PATH}`;
  }
  const servers = checkouts.map((checkout) => start(checkout, tool, env));
  try {
    const ports = [];
    for (const server of servers) ports.push(await listening(server, tool.service ?? 'dev', tool.at ?? '/'));
    if (tool.more) {
      for (const server of servers) ports.push(await listening(server, tool.more.service, tool.more.at));
    }
    assert.equal(new Set(ports).size, ports.length, `one port was given twice: ${ports}`);
    const began = performance.now();
    for (const server of servers) process.kill(-server.pid, 'SIGKILL');
    await until('the leases end', async () => (await leases()).length === 0, 5_000);
    const took = Math.round(performance.now() - began);
    assert.ok(took <= 1000, `the leases ended only after ${took} ms`);
    return `${version ? `${version}: ` : ''}${ports.join(', ')}, given back ${took} ms after kill -9`;
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
    await fs.rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Starts a tool in a process group of its own, which is to be killed as a whole. */
function start(folder, tool, env) {
  const words = ['run', '--quiet', '--', ...tool.command];
  const child = spawn(binary, words, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
  return { pid: child.pid, child, said: () => said };
}

/** The port of the server's lease of this service, once it is served there. */
async function listening(server, service, at) {
  let port;
  await until(`the server listens on its lease for ${service}`, async () => {
    assert.equal(server.child.exitCode, null, 'the server ended');
    const own = (await leases()).find((lease) => lease.owner.pid === server.pid && lease.service_type === service);
    port = own?.state === 'active' ? own.port : undefined;
    return port !== undefined;
  });
  if (at) await answers(port, at);
  return port;
}

async function answers(port, at) {
  await until(`something answers on ${port}`, async () => {
    const answer = await fetch(`http://localhost:${port}${at}`).catch(() => undefined);
    return answer !== undefined && answer.status < 500;
  });
}

async function isInstalled(program) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const there = folders.map((folder) => fs.access(path.join(folder, program)).then(() => true, () => false));
  return (await Promise.all(there)).includes(true);
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
