// What every row of the comparison uses: ports that nobody has, children that end with the run, quantiles, and the state of the machine.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const here = path.join(root, 'bench/compare');
export const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
/** Where the others are installed, and kept. */
export const tools = path.join(target, 'compare');
/** The run's own folder. A contestant's process needs none. */
export const top = process.env.CONTESTANT ? null : fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'styxy-compare-')));

const ends = [];
/** Runs at the end of the run, whatever happens; the latest first. */
export function atEnd(what) {
  ends.push(what);
}
export async function end() {
  for (const what of ends.reverse()) await what();
  fs.rmSync(top, { recursive: true, force: true });
}

/** What a row says when it cannot be measured: printed, and put into the table. */
export class Skipped extends Error {}

/** Where the next range is looked for: two that are in use at once never have a port in common. */
let next = 12_000 + Math.floor(Math.random() * 2000);

/** The first of `count` ports in a row that can be bound now, below the ports that the system gives by itself. */
export async function freeRange(count) {
  for (let tries = 0; tries < 100; tries++) {
    if (next + count > 32_000) next = 12_000;
    const first = next;
    next += count;
    const busy = await Promise.all(Array.from({ length: count }, (_, index) => isTaken(first + index)));
    if (!busy.includes(true)) return first;
  }
  throw new Error(`there are no ${count} free ports in a row`);
}

async function isTaken(port) {
  const server = net.createServer();
  try {
    server.listen(port);
    await Promise.race([once(server, 'listening'), once(server, 'error').then(([error]) => Promise.reject(error))]);
    return false;
  } catch {
    return true;
  } finally {
    server.close();
  }
}

/** A child that ends with the run. Resolves when it has printed its first words. */
export async function start(program, words, { env = process.env, cwd = root, ready = true } = {}) {
  const child = spawn(program, words, { env, cwd, stdio: 'pipe' });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  atEnd(() => child.exitCode === null && child.kill('SIGKILL'));
  if (!ready) return child;
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'close').then(() => null)]);
  if (first === null) throw new Error(`${program} ${words.join(' ')} ended: ${said}`);
  child.stdout.resume();
  return child;
}

/** Waits until `what` gives something; fails after 20 s. */
export async function until(name, what) {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${name}: not after 20 s`);
    await pause(20);
  }
}

/** A value at a share of sorted numbers. */
export function quantile(numbers, share) {
  const sorted = numbers.toSorted?.((one, other) => one - other) ?? [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Sends one request over a kept connection of `agent`; gives the answer's JSON. */
export function request(agent, { socketPath, port, method = 'POST', route = '/allocate', body }) {
  return new Promise((done, failed) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const host = socketPath ? { socketPath } : { host: '127.0.0.1', port };
    const asked = http.request({ ...host, agent, method, path: route, headers }, (answer) => {
      let said = '';
      answer.setEncoding('utf8').on('data', (piece) => (said += piece));
      answer.on('error', failed).on('end', () => {
        if (answer.statusCode === 200) done(JSON.parse(said));
        else failed(new Error(`${method} ${route}: ${answer.statusCode} ${said.slice(0, 200)}`));
      });
    });
    asked.on('error', failed).end(text);
  });
}

/** What a process has used: processor time in ms, switches to it, and resident memory in MiB. Linux only. */
export function usage(pid) {
  const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const fields = fs
    .readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const status = (text, name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);
  const tasks = fs.readdirSync(`/proc/${pid}/task`).map((task) => fs.readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
  const switches = tasks.reduce((sum, text) => sum + status(text, 'voluntary_ctxt_switches'), 0);
  const memory = status(fs.readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1024;
  return { cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks, switches, memory };
}

/** What the figures were measured on. */
export function machine() {
  const model = os.cpus()[0]?.model.trim() || 'unknown processor';
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' });
  return {
    date: new Date().toISOString().slice(0, 10),
    system: `${os.type()} ${os.release()}, ${os.arch()}`,
    processors: `${os.cpus().length} × ${model}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    commit: git.stdout?.trim() || 'unknown',
    load: os
      .loadavg()
      .map((value) => value.toFixed(1))
      .join(' '),
  };
}
