// What the tests of the plugins share: checkouts made from the examples, and dev servers that run in them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { DEADLINE, binary, eventually, isFree, root, run } from './support.mjs';

/**
 * A copy of an example that is a checkout of its own, with `styxy` and the packages of `packages` (name to folder) linked
 * into its node_modules. Gives its folder.
 */
export async function checkout(home, example, name, packages) {
  const dir = path.join(home.top, name);
  const isMade = (source) => !['node_modules', 'dist'].includes(path.basename(source));
  await fs.cp(path.join(root, 'examples', example), dir, { recursive: true, filter: isMade });
  await fs.mkdir(path.join(dir, '.git'));
  for (const [wanted, folder] of Object.entries({ styxy: root, ...packages })) {
    const link = path.join(dir, 'node_modules', wanted);
    await fs.mkdir(path.dirname(link), { recursive: true });
    await fs.symlink(folder, link, 'junction');
  }
  return dir;
}

/**
 * Keeps the daemon of `home` from giving out ports that other test runs may use at this moment: those that a tool takes
 * when nobody names one. What is not free is not given out anyway.
 */
export async function withhold(home, ...ports) {
  const words = (port) => ['allocate', '--service', 'withheld', '--port', `${port}`, '--exact'];
  await Promise.all(ports.map((port) => run(binary, words(port), { env: home.env() })));
}

/** A program that runs in the background, and what it prints. */
export class Program {
  static #running = new Set();
  output = '';
  #fresh = withResolvers();

  /** Starts Node on a script. */
  constructor(words, options) {
    this.child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    Program.#running.add(this);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => this.#grow(text));
    }
    this.closed = once(this.child, 'close').then(([code, signal]) => {
      Program.#running.delete(this);
      this.#grow('');
      return { code, signal };
    });
  }

  #grow(text) {
    this.output += stripVTControlCharacters(text);
    this.#fresh.resolve();
    this.#fresh = withResolvers();
  }

  /** What `pattern` finds in the output after `from`, as soon as it is there. */
  async prints(pattern, from = 0) {
    const late = AbortSignal.timeout(DEADLINE);
    for (;;) {
      const found = pattern.exec(this.output.slice(from));
      if (found) return found;
      const { exitCode, signalCode } = this.child;
      const isOver = exitCode !== null || signalCode !== null;
      const why = isOver ? `it ended with ${exitCode ?? signalCode}` : 'too late';
      assert.ok(!late.aborted && !(isOver && !Program.#running.has(this)), `no ${pattern} (${why}) in: ${this.output}`);
      await Promise.race([this.#fresh.promise, once(late, 'abort')]);
    }
  }

  async kill(signal = 'SIGKILL') {
    this.child.kill(signal);
    return this.closed;
  }

  /** Ends all that a failed test has left. */
  static async endAll() {
    await Promise.all([...Program.#running].map((program) => program.kill()));
  }
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}

/** What a server answers. */
export async function page(port, route = '/') {
  const response = await fetch(`http://localhost:${port}${route}`, { signal: AbortSignal.timeout(DEADLINE) });
  assert.equal(response.status, 200, route);
  return response.text();
}

/** Waits until these ports are leased to nobody and free. */
export async function areFree(home, ports) {
  await eventually(`${ports} are free`, async () => {
    const leases = await home.leases();
    const free = await Promise.all(ports.map(isFree));
    return free.every(Boolean) && !leases.some(({ port }) => ports.includes(port));
  });
}

/** Vite's client as the browser runs it: connects where the page's script says, and gives the messages. */
export async function hotClient(port) {
  const script = await page(port, '/@vite/client');
  const token = /wsToken = "([^"]+)"/.exec(script)?.[1];
  const named = /hmrPort = (\w+)/.exec(script)?.[1];
  const at = Number.isNaN(Number(named)) ? port : Number(named);
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    origin: `http://localhost:${port}`,
    'sec-websocket-key': Buffer.from('0123456789abcdef').toString('base64'),
    'sec-websocket-protocol': 'vite-hmr',
    'sec-websocket-version': '13',
  };
  const request = http.get({ host: 'localhost', port: at, path: `/?token=${token}`, headers });
  const [response, socket, head] = await once(request, 'upgrade', { signal: AbortSignal.timeout(DEADLINE) });
  assert.equal(response.headers['sec-websocket-protocol'], 'vite-hmr');
  socket.on('error', () => {});
  return { port: at, messages: messages(socket, head), close: () => socket.destroy() };
}

/** The JSON messages of a WebSocket's unmasked, unfragmented text frames, until nothing has come for too long. */
async function* messages(socket, head) {
  let bytes = head;
  socket.setTimeout(DEADLINE, () => socket.destroy(new Error('no message came')));
  for (let frame = cut(bytes); frame; frame = cut(bytes)) {
    bytes = frame.rest;
    yield JSON.parse(frame.text);
  }
  for await (const more of socket) {
    bytes = Buffer.concat([bytes, more]);
    for (let frame = cut(bytes); frame; frame = cut(bytes)) {
      bytes = frame.rest;
      yield JSON.parse(frame.text);
    }
  }
}

/**
 * Saves a file again and again until what should follow has: a watcher that is not ready yet does not see the first time.
 */
export async function saveUntil(file, followed) {
  const save = () => fs.appendFile(file, '// saved again\n');
  await save();
  const timer = setInterval(save, 3_000);
  try {
    return await followed;
  } finally {
    clearInterval(timer);
  }
}

function cut(bytes) {
  if (bytes.length < 2) return undefined;
  const short = bytes[1] & 0x7f;
  if (short === 126 && bytes.length < 4) return undefined;
  const [start, length] = short === 126 ? [4, bytes.readUInt16BE(2)] : [2, short];
  assert.notEqual(short, 127, 'no message of Vite is that long');
  if (bytes.length < start + length) return undefined;
  return { text: bytes.toString('utf8', start, start + length), rest: bytes.subarray(start + length) };
}
