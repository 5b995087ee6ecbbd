// One contestant in a process of its own. It says `ready`, and does what its parent sends: a pick, a race, or a spell of picks.

import { once } from 'node:events';
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { CONTESTANTS } from './contestants.mjs';

const { name, ...given } = JSON.parse(process.env.CONTESTANT);
let contestant;
try {
  contestant = await CONTESTANTS[name].open(given);
  process.send({ answer: 'ready' });
} catch (error) {
  process.send({ error: String(error.message ?? error) }, () => process.exit(1));
}

const TASKS = {
  /** A port, whether it can be listened on after `gapMs`, the time that a server takes to start; it is kept from then on. */
  async race({ gapMs }) {
    const { port, server } = await contestant.pick();
    await pause(gapMs);
    return { port, isBound: server !== undefined || (await listens(port)) };
  },

  async pick() {
    return { port: (await contestant.pick()).port };
  },

  /** The times of picks, in µs, by `clients` at once for `ms`, `most` at most; each port is given back before the next is asked for. */
  async spell({ clients, ms, most }) {
    const times = [];
    let left = most;
    const begun = performance.now();
    const client = async () => {
      while (performance.now() - begun < ms && left-- > 0) {
        const start = performance.now();
        const { release } = await contestant.pick();
        times.push((performance.now() - start) * 1000);
        await release?.();
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return { times, ms: performance.now() - begun };
  },
};

async function listens(port) {
  const server = net.createServer().listen(port);
  const failed = once(server, 'error').then(() => false);
  return Promise.race([failed, once(server, 'listening').then(() => true)]);
}

process.on('message', async ({ task, ...options }) => {
  try {
    process.send({ answer: await TASKS[task](options) });
  } catch (error) {
    process.send({ error: String(error.message ?? error) });
  }
});
process.on('disconnect', () => process.exit());
