// What the Node tests share: a folder of its own for each daemon, ports that nobody else uses, and waiting for conditions.
// The binary is STYXY_BINARY, or the one that `cargo build` leaves.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
const program = process.platform === 'win32' ? 'styxy.exe' : 'styxy';
export const binary = path.resolve(process.env.STYXY_BINARY ?? path.join(target, 'debug', program));

/** Why a test cannot run on Windows, for the option `skip`; false on every other system. */
export function notOnWindows(reason) {
  return process.platform === 'win32' && reason;
}

/**
 * Why a test is skipped where `need` is missing, for the option `skip`. Where STYXY_TEST_ALL does not let it be missing, the test file
 * fails instead: `1` lets nothing be missing, `but root, chromium` these two. The words are those of tests/support/skip.rs.
 */
export function lacking(need, why) {
  const value = process.env.STYXY_TEST_ALL;
  if (value === undefined) return why;
  const words = value === '1' ? [] : /^but (.*)$/.exec(value)?.[1].split(',').map((word) => word.trim());
  assert.ok(words, `STYXY_TEST_ALL is '${value}', and neither '1' nor 'but root, …'`);
  assert.ok(words.includes(need), `${why}, and STYXY_TEST_ALL does not let ${need} be missing`);
  return why;
}

// No condition takes longer, on the slowest machine.
export const DEADLINE = 30_000;
// Ports of one home alone, in the grid of the Rust tests: so many in a row, the first of them the daemon's.
const FROM = 20_000;
const BLOCK = 200;
const BLOCKS = 60;

/** A daemon's folder and ports, for one test file or one test. */
export class Home {
  /** Where the daemon's files are: STYXY_HOME. */
  path;
  /** An empty folder that is no checkout, for whatever the test needs. */
  top;
  /** The daemon's TCP port; the ports up to `last` are granted for the service types `web`, `dev` and `api`. */
  first;
  last;
  #claim;

  /** `folder` is where STYXY_HOME is below the top; `config` gives the settings for the first of its ports. */
  static async make({ folder = 'home', config = settings } = {}) {
    await fs.access(binary).catch(() => assert.fail(`${binary} is not there: cargo build, or set STYXY_BINARY`));
    const home = new Home();
    // A socket's path may have about 100 bytes, so the name is short; canonical, as the daemon's answers are.
    home.top = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'styxy-')));
    home.path = path.join(home.top, folder);
    await fs.mkdir(path.dirname(home.path), { recursive: true });
    await fs.mkdir(home.path, { mode: 0o700 });
    ({ claim: home.#claim, first: home.first } = await claimPorts());
    home.last = home.first + BLOCK - 1;
    await fs.writeFile(path.join(home.path, 'config.json'), JSON.stringify(config(home.first)));
    return home;
  }

  /** The environment of a process that uses this home, with nothing of the session that runs the tests. */
  env(more = {}) {
    const env = { ...process.env, STYXY_HOME: this.path, STYXY_BINARY: binary, STYXY_AGENT: 'off', NO_COLOR: '1' };
    const ours = ['STYXY', 'STYXY_INSTANCE', 'STYXY_NO_AUTOSTART', 'CLAUDE_PID', 'CODEX_SESSION_ID', 'CLAUDE_CODE_SESSION_ID', 'VITEST'];
    for (const name of ours) delete env[name];
    return { ...env, ...more };
  }

  /** Runs the command to its end and gives what it printed; it must exit 0. */
  async styxy(...words) {
    const { code, stdout, stderr } = await run(binary, words, { env: this.env() });
    assert.equal(code, 0, `styxy ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** The headers of a request by TCP: the token, without which only Linux answers. A daemon runs. */
  async headers() {
    const token = await fs.readFile(path.join(this.path, 'token'), 'utf8');
    return { authorization: `Bearer ${token.trim()}` };
  }

  /** The live leases, as the wire shows them. */
  async leases() {
    return JSON.parse(await this.styxy('list', '--json')).allocations;
  }

  /** Stops the daemon and removes everything. */
  async end() {
    await this.styxy('daemon', 'stop');
    this.#claim.close();
    // Windows removes a folder only after the last process that works in it has ended.
    await fs.rm(this.top, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** Every service type has the same ports, from the second one on. */
function settings(first) {
  const range = [first + 1, first + BLOCK - 1];
  const type = { preferred_ports: [], range };
  const types = { web: type, dev: type, api: type, storybook: type, test: type };
  return { listen_port: first, overflow_range: range, service_types: types };
}

/** Runs a program to its end: its exit code or signal, and what it printed. */
export async function run(command, words, { timeout = 4 * DEADLINE, ...options } = {}) {
  // Not the option `timeout` of spawn: where the program is missing, its timer would keep this process until it is over.
  const tooLong = AbortSignal.timeout(timeout);
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'], signal: tooLong, ...options });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes) => (stdout += bytes));
  child.stderr.on('data', (bytes) => (stderr += bytes));
  const [code, signal] = await once(child, 'close');
  return { code, signal, stdout, stderr };
}

/** Finds ports in a row that nobody listens on; a UDP socket on the first keeps other runs off them. */
async function claimPorts() {
  for (let turn = 0; turn < BLOCKS; turn += 1) {
    const first = FROM + ((process.pid + turn) % BLOCKS) * BLOCK;
    const claim = dgram.createSocket('udp4');
    const claimed = await new Promise((resolve) => {
      claim.once('error', () => resolve(false));
      claim.bind(first, '127.0.0.1', () => resolve(true));
    });
    const ports = Array.from({ length: BLOCK }, (_, offset) => first + offset);
    if (claimed && (await Promise.all(ports.map(isFree))).every(Boolean)) return { claim, first };
    claim.close();
  }
  return assert.fail('no ports in a row are free on this machine');
}

/** Whether nobody listens on a port, on any address. */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/** What `look` gives as soon as that is something. */
export async function eventually(what, look, patience = DEADLINE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < deadline, `never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
