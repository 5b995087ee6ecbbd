// The rows in which everybody is asked for a port: the race, the time of a pick, and what nobody sees.

import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { CONTESTANTS } from './contestants.mjs';
import { Skipped, freeRange, here, quantile } from './machine.mjs';
import { listeners } from './listeners.mjs';
import { daemon, floor, portserver } from './servers.mjs';

/** A contestant's process; `ask` gives its answer, or throws what it says. */
async function worker(name, given, env) {
  const child = fork(path.join(here, 'worker.mjs'), { env: { ...process.env, ...env, CONTESTANT: JSON.stringify({ name, ...given }) } });
  const answer = async () => {
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [{ error: 'it ended' }])]);
    if (message.error) throw new Error(message.error);
    return message.answer;
  };
  await answer().catch((error) => {
    throw new Skipped(`${name}: ${error.message.split('\n')[0]}`);
  });
  const ask = (task, options) => {
    const said = answer();
    child.send({ task, ...options });
    return said;
  };
  const stop = async () => {
    const gone = child.exitCode === null && once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return { ask, stop };
}

/** What a contestant needs for a range of ports: its options and environment, and what ends it. */
async function ready(name, range, clients) {
  const { needs } = CONTESTANTS[name];
  if (name.startsWith('Styxy')) {
    const made = await daemon(`home-${Math.random().toString(36).slice(2, 8)}`, range);
    const { socketPath, service, program, env, stop } = made;
    // The addon finds its daemon as every client does.
    return { given: { ...range, socketPath, service, program, clients }, env: { ...env, STYXY_BINARY: program }, stop };
  }
  if (needs === 'portserver') {
    const { socket, stop } = await portserver(range);
    return { given: { ...range, portserver: socket }, env: {}, stop };
  }
  if (needs === 'floor') return { given: { floor: await floor(), clients }, env: {}, stop: () => {} };
  return { given: range, env: {}, stop: () => {} };
}

/** `processes` that ask at once in a range of twice as many ports, and listen `gapMs` later: the share that fails. */
export async function race(name, { processes, gapMs }) {
  const from = await freeRange(processes * 2);
  const { given, env, stop } = await ready(name, { from, to: from + processes * 2 - 1 });
  const workers = await Promise.all(Array.from({ length: processes }, () => worker(name, given, env)));
  try {
    const results = await Promise.all(
      workers.map(({ ask }) => ask('race', { gapMs }).catch((error) => ({ isBound: false, why: error.message }))),
    );
    return { failed: results.filter(({ isBound }) => !isBound).length, processes, why: results.find(({ why }) => why)?.why };
  } finally {
    await Promise.all(workers.map((each) => each.stop()));
    await stop();
  }
}

/** The times of picks by `clients` at once, and how many a second. */
export async function spell(name, { clients, ms, most }) {
  const from = await freeRange(4000);
  const { given, env, stop } = await ready(name, { from, to: from + 3999 }, clients);
  const one = await worker(name, given, env);
  try {
    // What is loaded and connected on the first pick is not what is measured.
    await one.ask('spell', { clients, ms: 200, most: clients * 5 });
    const { times, ms: took } = await one.ask('spell', { clients, ms, most });
    if (times.length === 0) throw new Error('no pick came to an end');
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond: times.length / (took / 1000) };
  } finally {
    await one.stop();
    await stop();
  }
}

/** Whether a contestant gives a port that has a listener of each kind; in a range of two, so that it has another to give. */
export async function blind(name, kinds) {
  const found = {};
  for (const kind of kinds) {
    const from = await freeRange(2);
    const listener = await listeners[kind](from);
    const { given, env, stop } = await ready(name, { from, to: from + 1 });
    const one = await worker(name, given, env);
    try {
      found[kind] = (await one.ask('pick')).port === from ? 'given' : 'seen';
    } catch (error) {
      found[kind] = `error: ${error.message}`;
    } finally {
      await one.stop();
      await stop();
      await listener.close();
    }
  }
  return found;
}

/** How long a command takes from its start to its end, in ms. */
export function cold(program, words, env = process.env) {
  const begun = performance.now();
  const { status, error, stderr } = spawnSync(program, words, { env, encoding: 'utf8' });
  const ms = performance.now() - begun;
  if (error || status !== 0) throw new Error(`${program}: ${error?.message ?? stderr}`);
  return ms;
}
